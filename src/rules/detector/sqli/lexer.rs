//! Bytes to SQL tokens, without deciding which side of a quote is the literal.

use super::keyword;
use super::token::{Kind, Token};

/// How to read what has two meanings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// `+` stands for a space, as in a query string that nobody decoded.
    pub plus_is_space: bool,
    /// The inside of `/*...*/` is read too, for a value that stands in a literal.
    pub comments_are_text: bool,
}

/// Cuts a value into tokens, one call each; a call's work is paid for by the bytes that it passes.
pub(super) struct Lexer<'v> {
    value: &'v [u8],
    at: usize,
    reading: Reading,
    /// Whether the quotes so far are odd in number: of `'`, `"`, backtick, `$$`.
    quotes: [bool; 4],
    /// No `*/` at or after `at`, so that it is searched for once only.
    no_comment_end: bool,
    /// A comment was skipped that holds a quote: the other reading may differ.
    pub skipped_quote: bool,
}

impl<'v> Lexer<'v> {
    pub fn new(value: &'v [u8], reading: Reading) -> Self {
        Self { value, at: 0, reading, quotes: [false; 4], no_comment_end: false, skipped_quote: false }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.value.get(self.at.saturating_add(ahead)).copied().unwrap_or(0)
    }

    fn before(&self, back: usize) -> u8 {
        self.at.checked_sub(back).and_then(|b| self.value.get(b)).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'v [u8] {
        self.value.get(self.at..).unwrap_or_default()
    }

    /// The next token; [`Kind::End`] again and again once the value is used up.
    pub fn token(&mut self) -> Token {
        let begin = self.at;
        loop {
            let start = self.at;
            let Some(&byte) = self.value.get(start) else {
                return Token { kind: Kind::End, start, end: start, ..Token::NONE };
            };
            let glued = start == begin && start > 0;
            match CLASSES.get(usize::from(byte)) {
                Some(Class::Name) if !byte.is_ascii_digit() => {
                    let kind = self.word();
                    return self.finish(kind, start, glued);
                }
                Some(Class::Sign(kind)) => {
                    self.at = start.saturating_add(1);
                    return self.finish(*kind, start, glued);
                }
                Some(Class::Space) => {
                    self.at = start.saturating_add(1);
                    continue;
                }
                _ if self.skip_space() => continue,
                _ => {}
            }
            if let Some((which, length)) = self.quote(byte) {
                let Some(token) = self.quote_token(which, length) else { continue };
                return Token { glued, ..token };
            }
            let before = self.before(1);
            let kind = if byte.is_ascii_digit() || byte == b'.' && self.byte(1).is_ascii_digit() && !word_byte(before) {
                self.number();
                Kind::Number
            } else if word_byte(byte) {
                self.word()
            } else {
                self.sign(byte, before)
            };
            return self.finish(kind, start, glued);
        }
    }

    /// The token from `start` to here.
    fn finish(&self, kind: Kind, start: usize, glued: bool) -> Token {
        let before = |back| start.checked_sub(back).and_then(|b| self.value.get(b)).copied();
        let after_comment = !glued && before(1) == Some(b'/') && before(2) == Some(b'*');
        Token { kind, start, end: self.at, glued, after_comment, ..Token::NONE }
    }

    /// The quote of `length` bytes that stands here; nothing if it is an apostrophe, which is part of a word.
    fn quote_token(&mut self, which: u8, length: usize) -> Option<Token> {
        let start = self.at;
        let before = match self.before(1) {
            b'\\' => self.before(2),
            byte => byte,
        };
        let inside_word = letter(before) && letter(self.byte(length));
        let apostrophe = inside_word && which == 0 && !self.keyword_at(length);
        self.at = start.saturating_add(length);
        if apostrophe {
            return None;
        }
        let opens = matches!(before, b' ' | b'\n' | b'=' | b':' | b'(' | b'[' | b'{' | b',') && letter(self.byte(0));
        let odd = self.quotes.get_mut(usize::from(which)).is_some_and(|odd| {
            *odd = !*odd;
            *odd
        });
        Some(Token { odd, opens, quote: which, inside_word, ..self.finish(Kind::Quote, start, false) })
    }

    /// Passes white space, whole comments and the marks of a conditional comment. Whether it passed any.
    fn skip_space(&mut self) -> bool {
        let start = self.at;
        while let Some(&byte) = self.value.get(self.at) {
            let length = match byte {
                0..=b' ' | 0x7f | b'\\' => 1,
                b'+' if self.reading.plus_is_space => 1,
                // A no-break space in Latin-1 or UTF-8, not the tail of another letter.
                0xA0 if self.before(1) < 0x80 => 1,
                0xC2 if self.byte(1) == 0xA0 => 2,
                b'*' if self.byte(1) == b'/' => 2,
                b'/' if self.byte(1) == b'*' => self.comment(),
                b'#' | b'-' => self.word_comment(byte),
                _ => 0,
            };
            if length == 0 {
                break;
            }
            self.at = self.at.saturating_add(length);
        }
        self.at > start
    }

