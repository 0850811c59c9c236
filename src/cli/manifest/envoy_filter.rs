//! An `EnvoyFilter` that puts the filter into Envoy's own configuration, past Istio's kinds of plugin.

use backstop::diagnostic::Name;
use backstop::document::{Entry, Item, Node, Place, Report, Value, from_json};

use super::module::read_source;
use super::traffic::{Proxy, proxy_of};
use super::{Contents, Demands, below, child, elements, holds_headers};

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
/// Envoy's words, which are not quite Istio's.
const STRATEGIES: &[(&str, ())] = &[("UNSPECIFIED", ()), ("FAIL_RELOAD", ()), ("FAIL_CLOSED", ()), ("FAIL_OPEN", ())];
/// What Envoy hands over as it is. A `Struct` reaches the filter as the bytes of its message, not as JSON.
const CONFIG_TYPE: &str = "type.googleapis.com/google.protobuf.StringValue";

impl Contents {
    /// Reads each Wasm filter of ours that the patches of an `EnvoyFilter` carry.
    pub fn envoy_filter(&mut self, manifest: &Item<'_>, spec: &Item<'_>, demands: &Demands) {
        let patches = elements(child(spec, &["configPatches"]));
        for patch in &patches {
            let Some(value) = child(patch, &["patch", "value"]) else { continue };
            let Some(plugin) = wasm_config(&value) else { continue };
            let url = snake_or_camel(&plugin, &["vm_config", "code", "remote", "http_uri", "uri"]);
            let text = |item: &Option<Item<'_>>| item.as_ref().and_then(|item| item.node.as_text().map(str::to_owned));
            let (name, root_id) = (text(&child(&plugin, &["name"])), text(&snake_or_camel(&plugin, &["root_id"])));
            if !self.is_named_backstop(manifest, &[name.as_deref(), root_id.as_deref(), text(&url).as_deref()]) {
                continue;
            }
            self.placeholders(&plugin);
            self.wasm(&plugin, url.as_ref(), demands);
            delivery(patch, &patches, url.as_ref(), &mut self.report);
            let labels = child(spec, &["workloadSelector", "labels"]);
            context(patch, proxy_of(labels.as_ref()), &mut self.report);
        }
    }

    fn wasm(&mut self, plugin: &Item<'_>, url: Option<&Item<'_>>, demands: &Demands) {
        if url.is_some() {
            let sha256 = snake_or_camel(plugin, &["vm_config", "code", "remote", "sha256"]);
            read_source(url, sha256.as_ref(), demands, &mut self.report);
        }
        let strategy = snake_or_camel(plugin, &["failure_policy"]);
        if let Some(strategy) = &strategy {
            strategy.one_of(STRATEGIES, &mut self.report);
        }
        let Some(any) = child(plugin, &["configuration"]) else {
            let (path, node) = (plugin.path.clone(), Node::empty_map());
            return self.config(&Item { path, place: plugin.place, node: &node }, strategy.as_ref(), demands);
        };
        let kind = child(&any, &["@type"]).and_then(|kind| kind.node.as_text()).unwrap_or_default();
        let value = child(&any, &["value"]).unwrap_or_else(|| any.clone());
        if kind != CONFIG_TYPE {
            return any.unknown_word(Name::UnknownValue, kind, &[CONFIG_TYPE], &mut self.report);
        }
        let Some(text) = value.text(&mut self.report) else { return };
        match from_json(text.as_bytes()) {
            Ok(node) => {
                let node = placed(node, value.place);
                let config = Item { node: &node, ..value };
                self.placeholders(&config);
                held(plugin, &config, &mut self.report);
                self.config(&config, strategy.as_ref(), demands);
            }
            Err(diagnostic) => self.report.error(&value, Name::Syntax, diagnostic.message),
        }
    }
}

/// The `PluginConfig` of a Wasm filter anywhere in `value`, be it typed or wrapped in a `TypedStruct`.
fn wasm_config<'n>(value: &Item<'n>) -> Option<Item<'n>> {
    let Value::Map(entries) = &value.node.value else { return None };
    let is = |key: &str| value.node.get(key).and_then(Node::as_text).is_some_and(|name| name.ends_with(WASM));
    if is("@type") {
        return child(value, &["config"]);
    }
    if is("type_url") || is("typeUrl") {
        return child(value, &["value", "config"]);
    }
    entries.iter().find_map(|entry| wasm_config(&below(value, entry)))
}

