//! CPU time of this thread, which a busy machine does not stretch as it does the clock on the wall.

use std::time::Duration;

use cpu_time::ThreadTime;

/// Ten times the bytes may cost so many times the time: 100 times is what quadratic work takes, and caches and allocations that
/// suit a small input better make linear work 15. `make dearest` holds requests to 12, by instructions.
const MOST: u32 = 30;
/// What takes less is too short to be measured.
const LEAST: Duration = Duration::from_micros(200);
/// How often something is measured before it counts as slow.
const TRIES: usize = 4;

fn measured(run: impl FnOnce()) -> Duration {
    let begin = ThreadTime::now();
    run();
    begin.elapsed()
}

/// Fails if `run` takes far more than ten times as long for `ten_times` as for `text`, of which it is ten copies or so.
pub fn assert_linear(what: &str, text: &[u8], ten_times: &[u8], run: impl Fn(&[u8])) {
    assert!((9..=11).contains(&(ten_times.len() / text.len())), "ten times as long");
    let (mut short, mut long) = (Duration::MAX, Duration::MAX);
    for _ in 0..TRIES {
        short = short.min(measured(|| run(text)));
        long = long.min(measured(|| run(ten_times)));
        if long <= short.max(LEAST) * MOST {
            return;
        }
    }
    panic!("{what}: {} bytes took {short:?}, {} took {long:?}", text.len(), ten_times.len());
}

#[test]
fn what_is_quadratic_is_told_from_what_is_linear() {
    let text = vec![b'a'; 3000];
    let ten_times = text.repeat(10);
    let sum = |text: &[u8]| text.iter().fold(0_u64, |all, b| std::hint::black_box(all.wrapping_add(u64::from(*b))));
    let linear = |text: &[u8]| (0..500).for_each(|_| _ = std::hint::black_box(sum(text)));
    let quadratic = |text: &[u8]| text.iter().for_each(|_| _ = std::hint::black_box(sum(text)));
    assert_linear("linear", &text, &ten_times, linear);
    assert!(std::panic::catch_unwind(|| assert_linear("quadratic", &text, &ten_times, quadratic)).is_err());
}