    /// The length to pass at `/*`: the mark alone if the inside is read, nothing if the comment has no end.
    fn comment(&mut self) -> usize {
        let inside = self.value.get(self.at.saturating_add(2)..).unwrap_or_default();
        match inside.first() {
            Some(b'!') => {
                return 3usize.saturating_add(inside.iter().skip(1).take(6).take_while(|b| b.is_ascii_digit()).count());
            }
            Some(b'+') => return 3,
            _ => {}
        }
        if self.reading.comments_are_text {
            return 2;
        }
        if self.no_comment_end {
            return 0;
        }
        let Some(length) = inside.windows(2).position(|pair| pair == b"*/") else {
            self.no_comment_end = true;
            return 0;
        };
        let inside = inside.get(..length).unwrap_or_default();
        self.skipped_quote |= inside.iter().any(|b| matches!(b, b'\'' | b'"' | b'`'));
        length.saturating_add(4)
    }

    /// The length of a line comment of at most one word, which tools put where a space could stand.
    fn word_comment(&self, mark: u8) -> usize {
        let mark = match mark {
            b'#' => 1,
            _ if self.byte(1) == b'-' => 2,
            _ => return 0,
        };
        let word =
            self.rest().iter().skip(mark).take(40).take_while(|b| b.is_ascii_alphanumeric() || **b == b' ').count();
        let length = mark.saturating_add(word);
        if self.byte(length) == b'\n' { length } else { 0 }
    }

    /// Which quote stands here, and how many bytes it takes: typographic ones serve where a database folds letters.
    fn quote(&self, byte: u8) -> Option<(u8, usize)> {
        match (byte, self.byte(1), self.byte(2)) {
            (b'\'', _, _) => Some((0, 1)),
            (b'"', _, _) => Some((1, 1)),
            (b'`', _, _) => Some((2, 1)),
            (b'$', b'$', _) => Some((3, 2)),
            (0xE2, 0x80, 0x98 | 0x99 | 0xB2) => Some((0, 3)),
            (0xCA, 0xB9 | 0xBC, _) => Some((0, 2)),
            _ => None,
        }
    }

    /// Whether one of SQL's connecting words begins `ahead` bytes on.
    fn keyword_at(&self, ahead: usize) -> bool {
        let word = self.rest().get(ahead..).unwrap_or_default();
        let length = word.iter().take(12).take_while(|b| word_byte(**b)).count();
        matches!(
            keyword::kind(word.get(..length).unwrap_or_default()),
            Kind::Or
                | Kind::And
                | Kind::Xor
                | Kind::ArithWord
                | Kind::Like
                | Kind::In
                | Kind::Is
                | Kind::Between
                | Kind::Union
                | Kind::Where
                | Kind::Having
                | Kind::Group
                | Kind::Order
                | Kind::Limit
                | Kind::Into
                | Kind::Waitfor
                | Kind::Execute
        )
    }

    /// Passes a name, up to a sign, a no-break space or a typographic quote, and says what it is.
    fn word(&mut self) -> Kind {
        let start = self.at;
        while let Some(&byte) = self.value.get(self.at) {
            if byte.is_ascii_alphanumeric() || byte == b'_' {
                let rest = self.rest();
                let length = rest.iter().position(|b| !matches!(CLASSES.get(usize::from(*b)), Some(Class::Name)));
                self.at = self.at.saturating_add(length.unwrap_or(rest.len()));
                continue;
            }
            let ends = match byte {
                0xA0 => self.before(1) < 0x80,
                0xC2 => self.byte(1) == 0xA0,
                0xE2 | 0xCA | b'$' => self.at > start && self.quote(byte).is_some(),
                _ => !word_byte(byte),
            };
            if ends {
                break;
            }
            self.at = self.at.saturating_add(1);
        }
        let kind = keyword::kind(self.value.get(start..self.at).unwrap_or_default());
        if self.byte(0) == b'/' { self.joined(start).unwrap_or(kind) } else { kind }
    }

    /// The keyword that `un/**/ion` is once something has deleted its empty comments, passed as one token.
    fn joined(&mut self, start: usize) -> Option<Kind> {
        let mut word = [0u8; 24];
        let mut length = 0usize;
        let mut at = start;
        while let Some(rest) = self.value.get(at..)
            && let Some(slot) = word.get_mut(length)
        {
            match rest {
                [b'/', b'*', b'*', b'/', ..] => at = at.saturating_add(4),
                [byte, ..] if byte.is_ascii_alphabetic() || *byte == b'_' => {
                    *slot = *byte;
                    length = length.saturating_add(1);
                    at = at.saturating_add(1);
                }
                _ => break,
            }
        }
        let kind = keyword::kind(word.get(..length).unwrap_or_default());
        if kind == Kind::Word || self.value.get(at.saturating_sub(1)) == Some(&b'/') {
            return None;
        }
        self.at = at;
        Some(kind)
    }

    fn digits(&mut self, is_digit: fn(&u8) -> bool) {
        let count = self.rest().iter().take_while(|b| is_digit(b)).count();
        self.at = self.at.saturating_add(count);
    }

