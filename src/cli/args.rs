//! The arguments of the command line.

use lexopt::prelude::*;

/// What `backstop help` prints.
pub const HELP: &str = "\
backstop: a web application firewall for Istio and Envoy, at your desk

usage:
  backstop check FILE...              every mistake in a config or WasmPlugin manifest (YAML or JSON, - for stdin)
  backstop test [PATH...]             rule files against their own examples (rules/ if none is named)
  backstop explain [OPTIONS] TARGET   what one request holds and what the rules make of it, step by step
      TARGET                          a path with query, or a whole URL
      -X, --request METHOD            GET, or POST where there is a body
      -H, --header 'NAME: VALUE'      as often as needed
      -d, --data TEXT                 the body, as a form unless a content-type says else; @FILE reads a file
      --json TEXT                     the body, as JSON; @FILE reads a file
      -c, --config FILE               a config or WasmPlugin manifest instead of the defaults
      -a, --all                       show values that no rule was a candidate for as well
  backstop replay [OPTIONS] FILE...   recorded requests (JSON lines) through the filter: what was refused, by source
      -c, --config FILE               a config or WasmPlugin manifest instead of the defaults
      --samples N                     print N requests of each kind that came out wrong
  backstop secret [FILE]              a new origin secret and its digest; or the digest of the one in FILE (- for stdin)
  backstop help | version

options of all commands:
  --format text|json                  for people (default) or for scripts

exit status: 0 clean, 1 something was found or fails, 2 unusable input
";

/// Arguments or files that cannot be used: a sentence that says what to do.
#[derive(Debug)]
pub struct Usage(pub String);

impl From<lexopt::Error> for Usage {
    fn from(e: lexopt::Error) -> Self {
        Self(format!("{e}; see backstop help"))
    }
}

/// For people or for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text.
    Text,
    /// JSON.
    Json,
}

/// A request as `explain` takes it.
#[derive(Debug, Default)]
pub struct ExplainRequest {
    /// Path with query, or URL.
    pub target: String,
    /// Empty: GET or POST.
    pub method: String,
    /// Name (lower case) and value.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<Vec<u8>>,
    /// Config file.
    pub config: Option<String>,
    /// Show every value.
    pub all: bool,
}

/// A replay.
#[derive(Debug, Default)]
pub struct ReplayRequest {
    /// Files with recorded requests.
    pub files: Vec<String>,
    /// Config file.
    pub config: Option<String>,
    /// So many wrong ones of each kind are printed.
    pub samples: u64,
}

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Check configs and manifests.
    Check {
        /// The files.
        files: Vec<String>,
        /// How to print.
        format: Format,
    },
    /// Run rules against their examples.
    Test {
        /// Files or folders.
        paths: Vec<String>,
        /// How to print.
        format: Format,
    },
    /// Replay recorded requests.
    Replay {
        /// What and how.
        request: ReplayRequest,
        /// How to print.
        format: Format,
    },
    /// Make an origin secret, or digest one.
    Secret {
        /// Where the secret is; none: make one.
        file: Option<String>,
        /// How to print.
        format: Format,
    },
    /// Explain one request.
    Explain {
        /// The request.
        request: Box<ExplainRequest>,
        /// How to print.
        format: Format,
    },
}

/// Reads the arguments.
pub fn parse(mut parser: lexopt::Parser) -> Result<Command, Usage> {
    let Some(first) = parser.next()? else { return Ok(Command::Help) };
    let name = match first {
        Short('h') | Long("help") => return Ok(Command::Help),
        Short('V') | Long("version") => return Ok(Command::Version),
        Value(name) => name.string()?,
        other => return Err(other.unexpected().into()),
    };
    let mut format = Format::Text;
    let mut values = Vec::new();
    let mut request = ExplainRequest::default();
    let mut samples = 0;
    let explains = name == "explain";
    let replays = name == "replay";
    while let Some(arg) = parser.next()? {
        match arg {
            Long("format") => format = parser.value()?.parse_with(read_format)?,
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('X') | Long("request") if explains => request.method = parser.value()?.string()?,
            Short('H') | Long("header") if explains => request.headers.push(header(&parser.value()?.string()?)?),
            Short('d') | Long("data") if explains => {
                request.set_body(&parser.value()?.string()?, "application/x-www-form-urlencoded")?;
            }
            Long("json") if explains => request.set_body(&parser.value()?.string()?, "application/json")?,
            Short('c') | Long("config") if explains || replays => request.config = Some(parser.value()?.string()?),
            Short('a') | Long("all") if explains => request.all = true,
            Long("samples") if replays => samples = parser.value()?.parse()?,
            Value(value) => values.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    match name.as_str() {
        "help" => Ok(Command::Help),
        "version" => Ok(Command::Version),
        "check" if values.is_empty() => Err(Usage("check needs at least one file; see backstop help".to_owned())),
        "check" => Ok(Command::Check { files: values, format }),
        "test" => Ok(Command::Test { paths: values, format }),
        "replay" if values.is_empty() => Err(Usage("replay needs at least one file; see backstop help".to_owned())),
        "replay" => {
            Ok(Command::Replay { request: ReplayRequest { files: values, config: request.config, samples }, format })
        }
        "secret" if values.len() > 1 => Err(Usage("secret takes at most one file; see backstop help".to_owned())),
        "secret" => Ok(Command::Secret { file: values.pop(), format }),
        "explain" => match <[String; 1]>::try_from(values) {
            Ok([target]) => {
                request.target = target;
                Ok(Command::Explain { request: Box::new(request), format })
            }
            Err(_) => Err(Usage("explain needs exactly one TARGET; see backstop help".to_owned())),
        },
        other => {
            let known = ["check", "test", "explain", "replay", "secret", "help", "version"];
            let hint = backstop::diagnostic::nearest(other, &known).map(|k| format!("; did you mean {k}?"));
            Err(Usage(format!("no command \"{other}\"{}; see backstop help", hint.unwrap_or_default())))
        }
    }
}

fn read_format(text: &str) -> Result<Format, String> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err("accepted: text, json".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, String), Usage> {
    let (name, value) = text.split_once(':').ok_or_else(|| Usage(format!("header \"{text}\" has no colon")))?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

impl ExplainRequest {
    fn set_body(&mut self, text: &str, content_type: &str) -> Result<(), Usage> {
        self.body = Some(match text.strip_prefix('@') {
            Some(file) => super::read(file)?,
            None => text.as_bytes().to_vec(),
        });
        self.headers.push(("content-type".to_owned(), content_type.to_owned()));
        Ok(())
    }
}
