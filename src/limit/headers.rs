//! Response headers that tell a client about its limits (Internet-Drafts of the IETF's `httpapi` group).
//!
//! Limits in detect mode are not told, and a limit without a key only when it refuses: how busy the whole proxy is
//! concerns no client. What is left is as of this request; a token bucket has no window that ends, so "reset" is the
//! time until there is one token more, which never lies beyond `Retry-After`.

use super::Decision;

fn told<'d, 's>(decisions: &'d [Decision<'s>]) -> Vec<&'d Decision<'s>> {
    decisions.iter().filter(|d| d.enforced && (d.keyed || !d.allowed)).collect()
}

/// Members with `, ` between them; `write` adds one.
fn join(told: &[&Decision<'_>], write: impl Fn(&Decision<'_>, &mut String)) -> String {
    let mut text = String::with_capacity(told.len().saturating_mul(48));
    for decision in told {
        if !text.is_empty() {
            text.push_str(", ");
        }
        write(decision, &mut text);
    }
    text
}

fn quoted(name: &str, text: &mut String) {
    text.push('"');
    text.push_str(name);
    text.push('"');
}

/// Adds `mark` and the digits of `number`; formatting them for each request costs more than to count them.
fn number(mark: &str, number: u64, text: &mut String) {
    text.push_str(mark);
    text.push_str(itoa::Buffer::new().format(number));
}

/// `ratelimit-policy: "per-client";q=100;w=2` and `ratelimit: "per-client";r=12;t=1`, one member for each limit
/// (draft-ietf-httpapi-ratelimit-headers-11; structured fields, RFC 9651). `q` is the burst and `w` the seconds in
/// which it comes back. Nothing if there is nothing to tell.
#[must_use]
pub fn draft11(decisions: &[Decision<'_>]) -> Vec<(&'static str, String)> {
    let told = told(decisions);
    if told.is_empty() {
        return Vec::new();
    }
    let policy = |d: &Decision<'_>, text: &mut String| {
        quoted(d.name, text);
        number(";q=", d.burst, text);
        number(";w=", d.window_s, text);
    };
    let state = |d: &Decision<'_>, text: &mut String| {
        quoted(d.name, text);
        number(";r=", d.remaining, text);
        number(";t=", d.reset_s, text);
    };
    vec![("ratelimit-policy", join(&told, policy)), ("ratelimit", join(&told, state))]
}

/// `x-ratelimit-limit: 100, 100;w=2`, `x-ratelimit-remaining: 12` and `x-ratelimit-reset: 1` in the manner of Envoy's
/// own filters (draft-polli-ratelimit-headers-03): the limit that is nearest to refusing, and behind the first comma
/// all of them. Nothing if there is nothing to tell.
#[must_use]
pub fn draft03(decisions: &[Decision<'_>]) -> Vec<(&'static str, String)> {
    let told = told(decisions);
    let nearest = super::refusal(decisions).or_else(|| told.iter().min_by_key(|d| d.remaining).copied());
    let Some(nearest) = nearest else { return Vec::new() };
    let policies = join(&told, |d, text| {
        number("", d.burst, text);
        number(";w=", d.window_s, text);
    });
    vec![
        ("x-ratelimit-limit", format!("{}, {policies}", nearest.burst)),
        ("x-ratelimit-remaining", nearest.remaining.to_string()),
        ("x-ratelimit-reset", nearest.reset_s.to_string()),
    ]
}
