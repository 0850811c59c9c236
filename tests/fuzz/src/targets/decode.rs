//! Transforms: as large as they say, gated without a loss, and at rest once there is nothing left to decode.

use backstop::decode::{ROUNDS, Traits, Transform, TransformSet, base64, plus_and_percent};

pub fn seeds() -> Vec<Vec<u8>> {
    crate::cases::texts("tests/data/decode")
}

pub fn run(text: &[u8]) {
    let traits = Traits::of(text);
    let runs = if text.windows(2).any(|pair| pair == b"  ") { Traits::RUNS } else { Traits::default() };
    assert_eq!(traits, Traits::of_bytes(text).with(runs), "both ways to find the kinds of byte");
    for transform in Transform::ALL {
        let output = transform.apply(text);
        let name = transform.as_str();
        if let Some(output) = &output {
            assert!(output != text, "{name} says that it changed something");
            assert!(output.len() <= text.len() * 3, "{name} grew {} to {}", text.len(), output.len());
        }
        let once = output.as_deref().unwrap_or(text);
        if matches!(transform, Transform::Nul | Transform::Path | Transform::Whitespace | Transform::Lowercase) {
            assert_eq!(transform.apply(once), None, "{name} has one spelling for {once:?}");
        }
        // What is base64 without a single capital is so by chance.
        let mut expected = text.to_vec();
        for _ in 0..if transform.is_decoder() { ROUNDS } else { 1 } {
            expected = transform.apply(&expected).unwrap_or(expected);
        }
        let gated = TransformSet::EMPTY.with(*transform).apply(text, traits);
        let is_spared = *transform == Transform::Base64 && !text.iter().any(u8::is_ascii_uppercase);
        assert!(gated == expected || is_spared, "the gate of {name} hides nothing");
    }
    let decoders = Transform::ALL.iter().filter(|t| t.is_decoder());
    let changes = |text: &[u8]| decoders.clone().any(|t| t.apply(text).is_some());
    let set = decoders.clone().fold(TransformSet::EMPTY, |set, t| set.with(*t));
    let decoded = set.apply(text, traits);
    assert!(decoded.len() <= text.len().max(1), "decoding made {} bytes of {}", decoded.len(), text.len());
    if !changes(&decoded) {
        assert_eq!(set.apply(&decoded, Traits::of(&decoded)), decoded, "what is decoded stays as it is");
    }
    let form = plus_and_percent(text);
    assert_eq!(form.is_some(), text.iter().any(|b| matches!(b, b'+' | b'%')), "nothing to decode");
    assert!(form.unwrap_or_default().len() <= text.len());
    assert!(base64(text).unwrap_or_default().len() <= text.len());
}
