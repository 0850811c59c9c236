//! Response headers that tell a client about its limits (Internet-Drafts of the IETF's `httpapi` group).
//!
//! Limits in detect mode are not told, and a limit without a key only when it refuses: how busy the whole proxy is
//! concerns no client. What is left is as of this request; a token bucket has no window that ends, so "reset" is the
//! time until there is one token more, which never lies beyond `Retry-After`.

use super::Decision;

fn told<'d, 's>(decisions: &'d [Decision<'s>]) -> impl Iterator<Item = &'d Decision<'s>> + Clone {
    decisions.iter().filter(|d| d.enforced && (d.keyed || !d.allowed))
}

/// Members with `, ` between them; `write` adds one.
fn join<'d, 's: 'd>(
    told: impl Iterator<Item = &'d Decision<'s>>,
    write: impl Fn(&Decision<'_>, &mut String),
) -> String {
    let mut text = String::with_capacity(128);
    for decision in told {
        if !text.is_empty() {
            text.push_str(", ");
        }
        write(decision, &mut text);
    }
    text
}

/// Adds `mark` and the digits of `number`; formatting them for each request costs more than to count them.
fn number(mark: &str, number: u64, text: &mut String) {
    text.push_str(mark);
    text.push_str(itoa::Buffer::new().format(number));
}

/// The member of `ratelimit-policy` for a limit: `q` is the burst and `w` the seconds in which it comes back.
pub(super) fn policy(name: &str, burst: u64, window_s: u64) -> String {
    format!("\"{name}\";q={burst};w={window_s}")
}

/// `ratelimit-policy: "per-client";q=100;w=2` and `ratelimit: "per-client";r=12;t=1`, one member for each limit
/// (draft-ietf-httpapi-ratelimit-headers-11; structured fields, RFC 9651). Nothing if there is nothing to tell.
#[must_use]
pub fn draft11(decisions: &[Decision<'_>]) -> Vec<(&'static str, String)> {
    let told = told(decisions);
    if told.clone().next().is_none() {
        return Vec::new();
    }
    let state = |d: &Decision<'_>, text: &mut String| {
        text.push('"');
        text.push_str(d.name);
        number("\";r=", d.remaining, text);
        number(";t=", d.reset_s, text);
    };
    let policies = join(told.clone(), |d, text| text.push_str(d.policy));
    vec![("ratelimit-policy", policies), ("ratelimit", join(told, state))]
}

/// `x-ratelimit-limit: 100, 100;w=2`, `x-ratelimit-remaining: 12` and `x-ratelimit-reset: 1` in the manner of Envoy's
/// own filters (draft-polli-ratelimit-headers-03): the limit that is nearest to refusing, and behind the first comma
/// all of them. Nothing if there is nothing to tell.
#[must_use]
pub fn draft03(decisions: &[Decision<'_>]) -> Vec<(&'static str, String)> {
    let told = told(decisions);
    let nearest = super::refusal(decisions).or_else(|| told.clone().min_by_key(|d| d.remaining));
    let Some(nearest) = nearest else { return Vec::new() };
    let policies = join(told, |d, text| {
        number("", d.burst, text);
        number(";w=", d.window_s, text);
    });
    vec![
        ("x-ratelimit-limit", format!("{}, {policies}", nearest.burst)),
        ("x-ratelimit-remaining", nearest.remaining.to_string()),
        ("x-ratelimit-reset", nearest.reset_s.to_string()),
    ]
}
