//! Regular expressions of rules: how they are parsed and compiled, and the text that every match must contain.
//!
//! That text is taken from the syntax tree. Each part of an expression has either a small finite set of texts that it can match (`exact`), or a set of texts of
//! which any match contains one (`needed`), or neither. In a sequence, exact neighbours are multiplied out and the most
//! telling set wins. Texts are lower case, since the prefilter ignores case.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// More texts than this make no good filter.
const MAX_TEXTS: usize = 256;
/// Nor are more than this multiplied out once each has two bytes.
const MAX_TELLING_TEXTS: usize = 24;
/// A byte class with more members than this counts as unknown.
const MAX_CLASS: usize = 8;
/// So many copies of a repeated part are looked at.
const MAX_COPIES: u32 = 4;
/// Longer texts do not filter better.
const MAX_BYTES: usize = 24;

/// A compiled expression may take this much memory: rules are small, and a VM holds hundreds of them.
const SIZE_LIMIT_BYTES: usize = 256 * 1024;

/// Compiles `pattern` over bytes, with ASCII classes, case ignored or not.
///
/// # Errors
/// When it is no regular expression of the `regex` crate, or larger than 256 KiB compiled.
pub fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).case_insensitive(ignore_case).size_limit(SIZE_LIMIT_BYTES).build()
}

/// Parses `pattern` the way [`compile`] does.
///
/// # Errors
/// The parser's message.
pub fn parse(pattern: &str, ignore_case: bool) -> Result<Hir, String> {
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).case_insensitive(ignore_case).build();
    parser.parse(pattern).map_err(|e| {
        // The first lines of the message draw the place; the last one says what is wrong.
        e.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}

/// The lower-case literals of which every match of `hir` contains at least one; nothing if there is no such set whose
/// members all have two bytes or more.
#[must_use]
pub fn required(hir: &Hir) -> Option<Vec<String>> {
    let texts = Texts::of(hir).best()?;
    if texts.iter().any(|t| t.len() < 2) {
        return None;
    }
    // A text that contains another one adds nothing.
    let mut kept: Vec<&Vec<u8>> = Vec::new();
    for text in &texts {
        let covered = texts.iter().any(|other| other != text && contains(text, other));
        if !covered && !kept.contains(&text) {
            kept.push(text);
        }
    }
    kept.into_iter().map(|t| String::from_utf8(t.clone()).ok()).collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len().max(1)).any(|w| w == part)
}

#[derive(Clone, Debug, Default)]
struct Texts {
    /// All that this part can match.
    exact: Option<Vec<Vec<u8>>>,
    /// One of these is in whatever it matches.
    needed: Option<Vec<Vec<u8>>>,
}

impl Texts {
    fn exactly(texts: Vec<Vec<u8>>) -> Self {
        Self { exact: Some(texts), needed: None }
    }

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::exactly(vec![Vec::new()]),
            HirKind::Literal(literal) => Self::exactly(vec![literal.0.to_ascii_lowercase()]),
            HirKind::Class(class) => members(class).map(Self::exactly).unwrap_or_default(),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => {
                let sub = Self::of(&repetition.sub);
                match (repetition.min, repetition.max) {
                    (1, Some(1)) => sub,
                    (0, Some(1)) => match sub.exact {
                        Some(mut texts) if texts.len() < MAX_TEXTS => {
                            texts.push(Vec::new());
                            Self::exactly(texts)
                        }
                        _ => Self::default(),
                    },
                    (0, _) => Self::default(),
                    _ => Self::sequence(Self::copies(repetition)),
                }
            }
            HirKind::Alternation(branches) => {
                let branches: Vec<Self> = branches.iter().map(Self::of).collect();
                let exact = union(branches.iter().map(|b| b.exact.clone()));
                let needed = union(branches.into_iter().map(Self::best));
                Self { exact, needed }
            }
            // A repetition's first copies are neighbours of what stands before them.
            HirKind::Concat(parts) => Self::sequence(parts.iter().flat_map(|part| match part.kind() {
                HirKind::Repetition(repetition) if repetition.min > 0 => Self::copies(repetition),
                _ => vec![Self::of(part)],
            })),
        }
    }

    /// What a repetition of at least one begins with, and whatever may follow.
    fn copies(repetition: &Repetition) -> Vec<Self> {
        let first = vec![Self::of(&repetition.sub); repetition.min.min(MAX_COPIES) as usize];
        let more = repetition.max.is_none_or(|max| max > repetition.min.min(MAX_COPIES));
        first.into_iter().chain(more.then(Self::default)).collect()
    }

    fn sequence(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut best: Option<Vec<Vec<u8>>> = None;
        let mut run = vec![Vec::new()];
        let mut all_exact = true;
        for part in parts {
            match part.exact.as_ref().and_then(|texts| product(&run, texts)) {
                Some(longer) => run = longer,
                None => {
                    best = better(best, Some(std::mem::replace(&mut run, vec![Vec::new()])));
                    all_exact = false;
                    match part.exact {
                        // Too many together: begin anew with this part alone.
                        Some(texts) => run = texts,
                        None => best = better(best, part.needed),
                    }
                }
            }
        }
        if all_exact { Self::exactly(run) } else { Self { exact: None, needed: better(best, Some(run)) } }
    }

    fn best(self) -> Option<Vec<Vec<u8>>> {
        better(self.exact, self.needed)
    }
}

fn members(class: &Class) -> Option<Vec<Vec<u8>>> {
    let Class::Bytes(class) = class else { return None };
    let mut bytes: Vec<u8> = Vec::new();
    for range in class.ranges() {
        for byte in range.start()..=range.end() {
            let lower = byte.to_ascii_lowercase();
            if !bytes.contains(&lower) {
                bytes.push(lower);
            }
            if bytes.len() > MAX_CLASS {
                return None;
            }
        }
    }
    Some(bytes.into_iter().map(|b| vec![b]).collect())
}

fn union(sets: impl Iterator<Item = Option<Vec<Vec<u8>>>>) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for set in sets {
        all.extend(set?);
    }
    all.sort_unstable();
    all.dedup();
    (all.len() <= MAX_TEXTS).then_some(all)
}

fn product(left: &[Vec<u8>], right: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    // Longer texts are worth many of them only while they are too short to tell anything.
    let telling = left.iter().all(|text| text.len() > 1);
    if left.len().saturating_mul(right.len()) > if telling { MAX_TELLING_TEXTS } else { MAX_TEXTS } {
        return None;
    }
    let mut all: Vec<Vec<u8>> =
        left.iter().flat_map(|l| right.iter().map(move |r| [l.as_slice(), r].concat())).collect();
    if all.iter().any(|text| text.len() > MAX_BYTES) {
        return None;
    }
    all.sort_unstable();
    all.dedup();
    Some(all)
}

/// The more telling of two sets: the longer its shortest text the better, up to five bytes, then the fewer the better.
fn better(a: Option<Vec<Vec<u8>>>, b: Option<Vec<Vec<u8>>>) -> Option<Vec<Vec<u8>>> {
    let rank = |set: &Vec<Vec<u8>>| {
        let shortest = set.iter().map(Vec::len).min().unwrap_or(0);
        (shortest.min(5), usize::MAX.saturating_sub(set.len()), shortest)
    };
    match (a, b) {
        (Some(a), Some(b)) => Some(if rank(&a) >= rank(&b) { a } else { b }),
        (a, b) => a.or(b),
    }
}
