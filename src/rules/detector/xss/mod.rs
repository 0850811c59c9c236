//! Cross-site scripting, found by reading a value as a browser would in each place where a page may have pasted it.
//!
//! Nobody knows whether that is text, an attribute between quotes or without, a string of a script or a link, so the
//! markup is tokenised once for each place that the value's own signs can break out of, and script is looked for at
//! every sign that runs something. Nothing is ever skipped, so text before or after the script cannot hide it, and work
//! is linear in the value.

mod access;
mod call;
mod css;
mod encoding;
mod html;
mod lexeme;
mod place;
mod script;
mod tables;
mod url;

pub use tables::NEEDS;

use crate::rules::Span;
use crate::rules::effort::Effort;
use html::Context;
use tables::Signs;

/// Whether `value`, decoded by the caller to a fixed point, makes a browser run script if a page repeats it.
///
/// Returns the range of bytes that shows it; nothing if `effort` is spent first. Takes time linear in the value and allocates
/// nothing.
pub fn detect(value: &[u8], effort: &mut Effort) -> Option<Span> {
    let signs = Signs::of(value);
    if signs.any(Signs::LESS)
        && let Some(span) = html::scan(value, Context::Text, effort)
    {
        return Some(span);
    }
    if signs.any(Signs::EQUALS | Signs::LESS) {
        for (sign, quote) in [(Signs::DOUBLE, b'"'), (Signs::SINGLE, b'\''), (Signs::BACK, b'`')] {
            if signs.any(sign)
                && let Some(span) = html::scan(value, Context::Quoted(quote), effort)
            {
                return Some(span);
            }
        }
        if signs.any(Signs::EQUALS)
            && let Some(span) = html::scan(value, Context::Bare, effort)
        {
            return Some(span);
        }
    }
    script::scan(value, effort)
}
