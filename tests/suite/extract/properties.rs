//! What holds for any bytes: no panic, nothing lost, bounded work, and JSON as another parser reads it.

use super::{of_body, of_head};
use crate::cpu::assert_linear;
use backstop::document::{Node, Value, from_json};
use backstop::extract::{Target, body};

/// A generator that is the same on every machine (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }
}

const TYPES: &[&str] = &[
    "",
    "text/plain",
    "image/png",
    "application/json",
    "application/xml",
    "application/x-www-form-urlencoded",
    "application/graphql",
    "text/xml; charset=utf-7",
    "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=b; boundary=bb, application/x-www-form-urlencoded, text/xml, text/json",
];

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\\",
    "\\u00",
    "\\ud83d",
    "1",
    "true",
    "\"a\"",
    "{\"a\":",
    "<",
    ">",
    "<a",
    "</a>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE",
    "<!",
    "<?xml",
    "?>",
    "<?",
    "=",
    "'",
    " ",
    "\n",
    "\r\n",
    "\r\n\r\n",
    "--",
    "--b",
    "--bb",
    "\r\n--b\r\n",
    "\r\n--b--\r\n",
    "Content-Disposition: form-data; name=\"a\"",
    "; filename=\"x\"",
    "; filename*=UTF-8''%41",
    "Content-Transfer-Encoding: base64",
    "Content-Transfer-Encoding: quoted-printable",
    "xs:include",
    " xsi:schemaLocation=\"a b\"",
    "query",
    "+ADw-",
    "&",
    ";",
    "%",
    "%41",
    "%u0041",
    "+",
    "a=1",
    ";b=2",
    "\0",
    "a\0b\0",
    "\u{feff}",
    "word",
    "union select",
    "/",
];

fn visited_bytes(content_type: &str, text: &[u8], complete: bool) -> usize {
    of_body(content_type, text, complete).iter().map(|v| v.2.len()).sum()
}

#[test]
fn no_bytes_panic_or_grow() {
    let mut random = Random(0x5eed);
    for round in 0..40_000 {
        let mut text = Vec::new();
        if round % 16 == 0 {
            text.extend_from_slice([b"\xff\xfe".as_slice(), b"\xfe\xff", b"\0\0\xfe\xff"][random.next(3)]);
        }
        for _ in 0..random.next(40) {
            if round % 4 == 0 {
                text.push(u8::try_from(random.next(256)).unwrap());
            } else {
                text.extend_from_slice(PIECES[random.next(PIECES.len())].as_bytes());
            }
        }
        let content_type = TYPES[random.next(TYPES.len())];
        let visited = visited_bytes(content_type, &text, random.next(2) == 0);
        let growth = if round % 16 == 0 || content_type.contains("utf-7") { 8 } else { 4 };
        let shown = String::from_utf8_lossy(&text);
        assert!(visited <= growth * text.len() + 64, "{visited} of {}: {content_type}: {shown:?}", text.len());
        of_head(&[(b":path", &text), (b"cookie", &text), (b"cookie", &text), (b"x", &text)]);
    }
}

/// A marker anywhere in a body that is text must be found in what is visited, whatever stands around it. It holds a
/// character that no plain name holds, since those are left out.
#[test]
fn nothing_is_skipped() {
    const NEEDLE: &str = "z*dle";
    let mut random = Random(0xf00d);
    let mut bodies = 0;
    for _ in 0..40_000 {
        let mut text = String::new();
        for _ in 0..random.next(20) {
            text.push_str(PIECES[random.next(PIECES.len())]);
        }
        text.push_str(NEEDLE);
        for _ in 0..random.next(20) {
            text.push_str(PIECES[random.next(PIECES.len())]);
        }
        let content_type = TYPES[random.next(TYPES.len())];
        // What is binary is left out, and what is base64 is visited as what it stands for.
        if text.contains('\0') || text.contains("base64") {
            continue;
        }
        let visited = of_body(content_type, text.as_bytes(), true);
        let found = visited.iter().any(|v| v.2.windows(NEEDLE.len()).any(|w| w == NEEDLE.as_bytes()));
        assert!(found, "{content_type}: {text:?}");
        bodies += 1;
    }
    assert!(bodies > 10_000, "only {bodies} bodies were looked at");
}

