//! The judge: for each word or sign that can carry an injection on, whether the tokens around it are one.

use super::condition::{calls_member, condition, ends_in_comment, left, strength};
use super::statement::{begins, is_query, is_statement};
use super::token::Kind;
use super::window::{AHEAD, Window};

/// The first and last token of the injection that token `at` is the heart of.
pub(super) fn judge(window: &mut Window<'_>, at: usize) -> Option<(usize, usize)> {
    match window.kind(at) {
        Kind::Number if !window.text(at).ends_with(b".") => None,
        kind if may_be_heart(kind) => heart(window, at, kind),
        _ => None,
    }
}

/// Whether a token of this kind can be the heart of an injection.
pub(super) fn may_be_heart(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Word
            | Kind::End
            | Kind::Dot
            | Kind::Comma
            | Kind::Other
            | Kind::Arithmetic
            | Kind::Open
            | Kind::Close
            | Kind::Compare
            | Kind::Unary
            | Kind::Brace
            | Kind::JsonOperator
            | Kind::From
            | Kind::All
            | Kind::By
            | Kind::Type
    )
}

/// The same, for a `kind` of token that can be the heart of one.
#[inline(never)]
fn heart(window: &mut Window<'_>, at: usize, kind: Kind) -> Option<(usize, usize)> {
    let before = at.saturating_sub(1);
    let next = at.saturating_add(1);
    let found = match kind {
        Kind::Or | Kind::And | Kind::Xor | Kind::Concat | Kind::AndAnd | Kind::Where | Kind::Having => {
            condition(window, at)
        }
        Kind::Like | Kind::ArithWord | Kind::In | Kind::Between | Kind::Is => continues(window, at),
        Kind::Union => union(window, at),
        Kind::Select => is_statement(window, at).then_some(next),
        Kind::Semicolon => stacked(window, at),
        Kind::Quote => quote(window, at),
        Kind::Tail => cut_off(window, at).then_some(at),
        Kind::Order | Kind::Group => sorted(window, at),
        Kind::Limit => (left(window, at) == 3 && window.kind(next) == Kind::Number).then_some(next),
        Kind::Danger if is_catalogue(window.text(at)) => schema(window, at).then_some(at),
        Kind::Danger => danger(window, at).then_some(next),
        Kind::Function | Kind::Object | Kind::Insert | Kind::Replace => fragment(window, at).then_some(next),
        Kind::If => conditional(window, at).then_some(next),
        Kind::Chars => (chars(window, at) || fragment(window, at)).then_some(next),
        Kind::Schema | Kind::Procedure => schema(window, at).then_some(at),
        Kind::As => renamed(window, at),
        Kind::Analyse => (window.kind(before) == Kind::Object && window.kind(next) == Kind::Open).then_some(next),
        Kind::Case => case(window, at),
        Kind::Cast => cast(window, at).then_some(next),
        Kind::Waitfor => (window.kind(next) == Kind::Delay
            && matches!(window.kind(at.saturating_add(2)), Kind::Quote | Kind::Variable))
        .then_some(next),
        Kind::Into => into(window, at).then_some(next),
        Kind::Variable => server_variable(window, at).then_some(at),
        Kind::Number => scientific(window, at).then_some(next),
        _ => None,
    };
    let found = found.or_else(|| begins(window, at).then_some(next));
    found.map(|last| (before, last))
}

/// `1' rlike (...)`, `) like (`, `' div 1`: an operator that continues what a quote or a parenthesis closed.
fn continues(window: &mut Window<'_>, at: usize) -> Option<usize> {
    let next = at.saturating_add(1);
    let opens = window.kind(next) == Kind::Open;
    let says = match window.kind(at) {
        Kind::Is => {
            let null = if window.kind(next) == Kind::Not { next.saturating_add(1) } else { next };
            window.kind(null) == Kind::Null && ends_in_comment(window, null.saturating_add(1))
        }
        Kind::In => opens || window.text(next).eq_ignore_ascii_case(b"boolean"),
        _ => opens || strength(window, next).0 > 0,
    };
    (left(window, at) == 3 && says).then_some(next)
}

