//! The answer to a refused request: status, body by `Accept`, request id. It never says which rule: that is for the log.

use serde_json::json;

use crate::document::{Item, Report};
use crate::telemetry::Subject;
use crate::verdict::{Denial, Reply};

/// The `response` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Status of a request refused by rules, for its origin or under a penalty.
    pub status: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { status: 403 }
    }
}

impl Settings {
    /// Reads `status`, 400 to 599.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["status"], report)?;
        let status = fields.get("status").map_or(Some(403), |item| item.integer(400, 599, report))?;
        Some(Self { status: u32::try_from(status).ok()? })
    }
}

/// How a client wants to be told (RFC 9110 section 12.5.1), as far as a refusal needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `application/json`; also for whoever takes anything.
    #[default]
    Json,
    /// `text/html`
    Html,
    /// `text/plain`
    Text,
    /// gRPC: a status in the trailers.
    Grpc,
}

impl Form {
    /// The form for the values of `accept` and `content-type`. What is named first wins; quality values are not
    /// weighed, since a browser's are in order anyway.
    #[must_use]
    pub fn of(accept: Option<&[u8]>, content_type: Option<&[u8]>) -> Self {
        let begins = |value: &[u8], prefix: &str| {
            value.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        if content_type.is_some_and(|value| begins(value, "application/grpc")) {
            return Self::Grpc;
        }
        let form = |range: &[u8]| {
            let range = range.trim_ascii();
            if begins(range, "text/html") || begins(range, "application/xhtml") {
                Some(Self::Html)
            } else if begins(range, "text/plain") {
                Some(Self::Text)
            } else if begins(range, "application/json") || begins(range, "*/*") {
                Some(Self::Json)
            } else {
                None
            }
        };
        accept.unwrap_or_default().split(|b| *b == b',').find_map(form).unwrap_or_default()
    }
}

/// The answer to a request refused for `denial`; `denied_status` is that of the config.
#[must_use]
pub fn refusal(denial: &Denial, form: Form, subject: &Subject, denied_status: u32) -> Reply {
    let (status, grpc_status, title) = match denial {
        Denial::Rule { .. } | Denial::Origin(_) | Denial::Penalty(_) => (denied_status, 7, "Request blocked"),
        Denial::Limit { .. } => (429, 8, "Too many requests"),
        Denial::BodyTooLarge => (413, 8, "Request body too large"),
        Denial::BodyEncoded => (415, 3, "Content encoding not supported"),
        Denial::TooCostly => (413, 8, "Request too costly to inspect"),
        Denial::Failure(_) => (503, 14, "Service unavailable"),
    };
    let request_id: String = String::from_utf8_lossy(&subject.request_id)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    let (content_type, body) = match form {
        Form::Json => {
            ("application/json", json!({"status": status, "error": title, "requestId": request_id}).to_string())
        }
        Form::Html => ("text/html; charset=utf-8", page(status, title, &request_id)),
        Form::Text => ("text/plain; charset=utf-8", format!("{status} {title}\nRequest id: {request_id}\n")),
        // Envoy makes the body the grpc-message.
        Form::Grpc => ("application/grpc", title.to_owned()),
    };
    let mut headers = vec![("content-type", content_type.to_owned()), ("cache-control", "no-store".to_owned())];
    if let Denial::Limit { retry_after_s, .. } = denial {
        headers.push(("retry-after", retry_after_s.to_string()));
    }
    let grpc_status = (form == Form::Grpc).then_some(grpc_status);
    Reply { status, headers, body: body.into_bytes(), details: denial.details(), grpc_status }
}

fn page(status: u32, title: &str, request_id: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{status} {title}</title><style>body{{font:16px/1.5 system-ui,sans-serif;\
         max-width:34rem;margin:15vh auto;padding:0 1rem;color:#222}}code{{background:#eee;padding:.1em .3em}}</style>\
         </head><body><h1>{title}</h1><p>If you think this is a mistake, contact the site's support and give them this \
         request id:</p><p><code>{request_id}</code></p></body></html>\n"
    )
}
