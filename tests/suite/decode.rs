//! Transforms: each row of the table has a case file, each case file a row.

use backstop::decode::{Traits, Transform, TransformSet, plus_and_percent};
use backstop::document::Value;

use crate::cases::{cases, files, only_keys, stem};

#[test]
fn every_transform_does_what_its_cases_say() {
    let files = files("tests/data/decode");
    let mut ran = 0;
    for file in &files {
        let transform = *Transform::ALL.iter().find(|t| t.as_str() == stem(file)).expect("a transform of that name");
        for case in cases(file) {
            only_keys(&case, &["in", "out", "bytes"]);
            let place = format!("{}:{}", file.display(), case.place.line);
            let written = case.get("in").and_then(|n| n.as_text()).unwrap();
            // Bytes that YAML cannot hold are written percent-encoded.
            let input = match case.get("bytes").and_then(|n| n.as_text()) {
                Some("percent") => Transform::Percent.apply(written.as_bytes()).unwrap(),
                None => written.as_bytes().to_vec(),
                Some(other) => panic!("{place}: bytes: {other}"),
            };
            let output = transform.apply(&input);
            match &case.get("out").unwrap().value {
                Value::Null => assert_eq!(output, None, "{place}"),
                Value::Text(text) => {
                    let output = output.unwrap_or_else(|| panic!("{place}: unchanged"));
                    assert_eq!(String::from_utf8_lossy(&output), *text, "{place}");
                }
                other => panic!("{place}: out: {other:?}"),
            }
            ran += 1;
        }
    }
    assert_eq!(files.len(), Transform::ALL.len(), "a case file for each transform");
    println!("{ran} cases");
}

fn all() -> TransformSet {
    Transform::ALL.iter().fold(TransformSet::EMPTY, |set, t| set.with(*t))
}

fn apply(set: TransformSet, input: &[u8]) -> Vec<u8> {
    set.apply(input, Traits::of(input)).into_owned()
}

#[test]
fn decoders_run_to_a_fixed_point_of_at_most_three_rounds() {
    let set = TransformSet::EMPTY.with(Transform::Percent).with(Transform::Entity);
    assert_eq!(apply(set, b"%252527"), b"'");
    assert_eq!(apply(set, b"%26lt%3bscript"), b"<script");
    assert_eq!(apply(set, b"%25252527"), b"%27", "a fourth round would be one too many");
}

#[test]
fn layers_of_different_encodings_come_off() {
    let set = all().without(Transform::Lowercase);
    let cases: &[(&str, &str)] = &[
        // Base64 in percent, percent in base64, base64 twice.
        ("MSUyNyUyMG9yJTIwMSUzRDE%3D", "1 or 1=1"),
        ("UEhOamNtbHdkRDVoYkdWeWRDZ3hLVHd2YzJOeWFYQjBQZz09", "<script>alert(1)</script>"),
        // What old IIS takes for `<`: a full-width letter as `%u`.
        ("%uff1cimg%uFF1E", "<img>"),
        ("&#92;u003cb\\x3e", "<b>"),
    ];
    for (input, output) in cases {
        assert_eq!(String::from_utf8_lossy(&apply(set, input.as_bytes())), *output, "{input}");
    }
}

/// Whatever comes out before the third round is what comes out of itself.
#[test]
fn a_decoded_value_is_not_decoded_again() {
    let decoders = Transform::ALL.iter().filter(|t| t.is_decoder()).fold(TransformSet::EMPTY, |set, t| set.with(*t));
    let mut stable = 0;
    for seed in 0..20_000 {
        let input = random_bytes(seed, 24);
        let changes = |text: &[u8]| Transform::ALL.iter().filter(|t| t.is_decoder()).any(|t| t.apply(text).is_some());
        let once = apply(decoders, &input);
        if !changes(&once) {
            assert_eq!(apply(decoders, &once), once, "{input:?}");
            stable += 1;
        }
    }
    assert!(stable > 19_000, "only {stable} came to rest in three rounds");
    // What was never encoded stays as it is.
    for text in ["O'Brien & sons", "100% sure, 5% off", "C:\\temp\\new", "a < b && c > d", "1 + 1 = 2", "한국어 ½"]
    {
        assert_eq!(apply(decoders, text.as_bytes()), text.as_bytes());
    }
}

#[test]
fn form_decoding_takes_plus_for_a_space() {
    assert_eq!(plus_and_percent(b"a+b%2Bc").unwrap(), b"a b+c");
    assert_eq!(plus_and_percent(b"plain"), None);
}

/// A small xorshift generator: the same bytes in every run.
pub fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let alphabet = b"%u0&#;x\\'\"/*-.$ IFS\xc0\xaf\xef\xbc\x9c<aA1\0";
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            alphabet[usize::try_from(state % alphabet.len() as u64).unwrap()]
        })
        .collect()
}

#[test]
fn no_transform_grows_its_input_past_three_times() {
    for seed in 0..2000 {
        let input = random_bytes(seed, 40);
        for transform in Transform::ALL {
            let output = transform.apply(&input).unwrap_or_default();
            assert!(output.len() <= input.len() * 3, "{} on {input:?}", transform.as_str());
        }
        assert!(apply(all(), &input).len() <= input.len() * 3);
    }
    // Every escape is longer than what it stands for, so rounds add nothing up.
    for piece in
        ["%u3042", "&#x3042", "&#12354", "\\u3042", "\\303", "%c0%a7", "\u{ff07}", "&lt", "+", "/*!", "--\n", "$IFS"]
    {
        let input = piece.repeat(500).into_bytes();
        assert!(apply(all(), &input).len() <= input.len(), "{piece}");
    }
}

#[test]
fn traits_never_hide_a_change() {
    for seed in 0..5000 {
        let input = random_bytes(seed, 12);
        for transform in Transform::ALL.iter().filter(|t| !t.is_decoder()) {
            let gated = apply(TransformSet::EMPTY.with(*transform), &input);
            let plain = transform.apply(&input).unwrap_or_else(|| input.clone());
            assert_eq!(gated, plain, "{} on {input:?}", transform.as_str());
        }
    }
}
