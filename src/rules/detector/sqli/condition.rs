//! Conditions: what stands to the left of `or`, and how much what stands to its right says.

use super::statement::is_query;
use super::token::Kind;
use super::window::Window;

/// A condition counts when the place it stands in and what it says add up to this.
pub(super) const ENOUGH: u8 = 4;

/// What one side of a comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    Nothing,
    Word,
    /// A call of a function that SQL does not define.
    Call,
    Number,
    /// A literal in quotes.
    Text,
    /// A quote that nothing closes: the application's own quote will.
    OpenText,
    Variable,
    Function,
    Danger,
    Query,
}

impl Operand {
    fn is_literal(self) -> bool {
        matches!(self, Self::Number | Self::Text | Self::OpenText)
    }
}

/// How surely the tokens before `at` leave a literal or an expression of the application's, 1 to 3.
pub(super) fn left(window: &mut Window<'_>, at: usize) -> u8 {
    let mut before = at.saturating_sub(1);
    let mut closed = window.kind(before) == Kind::Close;
    if closed {
        before = before.saturating_sub(1);
        // What the value itself opened is no way out.
        closed = before == 0 || window.kind(before.saturating_sub(1)) != Kind::Open;
    }
    let token = window.at(before);
    match token.kind {
        Kind::Start if closed => 3,
        Kind::Start => 2,
        Kind::Quote if token.opens => 1,
        // `d'or`, code in a comment, the price class `$$`.
        Kind::Quote if token.odd && (token.inside_word || token.quote >= 2) && !closed => 2,
        Kind::Quote if token.odd => 3,
        Kind::Number | Kind::Null if leads(window, before) => {
            if closed {
                3
            } else {
                2
            }
        }
        _ => 1,
    }
}

/// Whether token `at` is what the value begins with, but for a sign.
fn leads(window: &mut Window<'_>, at: usize) -> bool {
    at == 1 || at == 2 && matches!(window.kind(1), Kind::Arithmetic | Kind::Dot | Kind::Unary | Kind::Open | Kind::Tail)
}

/// Whether the condition that `at`, an `or` or its like, brings in is an injection; if so, its last token.
pub(super) fn condition(window: &mut Window<'_>, at: usize) -> Option<usize> {
    let (strength, last) = strength(window, at.saturating_add(1));
    // The word itself in quotes.
    let is_word = !matches!(window.kind(at), Kind::Concat | Kind::AndAnd) && window.at(at).glued;
    if is_word && at == 2 && window.at(3).glued && window.kind(3) == Kind::Quote && window.kind(4) == Kind::End {
        return None;
    }
    // `or 2 = 3 if you look again`: what begins a value and goes on in prose.
    if at == 1
        && matches!(window.kind(last), Kind::Word | Kind::If | Kind::When | Kind::As)
        && window.kind(last.saturating_add(1)) == Kind::Word
    {
        return None;
    }
    let is_query_string = window.kind(at) == Kind::AndAnd && strength == 2 && window.at(at).glued;
    (strength > 0 && !is_query_string && left(window, at).saturating_add(strength) >= ENOUGH).then_some(last)
}

/// How surely the tokens from `at` are a condition of SQL, 0 to 3, and the last token of it.
pub(super) fn strength(window: &mut Window<'_>, at: usize) -> (u8, usize) {
    let (mut a, mut next) = operand(window, at);
    let mut computed = false;
    for _ in 0..4 {
        let joins = match window.kind(next) {
            Kind::Arithmetic | Kind::Concat | Kind::ArithWord => true,
            Kind::JsonOperator => matches!(a, Operand::Text),
            _ => false,
        };
        let (b, after) = if joins { operand(window, next.saturating_add(1)) } else { (Operand::Nothing, next) };
        if b == Operand::Nothing {
            break;
        }
        if window.kind(next) == Kind::JsonOperator {
            return (3, after);
        }
        computed = true;
        next = after;
        if matches!(b, Operand::Function | Operand::Danger | Operand::Query | Operand::Variable) {
            a = b;
        }
    }
    next = past_cast(window, next);
    if a == Operand::Nothing {
        return (0, at);
    }
    match comparison(window, next) {
        Some((b, last)) => {
            let loosely = computed || is_order(window, next);
            (compared(window, a, b, last, loosely), last)
        }
        None => (alone(window, a, next), next),
    }
}

