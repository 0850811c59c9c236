//! What is fuzzed, and what must hold of it: a function for each target, which panics where something does not.
//!
//! tests/fuzz runs them under libFuzzer, tests/suite on the seeds and on the cases that were found. Both have `crate::fake` and
//! `crate::cases`.

mod client;
mod config;
mod decode;
mod extract;
mod inflate;
mod input;
mod pairs;
mod rules;
mod transaction;

/// Something that is fuzzed.
pub struct Target {
    /// As `TARGETS=` names it, and the folder of its cases.
    pub name: &'static str,
    /// Panics if what must hold does not.
    pub run: fn(&[u8]),
    /// Inputs to begin with, so that the fuzzer need not invent what we know.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:literal $run:path, $seeds:path;)*) => {
        /// Every target.
        pub const ALL: &[Target] = &[$(Target { name: $name, run: $run, seeds: $seeds },)*];
    };
}

targets! {
    "decode" decode::run, decode::seeds;
    "query" extract::query, extract::query_seeds;
    "form" extract::form, extract::query_seeds;
    "cookie" extract::cookie, extract::cookie_seeds;
    "json" extract::json, extract::json_seeds;
    "multipart" extract::multipart, extract::multipart_seeds;
    "xml" extract::xml, extract::xml_seeds;
    "body" extract::body, extract::body_seeds;
    "inflate" inflate::run, inflate::seeds;
    "pairs" pairs::run, pairs::seeds;
    "client" client::run, client::seeds;
    "detector" rules::detector, rules::detector_seeds;
    "scan" rules::scan, rules::scan_seeds;
    "pattern" rules::pattern, rules::pattern_seeds;
    "source" rules::source, rules::source_seeds;
    "config" config::run, config::seeds;
    "verdict" transaction::verdicts, transaction::seeds;
    "phases" transaction::phases, transaction::phases_seeds;
}

/// Texts that are worth inserting: signs and words of what is parsed, and a part of each rule's examples.
pub fn dictionary() -> Vec<Vec<u8>> {
    const SIGNS: &[&[u8]] = &[
        b"%27",
        b"%u0041",
        b"%252e",
        b"&lt;",
        b"&#x3c;",
        b"\\u003c",
        b"\\x3c",
        b"\xc0\xaf",
        b"\xef\xbc\x9c",
        b"/**/",
        b"/*!",
        b"-- ",
        b"$IFS",
        b"${",
        b"/../",
        b"PHNjcmlwdD4xMjM0",
        b"\r\n",
        b"\r\n\r\n",
        b"\r\n--b\r\n",
        b"\r\n--b--",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
        b"<!DOCTYPE a [",
        b"<?xml ",
        b"?>",
        b"</a>",
        b"xmlns:",
        b"{\"a\":",
        b"\":\"",
        b"\"},",
        b"[[",
        b"a=1&",
        b";b=",
        b"+ADw-",
        b"Content-Disposition: form-data; name=\"",
        b"; filename=\"",
        b"; filename*=UTF-8''",
        b"Content-Transfer-Encoding: ",
        b"quoted-printable",
        b"base64",
        b"application/json",
        b"text/xml",
        b"gzip",
        b"deflate",
        b"query",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xf5",
        b"\xf5\xf5",
    ];
    let mut texts: Vec<Vec<u8>> = SIGNS.iter().map(|sign| sign.to_vec()).collect();
    texts.extend(config::words());
    texts.extend(rules::examples().into_iter().map(|mut text| {
        text.truncate(40);
        text
    }));
    texts
}
