//! Bringing the many spellings of one text to one: case, white space, comments, shell quoting, dots in paths, UTF-8.

use super::{copy_until, until};

/// Overlong UTF-8 (`C0 AF` for `/`, which old decoders take) and full-width forms (U+FF01 to U+FF5E, which databases
/// and language runtimes fold) to the ASCII they stand for; every other byte as it is.
pub fn utf8(input: &[u8]) -> Option<Vec<u8>> {
    // What begins an overlong or a full-width form; most text above ASCII has none of it.
    let is_mark = |b: u8| matches!(b, 0xc0 | 0xc1 | 0xe0 | 0xef | 0xf0);
    if !input.iter().any(|b| is_mark(*b)) {
        return None;
    }
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        rest = match copy_until(rest, is_mark, &mut output) {
            [] => return Some(output),
            [a @ 0xc0..=0xc1, b @ 0x80..=0xbf, tail @ ..] => {
                output.push((a & 1) << 6 | (b & 0x3f));
                tail
            }
            [0xe0, b @ 0x80..=0x81, c @ 0x80..=0xbf, tail @ ..] => {
                output.push((b & 1) << 6 | (c & 0x3f));
                tail
            }
            [0xf0, 0x80, b @ 0x80..=0x81, c @ 0x80..=0xbf, tail @ ..] => {
                output.push((b & 1) << 6 | (c & 0x3f));
                tail
            }
            // U+FF01..U+FF3F is EF BC 81..BF, U+FF40..U+FF5E is EF BD 80..9E; each is its ASCII plus 0xFEE0.
            [0xef, 0xbc, c @ 0x81..=0xbf, tail @ ..] => {
                output.push((c & 0x3f).wrapping_add(0x20));
                tail
            }
            [0xef, 0xbd, c @ 0x80..=0x9e, tail @ ..] => {
                output.push((c & 0x1f).wrapping_add(0x60));
                tail
            }
            [byte, tail @ ..] => {
                output.push(*byte);
                tail
            }
        };
    }
}

/// NUL bytes away: a C library behind the application stops at one, a filter in front must not.
pub fn nul(input: &[u8]) -> Option<Vec<u8>> {
    let mut output = input.to_vec();
    output.retain(|b| *b != 0);
    Some(output)
}

/// SQL comments to one space each: `/* x */`, and `-- x` or `# x` where a line follows. What stands in MySQL's
/// conditional comment `/*!50000 x*/` is executed, so only its brackets go.
pub fn comments(input: &[u8]) -> Option<Vec<u8>> {
    let last_line_end = input.iter().rposition(|b| *b == b'\n');
    if last_line_end.is_none() && !input.contains(&b'*') {
        return None;
    }
    let last_close = input.windows(2).rposition(|w| w == b"*/");
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        let at = input.len().saturating_sub(rest.len());
        let closes = last_close.is_some_and(|i| i > at);
        let line_ends = last_line_end.is_some_and(|i| i > at);
        rest = match rest {
            [] => return Some(output),
            [b'/', b'*', b'!', tail @ ..] => {
                output.push(b' ');
                let version = tail.iter().take(6).take_while(|b| b.is_ascii_digit()).count();
                tail.get(version..).unwrap_or_default()
            }
            [b'/', b'*', tail @ ..] if closes => {
                output.push(b' ');
                after(tail, b"*/")
            }
            [b'*', b'/', tail @ ..] => {
                output.push(b' ');
                tail
            }
            [b'#', tail @ ..] | [b'-', b'-', tail @ ..] if line_ends => {
                output.push(b' ');
                after(tail, b"\n")
            }
            [byte, tail @ ..] => {
                output.push(*byte);
                copy_until(tail, |b| matches!(b, b'/' | b'*' | b'#' | b'-'), &mut output)
            }
        };
    }
}

/// What comes after the first `mark`, or nothing.
fn after<'r>(rest: &'r [u8], mark: &[u8]) -> &'r [u8] {
    let start = rest.windows(mark.len()).position(|w| w == mark).map(|i| i.saturating_add(mark.len()));
    start.and_then(|start| rest.get(start..)).unwrap_or_default()
}

/// What a POSIX shell or `cmd.exe` makes of quoting inside words: quotes, backslashes and carets go, `$IFS` becomes a
/// space, and what is empty in a one-line command vanishes: `$@`, `$1`, a pair of backticks, `$()`, a `\` that
/// continues the line.
pub fn shell(input: &[u8]) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        rest = match rest {
            [] => return Some(output),
            [b'\\', b'\r', b'\n', tail @ ..] | [b'\\', b'\n', tail @ ..] => tail,
            [b'\'' | b'"' | b'\\' | b'^', tail @ ..] => tail,
            [b'`', b'`', tail @ ..] | [b'$', b'(', b')', tail @ ..] => tail,
            [b'$', b'{', b'I' | b'i', b'F' | b'f', b'S' | b's', tail @ ..] => {
                output.push(b' ');
                after(tail, b"}")
            }
            [b'$', b'I', b'F', b'S', tail @ ..] => {
                output.push(b' ');
                match tail {
                    [b'$', b'0'..=b'9', tail @ ..] => tail,
                    _ => tail,
                }
            }
            [b'$', b'@' | b'*' | b'1'..=b'9', tail @ ..] => tail,
            [byte, tail @ ..] => {
                output.push(*byte);
                copy_until(tail, |b| matches!(b, b'\'' | b'"' | b'\\' | b'^' | b'`' | b'$'), &mut output)
            }
        };
    }
}

/// Whether [`path`] would change anything: most paths and addresses are in its form.
pub fn is_odd_path(input: &[u8]) -> bool {
    let mut rest = input;
    loop {
        let Some((mark, tail)) = until(rest, b'/', b'\\').1.split_first() else { return false };
        let before = input.get(..input.len().saturating_sub(tail.len()).saturating_sub(1));
        let odd = match before.unwrap_or_default() {
            _ if *mark == b'\\' => true,
            [.., b':', b'/'] => false,
            [.., b'/'] | [b'.'] | [.., b'/' | 0, b'.'] => true,
            _ => false,
        };
        if odd {
            return true;
        }
        rest = tail;
    }
}

/// `\` to `/`, then `//` and `/./` to `/`, so that every spelling of a path has the same text. The `//` after a scheme
/// stays, or every URL would change; `..` stays, since it is what traversal rules look for.
pub fn path(input: &[u8]) -> Option<Vec<u8>> {
    let mut output: Vec<u8> = Vec::with_capacity(input.len());
    for byte in input {
        let byte = if *byte == b'\\' { b'/' } else { *byte };
        if byte == b'/' {
            if output.ends_with(b"/.") {
                output.pop();
            }
            if output.ends_with(b"/") && !output.ends_with(b":/") {
                continue;
            }
        }
        output.push(byte);
    }
    Some(output)
}

/// Runs of white space to one space.
pub fn whitespace(input: &[u8]) -> Option<Vec<u8>> {
    let mut output = input.to_vec();
    let mut after_space = false;
    output.retain_mut(|byte| {
        let space = matches!(byte, b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b' ');
        let kept = !(space && after_space);
        after_space = space;
        if space {
            *byte = b' ';
        }
        kept
    });
    Some(output)
}

/// ASCII letters to lower case.
pub fn lowercase(input: &[u8]) -> Option<Vec<u8>> {
    Some(input.to_ascii_lowercase())
}
