//! The arguments of the command line.

use lexopt::prelude::*;

/// What `backstop help` prints.
pub const HELP: &str = "\
backstop: a web application firewall for Istio and Envoy, at your desk

usage:
  backstop check [OPTIONS] FILE...    every mistake in a config, or in rendered manifests that carry one: WasmPlugin,
                                      TrafficExtension, EnvoyFilter (YAML or JSON, - for stdin)
      --prod                          for production: a pinned image, a mode, and no way to fail open
      --module FILE                   the wasm file that is to be loaded, whose checksum is no image's digest
  backstop test [PATH...]             rule files against their own examples (rules/ if none is named)
  backstop explain [OPTIONS] TARGET   what one request holds and what the rules make of it, step by step
      TARGET                          a path with query, or a whole URL
      -X, --request METHOD            GET, or POST where there is a body
      -H, --header 'NAME: VALUE'      as often as needed
      -d, --data TEXT                 the body, as a form unless a content-type says else; @FILE reads a file
      --json TEXT                     the body, as JSON; @FILE reads a file
      -c, --config FILE               a config or WasmPlugin manifest instead of the defaults
      -a, --all                       show values that no rule was a candidate for as well
  backstop replay [OPTIONS] FILE...   recorded requests through the filter: what was refused, by source; JSON lines,
                                      HAR, raw HTTP/1.1 or access logs, told apart by content (- for stdin)
      -c, --config FILE               a config or WasmPlugin manifest instead of the defaults
      --by category|where|rule|path   what a source's rows stand for (default: category)
      --label harmless|attack         what requests without a label are (default: harmless)
      --flag NAME                     records with this flag are taken at their label, not held in doubt
      --samples N                     show N requests of each kind that came out wrong
      --html FILE                     write a report with charts as well
      --compare BASE                  what --config changes against the config in BASE (- for the defaults)
      --propose                       the narrowest exclusions that let all harmless requests pass, as YAML
      --attacks FILE...               with --propose: attacks by which the exclusions are judged
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

/// A check.
#[derive(Debug, Default)]
pub struct CheckRequest {
    /// Files with configs or manifests.
    pub files: Vec<String>,
    /// What is only allowed elsewhere is a mistake.
    pub production: bool,
    /// The wasm file.
    pub module: Option<String>,
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
    /// What the rows of a source stand for.
    pub by: By,
    /// Whether a request without a label is an attack.
    pub unlabelled_attack: bool,
    /// Flags that cast no doubt.
    pub flags: Vec<String>,
    /// So many wrong ones of each kind are shown.
    pub samples: Option<usize>,
    /// Where the report goes.
    pub html: Option<String>,
    /// The config that `config` is compared with; `-` for the defaults.
    pub compare: Option<String>,
    /// Propose exclusions.
    pub propose: bool,
    /// Files with attacks that proposed exclusions are judged by.
    pub attacks: Vec<String>,
}

/// What the rows of a replayed source stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// The family of an attack, or the kind of traffic.
    #[default]
    Category,
    /// Where the recorder says the payload stands.
    Where,
    /// Why it was refused.
    Rule,
    /// The path in normal form.
    Path,
}

impl By {
    /// The word that stands for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Where => "where",
            Self::Rule => "rule",
            Self::Path => "path",
        }
    }
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
        /// What and how.
        request: CheckRequest,
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
        request: Box<ReplayRequest>,
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
    let mut replay = ReplayRequest::default();
    let mut check = CheckRequest::default();
    let checks = name == "check";
    let explains = name == "explain";
    let replays = name == "replay";
    while let Some(arg) = parser.next()? {
        match arg {
            Long("format") => format = parser.value()?.parse_with(read_format)?,
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("prod") if checks => check.production = true,
            Long("module") if checks => check.module = Some(parser.value()?.string()?),
            Short('X') | Long("request") if explains => request.method = parser.value()?.string()?,
            Short('H') | Long("header") if explains => request.headers.push(header(&parser.value()?.string()?)?),
            Short('d') | Long("data") if explains => {
                request.set_body(&parser.value()?.string()?, "application/x-www-form-urlencoded")?;
            }
            Long("json") if explains => request.set_body(&parser.value()?.string()?, "application/json")?,
            Short('c') | Long("config") if explains || replays => request.config = Some(parser.value()?.string()?),
            Short('a') | Long("all") if explains => request.all = true,
            Long("by") if replays => replay.by = parser.value()?.parse_with(read_by)?,
            Long("label") if replays => replay.unlabelled_attack = parser.value()?.parse_with(is_attack)?,
            Long("flag") if replays => replay.flags.push(parser.value()?.string()?),
            Long("samples") if replays => replay.samples = Some(parser.value()?.parse()?),
            Long("html") if replays => replay.html = Some(parser.value()?.string()?),
            Long("compare") if replays => replay.compare = Some(parser.value()?.string()?),
            Long("propose") if replays => replay.propose = true,
            Long("attacks") if replays => {
                for file in parser.values()? {
                    replay.attacks.push(file.string()?);
                }
            }
            Value(value) => values.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    match name.as_str() {
        "help" => Ok(Command::Help),
        "version" => Ok(Command::Version),
        "check" if values.is_empty() => Err(Usage("check needs at least one file; see backstop help".to_owned())),
        "check" => Ok(Command::Check { request: CheckRequest { files: values, ..check }, format }),
        "test" => Ok(Command::Test { paths: values, format }),
        "replay" if values.is_empty() => Err(Usage("replay needs at least one file; see backstop help".to_owned())),
        "replay" => {
            replay.files = values;
            replay.config = request.config;
            replay.check()?;
            Ok(Command::Replay { request: Box::new(replay), format })
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

fn read_by(text: &str) -> Result<By, String> {
    let all = [By::Category, By::Where, By::Rule, By::Path];
    all.into_iter().find(|by| by.as_str() == text).ok_or_else(|| "accepted: category, where, rule, path".to_owned())
}

fn is_attack(text: &str) -> Result<bool, String> {
    match text {
        "harmless" => Ok(false),
        "attack" => Ok(true),
        _ => Err("accepted: harmless, attack".to_owned()),
    }
}

impl ReplayRequest {
    /// Refuses options that do not go together.
    fn check(&self) -> Result<(), Usage> {
        let clash = match self {
            Self { propose: true, compare: Some(_), .. } => "--propose and --compare do not go together",
            Self { propose: false, attacks, .. } if !attacks.is_empty() => "--attacks goes with --propose",
            Self { propose: true, html: Some(_), .. } | Self { compare: Some(_), html: Some(_), .. } => {
                "--html goes with neither --propose nor --compare"
            }
            _ => return Ok(()),
        };
        Err(Usage(format!("{clash}; see backstop help")))
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
