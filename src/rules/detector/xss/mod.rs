//! Cross-site scripting, found by reading a value as a browser would in each place where a page may have pasted it.
//!
//! Nobody knows whether that is text, an attribute between quotes or without, a string of a script or a link, so the
//! markup is tokenised once for each place that the value's own signs can break out of, and script is looked for at
//! every sign that runs something. Nothing is ever skipped, so text before or after the script cannot hide it, and work
//! is linear in the value.

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
use html::Context;
use tables::Signs;

/// Whether `value`, decoded by the caller to a fixed point, makes a browser run script if a page repeats it.
///
/// Returns the range of bytes that shows it. Takes time linear in the value and allocates nothing.
#[must_use]
pub fn detect(value: &[u8]) -> Option<Span> {
    let signs = Signs::of(value);
    if signs.any(Signs::LESS)
        && let Some(span) = html::scan(value, Context::Text)
    {
        return Some(span);
    }
    if signs.any(Signs::EQUALS | Signs::LESS) {
        for (sign, quote) in [(Signs::DOUBLE, b'"'), (Signs::SINGLE, b'\''), (Signs::BACK, b'`')] {
            if signs.any(sign)
                && let Some(span) = html::scan(value, Context::Quoted(quote))
            {
                return Some(span);
            }
        }
        if signs.any(Signs::EQUALS)
            && let Some(span) = html::scan(value, Context::Bare)
        {
            return Some(span);
        }
    }
    script::scan(value)
}
