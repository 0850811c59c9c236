//! What fuzzing asserts, on its seeds and on every case that it ever found (`tests/fuzz/cases`), without a fuzzer.

use std::collections::BTreeSet;

use crate::cases::root;

#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

#[test]
fn every_case_that_was_found_stays_mended() {
    let folder = root().join("tests/fuzz/cases");
    let mut known: BTreeSet<String> = BTreeSet::new();
    let (mut cases, mut seeds) = (0, 0);
    for target in targets::ALL {
        known.insert(target.name.to_owned());
        for seed in (target.seeds)() {
            (target.run)(&seed);
            seeds += 1;
        }
        let files = std::fs::read_dir(folder.join(target.name)).into_iter().flatten();
        for file in files.map(|file| file.unwrap().path()) {
            println!("{}", file.display());
            (target.run)(&std::fs::read(&file).unwrap());
            cases += 1;
        }
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name), "tests/fuzz/cases/{name} belongs to no target");
    }
    assert!(targets::dictionary().len() > 100, "texts worth inserting");
    println!("{cases} cases and {seeds} seeds of {} targets", known.len());
}