#[test]
fn time_is_linear_in_the_body() {
    const SIZE: usize = 100_000;
    // What comes once, and what comes again and again.
    let repeated = |piece: &'static str| ("", piece);
    let prefixed = |prefix: &'static str, piece: &'static str| (prefix, piece);
    let inputs = [
        repeated("["),
        repeated("{\"a\":"),
        prefixed("[", "\"[\\\"a\\\"]\","),
        prefixed("{\"a\":\"", "\\"),
        prefixed("{\"a\":\"", "{\\\"a\\\":"),
        prefixed("[", "\"{}\","),
        prefixed("{", "\"key\":{\"b\":\"c\"},"),
        repeated("&"),
        repeated(";"),
        repeated("a=1;"),
        repeated("a=1&"),
        repeated("%"),
        repeated("+"),
        repeated("%u0041"),
        repeated("--\r\n"),
        repeated("--b\r\n"),
        repeated("\n"),
        prefixed("--b\r\nContent-Disposition: form-data; name=\"", "\\\""),
        prefixed("--b\r\nContent-Disposition: form-data; ", "name=\"a\"; "),
        prefixed("--b\r\n", "a: b\r\n "),
        prefixed("--b\r\n", "a: b\r\n"),
        prefixed("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n", "\r\n--bx"),
        repeated("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"),
        repeated("<"),
        repeated("<a>"),
        repeated("<a "),
        prefixed("<a ", "b=\"c\" "),
        prefixed("<a ", "\""),
        prefixed("<", "a:"),
        repeated("<!--"),
        repeated("<!DOCTYPE ["),
        prefixed("<!DOCTYPE ", "<!--"),
        repeated("<![CDATA[a]]>"),
        repeated("<?"),
        repeated("<include a='b'>"),
        prefixed("<include ", "xsi:schemaLocation='a' "),
        repeated("+ADw-"),
        prefixed("+", "ADwA"),
        prefixed("{\"query\":\"{", "a:\\\"b\\\""),
        repeated("\"\"\""),
        repeated("</"),
        repeated("a\0"),
        prefixed("\u{feff}", "\0a"),
    ];
    for (prefix, piece) in inputs {
        let of = |bytes: usize| (prefix.to_owned() + &piece.repeat(bytes / piece.len())).into_bytes();
        for content_type in TYPES {
            let what = format!("{content_type}: {prefix}{piece}");
            assert_linear(&what, &of(SIZE), &of(10 * SIZE), |text| {
                body(content_type.as_bytes(), text, true, &mut |_| {});
            });
        }
    }
}

/// How deep a random JSON document goes.
const DEPTH: usize = 5;

/// Writes a random JSON document, an object or a list at the top.
fn write_json(random: &mut Random, depth: usize, output: &mut String) {
    const TEXTS: &[&str] = &["\"\"", "\"a\"", "\"\\u0027 or\\n\"", "\"{b\"", "\"\\ud83d\\ude00 é\"", "\"\\\\\\\"\""];
    const SPACES: &[&str] = &["", "", " ", "\r\n\t"];
    output.push_str(SPACES[random.next(SPACES.len())]);
    let kind = match depth {
        0 => random.next(4),
        DEPTH => 4 + random.next(2),
        _ => random.next(6),
    };
    match kind {
        0 => output.push_str(["true", "false", "null"][random.next(3)]),
        1 => output.push_str(["0", "-1.5", "1e-3", "120"][random.next(4)]),
        2 | 3 => output.push_str(TEXTS[random.next(TEXTS.len())]),
        kind => {
            output.push(if kind == 4 { '[' } else { '{' });
            for i in 0..random.next(4) {
                if i > 0 {
                    output.push(',');
                }
                if kind == 5 {
                    output.push_str(TEXTS[random.next(TEXTS.len())]);
                    output.push(':');
                }
                write_json(random, depth - 1, output);
            }
            output.push(if kind == 4 { ']' } else { '}' });
        }
    }
    output.push_str(SPACES[random.next(SPACES.len())]);
}

/// Keys and strings as the other parser finds them: path, text, whether it is a key.
fn collect(node: &Node, path: &str, found: &mut Vec<(String, String, bool)>) {
    match &node.value {
        Value::Text(text) => found.push((path.to_owned(), text.clone(), false)),
        Value::List(nodes) => nodes.iter().for_each(|node| collect(node, path, found)),
        Value::Map(entries) => {
            for entry in entries {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", entry.key);
                found.push((path.clone(), entry.key.clone(), true));
                collect(&entry.node, &path, found);
            }
        }
        _ => {}
    }
}

#[test]
fn json_is_read_as_another_parser_reads_it() {
    let mut random = Random(0xcafe);
    let mut values = 0;
    for _ in 0..20_000 {
        let mut text = String::new();
        write_json(&mut random, DEPTH, &mut text);
        let mut expected = Vec::new();
        collect(&from_json(text.as_bytes()).unwrap(), "", &mut expected);
        expected.retain(|(_, text, _)| !text.is_empty());
        let visited: Vec<(String, String, bool)> = of_body("application/json", text.as_bytes(), true)
            .into_iter()
            .map(|(target, name, value, is_name)| {
                assert_eq!(target, Target::Json, "{text}");
                (String::from_utf8(name).unwrap(), String::from_utf8(value).unwrap(), is_name)
            })
            .collect();
        assert_eq!(visited, expected, "{text}");
        values += visited.len();
    }
    assert!(values > 20_000, "only {values} values were compared");
}
