//! A request becomes named values: parsed where it has a form, visited as plain text where it has none.
//!
//! What a body is, is decided by what it looks like as well as by what its content type says, and where the two
//! differ it is read both ways: a lying or missing content type hides nothing. Whatever a parser does not understand
//! is visited as text. All of it is linear in the input; a body's visited bytes are at most four times the body's
//! (eight times for UTF-16, which grows when it is transcoded, and for UTF-7, which is read both ways).
//!
//! Left out on purpose: the content of multipart files that is binary, or text past [`MAX_FILE_TEXT`]; numbers and
//! literals of JSON; names of XML elements, XML attributes and part headers that are nothing but letters, digits, `-`,
//! `_` and `.`; multipart boundaries; and of binary bodies what is no run of printable text (see [`MIN_RUN`] and
//! [`MAX_RUNS`]).

mod disposition;
mod graphql;
mod json;
mod multipart;
mod pairs;
mod sniff;
mod transfer;
mod utf7;
mod wide;
mod xml;

use crate::decode::{take_while, until};
use crate::http::{Request, split_target};
use sniff::{Declared, Kind};

pub use multipart::MAX_FILE_TEXT;
pub use sniff::{MAX_RUNS, MIN_RUN};

/// How many parameters, cookies or parts are cut apart; what follows is one value.
pub const MAX_VALUES: usize = 1_000;

/// How many values and names of one JSON or XML document are visited apart; what follows is one value.
pub const MAX_NODES: usize = 20_000;

/// How deep JSON may nest; what is deeper is one value.
pub const MAX_DEPTH: usize = 64;

/// How many bytes of a dotted path or of an XML attribute's full name are kept as a value's name.
pub const MAX_NAME: usize = 256;

macro_rules! targets {
    ($($variant:ident $name:literal $doc:literal)*) => {
        /// Where a value stands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Target { $(#[doc = $doc] $variant,)* }

        impl Target {
            /// Every target.
            pub const ALL: &'static [Target] = &[$(Target::$variant,)*];

            /// The name as it stands in rules and exclusions.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Target::$variant => $name,)* }
            }
        }
    };
}

targets! {
    Path "path" "The path, raw; it has no name."
    Query "query" "A parameter of the query."
    Header "header" "A header; its name is the header's, `:authority` is `host`."
    Cookie "cookie" "A cookie."
    Form "form" "A field of a form, URL-encoded or multipart."
    Json "json" "A string or key of a JSON document; its name is the dotted path of keys."
    Xml "xml" "Text or an attribute of an XML document; its name is `element`, `element@attribute` or `!DOCTYPE`."
    Body "body" "Text of a body, or the rest of one, that is nothing of the above; it has no name."
}

impl Target {
    /// The target that is written so, or nothing.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|target| target.as_str() == name)
    }
}

/// One value of a request, or the name of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// Where it stands.
    pub target: Target,
    /// The name it has there; empty if it has none.
    pub name: &'a [u8],
    /// The value, never empty. Of a name: the name itself, of a JSON key the key alone.
    pub bytes: &'a [u8],
    /// Whether `bytes` is a name rather than a value.
    pub is_name: bool,
}

/// What is called for each value.
type Visit<'v> = dyn FnMut(&Value<'_>) + 'v;

fn emit(target: Target, name: &[u8], bytes: &[u8], visit: &mut Visit<'_>) {
    if !bytes.is_empty() {
        visit(&Value { target, name, bytes, is_name: false });
    }
}

fn emit_name(target: Target, name: &[u8], bytes: &[u8], visit: &mut Visit<'_>) {
    if !bytes.is_empty() {
        visit(&Value { target, name, bytes, is_name: true });
    }
}

/// A value that may be a JSON document in itself: then its strings and keys are visited in its place, and the value
/// as a whole only if it was no such document after all.
fn emit_nested(target: Target, name: &[u8], bytes: &[u8], visit: &mut Visit<'_>) {
    if !(json::is_likely(bytes) && json::parse(bytes, &json::Place::nested(target, name), true, visit).clean) {
        emit(target, name, bytes, visit);
        graphql::arguments(target, name, bytes, visit);
    }
}

/// A part of the head, in the form in which clients send it again and again.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A value by itself.
    Value(Value<'a>),
    /// The whole query, or the only `Cookie` header: text that is cut into names and values.
    Pairs(Target, &'a [u8]),
}

impl Part<'_> {
    /// The values in it; they depend on nothing else.
    pub fn values(&self, visit: &mut dyn FnMut(&Value<'_>)) {
        match self {
            Self::Value(value) if value.bytes.is_empty() => {}
            Self::Value(value) => visit(value),
            Self::Pairs(Target::Cookie, text) => pairs::cookies(&[text], visit),
            Self::Pairs(target, text) => pairs::split(text, *target, visit),
        }
    }
}

/// Values of the head: the path; names and values of the query and of cookies (those of repeated cookie headers
/// together, HTTP/2 splits them); every value of every header but `cookie` and the pseudo-headers, of which
/// `:authority` counts as `host`.
pub fn head(request: &Request<'_>, visit: &mut dyn FnMut(&Value<'_>)) {
    parts(request, &mut |part| part.values(visit));
}