/// The right side of the comparison at `at`, if there is one, and the token after it.
fn comparison(window: &mut Window<'_>, at: usize) -> Option<(Operand, usize)> {
    let at = if window.kind(at) == Kind::Close { at.saturating_add(1) } else { at };
    let sign = if window.kind(at) == Kind::Not { at.saturating_add(1) } else { at };
    let right = sign.saturating_add(1);
    match window.kind(sign) {
        Kind::Compare => Some(operand(window, right)),
        Kind::Like => match operand(window, right) {
            (Operand::Word | Operand::Nothing | Operand::Call, _) => None,
            found => Some(found),
        },
        Kind::In if window.kind(right) == Kind::Open => Some((Operand::Number, right)),
        Kind::Between => Some(operand(window, right)).filter(|(operand, _)| *operand != Operand::Nothing),
        Kind::Is => {
            let right = if window.kind(right) == Kind::Not { right.saturating_add(1) } else { right };
            (window.kind(right) == Kind::Null).then_some((Operand::Number, right))
        }
        _ => None,
    }
}

/// Whether `<` or `>` stands at `at`: mathematicians compare two numbers so, but not for equality.
fn is_order(window: &mut Window<'_>, at: usize) -> bool {
    matches!(window.text(at), b"<" | b">" | b"<=" | b">=")
}

/// What a comparison says; `loosely`, if prose compares two literals like that.
fn compared(window: &mut Window<'_>, a: Operand, b: Operand, last: usize, loosely: bool) -> u8 {
    use Operand::{Danger, Function, Nothing, Query, Variable};
    match (a, b) {
        (Query | Danger, _) | (_, Query | Danger) => 3,
        (_, Nothing) if window.kind(last) == Kind::End && a.is_literal() => 2,
        (Function | Variable, Nothing) => 2,
        (_, Nothing) => 0,
        (Function | Variable, _) | (_, Function | Variable) => 3,
        _ if a.is_literal() && b.is_literal() => {
            if loosely {
                2
            } else {
                3
            }
        }
        _ if a.is_literal() || b.is_literal() => 2,
        _ if ends_in_comment(window, last)
            || window.kind(last) == Kind::End && window.at(last.saturating_sub(1)).glued =>
        {
            2
        }
        _ => 1,
    }
}

/// What an operand that nothing is compared with says, when `next` follows it.
fn alone(window: &mut Window<'_>, a: Operand, next: usize) -> u8 {
    match a {
        Operand::Query | Operand::Danger | Operand::Variable => 3,
        Operand::Function => 2,
        Operand::Call => 1,
        Operand::Word => u8::from(ends_in_comment(window, next)),
        _ if ends_in_comment(window, next) => 2,
        _ if window.kind(next) == Kind::End && window.text(next.saturating_sub(1)).eq_ignore_ascii_case(b"true") => 2,
        Operand::OpenText => 1,
        _ => {
            let next = if window.kind(next) == Kind::Close { next.saturating_add(1) } else { next };
            u8::from(match window.kind(next) {
                Kind::End | Kind::Semicolon | Kind::Or | Kind::And | Kind::Xor | Kind::Concat | Kind::AndAnd => true,
                Kind::Union | Kind::Order | Kind::Limit | Kind::Having | Kind::Group => true,
                Kind::Quote | Kind::Arithmetic => a == Operand::Text,
                _ => false,
            })
        }
    }
}

/// Whether a comment that cuts off the rest of the application's statement is all that follows at `at`.
pub(super) fn ends_in_comment(window: &mut Window<'_>, at: usize) -> bool {
    let mut at = at;
    for _ in 0..3 {
        if matches!(window.kind(at), Kind::Close | Kind::Semicolon) {
            at = at.saturating_add(1);
        }
    }
    if window.kind(at) != Kind::Tail {
        return false;
    }
    let mut rest = at.saturating_add(1);
    for _ in 0..2 {
        // Tools put a sign or one random word after the mark, so that no proxy trims it.
        if matches!(window.kind(rest), Kind::Arithmetic | Kind::Word | Kind::Number | Kind::Tail) {
            rest = rest.saturating_add(1);
        }
    }
    window.kind(rest) == Kind::End
}

/// The token after a `::type`, if one stands at `at`.
fn past_cast(window: &mut Window<'_>, at: usize) -> usize {
    if window.kind(at) == Kind::Cast { at.saturating_add(2) } else { at }
}

