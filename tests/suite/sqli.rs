//! The SQL injection detector: what it must find, what it must leave alone, and what it may cost.

use backstop::rules::Span;
use backstop::rules::detector::Detector;
use backstop::rules::detector::sqli;
use backstop::rules::effort::Effort;

use crate::cpu::assert_linear;
use crate::detector::{Numbers, examples, found_behind, needed, random_values};

fn detect(value: &[u8]) -> Option<Span> {
    sqli::detect(value, &mut Effort::unlimited())
}

#[test]
fn letter_case_and_comments_hide_nothing() {
    for value in examples("sqli", "hits") {
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
    found_behind(
        Detector::Sqli,
        &["' or 7=7 -- ", "' union select 4,5 -- ", "'; drop table halls; -- ", "' and sleep(9) -- "],
        &paddings,
    );
    let nested = format!("' or {}7=7", "(".repeat(10_000));
    assert!(detect(nested.as_bytes()).is_some());
    let joined = format!("x' or {}'b' -- ' union select 4,5 -- ", "'a' || ".repeat(100));
    assert!(detect(joined.as_bytes()).is_some());
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
            assert!(needed(Detector::Sqli, value.as_bytes()), "no literal of NEEDS in {value:?}");
        }
    }
    assert!(found > 1_000, "only {found} found: the words do not reach the judge");
}

#[test]
fn any_bytes_are_survived() {
    const SIGNS: &[u8] = b"'\"`$()/*-#;=<>|&@:.,\\ \n\xa0\xc2\xe2\x80\x99+!~^%?{}orANDunionSELECT019eE\x00";
    for value in random_values(SIGNS) {
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
        let of = |bytes: usize| brick.repeat(bytes / brick.len()).into_bytes();
        assert_linear(brick, &of(50_000), &of(500_000), |value| _ = detect(value));
    }
}
