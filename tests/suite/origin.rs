//! The origin check: exactly one value, and it is the secret.

use backstop::http::{Header, Request};
use backstop::origin::{Accepted, Outcome, Settings, digest_hex};
use backstop::path::Path;

use crate::fake::{read, read_clean};

const OLD: &str = "correct horse battery staple";
const NEW: &str = "a secret after rotation";

fn settings() -> Settings {
    let json = format!(
        r#"{{"sha256": ["{}", "{}"], "exempt": [{{"exact": "/healthz"}}, {{"prefix": "/public/"}}]}}"#,
        digest_hex(OLD.as_bytes()),
        digest_hex(NEW.as_bytes()).to_uppercase()
    );
    read_clean(&json, Settings::read)
}

fn check(settings: &Settings, target: &str, values: &[&str]) -> Outcome {
    let mut headers: Vec<Header<'_>> = vec![(b":path", target.as_bytes()), (b"origin", b"https://example.com")];
    headers.extend(values.iter().map(|v| (settings.header().as_bytes(), v.as_bytes())));
    let request = Request { headers: &headers };
    let path = Path::normalise(request.path());
    let accepted = Accepted::default();
    let outcome = settings.check(&request, &path, &accepted);
    // What was accepted before makes no difference.
    for secret in [OLD, NEW] {
        let before = [(settings.header().as_bytes(), secret.as_bytes())];
        let _ = settings.check(&Request { headers: &before }, &path, &accepted);
        assert_eq!(settings.check(&request, &path, &accepted), outcome, "{target} {values:?} after {secret}");
    }
    outcome
}

#[test]
fn only_one_right_value_passes() {
    let settings = settings();
    let joined = format!("{OLD}, {NEW}");
    let spaced = format!(" {OLD}");
    let cases: &[(&str, &[&str], Outcome)] = &[
        ("/", &[OLD], Outcome::Passed),
        ("/", &[NEW], Outcome::Passed),
        ("/", &[], Outcome::Missing),
        ("/", &[""], Outcome::Wrong),
        ("/", &["correct horse battery stapl"], Outcome::Wrong),
        ("/", &["correct horse battery staplf"], Outcome::Wrong),
        ("/", &["Correct horse battery staple"], Outcome::Wrong),
        ("/", &[&spaced], Outcome::Wrong),
        ("/", &[&joined], Outcome::Wrong),
        ("/", &[OLD, OLD], Outcome::Repeated),
        ("/", &[OLD, NEW], Outcome::Repeated),
        ("/", &["x", OLD], Outcome::Repeated),
        ("/", &[OLD, ""], Outcome::Repeated),
        // Knowing the digest is not knowing the secret.
        ("/", &[&digest_hex(OLD.as_bytes())], Outcome::Wrong),
    ];
    for (target, values, expected) in cases {
        assert_eq!(check(&settings, target, values), *expected, "{target} {values:?}");
    }
}

#[test]
fn exemption_is_by_normal_path_and_never_by_query() {
    let settings = settings();
    for (target, expected) in [
        ("/healthz", Outcome::Exempt),
        ("/healthz?verbose=1", Outcome::Exempt),
        ("//healthz", Outcome::Exempt),
        ("/%68ealthz", Outcome::Exempt),
        ("/public/logo.png", Outcome::Exempt),
        ("/?x=/healthz", Outcome::Missing),
        ("/admin?/public/", Outcome::Missing),
        ("/healthz/../admin", Outcome::Missing),
        ("/public/../admin", Outcome::Missing),
        ("/public/..%2fadmin", Outcome::Missing),
        ("/public/%252e%252e/admin", Outcome::Missing),
        ("/healthz;/admin", Outcome::Missing),
        ("/HEALTHZ", Outcome::Missing),
        ("/healthz2", Outcome::Missing),
        ("", Outcome::Missing),
    ] {
        assert_eq!(check(&settings, target, &[]), expected, "{target}");
    }
    // The client room trusts CloudFront's headers wherever the secret was right, on exempt paths too.
    assert_eq!(check(&settings, "/healthz", &[NEW]), Outcome::Passed);
    assert_eq!(check(&settings, "/healthz", &["wrong"]), Outcome::Exempt);
    assert_eq!(check(&settings, "/healthz", &[NEW, NEW]), Outcome::Exempt);
}

