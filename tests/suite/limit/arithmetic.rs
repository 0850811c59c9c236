//! The arithmetic of buckets, to the last token.

use backstop::limit::refusal;

use super::{admits, ask, one};
use crate::fake::Fake;

const NS: u64 = 1_000_000_000;

/// A small generator of reproducible numbers (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

const SHAPES: &[(&str, u64, u64, u64)] = &[
    ("1/s", 1, 1, 1),
    ("50/s", 50, 1, 100),
    ("3/s", 3, 1, 7),
    ("7/m", 7, 60, 1),
    ("100/m", 100, 60, 10),
    ("1000/h", 1000, 3600, 20),
    ("999999/s", 999_999, 1, 3),
    ("1000000/s", 1_000_000, 1, 1000),
];

#[test]
fn never_more_than_rate_times_time_plus_burst_in_any_span() {
    for (rate, count, period_s, burst) in SHAPES {
        let (settings, fake, mut numbers) = (one(rate, *burst), Fake::new(), Numbers(0x9e37_79b9_7f4a_7c15));
        let token_ns = period_s * NS / count;
        let mut admitted: Vec<u64> = Vec::new();
        for _ in 0..1500 {
            // Mostly faster than the rate, now and then a pause.
            let step = if numbers.below(50) == 0 { token_ns * (burst + 1) } else { token_ns };
            fake.monotonic.set(fake.monotonic.get() + numbers.below(step + 1));
            if admits(&settings, &fake, None, &[]) {
                admitted.push(fake.monotonic.get());
            }
        }
        assert!(admitted.len() > 500, "{rate}: only {} admitted", admitted.len());
        for (i, from) in admitted.iter().enumerate() {
            for (n, to) in (1_u128..).zip(admitted.iter().skip(i)) {
                let promised = u128::from((to - from) * count) + u128::from(burst * period_s * NS);
                assert!(n * u128::from(period_s * NS) <= promised, "{rate}: {n} admitted within {} ns", to - from);
            }
        }
    }
}

#[test]
fn overload_is_admitted_at_the_rate() {
    for (rate, per_s, burst) in [("50/s", 50, 100), ("7/s", 7, 3), ("2000/s", 2000, 4000), ("600/m", 10, 20)] {
        for factor in [2, 10] {
            let (settings, fake) = (one(rate, burst), Fake::new());
            let (start, offered) = (fake.monotonic.get(), per_s * factor * 30);
            let admitted = (0..offered)
                .filter(|i| {
                    fake.monotonic.set(start + i * NS / (per_s * factor));
                    admits(&settings, &fake, None, &[])
                })
                .count();
            let expected = (per_s * 30 + burst).min(offered);
            let error = (admitted as f64 - expected as f64) / expected as f64;
            assert!(error.abs() <= 0.02, "{rate} x{factor}: admitted {admitted}, expected {expected}");
            assert!(admitted as u64 <= expected, "{rate} x{factor}: {admitted} is more than {expected}");
        }
    }
}

#[test]
fn who_obeys_retry_after_is_admitted_and_who_comes_a_second_early_is_not() {
    for (rate, _, _, burst) in SHAPES {
        let (settings, fake, mut numbers) = (one(rate, *burst), Fake::new(), Numbers(7));
        for _ in 0..100 {
            while admits(&settings, &fake, None, &[]) {}
            let decisions = ask(&settings, &fake, None, &[]).unwrap();
            let wait_s = refusal(&decisions).unwrap().retry_after_s().unwrap();
            assert!(wait_s >= 1 && decisions[0].remaining == 0);
            if wait_s > 1 {
                fake.advance_ms((wait_s - 1) * 1000);
                assert!(!admits(&settings, &fake, None, &[]), "{rate}: {wait_s} s was too long");
                fake.advance_ms(1000);
            } else {
                fake.advance_ms(1000);
            }
            assert!(admits(&settings, &fake, None, &[]), "{rate}: refused after {wait_s} s");
            fake.monotonic.set(fake.monotonic.get() + numbers.below(NS));
        }
    }
}

