//! A recorded request, whatever format it was recorded in.

/// One recorded request.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// What the recorder called it, or its place in the file.
    pub id: String,
    /// Where it was recorded; the file's name if the record does not say.
    pub source: String,
    /// The family of an attack, or what kind of traffic.
    pub category: String,
    /// Where the recorder says its payload stands.
    pub location: String,
    /// Whether it is an attack; nothing if the record does not say.
    pub label: Option<bool>,
    /// Whether it is taken for an attack.
    pub is_attack: bool,
    /// A reason to doubt the label; empty where there is none.
    pub flag: String,
    /// Whether the flag keeps it out of right and wrong.
    pub is_doubted: bool,
    /// Names (lower case) and values, pseudo-headers among them.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

/// Headers that belong to a connection, or that the proxy makes anew.
const DROPPED: &[&[u8]] = &[
    b"host",
    b"content-length",
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"te",
    b"upgrade",
    b"expect",
];

impl Record {
    /// A request without headers. `target` is in origin form, or a whole URL, whose host counts then.
    pub fn new(method: Vec<u8>, target: &[u8]) -> Self {
        let (host, target) = split_url(target);
        let mut record = Self::default();
        record.set_head(method, target.to_vec(), host.unwrap_or(b"localhost").to_vec());
        record
    }

    /// Puts the pseudo-headers in front.
    pub fn set_head(&mut self, method: Vec<u8>, target: Vec<u8>, host: Vec<u8>) {
        let pseudo = [(":method", method), (":path", target), (":authority", host)];
        self.headers.splice(..0, pseudo.map(|(name, value)| (name.as_bytes().to_vec(), value)));
    }

    /// Adds a header, unless it would not reach the filter as it was recorded.
    pub fn push(&mut self, mut name: Vec<u8>, value: Vec<u8>) {
        name.make_ascii_lowercase();
        if !name.starts_with(b":") && !DROPPED.contains(&name.as_slice()) {
            self.headers.push((name, value));
        }
    }

    /// Says which host was asked.
    pub fn set_host(&mut self, host: &[u8]) {
        if let Some((_, value)) = self.headers.iter_mut().find(|(name, _)| name == b":authority") {
            *value = host.to_vec();
        }
    }

    /// The first value of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &[u8] {
        self.headers.iter().find(|(n, _)| n == name.as_bytes()).map(|(_, v)| v.as_slice()).unwrap_or_default()
    }
}

/// The host of an absolute URL, and its path and query without the fragment (RFC 9112 section 3.2.2).
fn split_url(target: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let scheme = target.windows(3).position(|w| w == b"://").filter(|_| !target.starts_with(b"/"));
    let Some(scheme) = scheme else { return (None, target) };
    let rest = target.get(scheme.saturating_add(3)..).unwrap_or_default();
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (host, rest) = rest.split_at_checked(end).unwrap_or((rest, b"/"));
    let rest = rest.split(|b| *b == b'#').next().unwrap_or_default();
    (Some(host), if rest.is_empty() { b"/" } else { rest })
}

/// The bytes of text that has a character for each of them.
pub fn latin1(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// Whether a label's word means an attack.
///
/// # Errors
/// A sentence with the words that are accepted.
pub fn read_label(word: &str) -> Result<Option<bool>, String> {
    match word {
        "" => Ok(None),
        "attack" => Ok(Some(true)),
        "harmless" | "benign" => Ok(Some(false)),
        _ => Err(format!("label \"{word}\" is not known; accepted: attack, harmless, benign")),
    }
}
