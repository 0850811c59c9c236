//! Which traffic a plugin sees: its place in the mesh, the direction, the phase.

use backstop::diagnostic::Name;
use backstop::document::{Fields, Item, Node, Report, Value};

use super::{child, elements};

const PHASES: &[(&str, ())] =
    &[("UNSPECIFIED", ()), ("UNSPECIFIED_PHASE", ()), ("AUTHN", ()), ("AUTHZ", ()), ("STATS", ())];
const MODES: &[(&str, Mode)] =
    &[("UNDEFINED", Mode::Both), ("CLIENT", Mode::Client), ("SERVER", Mode::Server), ("CLIENT_AND_SERVER", Mode::Both)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Client,
    Server,
    Both,
}

/// What kind of proxy a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// At the edge: istiod counts its traffic as `CLIENT`.
    Gateway,
    /// Beside an application: `SERVER` is what comes in, `CLIENT` what the application sends.
    Sidecar,
    /// In front of services of an ambient mesh: `SERVER`.
    Waypoint,
    /// A `Gateway` resource may be either.
    GatewayOrWaypoint,
}

/// Reads selector, targetRefs, match and phase, for their mistakes.
pub fn read(fields: &Fields<'_>, report: &mut Report) {
    if let Some(phase) = fields.get("phase") {
        phase.one_of(PHASES, report);
    }
    let kinds: Vec<_> = elements(fields.get("targetRefs").cloned())
        .iter()
        .chain(fields.get("targetRef"))
        .filter_map(|target| target.node.get("kind").and_then(Node::as_text))
        .collect();
    let proxy = match kinds.first() {
        Some(&"Gateway") => Proxy::GatewayOrWaypoint,
        Some(_) => Proxy::Waypoint,
        None => proxy_of(fields.get("selector").and_then(|selector| child(selector, &["matchLabels"])).as_ref()),
    };
    let selectors = elements(fields.get("match").cloned());
    if selectors.is_empty() {
        // Without `match` the whole of it is blamed on what says where.
        let url = fields.get("selector").or_else(|| fields.get("url")).or_else(|| fields.get("wasm"));
        return direction(url, proxy, Mode::Both, report);
    }
    for selector in &selectors {
        let mode = child(selector, &["mode"]);
        let word = mode.as_ref().map_or(Some(Mode::Both), |mode| mode.one_of(MODES, report));
        if let Some(word) = word {
            direction(mode.as_ref().or(Some(selector)), proxy, word, report);
        }
    }
}

/// The kind of proxy that labels select, by the labels that Istio's own charts give to gateways. Without labels it is every
/// proxy of a namespace or of the mesh, sidecars among them.
pub fn proxy_of(labels: Option<&Item<'_>>) -> Proxy {
    let Some(Value::Map(entries)) = labels.map(|labels| &labels.node.value) else { return Proxy::Sidecar };
    let is_gateway = entries.iter().any(|entry| {
        let value = entry.node.as_text().unwrap_or_default();
        matches!(entry.key.as_str(), "istio" | "gateway.networking.k8s.io/gateway-name") || value.contains("gateway")
    });
    if is_gateway { Proxy::Gateway } else { Proxy::Sidecar }
}

fn direction(item: Option<&Item<'_>>, proxy: Proxy, mode: Mode, report: &mut Report) {
    let Some(item) = item else { return };
    match (proxy, mode) {
        (Proxy::Sidecar, Mode::Both) => {
            let message = "filters what the application sends out as well, which is what istiod makes of a match without a \
                           mode: expected match: [{mode: SERVER}], or CLIENT if these labels are a gateway's";
            report.error(item, Name::BothDirections, message);
        }
        (Proxy::Gateway, Mode::Server) => {
            report.error(item, Name::Ignored, "a gateway's traffic is CLIENT to istiod, so that this filters nothing");
        }
        (Proxy::Waypoint, Mode::Client) => {
            report.error(item, Name::Ignored, "a waypoint's traffic is SERVER to istiod, so that this filters nothing");
        }
        _ => {}
    }
}
