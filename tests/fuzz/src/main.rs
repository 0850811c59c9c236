//! `FUZZ_TARGET=name fuzz ...`: one target under libFuzzer, whose arguments follow. With `FUZZ_SEEDS=folder` it only
//! writes the target's seeds there, and the texts that are worth inserting to `folder/../dictionary`.
#![no_main]
#![allow(clippy::disallowed_methods, reason = "seeds are read from files, and the environment says which target")]

#[path = "../../suite/cases.rs"]
#[allow(dead_code, reason = "only the suite reads case files")]
mod cases;
#[path = "../../suite/fake.rs"]
mod fake;
mod targets;

use std::path::Path;
use std::sync::OnceLock;

use targets::Target;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fn chosen() -> &'static Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    targets::ALL.iter().find(|target| target.name == name).unwrap_or_else(|| {
        let names: Vec<&str> = targets::ALL.iter().map(|target| target.name).collect();
        eprintln!("FUZZ_TARGET is one of: {}", names.join(" "));
        std::process::exit(2)
    })
}

/// Writes the seeds of a target to `folder`, and beside it the dictionary in libFuzzer's form.
fn write_seeds(target: &Target, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (seed, number) in (target.seeds)().iter().zip(0_u32..) {
        std::fs::write(folder.join(format!("seed-{number:03}")), seed)?;
    }
    let quoted = |text: &Vec<u8>| text.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let lines: Vec<String> = targets::dictionary().iter().map(|text| format!("\"{}\"\n", quoted(text))).collect();
    std::fs::write(folder.with_file_name("dictionary"), lines.concat())
}

libfuzzer_sys::fuzz_target!(
    init: {
        let target = TARGET.get_or_init(chosen);
        if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
            write_seeds(target, Path::new(&folder)).expect("a folder that can be written");
            std::process::exit(0);
        }
    },
    |bytes: &[u8]| (TARGET.get_or_init(chosen).run)(bytes)
);
