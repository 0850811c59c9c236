//! Borrowed views of a request: bytes as they came, nothing decoded, nothing copied.

/// A header name (lower case, as HTTP/2 and Envoy have it) and its value.
pub type Header<'a> = (&'a [u8], &'a [u8]);

/// The head of a request. Pseudo-headers (`:method`, `:path`, ...) stand among the headers.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// All headers in order, repeated ones as often as they came.
    pub headers: &'a [Header<'a>],
}

impl<'a> Request<'a> {
    /// Every value of the header `name` (lower case).
    pub fn values<'n>(&self, name: &'n str) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers.iter().filter(move |(n, _)| *n == name.as_bytes()).map(|(_, v)| *v)
    }

    /// The first value of the header `name`, or nothing.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(n, _)| *n == name.as_bytes()).map(|(_, v)| *v)
    }

    /// All values of the header `name` as one, joined by commas as RFC 9110 section 5.3 has it; empty if there is none.
    #[must_use]
    pub fn joined(&self, name: &str) -> Vec<u8> {
        self.values(name).collect::<Vec<_>>().join(&b", "[..])
    }

    /// The method; empty if there is none.
    #[must_use]
    pub fn method(&self) -> &'a [u8] {
        self.first(":method").unwrap_or_default()
    }

    /// The request target as it came: path, and query after the first `?` (RFC 9112 section 3.2).
    #[must_use]
    pub fn target(&self) -> &'a [u8] {
        self.first(":path").unwrap_or_default()
    }

    /// The path part of the target.
    #[must_use]
    pub fn path(&self) -> &'a [u8] {
        split_target(self.target()).0
    }

    /// The query part of the target, without the `?`.
    #[must_use]
    pub fn query(&self) -> &'a [u8] {
        split_target(self.target()).1
    }
}

/// Cuts a request target at the first `?`; what follows a `#` belongs to neither part of any valid target and stays
/// where it stands, so that it is inspected.
#[must_use]
pub fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    match target.iter().position(|b| *b == b'?') {
        Some(i) => (target.get(..i).unwrap_or_default(), target.get(i.saturating_add(1)..).unwrap_or_default()),
        None => (target, &[]),
    }
}

/// The name and the value of one cookie, what stands between two `;` of a `Cookie` header (RFC 6265 section 4.2.1), as
/// most readers see them: without white space around either, and without the quotes around the value. Without `=` it is
/// a value without a name.
#[must_use]
pub fn cookie(pair: &[u8]) -> (&[u8], &[u8]) {
    let (name, value) = match pair.iter().position(|b| *b == b'=') {
        Some(i) => (pair.get(..i).unwrap_or_default(), pair.get(i.saturating_add(1)..).unwrap_or_default()),
        None => (&[][..], pair),
    };
    let value = value.trim_ascii();
    let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    (name.trim_ascii(), inner.unwrap_or(value))
}
