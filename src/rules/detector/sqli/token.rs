//! Tokens: the signs, literals and words that the judge reasons about.

/// What a token is: a sign, a literal, or the part that a word plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    // Ends of the value.
    Start,
    End,
    // Literals and names.
    Number,
    Quote,
    Variable,
    Word,
    // Signs. A run of parentheses is one token: depth is not what tells an attack.
    Open,
    Close,
    Comma,
    Semicolon,
    Dot,
    Compare,
    Arithmetic,
    Concat,
    AndAnd,
    Unary,
    Cast,
    Brace,
    JsonOperator,
    Tail,
    Other,
    // Words.
    Or,
    And,
    Xor,
    Not,
    ArithWord,
    Like,
    In,
    Is,
    Between,
    Null,
    Union,
    Select,
    All,
    From,
    Where,
    Having,
    Group,
    Order,
    By,
    Limit,
    Into,
    Values,
    Set,
    As,
    Join,
    Case,
    When,
    Then,
    If,
    Exists,
    Insert,
    Replace,
    Update,
    Delete,
    Drop,
    Alter,
    Create,
    Object,
    Execute,
    Immediate,
    Declare,
    Grant,
    Waitfor,
    Delay,
    Shutdown,
    Begin,
    Call,
    Load,
    Copy,
    Bulk,
    Merge,
    Backup,
    Outfile,
    Analyse,
    /// A name that only a database's own catalogue or package has.
    Schema,
    /// A procedure of SQL Server (`xp_`, `sp_`).
    Procedure,
    Chars,
    Type,
    /// A function that hardly any text outside SQL calls.
    Danger,
    /// A function that other languages and prose know too.
    Function,
}

/// One token: where it lies and how it stands to what is before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// Nothing, not even a comment, between it and the byte before it.
    pub glued: bool,
    /// A comment ends right before it.
    pub after_comment: bool,
    /// A quote: the first, third... of its kind, so one that closes what the application opened.
    pub odd: bool,
    /// A quote that stands like one that opens a literal here: after a space or a sign, before a letter.
    pub opens: bool,
    /// Which quote: `'` and what folds to it, `"`, backtick, `$$`.
    pub quote: u8,
    /// A quote with a letter on either side, as in `d'or`.
    pub inside_word: bool,
}

impl Token {
    /// A token of no account.
    pub const NONE: Self = Self {
        kind: Kind::Other,
        start: 0,
        end: 0,
        glued: false,
        after_comment: false,
        odd: false,
        opens: false,
        quote: 0,
        inside_word: false,
    };
}
