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

use crate::rules::Span;
use lexer::Reading;
use window::Window;

/// Every value that [`detect`] finds something in has at least one of these in it, letters in lower case.
#[rustfmt::skip]
pub const NEEDS: &[&str] = &[
    "'", "\"", "`", "$$", "\u{2018}", "\u{2019}", "\u{2032}", "\u{2b9}", "\u{2bc}",
    "=", "<", ">", "(", ")", ";", "#", "--", "/*", "@", "::", "|", ".e",
    "select", "union", "values", "order", "group", "having", "into", "case", "exec", "drop", "truncate", "alter",
    "create", "delete", "load", "shutdown", "like", "regexp", "glob", "sounds", "similar", "between", "null", "true",
    "false", "unknown", "information_schem", "sqlite_master", "pg_", "xp_", "sysobjects",
];

/// Whether `value`, decoded by the caller to a fixed point, breaks out of or continues an SQL statement.
///
/// Returns the range of bytes that shows it. Takes time linear in the value and allocates nothing.
#[must_use]
pub fn detect(value: &[u8]) -> Option<Span> {
    let mut reading = Reading::default();
    let skipped_quote = match scan(value, reading) {
        Ok(span) => return Some(span),
        Err(skipped_quote) => skipped_quote,
    };
    if skipped_quote {
        reading.comments_are_text = true;
        if let Ok(span) = scan(value, reading) {
            return Some(span);
        }
    }
    if value.contains(&b'+') && !value.contains(&b' ') {
        return scan(value, Reading { plus_is_space: true, comments_are_text: false }).ok();
    }
    None
}

/// The first token in `reading` that the judge convicts, or whether a comment with a quote in it was skipped.
fn scan(value: &[u8], reading: Reading) -> Result<Span, bool> {
    let mut window = Window::new(value, reading);
    let mut at = 1;
    loop {
        if let Some((first, last)) = judge::judge(&mut window, at) {
            return Ok(Span { start: window.at(first).start, end: window.at(last).end });
        }
        if window.kind(at) == token::Kind::End {
            return Err(window.skipped_quote());
        }
        window.advance();
        at = at.saturating_add(1);
    }
}
