//! Small steps over bytes, forwards from the start of a slice or backwards from its end.

/// The longest name that is looked at; none that matters is longer.
const NAME_BYTES: usize = 48;

/// The longest comment that is stepped over.
const COMMENT_BYTES: usize = 64;

/// White space and controls, which browsers skip in most places.
pub fn is_blank(byte: u8) -> bool {
    byte <= b' '
}

/// What an identifier of a script consists of.
pub fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

/// What the name of a tag or an attribute consists of.
pub fn is_attribute(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'.')
}

/// Any of the three quotes.
pub fn is_quote(byte: u8) -> bool {
    matches!(byte, b'\'' | b'"' | b'`')
}

/// `text` without blanks at its start.
pub fn trim_start(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| is_blank(**b)).count();
    text.get(blanks..).unwrap_or_default()
}

/// `text` without blanks at its end.
pub fn trim_end(text: &[u8]) -> &[u8] {
    let blanks = text.iter().rev().take_while(|b| is_blank(**b)).count();
    text.get(..text.len().saturating_sub(blanks)).unwrap_or_default()
}

/// `text` without blanks and `/* */` comments at its start; at most two short comments.
pub fn skip_start(text: &[u8]) -> &[u8] {
    let mut text = trim_start(text);
    for _ in 0..2 {
        let Some(inside) = text.strip_prefix(b"/*") else { break };
        let Some(length) = inside.windows(2).take(COMMENT_BYTES).position(|w| w == b"*/") else { break };
        text = trim_start(inside.get(length.saturating_add(2)..).unwrap_or_default());
    }
    text
}

/// `text` without blanks and `/* */` comments at its end; at most two short comments.
pub fn skip_end(text: &[u8]) -> &[u8] {
    let mut text = trim_end(text);
    for _ in 0..2 {
        let Some(inside) = text.strip_suffix(b"*/") else { break };
        let Some(length) = inside.windows(2).rev().take(COMMENT_BYTES).position(|w| w == b"/*") else { break };
        let start = inside.len().saturating_sub(length.saturating_add(2));
        text = trim_end(inside.get(..start).unwrap_or_default());
    }
    text
}

/// `text` cut before the run of `kind` at its end.
pub fn split_end(text: &[u8], kind: fn(u8) -> bool) -> (&[u8], &[u8]) {
    let length = text.iter().rev().take(NAME_BYTES).take_while(|b| kind(**b)).count();
    text.split_at_checked(text.len().saturating_sub(length)).unwrap_or((text, b""))
}

/// `text` cut after the run of `kind` at its start.
pub fn split_start(text: &[u8], kind: fn(u8) -> bool) -> (&[u8], &[u8]) {
    let length = text.iter().take(NAME_BYTES).take_while(|b| kind(**b)).count();
    text.split_at_checked(length).unwrap_or((b"", text))
}

/// Whether `text` begins with `prefix`, in any case.
pub fn starts_with(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|t| t.eq_ignore_ascii_case(prefix))
}

/// Whether `text` ends with `suffix`, in any case.
pub fn ends_with(text: &[u8], suffix: &[u8]) -> bool {
    text.len().checked_sub(suffix.len()).and_then(|start| text.get(start..)).is_some_and(|t| t.eq_ignore_ascii_case(suffix))
}

/// Whether `name`, in any case, stands in `table`, which is sorted and in lower case.
pub fn is_in(table: &[&str], name: &[u8]) -> bool {
    table.binary_search_by(|row| row.bytes().cmp(name.iter().map(u8::to_ascii_lowercase))).is_ok()
}
