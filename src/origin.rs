//! Proof that a request came through the content delivery network: a secret in a header, known here by its digest.
//!
//! `CloudFront` adds the header to each request that it sends to the origin; who calls the load balancer directly does
//! not know it. (The CORS header `Origin` is something else.)

use std::cell::RefCell;
use std::hint::black_box;

use sha2::{Digest, Sha256};

use crate::diagnostic::Name;
use crate::document::{Item, Report};
use crate::http::Request;
use crate::path::{Path, Pattern};

/// Bytes of a SHA-256 digest (FIPS 180-4).
const DIGEST_BYTES: usize = 32;

/// How many digests may be accepted at once: the secret in use and the one before or after it.
const MAX_DIGESTS: u64 = 2;

/// The section `origin` of the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    header: String,
    digests: Vec<[u8; DIGEST_BYTES]>,
    exempt: Vec<Pattern>,
}

impl Default for Settings {
    /// No secret: nothing is asked for, and nothing is proven.
    fn default() -> Self {
        Self { header: "x-origin-verify".to_owned(), digests: Vec::new(), exempt: Vec::new() }
    }
}

/// The secret that was accepted last, so that it need not be hashed for each request; with nothing in it, every value is.
#[derive(Debug, Default)]
pub struct Accepted(RefCell<Vec<u8>>);

impl Accepted {
    fn is(&self, value: &[u8]) -> bool {
        self.0.try_borrow().is_ok_and(|accepted| !accepted.is_empty() && same(&accepted, value))
    }

    fn keep(&self, value: &[u8]) {
        if let Ok(mut accepted) = self.0.try_borrow_mut() {
            accepted.clear();
            accepted.extend_from_slice(value);
        }
    }
}

/// Whether both are the same, in a time that depends on their lengths only.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| black_box(all | (a ^ b))) == 0
}

/// What the check of one request found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is no section `origin`, so nothing was checked.
    Off,
    /// The path needs no proof, and the request gave none.
    Exempt,
    /// Exactly one value, and it is the secret.
    Passed,
    /// The header is absent.
    Missing,
    /// One value, and it is not the secret.
    Wrong,
    /// More than one value, whatever they are: somebody added his own beside that of the network, or the reverse.
    Repeated,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Outcome] =
        &[Outcome::Off, Outcome::Exempt, Outcome::Passed, Outcome::Missing, Outcome::Wrong, Outcome::Repeated];

    /// The word for metrics and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Off => "off",
            Outcome::Exempt => "exempt",
            Outcome::Passed => "passed",
            Outcome::Missing => "missing",
            Outcome::Wrong => "wrong",
            Outcome::Repeated => "repeated",
        }
    }

    /// The word of a refusal, or nothing if the request may go on.
    #[must_use]
    pub fn denial(self) -> Option<&'static str> {
        matches!(self, Outcome::Missing | Outcome::Wrong | Outcome::Repeated).then(|| self.as_str())
    }
}

impl Settings {
    /// Reads the section. `sha256` is required; a section without it would check nothing.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["header", "sha256", "exempt"], report)?;
        let header = match fields.get("header") {
            Some(item) => read_header(item, report),
            None => Some(Self::default().header),
        };
        let exempt = Pattern::read_list(fields.get("exempt"), report);
        let digests = fields.required("sha256", report).and_then(|item| read_digests(item, report));
        Some(Self { header: header?, digests: digests?, exempt })
    }

    /// Whether a secret is asked for at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.digests.is_empty()
    }

    /// The header that carries the secret, in lower case; it must be removed before the request goes on.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Checks one request. A request that needs no proof and yet gives the right one counts as passed. `accepted` is
    /// what this function kept there for these settings before.
    ///
    /// The time taken depends on the length of the value that was sent, and on whether it is that of the secret, never
    /// on how much of it is right.
    #[must_use]
    pub fn check(&self, request: &Request<'_>, path: &Path<'_>, accepted: &Accepted) -> Outcome {
        if !self.is_enabled() {
            return Outcome::Off;
        }
        let mut values = request.values(&self.header);
        let outcome = match (values.next(), values.next()) {
            (None, _) => Outcome::Missing,
            (Some(value), None) if self.accepts(value, accepted) => Outcome::Passed,
            (Some(_), None) => Outcome::Wrong,
            (Some(_), Some(_)) => Outcome::Repeated,
        };
        if outcome != Outcome::Passed && Pattern::exempts(&self.exempt, path) { Outcome::Exempt } else { outcome }
    }

    fn accepts(&self, value: &[u8], accepted: &Accepted) -> bool {
        if accepted.is(value) {
            return true;
        }
        let found: [u8; DIGEST_BYTES] = Sha256::digest(value).into();
        // No early exit: neither at the first byte that differs, nor at the first digest that fits.
        let is_right = self.digests.iter().fold(false, |right, digest| right | same(digest, &found));
        if is_right {
            accepted.keep(value);
        }
        is_right
    }
}

/// The digest of a secret as `origin.sha256` wants it: 64 lower-case hex digits.
#[must_use]
pub fn digest_hex(secret: &[u8]) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_header(item: &Item<'_>, report: &mut Report) -> Option<String> {
    let text = item.text(report)?;
    // A token (RFC 9110 section 5.6.2); Envoy shows header names in lower case, and `host` as `:authority`.
    let token = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !token || text.eq_ignore_ascii_case("host") {
        let message = format!("found \"{text}\", expected the name of a header such as x-origin-verify");
        report.error(item, Name::UnknownValue, message);
        return None;
    }
    Some(text.to_ascii_lowercase())
}

fn read_digests(item: &Item<'_>, report: &mut Report) -> Option<Vec<[u8; DIGEST_BYTES]>> {
    let items = item.list(report)?;
    let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
    if count == 0 {
        report.error(item, Name::Empty, "found no digest, expected one or two");
        return None;
    }
    if count > MAX_DIGESTS {
        report.error(item, Name::OutOfRange, format!("found {count} digests, expected one or two"));
        return None;
    }
    let digests: Vec<_> = items.iter().filter_map(|item| read_digest(item, report)).collect();
    if let ([first, second], [_, item]) = (digests.as_slice(), items.as_slice())
        && first == second
    {
        report.warning(item, Name::BadDigest, "the same digest twice; the second one is for another secret");
    }
    (digests.len() == items.len()).then_some(digests)
}

/// The found text is never repeated in a message: some write the secret itself where its digest belongs.
fn read_digest(item: &Item<'_>, report: &mut Report) -> Option<[u8; DIGEST_BYTES]> {
    let text = item.text(report)?;
    let Some(digest) = from_hex(text) else {
        let found = text.chars().count();
        let message = format!(
            "found {found} characters that are no SHA-256 digest, expected the 64 hex digits that `backstop secret` prints"
        );
        report.error(item, Name::BadDigest, message);
        return None;
    };
    if digest_hex(b"") == text.to_ascii_lowercase() {
        report.error(item, Name::BadDigest, "this is the digest of the empty text; was a variable unset?");
        return None;
    }
    Some(digest)
}

fn from_hex(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    let nibble = |b: u8| char::from(b).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect();
    bytes?.try_into().ok()
}
