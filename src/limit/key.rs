//! What a limit counts by: the parts of a key, and the hash that names a client's bucket.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Subject;
use crate::diagnostic::Name;
use crate::document::{Item, Report};
use crate::http::cookie;

/// Methods that have buckets of their own (RFC 9110 section 9, RFC 5789). All others share one: a client may invent
/// as many as it likes, and must not gain a bucket with each.
const METHODS: &[&[u8]] = &[b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH"];

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The client's address; requests without one share a bucket.
    Client,
    /// The method.
    Method,
    /// All values of a header, by lower-case name.
    Header(String),
    /// All values of a cookie, by name; white space and quotes around them make no other value.
    Cookie(String),
}

impl Part {
    /// Reads the list `key`; no part may stand twice.
    pub fn read_list(item: &Item<'_>, report: &mut Report) -> Option<Vec<Self>> {
        let items = item.list(report)?;
        let mut parts = Vec::with_capacity(items.len());
        for item in &items {
            let part = Self::read(item, report)?;
            if parts.contains(&part) {
                report.error(item, Name::DuplicateField, "this part stands in the key twice");
                return None;
            }
            parts.push(part);
        }
        Some(parts)
    }

    fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let text = item.text(report)?;
        let (part, name) = match text.split_once(':') {
            None if text == "client" => return Some(Part::Client),
            None if text == "method" => return Some(Part::Method),
            Some(("header", name)) => (Part::Header(name.to_ascii_lowercase()), name),
            Some(("cookie", name)) => (Part::Cookie(name.to_owned()), name),
            _ => {
                let words = ["client", "method", "header:<name>", "cookie:<name>"];
                item.unknown_word(Name::UnknownValue, text, &words, report);
                return None;
            }
        };
        // Both kinds of name are tokens (RFC 9110 section 5.6.2, RFC 6265 section 4.1.1).
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            let message = format!("found \"{text}\", expected a name after the colon, such as header:x-api-key");
            report.error(item, Name::UnknownValue, message);
            return None;
        }
        Some(part)
    }

    fn feed(&self, subject: &Subject<'_>, hasher: &mut DefaultHasher) {
        match self {
            Part::Client => subject.client.hash(hasher),
            Part::Method => METHODS.iter().position(|m| *m == subject.request.method()).hash(hasher),
            // An absent header and an empty one differ; slices feed their length, so no two lists look alike.
            Part::Header(name) => subject.request.values(name).for_each(|value| Some(value).hash(hasher)),
            Part::Cookie(name) => {
                let pairs = subject.request.values("cookie").flat_map(|value| value.split(|b| *b == b';'));
                let values = pairs.map(cookie).filter(|(found, _)| *found == name.as_bytes());
                values.for_each(|(_, value)| Some(value).hash(hasher));
            }
        }
        // Ends the list of this part.
        None::<&[u8]>.hash(hasher);
    }
}

/// The fingerprint of a subject under a key: the same in every worker, since the hash (`SipHash`) has fixed keys. Who
/// knows that can search for values that collide, which wins a share in somebody else's bucket and no tokens.
pub fn fingerprint(parts: &[Part], subject: &Subject<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        part.feed(subject, &mut hasher);
    }
    hasher.finish()
}
