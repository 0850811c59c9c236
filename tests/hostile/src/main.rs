//! `hostile MODULE [CALLS] [SEED]`: the built module in a host that wants to break it.
//!
//! Without a seed: every host call made to fail in every phase, contexts by the hundred thousand, then rounds of random
//! callbacks until there were CALLS of them. With one: the round of that seed, and nothing else. Exit status 1 says what
//! went wrong, and which seed repeats it.

mod faults;
mod host;
mod imports;
mod matrix;
mod module;
mod pairs;
mod rounds;
mod traffic;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use module::Module;
use wasmtime::Result;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("the path of the module");
    let number = |text: String| text.parse::<u64>().expect("a number");
    let calls = arguments.next().map_or(1_000_000, number);
    let seed = arguments.next().map(number);
    match run(Path::new(&path), calls, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("hostile host: FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is a command line, which may look at the clock")]
fn run(path: &Path, calls: u64, seed: Option<u64>) -> Result<()> {
    let began = Instant::now();
    let module = Module::compile(path)?;
    println!("hostile host: compiled in {:.1} s", began.elapsed().as_secs_f64());
    if let Some(seed) = seed {
        let figures = rounds::run(&module, seed)?;
        println!("hostile host: seed {seed} passes, {figures:?}");
        return Ok(());
    }
    let began = Instant::now();
    let cases = matrix::run(&module)?;
    println!(
        "hostile host: {} requests with a host call that fails, {} host calls, {} of them failed, {:.1} s",
        cases.cases,
        cases.calls,
        cases.failed_calls,
        began.elapsed().as_secs_f64()
    );
    let began = Instant::now();
    let flat = rounds::contexts(&module, (calls / 10).min(1_000_000))?;
    println!(
        "hostile host: {} contexts, linear memory {} bytes before and after, {:.1} s",
        flat.contexts,
        flat.after_bytes,
        began.elapsed().as_secs_f64()
    );
    let began = Instant::now();
    let mut all = rounds::Figures::default();
    let mut seed = 0;
    while all.callbacks < calls {
        let one = rounds::run(&module, seed)
            .inspect_err(|_| println!("hostile host: repeat it with make hostile SEED={seed}"))?;
        all.callbacks += one.callbacks;
        all.calls += one.calls;
        all.failed_calls += one.failed_calls;
        all.counted += one.counted;
        all.contexts += one.contexts;
        all.replies += one.replies;
        all.memory_bytes = all.memory_bytes.max(one.memory_bytes);
        seed += 1;
        if seed % 100 == 0 {
            println!("hostile host: {} random callbacks so far", all.callbacks);
        }
    }
    println!(
        "hostile host: {} random callbacks in {seed} rounds, {} contexts, {} refusals, {} host calls, {} of them failed, \
         {} counted one by one, linear memory at most {} bytes, {:.1} s",
        all.callbacks,
        all.contexts,
        all.replies,
        all.calls,
        all.failed_calls,
        all.counted,
        all.memory_bytes,
        began.elapsed().as_secs_f64()
    );
    println!("hostile host: {} callbacks, no trap", cases.callbacks + flat.callbacks + all.callbacks);
    Ok(())
}
