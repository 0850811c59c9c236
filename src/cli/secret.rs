//! `backstop secret`: a new origin secret, and the digest of it that goes into the config.

use std::io::Read;

use backstop::origin::digest_hex;
use serde_json::json;

use super::args::{Format, Usage};
use super::{Found, read};

/// As many random bytes as the digest has.
const SECRET_BYTES: u64 = 32;

/// Prints the digest of the secret in `file`, one line end at its end left out; or makes a secret and prints both.
pub fn run(file: Option<&str>, format: Format) -> Result<Found, Usage> {
    let (made, secret) = match file {
        Some(file) => (None, read(file)?),
        None => {
            let secret = random()?;
            (Some(secret.clone()), secret.into_bytes())
        }
    };
    let text = secret.strip_suffix(b"\n").unwrap_or(&secret);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if text.is_empty() {
        return Err(Usage("the secret is empty".to_owned()));
    }
    let digest = digest_hex(text);
    match (format, made) {
        (Format::Json, made) => println!("{}", json!({"secret": made, "sha256": digest})),
        (Format::Text, Some(made)) => println!("secret {made}\nsha256 {digest}"),
        (Format::Text, None) => println!("sha256 {digest}"),
    }
    Ok(Found::Clean)
}

fn random() -> Result<String, Usage> {
    let mut bytes = Vec::new();
    let source = std::fs::File::open("/dev/urandom");
    let done = source.and_then(|file| file.take(SECRET_BYTES).read_to_end(&mut bytes));
    done.map_err(|e| Usage(format!("/dev/urandom: {e}; give a FILE with a secret of your own")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