    fn number(&mut self) {
        match (self.byte(0), self.byte(1) | 0x20, self.byte(2)) {
            (b'0', b'x', digit) if digit.is_ascii_hexdigit() => {
                self.at = self.at.saturating_add(2);
                return self.digits(u8::is_ascii_hexdigit);
            }
            (b'0', b'b', b'0' | b'1') => {
                self.at = self.at.saturating_add(2);
                return self.digits(|b| matches!(b, b'0' | b'1'));
            }
            _ => {}
        }
        self.digits(u8::is_ascii_digit);
        if self.byte(0) == b'.' {
            self.at = self.at.saturating_add(1);
            self.digits(u8::is_ascii_digit);
        }
        if self.byte(0) | 0x20 == b'e' {
            let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
            if self.byte(sign.saturating_add(1)).is_ascii_digit() {
                self.at = self.at.saturating_add(sign.saturating_add(1));
                self.digits(u8::is_ascii_digit);
            }
        }
    }

    /// A sign that begins with `byte`.
    fn sign(&mut self, byte: u8, before: u8) -> Kind {
        let (kind, length) = match (byte, self.byte(1), self.byte(2)) {
            (b'(' | b')', _, _) => return self.parentheses(byte),
            (b'@', _, _) => return self.variable(before),
            (b'-', b'-', _) => {
                self.digits(|b| *b == b'-');
                return Kind::Tail;
            }
            (b'=', b'=', b'=') | (b'!', b'=', b'=') => (Kind::Other, 3),
            (b'<', b'=', b'>') => (Kind::Compare, 3),
            (b'#', b'>', b'>') | (b'-', b'>', b'>') => (Kind::JsonOperator, 3),
            (b'=', b'>', _) | (b'<', b'<', _) | (b'>', b'>', _) | (b':', b'=', _) => (Kind::Other, 2),
            (b'=', b'=', _)
            | (b'<', b'=' | b'>' | b'@', _)
            | (b'>', b'=', _)
            | (b'!' | b'^' | b'~', b'=', _)
            | (b'!', b'<' | b'>', _) => (Kind::Compare, 2),
            (b'=' | b'<' | b'>', _, _) => (Kind::Compare, 1),
            (b'|', b'|', _) => (Kind::Concat, 2),
            (b'&', b'&', _) => (Kind::AndAnd, 2),
            (b':', b':', _) => (Kind::Cast, 2),
            (b'#', b'>', _) | (b'#', b'-', b' ' | b'\'') | (b'-', b'>', _) | (b'?', b'|' | b'&', _) => {
                (Kind::JsonOperator, 2)
            }
            (b'?', _, _) => (Kind::JsonOperator, 1),
            (b'#', _, _) => (Kind::Tail, 1),
            (b'/', b'*', _) => (Kind::Tail, 2),
            (b'!' | b'~', _, _) => (Kind::Unary, 1),
            (b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'|' | b'&', _, _) => (Kind::Arithmetic, 1),
            (b',', _, _) => (Kind::Comma, 1),
            (b';', _, _) => (Kind::Semicolon, 1),
            (b'.', _, _) => (Kind::Dot, 1),
            (b'{', _, _) => (Kind::Brace, 1),
            _ => (Kind::Other, 1),
        };
        self.at = self.at.saturating_add(length);
        kind
    }

    fn parentheses(&mut self, byte: u8) -> Kind {
        let mut end = self.at;
        while self.value.get(self.at) == Some(&byte) {
            self.at = self.at.saturating_add(1);
            end = self.at;
            self.skip_space();
        }
        self.at = end;
        if byte == b'(' { Kind::Open } else { Kind::Close }
    }

    /// `@x`, `@@x`, or the at sign of an address or of a JSON operator.
    fn variable(&mut self, before: u8) -> Kind {
        if self.byte(1) == b'>' {
            self.at = self.at.saturating_add(2);
            return Kind::Compare;
        }
        self.digits(|b| *b == b'@');
        if word_byte(before) || !word_byte(self.byte(0)) && self.byte(0) != b'`' {
            return if word_byte(before) { Kind::Other } else { Kind::JsonOperator };
        }
        self.digits(|b| word_byte(*b) || *b == b'`');
        Kind::Variable
    }
}

/// What a byte is by itself.
#[derive(Clone, Copy)]
enum Class {
    /// Part of a name or, if a digit, of a number.
    Name,
    Space,
    /// A sign that no other byte can change.
    Sign(Kind),
    /// It depends on what stands around it.
    Open,
}

const CLASSES: [Class; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "runs in the compiler only")]
const fn classes() -> [Class; 256] {
    let mut classes = [Class::Open; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => Class::Name,
            0..=b' ' | 0x7f | b'\\' => Class::Space,
            b',' => Class::Sign(Kind::Comma),
            b';' => Class::Sign(Kind::Semicolon),
            b'{' => Class::Sign(Kind::Brace),
            b'%' => Class::Sign(Kind::Arithmetic),
            b'[' | b']' | b'}' => Class::Sign(Kind::Other),
            _ => Class::Open,
        };
        byte += 1;
    }
    classes
}

fn letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

/// Whether `byte` can stand in a name.
fn word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}
