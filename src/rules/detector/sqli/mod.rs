//! SQL injection, found by cutting a value into tokens and judging what a piece of SQL among them could do.
//!
//! Nobody knows whether the application puts the value bare or between quotes, so the tokeniser does not decide what
//! is a literal: a quote is a token like any other, and the judge looks at each word or sign that can carry an
//! injection on (`or`, `union`, `select`, `;`, a comment...) with the few tokens around it. Nothing is ever skipped,
//! so text before or after the injection cannot hide it, and work is linear in the value.

mod condition;
mod judge;
mod keyword;
mod lexer;
mod statement;
mod token;
mod window;

use crate::decode::Traits;
use crate::rules::Span;
use crate::rules::effort::Effort;
use crate::rules::need::{Literal, Need};
use lexer::Reading;
use window::Window;

/// What every value that [`detect`] finds something in meets, one of these at least.
#[must_use]
pub fn needs() -> Vec<Need> {
    let texts = |texts: &[&str]| Need::texts(texts.iter().copied().collect());
    let signs = Traits::of_bytes;
    let words = || keyword::words().filter(|(_, kind)| judge::may_be_heart(*kind)).map(|(word, _)| word);
    vec![
        // A quote may close the application's own literal; the others hide words from this list, or none is needed.
        Need { signs: signs(b"'\"`"), ..texts(SIGNS) },
        texts(WORDS),
        // The other words say something only beside an operator or a call.
        Need { with: [signs(b"=<>();#@|-$"), Traits::ALL], ..Need::texts(words().map(as_word).collect()) },
        // A comment after a parenthesis or a semicolon.
        Need { signs: signs(b"#"), with: [signs(b");"), Traits::ALL], ..texts(&["--"]) },
    ]
}

/// `word` where it stands alone.
fn as_word(word: &'static str) -> Literal<'static> {
    // Some keywords are the beginning of a name.
    Literal { text: word, left: true, right: !word.ends_with(['_', '$']) && word != "information_schem" }
}

/// Signs that carry an injection on by themselves, and those that part a word in two.
const SIGNS: &[&str] = &[
    "$$", "\u{2018}", "\u{2019}", "\u{2032}", "\u{2b9}", "\u{2bc}", "/*", "||", "&&", "@@", "::", "0x", "0.e", "1.e",
    "2.e", "3.e", "4.e", "5.e", "6.e", "7.e", "8.e", "9.e",
];

/// Words that make an injection without any sign.
const WORDS: &[&str] = &[
    "select",
    "union",
    "values",
    "order",
    "group",
    "having",
    "into",
    "case",
    "exec",
    "drop",
    "truncate",
    "alter",
    "create",
    "delete",
    "load",
    "shutdown",
    "like",
    "regexp",
    "glob",
    "sounds",
    "similar",
    "between",
    "null",
    "true",
    "false",
    "unknown",
    "information_schem",
    "sqlite_master",
    "pg_",
    "xp_",
    "sysobjects",
];

/// Whether `value`, decoded by the caller to a fixed point, breaks out of or continues an SQL statement.
///
/// Returns the range of bytes that shows it; nothing if `effort` is spent first. Takes time linear in the value and allocates
/// nothing.
pub fn detect(value: &[u8], effort: &mut Effort) -> Option<Span> {
    if is_quote_probe(value) {
        return Some(Span { start: 0, end: value.len() });
    }
    let mut reading = Reading::default();
    let skipped_quote = match scan(value, reading, effort) {
        Ok(span) => return Some(span),
        Err(skipped_quote) => skipped_quote,
    };
    if skipped_quote {
        reading.comments_are_text = true;
        if let Ok(span) = scan(value, reading, effort) {
            return Some(span);
        }
    }
    if value.contains(&b'+') && !value.contains(&b' ') {
        return scan(value, Reading { plus_is_space: true, comments_are_text: false }, effort).ok();
    }
    None
}

/// `d'z"0`, `d'z'0`, `a'b"c'd"`: few letters and quotes among them, with which a scanner provokes an error message. Neither
/// a name (`rock'n'roll`) nor a height (`5'11"`).
fn is_quote_probe(value: &[u8]) -> bool {
    const LONGEST: usize = 16;
    if value.len() > LONGEST {
        return false;
    }
    let is_quote = |byte: &u8| matches!(byte, b'\'' | b'"');
    let mut parts = value.split(is_quote);
    let (Some(first), Some(second), Some(third)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let is_mixed = value.contains(&b'\'') && value.contains(&b'"');
    let goes_on = parts.clone().next().is_some();
    let is_plain = |part: &[u8]| part.iter().all(u8::is_ascii_alphanumeric);
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let is_short_word = second.len() <= 3 && second.iter().all(u8::is_ascii_alphabetic);
    !first.is_empty()
        && [first, second, third].into_iter().chain(parts).all(is_plain)
        && is_short_word
        && (is_mixed || !second.is_empty() && is_number(third) && !goes_on)
}

/// The first token in `reading` that the judge convicts, or whether a comment with a quote in it was skipped.
fn scan(value: &[u8], reading: Reading, effort: &mut Effort) -> Result<Span, bool> {
    let mut window = Window::new(value, reading);
    let most = effort.left() / UNITS_OF_LOOK;
    let mut at = 1;
    let outcome = loop {
        if let Some((first, last)) = judge::judge(&mut window, at) {
            let (start, end) = (window.at(first).start, window.at(last).end);
            // Either may be so far from what was looked at last that it is not kept; then it is all of the value.
            break Ok(if start < end { Span { start, end } } else { Span { start: 0, end: value.len() } });
        }
        if window.kind(at) == token::Kind::End || window.looks() > most {
            break Err(window.skipped_quote());
        }
        window.advance();
        at = at.saturating_add(1);
    };
    effort.spend_on(value.len(), UNITS_OF_BYTE);
    effort.spend(window.looks().saturating_mul(UNITS_OF_LOOK));
    outcome
}

/// What a byte costs that is cut into tokens, and a look at a token.
const UNITS_OF_BYTE: u64 = 16;
const UNITS_OF_LOOK: u64 = 38;