#[test]
fn without_a_section_nothing_is_checked_and_nothing_proven() {
    assert_eq!(check(&Settings::default(), "/", &[OLD]), Outcome::Off);
    assert!(!Settings::default().is_enabled() && settings().is_enabled());
}

#[test]
fn outcomes_that_refuse_have_a_word() {
    let words: Vec<_> = Outcome::ALL.iter().map(|o| (o.as_str(), o.denial().is_some())).collect();
    let expected =
        [("off", false), ("exempt", false), ("passed", false), ("missing", true), ("wrong", true), ("repeated", true)];
    assert_eq!(words, expected);
}

#[test]
fn the_header_may_have_another_name() {
    let json = format!(r#"{{"header": "X-CDN-Secret", "sha256": ["{}"]}}"#, digest_hex(OLD.as_bytes()));
    let settings = read_clean(&json, Settings::read);
    assert_eq!(settings.header(), "x-cdn-secret");
    assert_eq!(check(&settings, "/", &[OLD]), Outcome::Passed);
    assert_eq!(check(&settings, "/", &[NEW]), Outcome::Wrong);
}

#[test]
fn the_digest_is_that_of_the_standard() {
    // FIPS 180-4, example "abc".
    assert_eq!(digest_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn mistakes_are_named_and_the_value_is_not_shown() {
    let good = digest_hex(OLD.as_bytes());
    let empty = digest_hex(b"");
    let cases = [
        ("{}".to_owned(), "error[missing-field] sha256: required, but absent"),
        (r#"{"sha256": []}"#.to_owned(), "error[empty] sha256: found no digest, expected one or two"),
        (r#"{"sha256": "x"}"#.to_owned(), "error[wrong-type] sha256: found text, expected a list"),
        (
            format!(r#"{{"sha256": ["{good}", "{good}", "{good}"]}}"#),
            "error[out-of-range] sha256: found 3 digests, expected one or two",
        ),
        (
            r#"{"sha256": ["hunter2"]}"#.to_owned(),
            "error[bad-digest] sha256[0]: found 7 characters that are no SHA-256 digest, expected the 64 hex digits that `backstop secret` prints",
        ),
        (
            format!(r#"{{"sha256": ["{good}", "{}z"]}}"#, good.split_at(63).0),
            "error[bad-digest] sha256[1]: found 64 characters that are no SHA-256 digest, expected the 64 hex digits that `backstop secret` prints",
        ),
        (
            format!(r#"{{"sha256": ["{}"]}}"#, empty.to_uppercase()),
            "error[bad-digest] sha256[0]: this is the digest of the empty text; was a variable unset?",
        ),
        (
            format!(r#"{{"sha256": ["{good}"], "header": "x origin"}}"#),
            "error[unknown-value] header: found \"x origin\", expected the name of a header such as x-origin-verify",
        ),
        (
            format!(r#"{{"sha256": ["{good}"], "header": ":path"}}"#),
            "error[unknown-value] header: found \":path\", expected the name of a header such as x-origin-verify",
        ),
        (
            format!(r#"{{"sha256": ["{good}"], "exemptt": []}}"#),
            "error[unknown-field] exemptt: no such field; did you mean \"exempt\"? known: header, sha256, exempt",
        ),
        (
            format!(r#"{{"sha256": ["{good}", "{good}"]}}"#),
            "warning[bad-digest] sha256[1]: the same digest twice; the second one is for another secret",
        ),
    ];
    for (json, expected) in cases {
        let (_, diagnostics) = read(&json, Settings::read);
        assert_eq!(diagnostics, [expected], "{json}");
    }
}

#[test]
fn a_broken_section_gives_no_settings() {
    for json in [r#"{"sha256": ["x"]}"#, r#"{"header": "a b"}"#, "[]"] {
        assert_eq!(read(json, Settings::read).0, None, "{json}");
    }
}
