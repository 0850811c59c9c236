//! Extraction: cases as data, and the limits; what holds for any bytes is in `properties`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests read case files, look at the clock and say what ran"
)]

mod properties;

use std::fmt::Write as _;
use std::path::Path;

use backstop::document::{Item, Report, Value as NodeValue, from_yaml};
use backstop::extract::{MAX_DEPTH, MAX_FILE_TEXT, MAX_NODES, MAX_RUNS, MAX_VALUES, Target, body, head};
use backstop::http::{Header, Request};

/// What was visited: target, name, value, whether it is a name.
type Visited = Vec<(Target, Vec<u8>, Vec<u8>, bool)>;

fn of_body(content_type: &str, text: &[u8], complete: bool) -> Visited {
    let mut visited = Visited::new();
    body(content_type.as_bytes(), text, complete, &mut |v| {
        assert!(!v.bytes.is_empty(), "an empty value was visited");
        visited.push((v.target, v.name.to_vec(), v.bytes.to_vec(), v.is_name));
    });
    visited
}

fn of_head(headers: &[Header<'_>]) -> Visited {
    let mut visited = Visited::new();
    head(&Request { headers }, &mut |v| {
        visited.push((v.target, v.name.to_vec(), v.bytes.to_vec(), v.is_name));
    });
    visited
}

/// A value as `[target, name, value]`, a name as `[target, name]`.
fn shown(visited: &Visited) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let line = |(target, name, value, is_name): &(Target, Vec<u8>, Vec<u8>, bool)| {
        let (target, name, value) = (target.as_str(), text(name), text(value));
        if !is_name {
            return format!("[{target}, {name:?}, {value:?}]");
        }
        assert!(name.ends_with(&value), "the name {value:?} is visited as {name:?}");
        format!("[{target}, {name:?}]")
    };
    visited.iter().map(line).collect()
}

#[test]
fn every_case_gives_exactly_what_it_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/extract");
    let mut cases = 0;
    let mut failures = String::new();
    let mut unseen = Target::ALL.to_vec();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().unwrap(), "yaml", "{}", path.display());
        let documents = from_yaml(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{e}"));
        let before = cases;
        for node in &documents {
            let mut report = Report::default();
            for item in Item::root(node).list(&mut report).unwrap_or_default() {
                let case = Case::read(&item, &mut report);
                assert!(report.diagnostics.is_empty(), "{}: {:#?}", path.display(), report.diagnostics);
                let case = case.unwrap();
                let visited = case.run();
                unseen.retain(|target| visited.iter().all(|v| v.0 != *target));
                let (visited, expected) = (shown(&visited), &case.expected);
                if visited != *expected {
                    let file = path.file_name().unwrap().display();
                    writeln!(failures, "\n{file}: {}", case.name).unwrap();
                    expected
                        .iter()
                        .filter(|e| !visited.contains(e))
                        .for_each(|e| writeln!(failures, "  - {e}").unwrap());
                    visited
                        .iter()
                        .filter(|v| !expected.contains(v))
                        .for_each(|v| writeln!(failures, "  + {v}").unwrap());
                }
                cases += 1;
            }
        }
        assert!(cases > before, "{} has no cases", path.display());
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(unseen.is_empty(), "no case visits {unseen:?}");
    println!("{cases} cases of extraction");
}

struct Case {
    name: String,
    content_type: String,
    complete: bool,
    body: Option<Vec<u8>>,
    target: String,
    headers: Vec<(String, String)>,
    expected: Vec<String>,
}