/// `union [all] select` and what can follow it.
fn union(window: &mut Window<'_>, at: usize) -> Option<usize> {
    let mut next = at.saturating_add(1);
    for _ in 0..4 {
        if matches!(window.kind(next), Kind::All | Kind::Open) {
            next = next.saturating_add(1);
        }
    }
    if window.text(next).eq_ignore_ascii_case(b"table") && left(window, at) == 3 {
        return Some(next);
    }
    if !matches!(window.kind(next), Kind::Select | Kind::Values) {
        return None;
    }
    let after = next.saturating_add(1);
    let found = at > 1 && left(window, at) >= 2
        || match window.kind(after) {
            Kind::Word => is_query(window, next),
            Kind::End | Kind::Number | Kind::Null => true,
            _ => is_query(window, next),
        };
    found.then_some(next)
}

/// A `;` after a closed literal that begins another statement or ends the value.
fn stacked(window: &mut Window<'_>, at: usize) -> Option<usize> {
    let next = at.saturating_add(1);
    let left = left(window, at);
    let statement = match window.kind(next) {
        Kind::Select
        | Kind::Declare
        | Kind::Waitfor
        | Kind::Execute
        | Kind::Insert
        | Kind::Update
        | Kind::Delete
        | Kind::Drop
        | Kind::Create
        | Kind::Alter => left == 3 || left == 2 && at > 1 && window.kind(at.saturating_add(2)) == Kind::Number,
        Kind::Shutdown => left >= 2 && at > 1,
        Kind::End => left == 3 && window.kind(at.saturating_sub(1)) == Kind::Quote && at <= AHEAD,
        Kind::Tail => left >= 2 && ends_in_comment(window, next) && at > 1,
        _ => false,
    };
    statement.then_some(next)
}

/// A quote that closes, an operator, and a quote that opens again: `'='`, `'-'`, `x'||'y`.
fn quote(window: &mut Window<'_>, at: usize) -> Option<usize> {
    let sign = at.saturating_add(1);
    let again = at.saturating_add(2);
    let quote = window.at(at);
    if !quote.odd {
        return None;
    }
    let reopens = window.kind(again) == Kind::Quote && window.at(again).quote == quote.quote;
    let after = again.saturating_add(1);
    let found = match window.kind(sign) {
        Kind::Compare if quote.opens || at > 1 && !quote.glued => false,
        Kind::Compare => {
            reopens
                || window.kind(again) == Kind::Number
                    && (ends_in_comment(window, after) || at == 1 && window.kind(after) == Kind::End)
        }
        Kind::Arithmetic => reopens && at <= 3 && (again..again.saturating_add(3)).any(|n| window.kind(n) == Kind::End),
        _ => false,
    };
    let soup = soup(window, at);
    // The first literal is the application's: `x'='y` with nothing else.
    let starts = at == 1 && window.kind(sign) != Kind::End && starts_comparison(window);
    (found || starts || soup).then_some(again)
}

/// A random run of quotes and parentheses, `)"('))"(`, with which tools provoke an error at the end of a value.
fn soup(window: &mut Window<'_>, at: usize) -> bool {
    let (mut closed, mut reopened, mut other) = (false, false, false);
    let quote = window.at(at).quote;
    for next in at..at.saturating_add(12) {
        match window.kind(next) {
            Kind::Close => closed = true,
            Kind::Open => reopened |= closed,
            Kind::Quote => other |= window.at(next).quote != quote,
            Kind::Comma | Kind::Dot => {}
            Kind::End => return reopened && other,
            _ => return false,
        }
    }
    false
}

/// `'x'='y` from the very start: three quotes around a comparison.
fn starts_comparison(window: &mut Window<'_>) -> bool {
    let quote = window.at(1).quote;
    let same = |window: &mut Window<'_>, n| window.kind(n) == Kind::Quote && window.at(n).quote == quote;
    same(window, 3) && window.kind(4) == Kind::Compare && same(window, 5) && !(6..12).any(|n| same(window, n))
        || same(window, 2) && window.kind(3) == Kind::Compare && same(window, 4)
}