/// The same, part by part.
pub fn parts(request: &Request<'_>, visit: &mut dyn FnMut(&Part<'_>)) {
    let (path, query) = split_target(request.target());
    let value = |target, name, bytes| Part::Value(Value { target, name, bytes, is_name: false });
    visit(&value(Target::Path, b"", path));
    visit(&Part::Pairs(Target::Query, query));
    for (name, bytes) in request.headers {
        match *name {
            b"cookie" => {}
            b":authority" => visit(&value(Target::Header, b"host", bytes)),
            [b':', ..] => {}
            name => visit(&value(Target::Header, name, bytes)),
        }
    }
    let mut cookies = request.values("cookie");
    match (cookies.next(), cookies.next()) {
        (None, _) => {}
        (Some(only), None) => visit(&Part::Pairs(Target::Cookie, only)),
        // How many are cut apart is counted over all of them.
        _ => pairs::cookies(&request.values("cookie").collect::<Vec<_>>(), &mut |value| visit(&Part::Value(*value))),
    }
}

/// Values of a body. `content_type` is the header's raw value (several joined by `, `), empty if there is none.
/// `complete` is false if `body` is only the beginning of one, so that a broken end says nothing.
pub fn body(content_type: &[u8], body: &[u8], complete: bool, visit: &mut dyn FnMut(&Value<'_>)) {
    let declared = Declared::of(content_type);
    if declared.utf7
        && let Some(text) = utf7::decode(body)
    {
        narrow_body(content_type, declared, &text, complete, visit);
    }
    let Some(narrow) = wide::narrow(body) else {
        return narrow_body(content_type, declared, body, complete, visit);
    };
    narrow_body(content_type, declared, &narrow.text, complete, visit);
    if narrow.mixed && declared.form {
        pairs::split_again(body, true, visit);
    } else if narrow.mixed {
        emit(Target::Body, b"", &sniff::runs(body), visit);
    }
}

fn narrow_body(content_type: &[u8], declared: Declared, body: &[u8], complete: bool, visit: &mut Visit<'_>) {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if declared.graphql && !declared.json {
        // As if it had come as JSON.
        graphql::strings(Target::Json, b"query", text, visit);
    }
    let json = json::Place::document(Target::Json, b"");
    // A reader of forms finds its parameters in any text, so a declared form is read as one whatever else it is. What
    // stands before the first `&` is no parameter of anybody's if another parser understood it.
    let mut understood = true;
    match sniff::kind(text) {
        _ if declared.multipart && multipart::parse_declared(content_type, text, complete, !declared.form, visit) => {}
        Kind::Multipart if multipart::parse_guessed(text, complete, visit) => {}
        Kind::Json => {
            let outcome = json::parse(text, &json, complete, visit);
            understood = outcome.rest.is_empty();
            if declared.json || declared.form {
                all_text(outcome.rest, usize::MAX, visit);
            } else if !outcome.clean {
                all_text(text, MAX_RUNS, visit);
            }
        }
        Kind::Xml => {
            if !xml::parse(text, declared.xml, complete, visit) {
                all_text(text, if declared.xml { usize::MAX } else { MAX_RUNS }, visit);
            }
        }
        _ if declared.form => return pairs::split(text, Target::Form, visit),
        Kind::Form { strict } => {
            pairs::split(text, Target::Form, visit);
            if !strict {
                all_text(text, usize::MAX, visit);
            }
        }
        Kind::Text | Kind::Binary | Kind::Multipart if declared.json => {
            all_text(json::parse(text, &json, complete, visit).rest, usize::MAX, visit);
        }
        Kind::Text | Kind::Binary | Kind::Multipart if declared.xml => all_text(text, usize::MAX, visit),
        Kind::Binary => all_text(text, MAX_RUNS, visit),
        Kind::Text | Kind::Multipart => {
            all_text(text, usize::MAX, visit);
            if sniff::has_pair(text) {
                pairs::split_again(text, false, visit);
            }
        }
    }
    if declared.form {
        pairs::split_again(text, !understood, visit);
    }
}

/// Visits text that no parser stands for: as it is, or, if it is binary, the printable runs of its first `limit` bytes.
fn all_text(text: &[u8], limit: usize, visit: &mut Visit<'_>) {
    if sniff::is_binary(text) {
        emit(Target::Body, b"", &sniff::runs(text.get(..limit).unwrap_or(text)), visit);
    } else if !text.trim_ascii().is_empty() {
        emit(Target::Body, b"", text, visit);
    }
}

/// What stands before the first `byte`, and what follows it if there is one.
fn cut(text: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    let (before, after) = until(text, byte, byte);
    (before, after.split_first().map(|(_, after)| after))
}

/// What stands before the first `mark`, and what follows it if there is one.
fn cut_at<'t>(text: &'t [u8], mark: &[u8]) -> (&'t [u8], Option<&'t [u8]>) {
    let first = mark.first().copied().unwrap_or_default();
    let mut rest = text;
    loop {
        rest = until(rest, first, first).1;
        if let Some(after) = rest.strip_prefix(mark) {
            return (text.get(..text.len().saturating_sub(rest.len())).unwrap_or(text), Some(after));
        }
        match rest.split_first() {
            Some((_, tail)) => rest = tail,
            None => return (text, None),
        }
    }
}
