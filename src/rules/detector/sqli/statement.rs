//! Statements: where one can begin, and whether a word begins one or an English sentence.

use super::condition::{calls_member, left, strength};
use super::token::Kind;
use super::window::{AHEAD, Window};

/// Whether the `select` at `at` begins a query rather than an English sentence.
pub(super) fn is_query(window: &mut Window<'_>, at: usize) -> bool {
    let mut item = at.saturating_add(1);
    for _ in 0..3 {
        if matches!(window.kind(item), Kind::All | Kind::Open | Kind::Unary) {
            item = item.saturating_add(1);
        }
    }
    let next = item.saturating_add(1);
    let follow = window.kind(next);
    match window.kind(item) {
        _ if window.at(item).after_comment => true,
        Kind::Arithmetic if window.text(item) == b"*" => {
            matches!(
                follow,
                Kind::From | Kind::Comma | Kind::End | Kind::Close | Kind::Tail | Kind::Into | Kind::Semicolon
            )
        }
        Kind::Arithmetic => follow == Kind::Number,
        Kind::Variable | Kind::Danger | Kind::Select => true,
        Kind::Case => follow == Kind::When,
        Kind::Type if matches!(follow, Kind::Null | Kind::Number | Kind::Quote) => true,
        Kind::Null => matches!(
            follow,
            Kind::Comma
                | Kind::From
                | Kind::End
                | Kind::Tail
                | Kind::Close
                | Kind::Semicolon
                | Kind::Where
                | Kind::Number
        ),
        Kind::Number | Kind::Quote => listed(window, item),
        Kind::Function | Kind::Chars | Kind::If | Kind::Replace | Kind::Exists | Kind::Object | Kind::Type
            if follow == Kind::Open =>
        {
            true
        }
        Kind::Schema => follow == Kind::Dot,
        _ => listed(window, item),
    }
}

/// Whether the list that begins at `item` is one of columns: names and literals between commas, then `from` and a table.
fn listed(window: &mut Window<'_>, item: usize) -> bool {
    let mut at = item;
    let mut shows = 0usize;
    let mut commas = 0usize;
    let mut adjacent = 0usize;
    let mut was_name = false;
    for _ in 0..AHEAD / 2 {
        let kind = window.kind(at);
        match kind {
            Kind::From => {
                let table = at.saturating_add(1);
                if item == 2 && is_exercise(window, at) {
                    return false;
                }
                return match window.kind(table) {
                    Kind::Schema | Kind::Open => true,
                    Kind::Quote => shows > 0,
                    Kind::End | Kind::Tail => shows > 0 || adjacent == 0,
                    _ => shows > 0 && adjacent <= 1 || adjacent == 0 && ends_table(window, table),
                };
            }
            Kind::End | Kind::Tail | Kind::Semicolon | Kind::Where | Kind::Union | Kind::Close => {
                let literal = matches!(window.kind(item), Kind::Number | Kind::Quote | Kind::Null);
                return literal && adjacent == 0 && (kind != Kind::End || shows > 1);
            }
            Kind::Compare if shows == 0 => return false,
            Kind::Number
            | Kind::Quote
            | Kind::Variable
            | Kind::Null
            | Kind::Concat
            | Kind::Open
            | Kind::Compare
            | Kind::Danger => {
                shows = shows.saturating_add(1);
                was_name = false;
            }
            Kind::Comma => {
                commas = commas.saturating_add(1);
                was_name = false;
            }
            Kind::Arithmetic | Kind::Cast | Kind::As => was_name = false,
            Kind::Dot => {
                shows = shows.saturating_add(usize::from(window.at(at.saturating_add(1)).glued && window.at(at).glued));
                was_name = false;
            }
            Kind::Other | Kind::Brace | Kind::Or | Kind::And => return false,
            _ => {
                adjacent = adjacent.saturating_add(usize::from(was_name));
                shows = shows.saturating_add(usize::from(window.text(at).contains(&b'_')));
                was_name = true;
            }
        }
        at = at.saturating_add(1);
    }
    commas > 3 && shows > commas / 2 && adjacent <= 1
}

/// `select 1 from a` as the whole value: what people type who look for help with SQL, and of no use to anybody else.
fn is_exercise(window: &mut Window<'_>, from: usize) -> bool {
    from == 3 && window.kind(2) == Kind::Number && window.kind(4) == Kind::Word && window.kind(5) == Kind::End
}

/// Whether the table name at `at` is followed by what follows a table name.
fn ends_table(window: &mut Window<'_>, at: usize) -> bool {
    let mut next = at.saturating_add(1);
    for _ in 0..3 {
        if window.kind(next) == Kind::Dot && window.at(next).glued {
            next = next.saturating_add(2);
        }
    }
    let schema = next > at.saturating_add(1);
    match window.kind(next) {
        Kind::Where => strength(window, next.saturating_add(1)).0 > 0,
        Kind::Order | Kind::Group => window.kind(next.saturating_add(1)) == Kind::By,
        Kind::Limit => window.kind(next.saturating_add(1)) == Kind::Number,
        Kind::Semicolon | Kind::Tail | Kind::Union | Kind::Having | Kind::Close => true,
        Kind::End => schema,
        _ => false,
    }
}

