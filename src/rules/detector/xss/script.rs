//! Script without a tag around it, or in a string that ends before its time.

use super::access::{assignment, dom, jsfuck, member};
use super::call::call;
use super::lexeme::{is_blank, is_name, skip_start, split_end, split_start, starts_with, trim_end};
use super::place::{Place, Quotes};
use super::tables::{TEMPLATE_NAMES, is_sign};
use super::{encoding, url};
use crate::rules::Span;
use crate::rules::effort::Effort;

/// What a value ends with, if that takes up again what its quote broke off.
struct Ending {
    /// `//` or `/*`
    comment: bool,
    /// An operator and this quote.
    quote: Option<u8>,
    /// Where its last call stands.
    call: usize,
}

impl Ending {
    fn of(value: &[u8]) -> Option<Self> {
        let rest = trim_end(value);
        let comment = rest.ends_with(b"//") || rest.ends_with(b"/*");
        let quote = match rest {
            [.., operator, quote @ (b'\'' | b'"' | b'`')] if is_operator(*operator) || *operator == b'{' => {
                Some(*quote)
            }
            _ => None,
        };
        let call = value.iter().rposition(|b| matches!(b, b'(' | b'`'))?;
        (comment || quote.is_some()).then_some(Self { comment, quote, call })
    }

    /// Whether the quote at `at`, with `tail` behind it, begins what ends so.
    fn answers(&self, at: usize, quote: u8, tail: &[u8]) -> bool {
        if !tail.first().is_some_and(|b| b";-+*/%&|^?)}]".contains(b)) {
            return false;
        }
        let closed = split_start(tail, |b| is_blank(b) || matches!(b, b')' | b']' | b'}')).1;
        let statement = closed.first() == Some(&b';');
        let operation = closed.first().is_some_and(|b| is_operator(*b)) && self.quote == Some(quote);
        // That breaks out of SQL.
        let is_query = starts_with(split_start(tail, |b| is_blank(b) || is_operator(b) || b == b'(').1, b"select");
        self.call > at && !is_query && ((self.comment && statement) || operation)
    }
}

fn is_operator(byte: u8) -> bool {
    matches!(byte, b';' | b'-' | b'+' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'?')
}

/// The first sign in `value` that runs script where no tag is needed.
pub fn scan(value: &[u8], effort: &mut Effort) -> Option<Span> {
    let mut odd = Quotes::default();
    let mut is_template = false;
    let mut ending = None;
    for (at, mark) in value.iter().enumerate() {
        if !is_sign(*mark) {
            continue;
        }
        effort.spend(UNITS_OF_SIGN);
        if effort.is_spent() {
            return None;
        }
        let (head, rest) = value.split_at_checked(at)?;
        let place = Place { head, mark: *mark, tail: rest.split_first()?.1 };
        let found = match mark {
            b'=' => assignment(place),
            b':' => url::scheme(place),
            b'(' => call(place, odd),
            b'[' => member(place).or_else(|| jsfuck(place)),
            b'.' => dom(place),
            b'\'' | b'"' => {
                odd.toggle(*mark);
                let breaks = odd.of(*mark)
                    && ending
                        .get_or_insert_with(|| Ending::of(value))
                        .as_ref()
                        .is_some_and(|e| e.answers(at, *mark, place.tail));
                breaks.then(|| place.span(at, 24))
            }
            b'`' => {
                let template = call(place, odd);
                odd.toggle(*mark);
                template
            }
            b'{' => {
                is_template |= place.tail.first() == Some(&b'{');
                entity(place)
            }
            b'}' => {
                is_template &= place.tail.first() != Some(&b'}');
                None
            }
            b'-' => encoding::utf7(place),
            _ => encoding::us_ascii(place),
        };
        if found.is_some() {
            return found;
        }
        if is_template && matches!(mark, b'.' | b'[' | b'(' | b'`' | b'=' | b'\'') && leaves_template(head) {
            return Some(place.span(at, 24));
        }
    }
    None
}

/// What a sign costs that is looked at.
const UNITS_OF_SIGN: u64 = 350;

/// Whether the word at the end of `head` leads out of the expression language of a browser's template.
fn leaves_template(head: &[u8]) -> bool {
    let word = split_end(trim_end(head), is_name).1;
    TEMPLATE_NAMES.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(word))
}

/// `&{f()}`, script in an attribute of the oldest browsers.
fn entity(place: Place<'_>) -> Option<Span> {
    let inside = skip_start(place.tail);
    let calls = inside.starts_with(b"(") || split_start(inside, is_name).1.starts_with(b"(");
    (place.head.ends_with(b"&") && calls).then(|| place.span(place.head.len(), 16))
}
