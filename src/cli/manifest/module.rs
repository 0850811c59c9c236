//! Where a plugin's module comes from, how it is pinned, and what happens when it is not to be had.

use backstop::diagnostic::Name;
use backstop::document::{Fields, Item, Report, Value};

use super::Demands;

const STRATEGIES: &[(&str, ())] = &[("FAIL_CLOSE", ()), ("FAIL_OPEN", ()), ("FAIL_RELOAD", ())];
const PULL_POLICIES: &[(&str, ())] = &[("UNSPECIFIED_POLICY", ()), ("IfNotPresent", ()), ("Always", ())];
const SCHEMES: &[&str] = &["oci", "http", "https", "file"];

/// Reads what a plugin says of its module, for its mistakes.
pub fn read_plugin(fields: &Fields<'_>, demands: &Demands, report: &mut Report) {
    let url = fields.required("url", report).cloned();
    read_source(url.as_ref(), fields.get("sha256"), demands, report);
    for (key, accepted) in [("failStrategy", STRATEGIES), ("imagePullPolicy", PULL_POLICIES), ("type", &[("HTTP", ())])]
    {
        if let Some(item) = fields.get(key) {
            item.one_of(accepted, report);
        }
    }
    if let Some(item) = fields.get("verificationKey") {
        report.warning(item, Name::Ignored, "Istio has the field but checks no signature with it");
    }
    if let Some(item) = fields.get("vmConfig") {
        let message = "backstop reads no environment variables, and a change of them reaches no running proxy";
        report.warning(item, Name::Ignored, message);
    }
}

/// Reads where the module comes from and what it is pinned to. `sha256` means the digest of the image's manifest where
/// the scheme is `oci`, and that of the module itself where it is `http` or `https`.
pub fn read_source(url: Option<&Item<'_>>, sha256: Option<&Item<'_>>, demands: &Demands, report: &mut Report) {
    let digest = sha256.and_then(|item| digest(item, report).map(|digest| (item, digest)));
    let Some((item, url)) = url.and_then(|item| Some((item, item.text(report)?))) else { return };
    let Some((scheme, rest)) = url.split_once("://") else {
        let message = format!(
            "found \"{url}\", expected oci://{url}: without a scheme, and with a port, istiod drops the plugin and requests \
             pass unfiltered, whatever failStrategy says"
        );
        return report.error(item, Name::NoScheme, message);
    };
    if !SCHEMES.contains(&scheme) {
        return item.unknown_word(Name::UnknownValue, scheme, SCHEMES, report);
    }
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    if scheme != "file" && (is_reserved(host)) {
        let message = format!("found \"{host}\", which stands for the host of a registry of yours");
        report.error(item, Name::Placeholder, message);
    }
    let pinned = rest.split_once("@sha256:").map(|(_, digest)| (item, digest));
    if let (Some((_, in_url)), Some((sha256, digest))) = (pinned, digest)
        && in_url != digest
    {
        report.error(sha256, Name::WrongDigest, format!("url says sha256:{in_url}, so that no image fits both"));
    }
    match (scheme, digest.or(pinned)) {
        ("file", Some((sha256, _))) => {
            report.warning(sha256, Name::Ignored, "the digest of a file:// module is never looked at");
        }
        ("file", None) => {}
        (_, None) if demands.production => {
            let message = "no digest, so that the next push to this tag decides what runs: production needs sha256";
            report.error(item, Name::NotPinned, message);
        }
        (_, Some((sha256, digest))) => {
            let is_module = demands.module_sha256.as_deref().map(|module| module == digest);
            let message = match (scheme, is_module) {
                ("oci", Some(true)) => {
                    "this is the checksum of the wasm file, expected the digest of the image's manifest, which the push \
                     printed: with a wrong one every request gets 403"
                }
                ("http" | "https", Some(false)) => "expected the checksum of the wasm file, which this is not",
                _ => return,
            };
            report.error(sha256, Name::WrongDigest, message);
        }
        _ => {}
    }
}

/// A digest as Istio takes it: 64 hex digits in lower case, or empty for none.
fn digest<'n>(item: &Item<'n>, report: &mut Report) -> Option<&'n str> {
    match &item.node.value {
        Value::Text(text) if text.is_empty() => None,
        Value::Text(text) if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
            Some(text)
        }
        Value::Number(_) => {
            let message = "found a number, expected text in quotes: a digest of digits alone is one otherwise, which the API \
                           server refuses";
            report.error(item, Name::WrongType, message);
            None
        }
        _ => {
            report.error(item, Name::BadDigest, "found something else than 64 hex digits in lower case");
            None
        }
    }
}

/// Whether a host is one that can never be (RFC 2606, RFC 6761).
fn is_reserved(host: &str) -> bool {
    let last: Vec<&str> = host.rsplitn(3, '.').collect();
    matches!(last.as_slice(), ["example" | "invalid", ..] | ["com" | "net" | "org", "example", ..])
}