/// The same tree with everything at one place: what stands in a text has no lines of its own.
fn placed(mut node: Node, place: Place) -> Node {
    node.place = place;
    node.value = match node.value {
        Value::List(nodes) => Value::List(nodes.into_iter().map(|node| placed(node, place)).collect()),
        Value::Map(entries) => {
            let one = |entry: Entry| Entry { place, node: placed(entry.node, place), ..entry };
            Value::Map(entries.into_iter().map(one).collect())
        }
        other => other,
    };
    node
}

/// What is at the end of `keys`, each in the spelling of a `.proto` file or in that of JSON: istiod takes both.
fn snake_or_camel<'n>(item: &Item<'n>, keys: &[&str]) -> Option<Item<'n>> {
    let Some((key, rest)) = keys.split_first() else { return Some(item.clone()) };
    let mut words = key.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, tail) = word.split_at_checked(1).unwrap_or_default();
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(tail);
    }
    let found = child(item, &[key]).or_else(|| child(item, &[camel.as_str()]))?;
    snake_or_camel(&found, rest)
}

/// Envoy holds headers for a filter that asks for it only if its own configuration says so, and the other way round.
fn held(plugin: &Item<'_>, config: &Item<'_>, report: &mut Report) {
    let may = snake_or_camel(plugin, &["allow_on_headers_stop_iteration"]);
    let may = may.filter(|flag| flag.node.value == Value::Bool(true));
    match (may, holds_headers(config)) {
        (None, Some(hold)) => {
            let message = "without allow_on_headers_stop_iteration each request with a body hangs";
            report.error(&hold, Name::NeedsOther, message);
        }
        (Some(flag), None) => {
            report.warning(&flag, Name::Ignored, "headers are held only if body.holdHeaders says so as well");
        }
        _ => {}
    }
}

/// How the filter gets to Envoy. Only what istiod sends as an extension of its own passes through the agent, which is what
/// fetches modules; and of such extensions istiod can only add one, which a filter must then name.
fn delivery(patch: &Item<'_>, patches: &[Item<'_>], url: Option<&Item<'_>>, report: &mut Report) {
    let text = |item: &Item<'_>, keys: &[&str]| child(item, keys).and_then(|i| i.node.as_text().map(str::to_owned));
    if text(patch, &["applyTo"]).as_deref() != Some("EXTENSION_CONFIG") {
        if let Some(url) = url {
            let message =
                "nothing fetches this: the agent does so for EXTENSION_CONFIG only, or the module is a local file";
            report.error(url, Name::Ignored, message);
        }
        return;
    }
    let operation = child(patch, &["patch", "operation"]);
    if let Some(operation) = operation.filter(|operation| operation.node.as_text() != Some("ADD")) {
        report.error(&operation, Name::Ignored, "istiod knows only ADD for EXTENSION_CONFIG, and passes over the rest");
    }
    let name = text(patch, &["patch", "value", "name"]);
    let is_used = patches
        .iter()
        .filter_map(|other| child(other, &["patch", "value"]))
        .any(|value| snake_or_camel(&value, &["config_discovery"]).is_some() && text(&value, &["name"]) == name);
    if !is_used {
        let message =
            "no HTTP_FILTER with config_discovery has the name of this extension, so that no listener asks for it";
        report.error(patch, Name::Ignored, message);
    }
}

/// Without a context a patch of a sidecar's listeners reaches those for outbound calls, too.
fn context(patch: &Item<'_>, proxy: Proxy, report: &mut Report) {
    let context = child(patch, &["match", "context"]);
    let word = context.as_ref().and_then(|context| context.node.as_text()).unwrap_or("ANY");
    let item = context.as_ref().unwrap_or(patch);
    match (proxy, word) {
        (Proxy::Sidecar, "ANY") => {
            let message =
                "filters what the application sends out as well: expected the context SIDECAR_INBOUND, or GATEWAY";
            report.error(item, Name::BothDirections, message);
        }
        (Proxy::Gateway, "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND") => {
            report.error(
                item,
                Name::Ignored,
                "a gateway's listeners are in the context GATEWAY, so that this filters nothing",
            );
        }
        _ => {}
    }
}
