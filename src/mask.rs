//! What nobody should read in a log: values that are named like a secret, and payment card numbers.

use crate::diagnostic::printable;

/// Words in a name that say its value is nobody's business, in lower case.
const SECRET_NAMES: &[&str] = &[
    "authorization",
    "passw",
    "pwd",
    "secret",
    "token",
    "api-key",
    "apikey",
    "api_key",
    "session",
    "sessid",
    "cvv",
    "cvc",
    "card",
    "credential",
    "private",
    "origin-verify",
];
/// Payment card numbers have 13 to 19 digits (ISO/IEC 7812).
const CARD_DIGITS: usize = 13;
/// So many digits at either end of a text may be the rest of a card number that was cut: merchants may show no more
/// than the first six and the last four (PCI DSS 3.4.1).
const CUT_CARD_DIGITS: usize = 7;
/// How far before a match a label is looked for. A secret begins right behind its label.
const LABEL_BYTES: usize = 256;
/// What stands instead.
pub const MASK: &str = "***";

/// Whether a value of that name is a secret.
#[must_use]
pub fn is_secret(name: &[u8]) -> bool {
    (0..name.len()).any(|at| secret_word(name.get(at..).unwrap_or_default()).is_some())
}

/// Whether the bytes from `start` to `end` of `text` may hold a secret, since what stands before or in them says so:
/// `token=`, `"password": `, `<password>`, `name="password"` and an end of line.
#[must_use]
pub fn is_labelled(text: &[u8], start: usize, end: usize) -> bool {
    let from = start.saturating_sub(LABEL_BYTES);
    let text = text.get(from..end).unwrap_or_default();
    (0..text.len()).any(|at| {
        let Some(after) = secret_word(text.get(at..).unwrap_or_default()) else { return false };
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(b);
        let mut after = after.iter().skip_while(|b| is_name(b)).skip_while(|b| b"\"'\\ \t".contains(b));
        after.next().is_some_and(|b| b"=:>%\r\n".contains(b))
    })
}

/// What follows the secret word that `text` begins with.
fn secret_word(text: &[u8]) -> Option<&[u8]> {
    SECRET_NAMES.iter().find_map(|word| {
        let (head, after) = text.split_at_checked(word.len())?;
        head.eq_ignore_ascii_case(word.as_bytes()).then_some(after)
    })
}

/// The value of `name` as text that may be printed: nothing of it if it is a secret, and no card number.
#[must_use]
pub fn masked(name: &str, value: &[u8]) -> String {
    if is_secret(name.as_bytes()) { MASK.to_owned() } else { without_cards(value) }
}

/// `text` as text that may be printed, without card numbers: digits with at most one space, `+`, `-` or `%20` between.
#[must_use]
pub fn without_cards(text: &[u8]) -> String {
    without(text, CARD_DIGITS)
}

/// The same for a piece of a longer text, at whose ends a card number may have been cut.
#[must_use]
pub fn without_cut_cards(text: &[u8]) -> String {
    without(text, CUT_CARD_DIGITS)
}

/// `text` without card numbers, and without digits at its ends if they are `at_ends` or more.
fn without(text: &[u8], at_ends: usize) -> String {
    let text = printable(&String::from_utf8_lossy(text));
    let mut output = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        output.push_str(before);
        let (digits, bytes) = run_of_digits(from.as_bytes());
        let (run, after) = from.split_at_checked(bytes).unwrap_or((from, ""));
        let needed = if output.is_empty() || after.is_empty() { at_ends } else { CARD_DIGITS };
        output.push_str(if digits >= needed { MASK } else { run });
        rest = after;
    }
    output + rest
}

/// How many digits `text` begins with, and how many bytes they take with what stands between them.
fn run_of_digits(text: &[u8]) -> (usize, usize) {
    let (mut digits, mut bytes) = (0_usize, 0_usize);
    let mut rest = text;
    loop {
        let after = match rest {
            [b'0'..=b'9', after @ ..]
            | [b' ' | b'-' | b'+', b'0'..=b'9', after @ ..]
            | [b'%', b'2', b'0', b'0'..=b'9', after @ ..] => after,
            _ => return (digits, bytes),
        };
        digits = digits.saturating_add(1);
        bytes = text.len().saturating_sub(after.len());
        rest = after;
    }
}