/// The operand at `at` and the token after it.
fn operand(window: &mut Window<'_>, at: usize) -> (Operand, usize) {
    let mut at = at;
    let mut opened = false;
    for _ in 0..8 {
        match window.kind(at) {
            Kind::Open => opened = true,
            Kind::Unary | Kind::Not | Kind::All => opened = false,
            Kind::Type if matches!(window.kind(at.saturating_add(1)), Kind::Number | Kind::Quote | Kind::Null) => {
                opened = false
            }
            // `{f 1}` is `1` to MySQL.
            Kind::Brace => at = at.saturating_add(1),
            Kind::Arithmetic if matches!(window.text(at), b"-" | b"+" | b"&") => opened = false,
            _ => break,
        }
        at = at.saturating_add(1);
    }
    let next = at.saturating_add(1);
    let calls = window.kind(next) == Kind::Open;
    let glued = window.at(next).glued;
    match window.kind(at) {
        Kind::Number if glued && window.kind(next) == Kind::Word => (Operand::Word, next.saturating_add(1)),
        Kind::Number | Kind::Null => (Operand::Number, next),
        Kind::Quote => text(window, at),
        // `n'x'`, `_utf8'x'`, `q'[x]'`.
        Kind::Word if glued && window.kind(next) == Kind::Quote && is_introducer(window.text(at)) => text(window, next),
        Kind::Variable if window.text(at).starts_with(b"@@") => (Operand::Variable, next),
        Kind::Select if opened && is_query(window, at) => (Operand::Query, next),
        Kind::Case if window.kind(next) == Kind::When => (Operand::Query, next),
        Kind::Exists if calls && window.kind(next.saturating_add(1)) == Kind::Select => (Operand::Query, next),
        Kind::Danger if calls => (Operand::Danger, after_call(window, next)),
        Kind::Schema if calls_member(window, at) => (Operand::Danger, after_call(window, next)),
        Kind::Function
        | Kind::Chars
        | Kind::If
        | Kind::Replace
        | Kind::Insert
        | Kind::Object
        | Kind::Like
        | Kind::Type
            if calls && glued =>
        {
            (Operand::Function, after_call(window, next))
        }
        Kind::Word
        | Kind::Variable
        | Kind::Object
        | Kind::Type
        | Kind::Function
        | Kind::Danger
        | Kind::Schema
        | Kind::Values
        | Kind::Chars => name(window, next),
        _ => (Operand::Nothing, at),
    }
}

/// Whether the name at `at` is a package one of whose functions is called: `utl_http.request(`.
pub(super) fn calls_member(window: &mut Window<'_>, at: usize) -> bool {
    let dot = at.saturating_add(1);
    window.kind(dot) == Kind::Dot && [2, 4].iter().any(|member| window.kind(dot.saturating_add(*member)) == Kind::Open)
}

/// Whether `name` before a quote says what kind of literal follows.
fn is_introducer(name: &[u8]) -> bool {
    name.len() == 1 || name.starts_with(b"_")
}

/// A name whose first part ends before `next`.
fn name(window: &mut Window<'_>, next: usize) -> (Operand, usize) {
    let mut next = next;
    for _ in 0..4 {
        if window.kind(next) == Kind::Dot && window.at(next).glued {
            next = next.saturating_add(2);
        }
    }
    if window.kind(next) == Kind::Open && window.at(next).glued {
        return (Operand::Call, after_call(window, next));
    }
    (Operand::Word, next)
}

/// The literal that the quote at `at` opens.
fn text(window: &mut Window<'_>, at: usize) -> (Operand, usize) {
    let quote = window.at(at).quote;
    let mut next = at.saturating_add(1);
    for _ in 0..LONGEST_TEXT {
        match window.kind(next) {
            Kind::End => return (Operand::OpenText, next),
            Kind::Quote if window.at(next).quote == quote => return (Operand::Text, next.saturating_add(1)),
            _ => next = next.saturating_add(1),
        }
    }
    (Operand::Text, next)
}

/// How many tokens a literal or a call's arguments may have for the judge to see past it.
const LONGEST_TEXT: usize = 16;

/// The token after the call whose arguments begin at `at`: a comparison if there is one, else what ends the search.
fn after_call(window: &mut Window<'_>, at: usize) -> usize {
    let mut next = at.saturating_add(1);
    for _ in 0..LONGEST_TEXT {
        let after = next.saturating_add(1);
        match (window.kind(next), window.kind(after)) {
            (Kind::Close, Kind::Compare | Kind::Like | Kind::In | Kind::Is | Kind::Between | Kind::Not | Kind::End) => {
                return after;
            }
            (Kind::End, _) => return next,
            _ => next = after,
        }
    }
    next
}
