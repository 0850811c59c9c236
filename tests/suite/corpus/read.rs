//! The recorded corpus as it is written, texts in places, to whole requests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use backstop::document::{Item, Node, Report, from_yaml};

use crate::cases::{files, root, stem};

/// A whole request and where it is written.
pub struct Request {
    /// `harmless/search/query`: folder, group, place.
    pub id: String,
    /// The text that stands in the place.
    pub text: String,
    /// Names (lower case) and values, pseudo-headers among them.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

/// A request with a gap for a text.
#[derive(Clone)]
struct Place {
    name: String,
    /// Method and target.
    request: String,
    headers: Vec<(String, String)>,
    content_type: String,
    body: String,
}

const PLACE: &[&str] = &["name", "request", "headers", "type", "body"];
const GROUP: &[&str] = &["name", "as", "in", "request", "headers", "type", "body", "texts"];

/// What a program sends with each of its requests, by its name.
type Clients = BTreeMap<String, Vec<(String, String)>>;

/// A request that is known to come out wrong.
pub struct Exception {
    /// Folder, group, place.
    pub id: String,
    /// The text that stands in the place.
    pub text: String,
    /// The reason.
    pub why: String,
}

/// The one document of a file under `tests/data/corpus`.
pub fn document(name: &str) -> Node {
    let path = root().join("tests/data/corpus").join(name);
    let mut documents = from_yaml(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|d| panic!("{name}: {d}"));
    assert_eq!(documents.len(), 1, "{name}: one document");
    documents.remove(0)
}

/// Reads `node` and fails on every diagnostic.
fn strictly<T>(name: &str, node: &Node, read: impl FnOnce(&Item<'_>, &mut Report) -> Option<T>) -> T {
    let mut report = Report::default();
    let value = read(&Item::root(node), &mut report);
    assert!(report.diagnostics.is_empty(), "{name}: {:#?}", report.diagnostics);
    value.unwrap()
}

fn pairs(item: Option<&Item<'_>>, report: &mut Report) -> Option<Vec<(String, String)>> {
    let Some(item) = item else { return Some(Vec::new()) };
    let entries = item.entries(report)?;
    entries.iter().map(|(name, value)| Some(((*name).to_owned(), value.text(report)?.to_owned()))).collect()
}

fn place(item: &Item<'_>, known: &'static [&'static str], report: &mut Report) -> Option<Place> {
    let fields = item.fields(known, report)?;
    let mut text = |key: &str| fields.get(key).and_then(|i| i.text(report)).unwrap_or_default().to_owned();
    let (name, request, content_type, body) = (text("name"), text("request"), text("type"), text("body"));
    Some(Place { name, request, content_type, body, headers: pairs(fields.get("headers"), report)? })
}

/// All requests of the files of a folder.
pub fn requests(folder: &str) -> Vec<Request> {
    let mut all = Vec::new();
    for file in files(&format!("tests/data/corpus/{folder}")) {
        all.extend(requests_of(&format!("{folder}/{}.yaml", stem(&file)), folder));
    }
    all
}

/// The requests of one file.
pub fn requests_of(file: &str, folder: &str) -> Vec<Request> {
    let clients: Clients = strictly("clients.yaml", &document("clients.yaml"), |item, report| {
        let entries = item.entries(report)?;
        entries.iter().map(|(name, item)| Some(((*name).to_owned(), pairs(Some(item), report)?))).collect()
    });
    let places: Vec<Place> = strictly("places.yaml", &document("places.yaml"), |item, report| {
        item.list(report)?.iter().map(|item| place(item, PLACE, report)).collect()
    });
    let browsers: Vec<&str> = clients.keys().filter(|n| n.starts_with("browser-")).map(String::as_str).collect();
    let mut all = Vec::new();
    strictly(file, &document(file), |item, report| {
        for group in item.list(report)? {
            let own = place(&group, GROUP, report)?;
            let fields = group.fields(GROUP, report)?;
            let texts = fields.required("texts", report)?.texts(report)?;
            let mut list = |key: &str| fields.get(key).and_then(|i| i.texts(report)).unwrap_or_default();
            let (named, programs) = (list("in"), list("as"));
            assert!(named.is_empty() != own.request.is_empty(), "{file}: {}: either in or request", own.name);
            let programs = if programs.is_empty() { &browsers } else { &programs };
            let find = |name: &&str| places.iter().find(|p| p.name == **name).unwrap_or_else(|| panic!("no {name}"));
            let chosen: Vec<&Place> = if named.is_empty() { vec![&own] } else { named.iter().map(find).collect() };
            for place in chosen {
                for (number, text) in texts.iter().enumerate() {
                    let client = programs[number % programs.len()];
                    let sent = clients.get(client).unwrap_or_else(|| panic!("{file}: no client {client}"));
                    let id = format!("{folder}/{}/{}", own.name, if named.is_empty() { "own" } else { &place.name });
                    all.push(request(id, place, sent, text, number));
                }
            }
        }
        Some(())
    });
    all
}

/// The requests that are known to come out wrong.
pub fn exceptions() -> Vec<Exception> {
    strictly("exceptions.yaml", &document("exceptions.yaml"), |item, report| {
        let mut all = Vec::new();
        for item in item.list(report)? {
            let fields = item.fields(&["in", "text", "why"], report)?;
            let mut text = |key| Some(fields.required(key, report)?.text(report)?.to_owned());
            let (text, why) = (text("text")?, text("why")?);
            for id in fields.required("in", report)?.texts(report)? {
                all.push(Exception { id: id.to_owned(), text: text.clone(), why: why.clone() });
            }
        }
        Some(all)
    })
}

fn request(id: String, place: &Place, client: &[(String, String)], text: &str, number: usize) -> Request {
    let fill = |template: &str| fill(template, text, number);
    let line = fill(&place.request);
    let at = line.iter().position(|b| *b == b' ').unwrap_or_else(|| panic!("{id}: METHOD TARGET"));
    let mut headers = vec![
        (":method".to_owned(), line[..at].to_vec()),
        (":path".to_owned(), line[at + 1..].to_vec()),
        (":authority".to_owned(), b"tickets.example".to_vec()),
    ];
    let overridden = |name: &String| place.headers.iter().any(|(n, _)| n == name);
    headers.extend(client.iter().filter(|(n, _)| !overridden(n)).map(|(n, v)| (n.clone(), fill(v))));
    headers.extend(place.headers.iter().map(|(n, v)| (n.clone(), fill(v))));
    if !place.content_type.is_empty() {
        headers.push(("content-type".to_owned(), fill(&place.content_type)));
    }
    let multipart = place.content_type.starts_with("multipart/");
    let body = fill(&if multipart { place.body.replace('\n', "\r\n") } else { place.body.clone() });
    Request { id, text: text.to_owned(), headers, body }
}

/// Puts `text` into the gaps of a template: `{raw}` as it is, `{query}`, `{path}`, `{json}`, `{xml}` and `{base64}`
/// encoded for the place, `{n}` its number; and `{noise:N}` for N bytes without meaning, `{hex:00ff}` for given bytes.
fn fill(template: &str, text: &str, number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.extend_from_slice(before.as_bytes());
        let gap = after.split_once('}').and_then(|(name, after)| Some((encoded(name, text, number)?, after)));
        if let Some((bytes, after)) = gap {
            out.extend_from_slice(&bytes);
            rest = after;
        } else {
            out.push(b'{');
            rest = after;
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

fn encoded(gap: &str, text: &str, number: usize) -> Option<Vec<u8>> {
    let kept = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let percent = |space: &str| {
        text.bytes().fold(String::new(), |mut out, b| {
            match b {
                b' ' => out.push_str(space),
                b if kept(b) => out.push(char::from(b)),
                b => write!(out, "%{b:02X}").unwrap(),
            }
            out
        })
    };
    let argument = |name: &str| gap.strip_prefix(name)?.strip_prefix(':');
    Some(match gap {
        "raw" => text.as_bytes().to_vec(),
        "query" => percent("+").into_bytes(),
        "path" => percent("%20").into_bytes(),
        "json" => {
            let quoted = serde_json::to_string(text).unwrap();
            quoted.as_bytes()[1..quoted.len() - 1].to_vec()
        }
        "xml" => {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").into_bytes()
        }
        "base64" => base64(text.as_bytes()).into_bytes(),
        "n" => number.to_string().into_bytes(),
        _ => match (argument("noise"), argument("hex")) {
            (Some(length), _) => noise(number, length.parse().ok()?),
            (_, Some(digits)) => {
                let digits: Vec<char> = digits.chars().collect();
                digits.chunks(2).map(|d| u8::from_str_radix(&d.iter().collect::<String>(), 16).unwrap()).collect()
            }
            _ => return None,
        },
    })
}

/// Bytes as of a compressed file, the same ones each time.
fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(next).collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0, |n, b| n << 8 | usize::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = char::from(ALPHABET[bits >> (18 - 6 * place) & 63]);
            out.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    out
}
