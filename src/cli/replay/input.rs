//! Files of recorded requests: which format one is in is seen from its content, and lines are read one at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};

use super::super::args::Usage;
use super::record::Record;
use super::{access_log, har, json_lines, raw};

/// A file, or standard input, which is kept since it may be needed more than once.
pub struct Input {
    name: String,
    stdin: Option<Vec<u8>>,
    /// Whether its requests are attacks where nothing says what they are.
    unlabelled_attack: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    JsonLines,
    Har,
    Raw,
    AccessLog,
}

impl Input {
    /// The files of these names; `-` is standard input.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn all(names: &[String], unlabelled_attack: bool) -> Result<Vec<Self>, Usage> {
        let one = |name: &String| {
            let (name, stdin) = match name.as_str() {
                "-" => ("stdin".to_owned(), Some(super::super::read("-")?)),
                name => (name.to_owned(), None),
            };
            Ok(Self { name, stdin, unlabelled_attack })
        };
        names.iter().map(one).collect()
    }

    /// How many bytes it has, as far as that is known.
    pub fn bytes(&self) -> u64 {
        let on_disk = || std::fs::metadata(&self.name).map_or(0, |m| m.len());
        self.stdin.as_ref().map_or_else(on_disk, |text| u64::try_from(text.len()).unwrap_or(u64::MAX))
    }

    /// Calls `visit` with every request and with how many bytes were read for it; how many places held no HTTP request
    /// is returned.
    ///
    /// # Errors
    /// A sentence with file and line.
    pub fn each(&self, visit: &mut dyn FnMut(&mut Record, usize)) -> Result<u64, Usage> {
        let mut reader: Box<dyn BufRead + '_> = match &self.stdin {
            Some(text) => Box::new(Cursor::new(text)),
            None => Box::new(BufReader::with_capacity(1 << 16, File::open(&self.name).map_err(|e| self.error(e))?)),
        };
        let beginning = reader.fill_buf().map_err(|e| self.error(e))?;
        let Some(kind) = recognise(beginning) else {
            let accepted = "expected JSON lines, a HAR, raw HTTP/1.1 requests or an access log";
            return if beginning.trim_ascii().is_empty() { Ok(0) } else { Err(self.error(format!("1: {accepted}"))) };
        };
        let mut finish = |mut record: Record, bytes: usize| {
            if record.source.is_empty() {
                record.source.clone_from(&self.name);
            }
            record.is_attack = record.label.unwrap_or(self.unlabelled_attack);
            visit(&mut record, bytes);
        };
        if matches!(kind, Kind::Har | Kind::Raw) {
            let mut text = Vec::new();
            reader.read_to_end(&mut text).map_err(|e| self.error(e))?;
            let text = text.strip_prefix(BOM).unwrap_or(&text);
            let mut finish = |record| finish(record, 0);
            let passed_over = match kind {
                Kind::Har => har::each(text, &mut finish),
                _ => raw::each(text, &mut finish).map(|()| 0),
            };
            return passed_over.map_err(|e| self.error(e));
        }
        let mut passed_over = 0_u64;
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let bytes = reader.read_until(b'\n', &mut line).map_err(|e| self.error(e))?;
            if bytes == 0 {
                break;
            }
            let text = line.strip_prefix(BOM).unwrap_or(&line).trim_ascii();
            if text.is_empty() {
                continue;
            }
            let read = if kind == Kind::JsonLines { json_lines::read(text).map(Some) } else { access_log::read(text) };
            match read.map_err(|e| self.error(format!("{number}: {e}")))? {
                Some(mut record) => {
                    if record.id.is_empty() {
                        record.id = number.to_string();
                    }
                    finish(record, bytes);
                }
                None => passed_over = passed_over.saturating_add(1),
            }
        }
        Ok(passed_over)
    }

    fn error(&self, what: impl std::fmt::Display) -> Usage {
        let gap = if what.to_string().starts_with(|c: char| c.is_ascii_digit()) { "" } else { " " };
        Usage(format!("{}:{gap}{what}", self.name))
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a file is that begins so. A HAR has one top-level key, `log`.
fn recognise(beginning: &[u8]) -> Option<Kind> {
    let text = beginning.strip_prefix(BOM).unwrap_or(beginning).trim_ascii_start();
    if let Some(inside) = text.strip_prefix(b"{") {
        let is_har = inside.trim_ascii_start().starts_with(b"\"log\"");
        return Some(if is_har { Kind::Har } else { Kind::JsonLines });
    }
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    match line {
        line if raw::request_line(line.trim_ascii_end()).is_some() => Some(Kind::Raw),
        line if line.contains(&b'"') => Some(Kind::AccessLog),
        _ => None,
    }
}