/// Whether the `select` at `at` begins a query in a place where a query can stand.
pub(super) fn is_statement(window: &mut Window<'_>, at: usize) -> bool {
    let next = at.saturating_add(1);
    let quote = window.at(at.saturating_sub(1));
    match quote.kind {
        Kind::Quote if quote.odd && quote.quote != 2 => is_query(window, at),
        // A sentence about SQL, or a page address whose query is one.
        Kind::Word | Kind::Number | Kind::Quote | Kind::Compare | Kind::Arithmetic => false,
        Kind::Open if window.kind(at.saturating_sub(2)) == Kind::Word && !window.at(at.saturating_sub(1)).glued => {
            is_query(window, at) && listed(window, next) && window.kind(at.saturating_add(2)) != Kind::Close
        }

        _ => is_query(window, at),
    }
}

/// Whether a statement other than `select` begins at `at`.
pub(super) fn begins(window: &mut Window<'_>, at: usize) -> bool {
    is_command(window, at) && starts_statement(window, at.saturating_sub(1))
}

/// Whether a statement may begin after token `before`.
fn starts_statement(window: &mut Window<'_>, before: usize) -> bool {
    let token = window.at(before);
    match token.kind {
        Kind::Start | Kind::Semicolon | Kind::Close | Kind::Begin | Kind::Then => true,
        Kind::Quote => token.odd,
        Kind::Number => before == 1,
        _ => false,
    }
}

/// Whether the statement at `at` follows a closed literal, with or without a `;`.
fn breaks(window: &mut Window<'_>, at: usize) -> bool {
    let before = at.saturating_sub(1);
    let end = if window.kind(before) == Kind::Semicolon { before } else { at };
    left(window, end) == 3
}

/// Whether `at` begins a statement other than `select`, by the word and what must follow it.
fn is_command(window: &mut Window<'_>, at: usize) -> bool {
    let second = at.saturating_add(1);
    let third = at.saturating_add(2);
    let fourth = at.saturating_add(3);
    match (window.kind(at), window.kind(second)) {
        (Kind::Insert | Kind::Replace | Kind::Merge, Kind::Into) => (third..third.saturating_add(6))
            .any(|n| matches!(window.kind(n), Kind::Open | Kind::Values | Kind::Select | Kind::Set | Kind::Quote)),
        (Kind::Update, _) => {
            (third..third.saturating_add(4)).any(|n| window.kind(n) == Kind::Set)
                && (third..third.saturating_add(8)).any(|n| window.kind(n) == Kind::Compare)
        }
        (Kind::Delete, Kind::From) => match window.kind(fourth) {
            Kind::End => at > 1,
            follow => matches!(follow, Kind::Where | Kind::Semicolon | Kind::Tail | Kind::Dot | Kind::Limit),
        },
        (Kind::Drop, Kind::Object) => {
            matches!(window.kind(third), Kind::If)
                || matches!(
                    window.kind(fourth),
                    Kind::End | Kind::Semicolon | Kind::Tail | Kind::Comma | Kind::Dot | Kind::Quote
                )
        }
        (Kind::Alter, Kind::Object) => (fourth..fourth.saturating_add(4)).any(|n| {
            matches!(window.kind(n), Kind::Drop | Kind::Set)
                || ["add", "modify", "rename", "identified"]
                    .iter()
                    .any(|w| window.text(n).eq_ignore_ascii_case(w.as_bytes()))
        }),
        (Kind::Create, Kind::Object | Kind::Or) => (fourth..fourth.saturating_add(3)).any(|n| {
            matches!(window.kind(n), Kind::Open | Kind::As) || window.text(n).eq_ignore_ascii_case(b"identified")
        }),
        (Kind::Execute, Kind::Procedure | Kind::Immediate | Kind::Variable) => true,
        (Kind::Execute, Kind::Open) => matches!(window.kind(third), Kind::Quote | Kind::Variable | Kind::Chars),
        (Kind::Execute, _) => matches!(window.kind(third), Kind::Dot),
        (Kind::Declare, Kind::Variable) => true,
        (Kind::Grant, _) => {
            (third..third.saturating_add(5))
                .any(|n| window.text(n).eq_ignore_ascii_case(b"to") || window.kind(n) == Kind::From)
                && breaks(window, at)
        }
        (Kind::Load, Kind::Word) => (third..fourth.saturating_add(2)).any(|n| window.kind(n) == Kind::Outfile),
        (Kind::Bulk, Kind::Insert) | (Kind::Backup, Kind::Object) => {
            (third..third.saturating_add(6)).any(|n| window.kind(n) == Kind::Quote)
        }
        (Kind::Begin | Kind::Call, _) => {
            calls_member(window, second) || window.kind(second) != Kind::Word && window.kind(third) == Kind::Open
        }
        (Kind::Copy, _) => {
            (third..third.saturating_add(3))
                .any(|n| matches!(window.kind(n), Kind::From) || window.text(n).eq_ignore_ascii_case(b"to"))
                && (third..third.saturating_add(5)).any(|n| window.kind(n) == Kind::Quote)
        }
        (Kind::Set, Kind::Variable) => window.kind(third) == Kind::Compare || window.kind(third) == Kind::Other,
        (Kind::Shutdown, Kind::Tail | Kind::Semicolon) => true,
        (Kind::Shutdown, Kind::End) => window.kind(at.saturating_sub(1)) != Kind::Number && at > 1,
        _ => false,
    }
}
