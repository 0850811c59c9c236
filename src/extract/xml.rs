//! XML 1.0, and markup that is nearly XML: text, attributes, comments, processing instructions and declarations.
//!
//! Character and entity references stay as they are: the rules' `entity` transform reads them. Text that comments,
//! processing instructions or CDATA sections cut apart is put together again, as an XML reader does.

use super::{MAX_NAME, MAX_NODES, Target, Visit, cut, cut_at, emit, emit_name, emit_nested, take_while, until};

/// The name under which a declaration is visited, whichever it is.
const DECLARATION: &[u8] = b"!DOCTYPE";

/// How many open elements are known by name; deeper ones are only counted.
const MAX_OPEN: usize = 64;

/// Visits the values of `text`. Whether they stand for the whole: it was well-formed to the end (or to where an
/// incomplete text stops), it is XML by declaration, and it is nothing that a browser runs. Of any other text the
/// markup itself matters.
pub(super) fn parse(text: &[u8], declared: bool, complete: bool, visit: &mut Visit<'_>) -> bool {
    let declared = declared || text.trim_ascii_start().starts_with(b"<?xml");
    let mut reader = Reader {
        open: Vec::new(),
        beyond: 0,
        text: Text::default(),
        whole: declared,
        complete,
        left: MAX_NODES,
        scratch: Vec::new(),
        visit,
    };
    reader.run(text);
    reader.whole && (!complete || reader.open.is_empty() && reader.beyond == 0)
}

struct Reader<'t, 'v> {
    open: Vec<&'t [u8]>,
    beyond: usize,
    text: Text<'t>,
    whole: bool,
    complete: bool,
    left: usize,
    scratch: Vec<u8>,
    visit: &'v mut Visit<'v>,
}