impl Case {
    fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let known = &["name", "type", "body", "hex", "incomplete", "target", "headers", "expect"];
        let fields = item.fields(known, report)?;
        let text = |key: &str, report: &mut Report| fields.get(key).and_then(|i| i.text(report)).map(str::to_owned);
        let mut headers = Vec::new();
        for pair in fields.get("headers").and_then(|i| i.list(report)).unwrap_or_default() {
            let [name, value] = pair.texts(report)?[..] else { panic!("{}: a header is [name, value]", pair.path) };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut expected = Vec::new();
        for line in fields.required("expect", report)?.list(report)? {
            let NodeValue::List(words) = &line.node.value else { panic!("{}: expected a list", line.path) };
            let words: Vec<&str> = words.iter().map(|w| w.as_text().expect("text, quoted if a number")).collect();
            assert!(words.first().is_some_and(|w| Target::from_name(w).is_some()), "{}: {words:?}", line.path);
            expected.push(match words[..] {
                [target, name] => format!("[{target}, {name:?}]"),
                [target, name, value] => format!("[{target}, {name:?}, {value:?}]"),
                _ => panic!("{}: expected [target, name] or [target, name, value]", line.path),
            });
        }
        let hex = text("hex", report).map(|hex| {
            let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).expect("hex digits");
            digits.chunks(2).map(byte).collect()
        });
        Some(Self {
            name: text("name", report).expect("a name"),
            content_type: text("type", report).unwrap_or_default(),
            complete: !fields.get("incomplete").and_then(|i| i.boolean(report)).unwrap_or(false),
            body: text("body", report).map(String::into_bytes).or(hex),
            target: text("target", report).unwrap_or_default(),
            headers,
            expected,
        })
    }

    fn run(&self) -> Visited {
        if let Some(text) = &self.body {
            return of_body(&self.content_type, text, self.complete);
        }
        assert!(!self.target.is_empty() || !self.headers.is_empty(), "{}: nothing to extract from", self.name);
        let mut headers: Vec<Header<'_>> = vec![(b":path", self.target.as_bytes())];
        headers.extend(self.headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())));
        of_head(&headers)
    }
}

#[test]
fn targets_read_back() {
    for target in Target::ALL {
        assert_eq!(Target::from_name(target.as_str()), Some(*target));
    }
    assert_eq!(Target::from_name("cookies"), None);
}

#[test]
fn what_is_past_the_limits_is_one_value() {
    let query = "a=1&".repeat(MAX_VALUES) + "b=%3Cscript%3E&c=2";
    let path = format!("/?{query}");
    let visited = of_head(&[(b":path", path.as_bytes())]);
    assert_eq!(visited.len(), 1 + 2 * MAX_VALUES + 1);
    assert_eq!(visited.last().unwrap().2, b"b=<script>&c=2");

    let cookie = "a=1; ".repeat(MAX_VALUES) + "b=2";
    let visited = of_head(&[(b"cookie", cookie.as_bytes()), (b"cookie", b"c=3; d=4")]);
    let last: Vec<&[u8]> = visited.iter().rev().take(2).map(|v| v.2.as_slice()).collect();
    assert_eq!(last, [b"c=3; d=4".as_slice(), b" b=2"]);

    let deep = "[".repeat(MAX_DEPTH + 1) + "\"x\"";
    assert_eq!(of_body("application/json", deep.as_bytes(), true).last().unwrap().2, b"[\"x\"");

    let long = format!("[{}]", "\"x\",".repeat(MAX_NODES) + "\"y\"");
    let visited = of_body("application/json", long.as_bytes(), true);
    // The rest begins with the last string, so that nothing is torn apart.
    assert_eq!((visited.len(), visited.last().unwrap().2.as_slice()), (MAX_NODES + 1, b"\"x\",\"y\"]".as_slice()));

    let long = format!("<?xml version='1.0'?><r>{}<b>y</b></r>", "<a>x</a>".repeat(MAX_NODES));
    let visited = of_body("text/xml", long.as_bytes(), true);
    assert!(visited.iter().any(|v| v.2 == b"<b>y</b></r>"));

    let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
    let long = part.repeat(MAX_VALUES) + "--b\r\n\r\nlast\r\n--b--\r\n";
    let visited = of_body("multipart/form-data; boundary=b", long.as_bytes(), true);
    assert!(visited.last().unwrap().2.starts_with(b"last\r\n"));
}

#[test]
fn files_are_visited_up_to_the_limit() {
    let file = |content: &str| {
        let head = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n";
        of_body("multipart/form-data; boundary=b", format!("{head}{content}\r\n--b--\r\n").as_bytes(), true)
    };
    let long = "a".repeat(MAX_FILE_TEXT + 1);
    assert_eq!(file(&long).last().unwrap().2.len(), MAX_FILE_TEXT);
    assert_eq!(file("\0 binary <script>").last().unwrap().2, b"x");
    let mut binary = vec![0_u8; MAX_RUNS - 20];
    binary.extend_from_slice(b"found in time\0\0\0\0\0\0\0not found any more");
    let visited = of_body("", &binary, true);
    assert_eq!((visited.len(), visited[0].2.as_slice()), (1, b"found in time".as_slice()));
}
