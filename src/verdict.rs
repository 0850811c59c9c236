//! What an inspection concludes, and what is to be done about it.

use std::borrow::Cow;
use std::cmp::Reverse;

macro_rules! families {
    ($($variant:ident $text:literal)*) => {
        /// The families that rules belong to; each has its file `rules/<family>.yaml`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Family { $(#[doc = $text] $variant,)* }

        impl Family {
            /// Every family. A value that two of them know is blamed on the first, so the more telling come first: a
            /// JNDI lookup names a URL, but what it means is Log4Shell.
            pub const ALL: &'static [Family] = &[$(Family::$variant,)*];

            /// The name as it stands in config, rule files and metrics.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Family::$variant => $text,)* }
            }
        }
    };
}

families! {
    Log4shell "log4shell"
    Xxe "xxe"
    HeaderInjection "header-injection"
    Sqli "sqli"
    Nosql "nosql"
    Xss "xss"
    Template "template"
    Php "php"
    Java "java"
    Node "node"
    LdapInjection "ldap-injection"
    CommandInjection "command-injection"
    Rfi "rfi"
    Ssrf "ssrf"
    PathTraversal "path-traversal"
    BotScanner "bot-scanner"
}

impl Family {
    /// The family of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.as_str() == name)
    }
}

/// How much one finding weighs; the scores are those of the OWASP core rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Scores 2.
    Notice,
    /// Scores 3.
    Warning,
    /// Scores 4.
    Error,
    /// Scores 5: blocks alone at the default threshold.
    Critical,
}

impl Severity {
    /// Name and value of each severity.
    pub const NAMES: &'static [(&'static str, Severity)] = &[
        ("critical", Severity::Critical),
        ("error", Severity::Error),
        ("warning", Severity::Warning),
        ("notice", Severity::Notice),
    ];

    /// What a finding of this severity adds to the score of a request.
    #[must_use]
    pub fn score(self) -> u32 {
        match self {
            Severity::Notice => 2,
            Severity::Warning => 3,
            Severity::Error => 4,
            Severity::Critical => 5,
        }
    }

    /// The name as it stands in rule files and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, s)| *s == self).map_or("critical", |(name, _)| name)
    }
}

/// A half-open range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// One rule that matched one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Id of the rule.
    pub rule: Cow<'static, str>,
    /// Its family.
    pub family: Family,
    /// Its severity.
    pub severity: Severity,
    /// Where: `query:q`, `header:user-agent`, `json:items.name`, `path`.
    pub target: String,
    /// The part of the decoded value that matched, at most [`Finding::SNIPPET_BYTES`] long.
    pub snippet: Vec<u8>,
    /// Whether that part may hold a secret, and is not to be logged.
    pub secret: bool,
    /// Where in the decoded value that part begins.
    pub start: usize,
    /// Whether it adds to the score; not so in a family set to detect, or above the blocking level.
    pub counts: bool,
}

impl Finding {
    /// The longest snippet that is kept.
    pub const SNIPPET_BYTES: usize = 96;

    /// Orders findings by what they tell, the most telling first: those that count, by severity, and of equal ones the
    /// first in the text, since what comes after it is its payload, as a URL is of a JNDI lookup; then by family.
    #[must_use]
    pub fn weight(&self) -> impl Ord + use<> {
        (Reverse(self.counts), Reverse(self.severity), self.start, self.family)
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The score reached the threshold; family and rule are those of the weightiest finding.
    Rule {
        /// Family of that rule.
        family: Family,
        /// Its id.
        rule: Cow<'static, str>,
    },
    /// The origin secret was `missing`, `wrong` or `repeated`.
    Origin(&'static str),
    /// A limit ran out.
    Limit {
        /// Name of the limit.
        name: String,
        /// Whole seconds after which a request succeeds again, at least 1.
        retry_after_s: u64,
    },
    /// The client is under a penalty, which a denial by a rule of this family began.
    Penalty(Family),
    /// The body is larger than what is inspected, and `body.oversize` says deny.
    BodyTooLarge,
    /// The body is encoded in a way that is not read, and `body.encoded` says deny.
    BodyEncoded,
    /// Inspecting it would cost more than `effort` allows.
    TooCostly,
    /// Something inside backstop failed, and `onFailure` says deny.
    Failure(&'static str),
}

impl Denial {
    /// What Envoy shows as `RESPONSE_CODE_DETAILS`: `backstop{sqli:sqli-union-select}`, without spaces.
    #[must_use]
    pub fn details(&self) -> String {
        match self {
            Denial::Rule { family, rule } => format!("backstop{{{}:{rule}}}", family.as_str()),
            Denial::Origin(outcome) => format!("backstop{{origin:{outcome}}}"),
            Denial::Limit { name, .. } => format!("backstop{{limit:{name}}}"),
            Denial::Penalty(family) => format!("backstop{{penalty:{}}}", family.as_str()),
            Denial::BodyTooLarge => "backstop{body:too-large}".to_owned(),
            Denial::BodyEncoded => "backstop{body:encoded}".to_owned(),
            Denial::TooCostly => "backstop{effort:too-costly}".to_owned(),
            Denial::Failure(what) => format!("backstop{{failure:{what}}}"),
        }
    }
}

/// An answer that backstop gives in place of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u32,
    /// Header names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// For `RESPONSE_CODE_DETAILS`.
    pub details: String,
    /// The gRPC status, where the request is gRPC.
    pub grpc_status: Option<u32>,
}

/// What the adapter must do after a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Let the stream go on.
    Continue,
    /// Hold what has come so far, and call again with all of it once there is more.
    Hold,
    /// Hold what has come so far under back-pressure, and call again with only what is new.
    Gather,
    /// Answer with this and let nothing more through.
    Deny(Reply),
}