/// A comment right after a closed literal that hides the rest of the application's statement.
fn cut_off(window: &mut Window<'_>, at: usize) -> bool {
    let mut before = at.saturating_sub(1);
    let mut closed = false;
    for _ in 0..2 {
        if matches!(window.kind(before), Kind::Close | Kind::Semicolon) {
            closed = true;
            before = before.saturating_sub(1);
        }
    }
    let token = window.at(before);
    let breaks = match token.kind {
        Kind::Quote => token.odd,
        Kind::Number => closed && before <= 2,
        Kind::Start => window.kind(1) == Kind::Close,
        _ => false,
    };
    breaks && ends_in_comment(window, at)
}

/// `order by 3`, `group by x having`, after a closed literal or a leading number.
fn sorted(window: &mut Window<'_>, at: usize) -> Option<usize> {
    let by = at.saturating_add(1);
    let key = at.saturating_add(2);
    let after = at.saturating_add(3);
    let before = at.saturating_sub(1);
    if window.kind(by) != Kind::By {
        return None;
    }
    let left = left(window, at);
    let follow = window.kind(after);
    let ends = matches!(
        follow,
        Kind::End | Kind::Tail | Kind::Comma | Kind::Close | Kind::Semicolon | Kind::Having | Kind::Dot
    );
    let found = match window.kind(key) {
        Kind::Number => left >= 2 && ends || window.kind(before) == Kind::Close && ends_in_comment(window, after),
        Kind::Open => left == 3,
        Kind::Function | Kind::Danger => follow == Kind::Open && left >= 2,
        _ => left == 3 && ends,
    };
    found.then_some(key)
}

/// A call of a function that only SQL has, in a place where SQL can call one.
fn danger(window: &mut Window<'_>, at: usize) -> bool {
    let before = at.saturating_sub(1);
    let token = window.at(before);
    if window.kind(at.saturating_add(1)) != Kind::Open {
        return token.kind == Kind::Select && window.text(at).contains(&b'_');
    }
    match token.kind {
        Kind::Quote => token.odd,
        Kind::Semicolon => before <= 3 || left(window, before) == 3,
        Kind::Start
        | Kind::Number
        | Kind::Open
        | Kind::Close
        | Kind::Comma
        | Kind::Arithmetic
        | Kind::Concat
        | Kind::Unary => true,
        kind => matches!(
            kind,
            Kind::Select
                | Kind::Or
                | Kind::And
                | Kind::Xor
                | Kind::Like
                | Kind::ArithWord
                | Kind::Not
                | Kind::Where
                | Kind::Having
                | Kind::By
                | Kind::When
                | Kind::Then
                | Kind::All
                | Kind::Between
                | Kind::From
                | Kind::Call
        ),
    }
}

/// The whole value is the beginning of a call: `concat(`.
fn fragment(window: &mut Window<'_>, at: usize) -> bool {
    at == 1 && window.kind(2) == Kind::Open && window.kind(3) == Kind::End
}

/// `if(1=1,...`: a call, not the statement of other languages.
fn conditional(window: &mut Window<'_>, at: usize) -> bool {
    let first = at.saturating_add(2);
    window.kind(at.saturating_add(1)) == Kind::Open
        && matches!(window.kind(first), Kind::Number)
        && window.kind(at.saturating_add(3)) == Kind::Compare
        && window.text(at.saturating_add(3)) != b"=="
}

/// `char(88)+char(88)`, `chr(60)||chr(58)`.
fn chars(window: &mut Window<'_>, at: usize) -> bool {
    let again = at.saturating_add(5);
    window.kind(at.saturating_add(1)) == Kind::Open
        && window.kind(at.saturating_add(2)) == Kind::Number
        && window.kind(at.saturating_add(3)) == Kind::Close
        && matches!(window.kind(at.saturating_add(4)), Kind::Arithmetic | Kind::Concat | Kind::Comma)
        && window.kind(again) == Kind::Chars
}