#[test]
fn who_obeys_several_limits_is_admitted_too() {
    let mut numbers = Numbers(11);
    for _ in 0..200 {
        let limits: Vec<String> = (0..=numbers.below(3))
            .map(|n| {
                let (rate, _, _, burst) = SHAPES[usize::try_from(numbers.below(SHAPES.len() as u64)).unwrap()];
                format!(r#"{{"name": "l{n}", "key": ["client"], "rate": "{rate}", "burst": {burst}}}"#)
            })
            .collect();
        let (settings, fake) = (super::settings(&format!("[{}]", limits.join(","))), Fake::new());
        for _ in 0..20 {
            fake.monotonic.set(fake.monotonic.get() + numbers.below(2 * NS));
            let decisions = ask(&settings, &fake, Some("192.0.2.1"), &[]).unwrap();
            if let Some(wait_s) = refusal(&decisions).and_then(backstop::limit::Decision::retry_after_s) {
                fake.advance_ms(wait_s * 1000);
                assert!(admits(&settings, &fake, Some("192.0.2.1"), &[]), "{limits:?}: refused after {wait_s} s");
            }
        }
    }
}

#[test]
fn near_is_when_less_than_a_fifth_is_left() {
    for (burst, expected) in
        [(1, vec![0]), (4, vec![0]), (5, vec![0]), (10, vec![1, 0]), (100, (0..20).rev().collect())]
    {
        let (settings, fake) = (one("1/h", burst), Fake::new());
        let near = (0..burst + 5).filter_map(|_| {
            let decision = ask(&settings, &fake, None, &[]).unwrap().remove(0);
            decision.is_near().then_some(decision.remaining)
        });
        assert_eq!(near.collect::<Vec<_>>(), expected, "{burst}");
    }
}

#[test]
fn remaining_and_reset_are_what_a_client_then_sees() {
    let (settings, fake) = (one("2/s", 4), Fake::new());
    let seen: Vec<_> = (0..6)
        .map(|_| {
            let decisions = ask(&settings, &fake, None, &[]).unwrap();
            (decisions[0].allowed, decisions[0].remaining, decisions[0].reset_s)
        })
        .collect();
    assert_eq!(seen, [(true, 3, 1), (true, 2, 1), (true, 1, 1), (true, 0, 1), (false, 0, 1), (false, 0, 1)]);
    // Half a second per token: exactly then, and not a nanosecond before.
    fake.monotonic.set(fake.monotonic.get() + NS / 2 - 1);
    assert!(!admits(&settings, &fake, None, &[]));
    fake.monotonic.set(fake.monotonic.get() + 1);
    assert!(admits(&settings, &fake, None, &[]));
    assert!(!admits(&settings, &fake, None, &[]));
}

#[test]
fn no_order_of_clock_readings_makes_tokens() {
    // Standing still.
    let (settings, fake) = (one("1000000/s", 10), Fake::new());
    assert_eq!((0..1000).filter(|_| admits(&settings, &fake, None, &[])).count(), 10);
    // Jumping to and fro: what counts is the latest time that was ever seen.
    for (rate, count, period_s, burst) in SHAPES {
        let (settings, fake, mut numbers) = (one(rate, *burst), Fake::new(), Numbers(3));
        let (mut first, mut last, mut admitted) = (u64::MAX, 0, 0_u64);
        for _ in 0..2000 {
            fake.monotonic.set(1_000 * NS + numbers.below(period_s * NS * 20));
            first = first.min(fake.monotonic.get());
            last = last.max(fake.monotonic.get());
            admitted += u64::from(admits(&settings, &fake, None, &[]));
        }
        let promised = u128::from(last - first) * u128::from(*count) / u128::from(period_s * NS) + u128::from(*burst);
        assert!(u128::from(admitted) <= promised, "{rate}: {admitted} > {promised}");
        assert!(admitted >= 1);
    }
    // The ends of the scale.
    for now in [0, 1, u64::MAX / 16, u64::MAX / 16 + 1, u64::MAX] {
        let fake = Fake::new();
        fake.monotonic.set(now);
        let admitted = (0..100).filter(|_| admits(&one("1/h", 5), &fake, None, &[])).count();
        assert!(admitted <= 5, "{now}: {admitted}");
    }
}
