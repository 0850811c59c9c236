//! Parsers: bounded values, nothing skipped, and JSON as another parser reads it.

use backstop::document::{Node, Value as Written, from_json};
use backstop::extract::{self, MAX_NODES, Target, Value};
use backstop::http::Request;

use super::input::{Input, joined};
use crate::cases;

/// Stands in a text that must be visited. No name of letters alone, since those are left out, and no encoding's.
const NEEDLE: &[u8] = b"z*dle";

/// Content types by the way in which they make a body be read.
const TYPES: &[&str] = &[
    "",
    "text/plain",
    "application/json",
    "text/xml",
    "application/x-www-form-urlencoded",
    "application/graphql",
    "multipart/form-data; boundary=b",
    "text/xml; charset=utf-7",
    "multipart/form-data; boundary=b; boundary=bb, application/x-www-form-urlencoded, text/xml, text/json",
];

fn data(file: &str) -> Vec<Vec<u8>> {
    let texts = cases::texts("tests/data/extract");
    // A file's name says which texts matter; the others cost nothing.
    let mark: &[u8] = match file {
        "multipart" => b"--",
        "xml" => b"<",
        "json" => b"\"",
        "cookie" => b"=",
        _ => b"",
    };
    texts.into_iter().filter(|text| text.windows(mark.len().max(1)).any(|w| mark.is_empty() || w == mark)).collect()
}

pub fn query_seeds() -> Vec<Vec<u8>> {
    let mut seeds = data("query");
    seeds.push(joined(&[], &[b"a=1&b=%27;c=3&query={a(b:\"c\")}&d={\"e\":[\"f\"]}&&=&+=+"]));
    seeds
}

/// A query is cut at `&` and `;`.
pub fn query(text: &[u8]) {
    let target = [b"/?", text].concat();
    let count =
        bounded(4, target.len(), &mut |visit| extract::head(&Request { headers: &[(b":path", &target)] }, visit));
    assert!(count <= 3 * text.len() + 2);
    is_found(text, |text| {
        let target = [b"/?", text].concat();
        holds(&mut |visit| extract::head(&Request { headers: &[(b":path", &target)] }, visit))
    });
}

pub fn form(text: &[u8]) {
    body_of("application/x-www-form-urlencoded", text, true);
}

pub fn cookie_seeds() -> Vec<Vec<u8>> {
    let mut seeds = data("cookie");
    seeds.push(joined(&[], &[b"a=1; b=\"two words\"; c", b"d=%7B%22e%22%3A1%7D; =; ;f=\""]));
    seeds
}

/// Several headers are read as one.
pub fn cookie(bytes: &[u8]) {
    let visit_all = |bytes: &[u8], visit: &mut dyn FnMut(&Value<'_>)| {
        let mut input = Input::new(bytes);
        let mut headers: Vec<(&[u8], &[u8])> = Vec::new();
        while !input.is_empty() {
            headers.push((b"cookie", input.text()));
        }
        extract::head(&Request { headers: &headers }, visit);
    };
    bounded(4, bytes.len(), &mut |visit| visit_all(bytes, visit));
    is_found(bytes, |bytes| holds(&mut |visit| visit_all(bytes, visit)));
}

pub fn json_seeds() -> Vec<Vec<u8>> {
    data("json")
}

pub fn json(text: &[u8]) {
    body_of("application/json", text, true);
    let Ok(document) = from_json(text) else { return };
    let mut expected = Vec::new();
    let depth = collect(&document, &mut expected);
    if depth > extract::MAX_DEPTH || expected.len() > MAX_NODES || text.contains(&0) {
        return;
    }
    let mut visited: Vec<Vec<u8>> = Vec::new();
    extract::body(b"application/json", text, true, &mut |value| visited.push(value.bytes.to_vec()));
    for text in expected {
        // A document in a string is read in turn.
        let is_document = text.trim_ascii().starts_with(['{', '[']);
        assert!(is_document || visited.iter().any(|v| v == text.as_bytes()), "{text:?} is not visited");
    }
}

