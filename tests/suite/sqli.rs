//! The SQL injection detector: what it must find, what it must leave alone, and what it may cost.

#![expect(clippy::disallowed_methods, reason = "the examples are a file, and linear time is shown by the clock")]

use std::time::{Duration, Instant};

use backstop::document::{Value, from_yaml};
use backstop::rules::detector::sqli::{NEEDS, detect};

fn examples(list: &str) -> Vec<String> {
    let text = std::fs::read_to_string("tests/data/detector/sqli.yaml").unwrap();
    let documents = from_yaml(&text).unwrap();
    let Value::List(nodes) = &documents[0].get(list).unwrap().value else { panic!("{list} is not a list") };
    assert!(nodes.len() >= 150, "only {} {list}", nodes.len());
    nodes
        .iter()
        .map(|node| node.as_text().unwrap_or_else(|| panic!("not text at {:?}", node.place)).to_owned())
        .collect()
}

fn needed(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    NEEDS.iter().any(|literal| lower.windows(literal.len()).any(|window| window == literal.as_bytes()))
}

/// Numbers that look random and are the same in every run (Knuth's MMIX constants).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[test]
fn hits_are_found_and_hold_a_needed_literal() {
    let examples = examples("hits");
    let missed: Vec<&String> = examples.iter().filter(|value| detect(value.as_bytes()).is_none()).collect();
    assert!(missed.is_empty(), "not found: {missed:#?}");
    for value in &examples {
        assert!(needed(value.as_bytes()), "no literal of NEEDS in {value}");
    }
}

#[test]
fn passes_are_left_alone() {
    let found: Vec<String> = examples("passes")
        .iter()
        .filter_map(|value| {
            let span = detect(value.as_bytes())?;
            Some(format!("{value} at {}", String::from_utf8_lossy(&value.as_bytes()[span.start..span.end])))
        })
        .collect();
    assert!(found.is_empty(), "false alarms: {found:#?}");
}

#[test]
fn letter_case_and_comments_hide_nothing() {
    for value in examples("hits") {
        let upper = value.to_ascii_uppercase();
        assert!(detect(upper.as_bytes()).is_some(), "not found in capitals: {upper}");
    }
    for value in ["1 or 7=7", "9' union select seat, row from plan", "x' and 'b' like 'b"] {
        let spaced = value.replace(' ', "/**/");
        assert!(detect(spaced.as_bytes()).is_some(), "not found: {spaced}");
    }
}

#[test]
fn padding_hides_nothing() {
    let paddings = ["seat ".repeat(5_000), "(a, b) ".repeat(5_000), "it's a 'quoted' \"word\" ".repeat(2_000)];
    for core in ["' or 7=7 -- ", "' union select 4,5 -- ", "'; drop table halls; -- ", "' and sleep(9) -- "] {
        for padding in &paddings {
            let value = format!("{padding}{core}{padding}");
            assert!(
                detect(value.as_bytes()).is_some(),
                "{core} hides behind {}",
                padding.chars().take(20).collect::<String>()
            );
        }
    }
    let nested = format!("' or {}7=7", "(".repeat(10_000));
    assert!(detect(nested.as_bytes()).is_some());
    let joined = format!("x' or {}'b' -- ' union select 4,5 -- ", "'a' || ".repeat(100));
    assert!(detect(joined.as_bytes()).is_some());
}

#[test]
fn the_span_lies_in_the_value() {
    for value in examples("hits") {
        let span = detect(value.as_bytes()).unwrap();
        assert!(span.start <= span.end && span.end <= value.len(), "{span:?} in {value}");
    }
}

#[test]
fn random_sequences_of_words_and_signs_hold_a_needed_literal_when_found() {
    #[rustfmt::skip]
    const WORDS: &[&str] = &[
        "1", "0x7", "2.", "e", "seat", "or", "and", "xor", "not", "div", "like", "regexp", "in", "is", "null", "true",
        "false", "between", "union", "except", "all", "select", "from", "where", "having", "group", "order", "by",
        "limit", "into", "values", "set", "as", "table", "drop", "delete", "insert", "create", "user", "truncate",
        "exec", "declare", "grant", "to", "begin", "call", "load", "data", "infile", "outfile", "backup", "database",
        "bulk", "shutdown", "waitfor", "delay", "case", "when", "then", "sleep", "dbms_x", "pg_y", "sp_z", "xp_w",
        "sqlite_master", "sysobjects", "v$x", "identified", "if", "exists", "char", ".", ",", "*", "+", "-", "%", "!",
        "?", "{", "[", "&&", ":", "(", "'", ";", "@@version", "=",
    ];
    let mut numbers = Numbers(7);
    let mut found = 0;
    for round in 0..300_000 {
        // Signs that are in NEEDS themselves only now and then, else nothing is left to prove.
        let known = if round % 10 == 0 { WORDS.len() } else { WORDS.len() - 5 };
        let length = 2 + numbers.below(6);
        let value: String = (0..length)
            .map(|_| format!("{}{}", WORDS[numbers.below(known)], if numbers.below(5) == 0 { "" } else { " " }))
            .collect();
        if detect(value.as_bytes()).is_some() {
            found += 1;
            assert!(needed(value.as_bytes()), "no literal of NEEDS in {value:?}");
        }
    }
    assert!(found > 1_000, "only {found} found: the words do not reach the judge");
}

#[test]
fn any_bytes_are_survived() {
    const SIGNS: &[u8] = b"'\"`$()/*-#;=<>|&@:.,\\ \n\xa0\xc2\xe2\x80\x99+!~^%?{}orANDunionSELECT019eE\x00";
    let mut numbers = Numbers(42);
    for _ in 0..60_000 {
        let any = numbers.below(2) == 0;
        let length = numbers.below(60);
        let value: Vec<u8> = (0..length)
            .map(|_| if any { u8::try_from(numbers.below(256)).unwrap() } else { SIGNS[numbers.below(SIGNS.len())] })
            .collect();
        if let Some(span) = detect(&value) {
            assert!(span.start <= span.end && span.end <= value.len(), "{span:?} in {value:?}");
        }
    }
}

#[test]
fn time_is_linear_in_the_value() {
    #[rustfmt::skip]
    let bricks = [
        "/*", "/*/", "*/", "/**/", "/*'*/", "a/**/", "#", "# a ", "-- a ", "-", "(", ")", "( ", "'", "\"", "''",
        "'a", "$$", "or ", "or 1 ", "or a(", "union ", "select ", "select a, ", "select (", "' or 'a' || ",
        "case when ", "insert into ", ";", "; ", "update a ", "@", "1.", "0x", "{", "a.", "order by ", "\u{2019}",
        "\u{a0}", "+", "a+", "\\", "d'or ", "a'b",
    ];
    for brick in bricks {
        let value = brick.repeat(1_000_000 / brick.len());
        let start = Instant::now();
        let _ = detect(value.as_bytes());
        let took = start.elapsed();
        // A quadratic scan of a megabyte takes minutes; the limit leaves room for a slow, busy machine.
        assert!(took < Duration::from_secs(5), "{brick:?} took {took:?}");
    }
}
