//! The few tokens around the one being judged.

use super::lexer::{Lexer, Reading};
use super::token::{Kind, Token};

/// How many tokens are kept: [`AHEAD`] after the judged one and what is left of them before it.
const KEPT: usize = 64;

/// How far ahead of the judged token the judge may look, so that it never pushes out what it has still to judge.
pub(super) const AHEAD: usize = 48;

/// Tokens by number: 0 is the start of the value, the first token is 1, after the last come ends.
pub(super) struct Window<'v> {
    value: &'v [u8],
    lexer: Lexer<'v>,
    kept: [Token; KEPT],
    /// Tokens read so far, the start included.
    read: usize,
    /// The token being judged.
    judged: usize,
    /// How often a token was looked at.
    looks: u64,
}

impl<'v> Window<'v> {
    pub fn new(value: &'v [u8], reading: Reading) -> Self {
        let start = Token { kind: Kind::Start, ..Token::NONE };
        Self { value, lexer: Lexer::new(value, reading), kept: [start; KEPT], read: 1, judged: 1, looks: 0 }
    }

    /// Moves on to the next token.
    pub fn advance(&mut self) {
        self.judged = self.judged.saturating_add(1);
    }

    /// Reads on until token `number` is kept; false if it is far from the judged one.
    fn reach(&mut self, number: usize) -> bool {
        self.looks = self.looks.saturating_add(1);
        if number < self.read {
            return number.saturating_add(KEPT) >= self.read;
        }
        if number > self.judged.saturating_add(AHEAD) {
            return false;
        }
        while self.read <= number {
            let token = self.lexer.token();
            if let Some(slot) = self.kept.get_mut(self.read % KEPT) {
                *slot = token;
            }
            self.read = self.read.saturating_add(1);
        }
        true
    }

    /// Token number `number`; one of no account if it is far from the judged one.
    pub fn at(&mut self, number: usize) -> Token {
        if !self.reach(number) {
            return Token::NONE;
        }
        self.kept.get(number % KEPT).copied().unwrap_or(Token::NONE)
    }

    pub fn kind(&mut self, number: usize) -> Kind {
        if !self.reach(number) {
            return Kind::Other;
        }
        self.kept.get(number % KEPT).map_or(Kind::Other, |token| token.kind)
    }

    /// The bytes of token `number`.
    pub fn text(&mut self, number: usize) -> &'v [u8] {
        let token = self.at(number);
        self.value.get(token.start..token.end).unwrap_or_default()
    }

    /// How often a token was looked at.
    pub fn looks(&self) -> u64 {
        self.looks
    }

    pub fn skipped_quote(&self) -> bool {
        self.lexer.skipped_quote
    }
}