/// Gathers the keys and texts, and gives the depth.
fn collect(node: &Node, found: &mut Vec<String>) -> usize {
    match &node.value {
        Written::Text(text) if !text.is_empty() => found.push(text.clone()),
        Written::List(nodes) => return 1 + nodes.iter().map(|n| collect(n, found)).max().unwrap_or(0),
        Written::Map(entries) => {
            found.extend(entries.iter().map(|e| e.key.clone()).filter(|key| !key.is_empty()));
            return 1 + entries.iter().map(|e| collect(&e.node, found)).max().unwrap_or(0);
        }
        _ => {}
    }
    0
}

pub fn multipart_seeds() -> Vec<Vec<u8>> {
    let mut seeds = data("multipart");
    seeds.push(
        b"--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x\"; filename*=UTF-8''%41\r\nContent-Transfer-Encoding: \
          quoted-printable\r\nContent-Type: text/xml\r\n folded\r\n\r\n<a>=41</a>\r\n--b--\r\nafter"
            .to_vec(),
    );
    seeds
}

pub fn multipart(text: &[u8]) {
    body_of("multipart/form-data; boundary=b", text, true);
}

pub fn xml_seeds() -> Vec<Vec<u8>> {
    data("xml")
}

pub fn xml(text: &[u8]) {
    body_of("application/xml", text, true);
}

pub fn body_seeds() -> Vec<Vec<u8>> {
    let types = 0..u8::try_from(TYPES.len()).unwrap_or(0);
    let texts: Vec<Vec<u8>> =
        data("body").into_iter().chain(["a=1&b=2", "+ADw-a+AD4-", "{}", "<a/>"].map(|t| t.into())).collect();
    let wide: Vec<u8> = "\u{feff}a=<b>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let texts = texts.into_iter().chain([wide]);
    texts.zip(types.cycle()).map(|(text, kind)| joined(&[kind, 1], &[&text])).collect()
}

/// Any content type with any content.
pub fn body(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let content_type = input.choice(TYPES);
    let complete = input.flag();
    body_of(content_type, input.rest(), complete);
}

fn body_of(content_type: &str, text: &[u8], complete: bool) {
    let visit_all = |text: &[u8], visit: &mut dyn FnMut(&Value<'_>)| {
        extract::body(content_type.as_bytes(), text, complete, visit);
    };
    let is_wide = matches!(text, [0, ..] | [_, 0, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    // As it came, as its type says, and as an element: the name, the text and all of it.
    let growth = if is_wide || content_type.contains("utf-7") { 8 } else { 6 };
    bounded(growth, text.len(), &mut |visit| visit_all(text, visit));
    is_found(text, |text| holds(&mut |visit| visit_all(text, visit)));
}

type Visitor<'v> = dyn FnMut(&mut dyn FnMut(&Value<'_>)) + 'v;

/// Whether what is visited is at most `growth` times as long as what came, and always the same; how many values.
fn bounded(growth: usize, length: usize, run: &mut Visitor<'_>) -> usize {
    let (mut visited, mut count) = (0, 0);
    let mut first: Vec<(Target, Vec<u8>)> = Vec::new();
    run(&mut |value| {
        assert!(!value.bytes.is_empty(), "a value is never empty");
        visited += value.bytes.len();
        count += 1;
        first.push((value.target, value.bytes.to_vec()));
    });
    assert!(visited <= growth * length + 64, "{visited} visited of {length}");
    let mut again = first.into_iter();
    run(&mut |value| assert_eq!(again.next(), Some((value.target, value.bytes.to_vec())), "the same each time"));
    count
}

/// Whether some value holds the needle.
fn holds(run: &mut Visitor<'_>) -> bool {
    let mut found = false;
    run(&mut |value| found |= value.bytes.windows(NEEDLE.len()).any(|w| w == NEEDLE));
    found
}

/// What stands anywhere in a text is visited. Binary content, base64 and wide text are left out or visited as something else.
fn is_found(text: &[u8], finds: impl Fn(&[u8]) -> bool) {
    let is_control = |b: &u8| *b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r') || *b == 0x7f;
    let is_base64 = text.windows(6).any(|w| w.eq_ignore_ascii_case(b"base64"));
    if is_base64 || text.iter().any(is_control) || text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return;
    }
    for at in [0, text.len() / 3, text.len()] {
        let (before, after) = text.split_at(at);
        let text = [before, NEEDLE, after].concat();
        assert!(finds(&text), "not visited in {:?}", String::from_utf8_lossy(&text));
    }
}