impl<'t> Reader<'t, '_> {
    fn run(&mut self, text: &'t [u8]) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.left == 0 {
                self.flush();
                self.whole = false;
                return self.value(b"", rest);
            }
            let (plain, markup) = until(rest, b'<', b'<');
            self.text.push(plain);
            rest = match markup {
                [] => &[],
                [b'<', b'!', b'-', b'-', tail @ ..] => {
                    let (comment, tail) = self.until(tail, b"-->");
                    self.value(b"!--", comment);
                    tail
                }
                [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', tail @ ..] => {
                    let (data, tail) = self.until(tail, b"]]>");
                    self.text.push(data);
                    tail
                }
                [b'<', b'!', b'A'..=b'Z' | b'a'..=b'z' | b'[', ..] => self.declaration(markup),
                [b'<', b'?', tail @ ..] => self.instruction(markup, tail),
                [b'<', b'/', tail @ ..] => self.close(tail),
                [b'<', c, ..] if c.is_ascii_alphabetic() || matches!(c, b'_' | b':' | 0x80..) => self.element(markup),
                [stray, tail @ ..] => {
                    self.whole = false;
                    self.text.push(std::slice::from_ref(stray));
                    tail
                }
            };
        }
        self.flush();
    }

    /// What stands before `mark`, or everything; what is cut off is only well-formed where the whole text is.
    fn until(&mut self, text: &'t [u8], mark: &[u8]) -> (&'t [u8], &'t [u8]) {
        let (before, after) = cut_at(text, mark);
        self.whole &= after.is_some() || !self.complete;
        (before, after.unwrap_or_default())
    }

    fn value(&mut self, name: &[u8], value: &[u8]) {
        let value = value.trim_ascii();
        if !value.is_empty() {
            self.left = self.left.saturating_sub(1);
            emit(Target::Xml, name, value, self.visit);
        }
    }

    /// A name is only worth a look if it is more than letters: a prefix counts, or what no name should hold.
    fn name(&mut self, full: &[u8], name: &[u8]) {
        if !name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
            self.left = self.left.saturating_sub(1);
            emit_name(Target::Xml, full, name, self.visit);
        }
    }

    /// Visits the text gathered so far under the name of the element that is open.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let name = self.open.last().copied().unwrap_or_default();
        let text = text.as_bytes().trim_ascii();
        if !text.is_empty() {
            self.left = self.left.saturating_sub(1);
            emit_nested(Target::Xml, name, text, self.visit);
        }
    }

    fn declaration(&mut self, markup: &'t [u8]) -> &'t [u8] {
        self.flush();
        let (declaration, rest, closed) = split_declaration(markup);
        self.whole &= closed || !self.complete;
        self.value(DECLARATION, declaration);
        rest
    }

    /// Visits an instruction with its brackets, which tell the rules what it is. An XML declaration that says
    /// nothing but version and a common encoding says nothing.
    fn instruction(&mut self, markup: &'t [u8], tail: &'t [u8]) -> &'t [u8] {
        let (inner, rest) = self.until(tail, b"?>");
        let name = take_while(inner, |b| !b.is_ascii_whitespace()).0;
        let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b" =\"'.-_\t\r\n".contains(b);
        let is_xml = name.eq_ignore_ascii_case(b"xml");
        if !(is_xml && inner.len() <= 128 && inner.iter().all(is_plain) && has_common_encoding(inner)) {
            let whole = markup.get(..markup.len().saturating_sub(rest.len())).unwrap_or(markup);
            let name: Vec<u8> = b"?".iter().chain(name).copied().take(MAX_NAME).collect();
            self.value(&name, whole);
        }
        rest
    }

    fn close(&mut self, tail: &'t [u8]) -> &'t [u8] {
        self.flush();
        let (name, rest) = cut(tail, b'>');
        self.whole &= rest.is_some() || !self.complete;
        if self.beyond > 0 {
            self.beyond = self.beyond.saturating_sub(1);
        } else if self.open.pop() != Some(name.trim_ascii_end()) {
            self.whole = false;
            self.value(b"", name);
        }
        rest.unwrap_or_default()
    }

    fn element(&mut self, markup: &'t [u8]) -> &'t [u8] {
        self.flush();
        let (element, mut rest) = take_while(markup.get(1..).unwrap_or_default(), |b| {
            !b.is_ascii_whitespace() && !matches!(b, b'>' | b'/' | b'<' | b'=' | b'"' | b'\'')
        });
        let local = local(element);
        let mut fetches = FETCHING.iter().any(|name| local.eq_ignore_ascii_case(name));
        self.whole &= !(local.eq_ignore_ascii_case(b"html") || local.eq_ignore_ascii_case(b"svg"));
        self.name(element, element);
        loop {
            let (space, tail) = take_while(rest, |b| b.is_ascii_whitespace() || b == b'/');
            rest = match tail {
                [] | [b'<', ..] => {
                    self.whole &= tail.is_empty() && !self.complete;
                    break rest = tail;
                }
                [b'>', tail @ ..] => {
                    if !space.ends_with(b"/") {
                        self.opened(element);
                    }
                    break rest = tail;
                }
                _ => {
                    fetches |= is_schema_location(tail);
                    self.attribute(element, tail)
                }
            };
        }
        if fetches {
            self.value(element, markup.get(..markup.len().saturating_sub(rest.len())).unwrap_or(markup));
        }
        rest
    }

    fn opened(&mut self, element: &'t [u8]) {
        if self.open.len() < MAX_OPEN {
            self.open.push(element);
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
    }

    fn attribute(&mut self, element: &[u8], text: &'t [u8]) -> &'t [u8] {
        let is_end = |b: u8| b.is_ascii_whitespace() || matches!(b, b'=' | b'>' | b'<' | b'/');
        let (name, after) = take_while(text, |b| !is_end(b));
        let mut full = std::mem::take(&mut self.scratch);
        full.clear();
        full.extend(element.iter().chain(b"@").chain(name).take(MAX_NAME));
        self.name(&full, name);
        let rest = match after.trim_ascii_start() {
            [b'=', tail @ ..] => match tail.trim_ascii_start() {
                [quote @ (b'"' | b'\''), tail @ ..] => {
                    let (value, tail) = cut(tail, *quote);
                    self.whole &= (tail.is_some() || !self.complete) && !is_browser_namespace(name, value);
                    self.value(&full, value);
                    tail.unwrap_or_default()
                }
                tail => {
                    let (value, tail) = take_while(tail, |b| !b.is_ascii_whitespace() && b != b'>');
                    self.whole = false;
                    self.value(&full, value);
                    tail
                }
            },
            _ => {
                self.whole = false;
                self.value(element, name);
                after
            }
        };
        self.scratch = full;
        rest
    }
}

/// Elements that make a reader fetch something, whatever their prefix: XInclude, XML Schema, XSLT. What they do only
/// shows in the whole tag, so it is visited too, as that of any element with a schema's location is.
const FETCHING: &[&[u8]] = &[b"include", b"import", b"redefine", b"fallback", b"value-of"];

fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|b| *b == b':').next().unwrap_or(name)
}

/// Whether `text` begins with an attribute such as `xsi:schemaLocation`.
fn is_schema_location(text: &[u8]) -> bool {
    let name = local(take_while(text, |b| b.is_ascii_alphanumeric() || b == b':').0);
    name.eq_ignore_ascii_case(b"schemalocation") || name.eq_ignore_ascii_case(b"nonamespaceschemalocation")
}

/// Beginnings of the encodings that documents really come in; all of them leave ASCII where it is, or are transcoded.
const ENCODINGS: &[&[u8]] = &[
    b"utf-8",
    b"utf8",
    b"utf-16",
    b"us-ascii",
    b"ascii",
    b"iso-8859-",
    b"iso-2022-",
    b"windows-",
    b"euc-",
    b"shift_jis",
    b"gb",
    b"big5",
    b"ks_c",
    b"koi8-",
    b"cp125",
];

/// Whether an XML declaration names one of [`ENCODINGS`], or none.
fn has_common_encoding(declaration: &[u8]) -> bool {
    let Some(after) = cut_at(declaration, b"encoding").1 else { return true };
    let name = after.split(|b| matches!(b, b'"' | b'\'')).nth(1).unwrap_or_default();
    let is = |common: &&[u8]| name.get(..common.len()).is_some_and(|start| start.eq_ignore_ascii_case(common));
    ENCODINGS.iter().any(is)
}

/// Whether elements below this attribute are run by a browser: those of XHTML and SVG.
fn is_browser_namespace(name: &[u8], value: &[u8]) -> bool {
    name.starts_with(b"xmlns") && (value.ends_with(b"1999/xhtml") || value.ends_with(b"2000/svg"))
}

/// A declaration with its internal subset, the rest, and whether it was closed.
fn split_declaration(markup: &[u8]) -> (&[u8], &[u8], bool) {
    let mut quote = None;
    let mut subset = false;
    let mut rest = markup;
    let closed = loop {
        rest = match (rest, quote) {
            ([], _) => break false,
            ([b'<', b'!', b'-', b'-', tail @ ..], None) => cut_at(tail, b"-->").1.unwrap_or_default(),
            ([b'[', tail @ ..], None) => {
                subset = true;
                tail
            }
            ([b']', tail @ ..], None) => {
                subset = false;
                tail
            }
            ([b'>', tail @ ..], None) if !subset => {
                rest = tail;
                break true;
            }
            ([mark @ (b'"' | b'\''), tail @ ..], None) => {
                quote = Some(*mark);
                tail
            }
            ([mark, tail @ ..], Some(open)) if *mark == open => {
                quote = None;
                tail
            }
            ([_, tail @ ..], _) => tail,
        };
    };
    let length = markup.len().saturating_sub(rest.len());
    (markup.get(..length).unwrap_or(markup), rest, closed)
}

/// Text that is gathered piece by piece, borrowed as long as there is only one.
#[derive(Default)]
struct Text<'t> {
    first: &'t [u8],
    joined: Vec<u8>,
}

impl<'t> Text<'t> {
    fn push(&mut self, piece: &'t [u8]) {
        if piece.is_empty() {
            return;
        }
        if self.first.is_empty() {
            self.first = piece;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(self.first);
        }
        self.joined.extend_from_slice(piece);
    }

    fn as_bytes(&self) -> &[u8] {
        if self.joined.is_empty() { self.first } else { &self.joined }
    }
}