/// A catalogue's name in the place of a table, or all by itself; a package's name before a call.
fn schema(window: &mut Window<'_>, at: usize) -> bool {
    let before = window.kind(at.saturating_sub(1));
    let is_table = matches!(before, Kind::From | Kind::Into | Kind::Join)
        || before == Kind::Quote && window.kind(at.saturating_sub(2)) == Kind::From
        || before == Kind::Start && matches!(window.kind(at.saturating_add(1)), Kind::End | Kind::Dot);
    is_table && is_catalogue(window.text(at)) || before != Kind::Word && calls_member(window, at)
}

/// Whether `name` alone gives away that somebody reads the catalogue.
fn is_catalogue(name: &[u8]) -> bool {
    CATALOGUES.iter().any(|catalogue| name.eq_ignore_ascii_case(catalogue.as_bytes()))
}

const CATALOGUES: [&str; 7] =
    ["information_schema", "sqlite_master", "pg_catalog", "pg_shadow", "msysobjects", "sysobjects", "xp_cmdshell"];

/// `1 as x from t`: a column given a name, and the table of another query.
fn renamed(window: &mut Window<'_>, at: usize) -> Option<usize> {
    let from = (at..at.saturating_add(6)).find(|n| window.kind(*n) == Kind::From)?;
    (left(window, at) >= 2 && at > 1 && window.kind(at.saturating_add(1)) == Kind::Quote && from > at.saturating_add(1))
        .then_some(from)
}

/// `case when ... then`.
fn case(window: &mut Window<'_>, at: usize) -> Option<usize> {
    let when = at.saturating_add(1);
    if window.kind(when) != Kind::When || window.kind(at.saturating_sub(1)) == Kind::In {
        return None;
    }
    (when..when.saturating_add(AHEAD / 2)).find(|n| window.kind(*n) == Kind::Then)
}

/// `x::text`, `'{}'::jsonb`.
fn cast(window: &mut Window<'_>, at: usize) -> bool {
    let after = at.saturating_add(2);
    window.kind(at.saturating_add(1)) == Kind::Type
        && matches!(window.kind(at.saturating_sub(1)), Kind::Word | Kind::Close | Kind::Quote | Kind::Function)
        && matches!(
            window.kind(after),
            Kind::End
                | Kind::Tail
                | Kind::Close
                | Kind::Compare
                | Kind::Concat
                | Kind::Arithmetic
                | Kind::JsonOperator
                | Kind::Type
                | Kind::Comma
        )
}

/// `@@version` by itself or in an expression.
fn server_variable(window: &mut Window<'_>, at: usize) -> bool {
    let ends = matches!(window.kind(at.saturating_add(1)), Kind::End | Kind::Tail | Kind::Close | Kind::Comma);
    let name = window.text(at);
    match window.kind(at.saturating_sub(1)) {
        Kind::Select | Kind::Comma | Kind::Open => ends && name.starts_with(b"@@") && name.len() > 3,
        Kind::Start => {
            ends && [b"@@version".as_slice(), b"@@hostname", b"@@datadir", b"@@servername"]
                .iter()
                .any(|n| name.eq_ignore_ascii_case(n))
        }
        _ => false,
    }
}

/// `into outfile '/x'`, `into @x`.
fn into(window: &mut Window<'_>, at: usize) -> bool {
    let next = at.saturating_add(1);
    match window.kind(next) {
        Kind::Outfile => {
            matches!(window.kind(at.saturating_add(2)), Kind::Quote | Kind::End | Kind::Number | Kind::Variable)
        }
        Kind::Variable => at > 1 && left(window, at) >= 2,
        _ => false,
    }
}

/// `1.e(`, `1.e.x`: a number that MySQL reads as 1 and other parsers as a name.
fn scientific(window: &mut Window<'_>, at: usize) -> bool {
    let exponent = at.saturating_add(1);
    window.at(exponent).glued
        && window.text(exponent).eq_ignore_ascii_case(b"e")
        && matches!(window.kind(at.saturating_add(2)), Kind::Dot | Kind::Open)
}
