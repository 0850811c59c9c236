//! Istio's manifests that carry a config, judged by what the control plane and the proxy would make of them.
//!
//! `WasmPlugin` and `TrafficExtension` are kinds of Istio's `extensions.istio.io/v1alpha1`; in an `EnvoyFilter` the config
//! sits in Envoy's own `envoy.extensions.filters.http.wasm.v3.Wasm`. The API server refuses less than one thinks, and
//! istiod drops what it cannot use with a line in its own log: both end in requests that nothing filters.

mod envoy_filter;
mod module;
mod traffic;

use backstop::diagnostic::{Diagnostic, Name};
use backstop::document::{Entry, Fields, Item, Node, Report, Value, from_json, from_kubernetes_yaml, from_yaml};

/// What is asked of manifests besides that they work.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// They are for production.
    pub production: bool,
    /// SHA-256 of the module that they are to load, as 64 hex digits.
    pub module_sha256: Option<String>,
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// Each config, with the key path that leads to it.
    pub configs: Vec<(String, Node)>,
    /// What is wrong around them.
    pub report: Report,
    /// Plugins of others, as `kind/name`.
    pub passed_over: Vec<String>,
}

/// The keys of a `WasmPlugin`'s `spec`, Istio 1.29 to 1.31.
const WASM_PLUGIN: &[&str] = &[
    "selector",
    "targetRef",
    "targetRefs",
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "verificationKey",
    "pluginConfig",
    "pluginName",
    "phase",
    "priority",
    "failStrategy",
    "vmConfig",
    "match",
    "type",
];
/// The keys of a `TrafficExtension`'s `spec`, Istio 1.30 and later.
const TRAFFIC_EXTENSION: &[&str] = &["selector", "targetRefs", "match", "phase", "priority", "wasm", "lua"];
/// The keys of its `spec.wasm`.
const WASM: &[&str] = &[
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "verificationKey",
    "pluginConfig",
    "pluginName",
    "failStrategy",
    "vmConfig",
    "type",
];

impl Contents {
    /// Reads a bare config, or manifests in as many documents as there are, in YAML or JSON. Kinds that carry no config
    /// are passed over.
    ///
    /// # Errors
    /// One `syntax` diagnostic with line and column.
    pub fn read(text: &str, demands: &Demands) -> Result<Self, Diagnostic> {
        let documents = match from_yaml(text) {
            // Whoever applies a manifest reads `off` without quotes as false.
            Ok(plain) => plain.into_iter().zip(from_kubernetes_yaml(text)?).map(choose).collect(),
            Err(_) if text.trim_start().starts_with('{') => vec![from_json(text.as_bytes())?],
            Err(diagnostic) => return Err(diagnostic),
        };
        let mut contents = Self::default();
        for document in documents {
            if document.get("kind").is_some() {
                contents.manifest(&Item::root(&document), demands);
            } else if document.value != Value::Null {
                contents.configs.push((String::new(), document));
            }
        }
        Ok(contents)
    }

    fn manifest(&mut self, manifest: &Item<'_>, demands: &Demands) {
        let kind = manifest.node.get("kind").and_then(Node::as_text).unwrap_or_default();
        let spec = child(manifest, &["spec"]);
        match (kind, &spec) {
            // As `kubectl get -o yaml` prints them.
            ("List", _) => elements(child(manifest, &["items"])).iter().for_each(|item| self.manifest(item, demands)),
            ("WasmPlugin", Some(spec)) if self.is_ours(manifest, spec) => {
                self.placeholders(spec);
                let Some(fields) = spec.fields(WASM_PLUGIN, &mut self.report) else { return };
                traffic::read(&fields, &mut self.report);
                self.plugin(spec, &fields, demands);
            }
            ("TrafficExtension", Some(spec)) => {
                let Some(wasm) = child(spec, &["wasm"]) else { return };
                if !self.is_ours(manifest, &wasm) {
                    return;
                }
                self.placeholders(spec);
                if let Some(fields) = spec.fields(TRAFFIC_EXTENSION, &mut self.report) {
                    traffic::read(&fields, &mut self.report);
                }
                let Some(fields) = wasm.fields(WASM, &mut self.report) else { return };
                self.plugin(&wasm, &fields, demands);
            }
            ("EnvoyFilter", Some(spec)) => self.envoy_filter(manifest, spec, demands),
            _ => {}
        }
    }

    /// What both kinds of plugin say of the module and its config.
    fn plugin(&mut self, plugin: &Item<'_>, fields: &Fields<'_>, demands: &Demands) {
        module::read_plugin(fields, demands, &mut self.report);
        let config = fields.get("pluginConfig").map_or_else(Node::empty_map, |item| item.node.clone());
        let path = join(&plugin.path, "pluginConfig");
        let config = Item { path, place: plugin.place, node: &config };
        if let Some(hold) = holds_headers(&config) {
            let message = "neither WasmPlugin nor TrafficExtension can make Envoy hold headers, so that each request with a \
                           body would hang: expected an EnvoyFilter";
            self.report.error(&hold, Name::NeedsOther, message);
        }
        self.config(&config, fields.get("failStrategy"), demands);
    }

    /// Takes in a config, and looks at what relates it to the `strategy` of the filter that it is for.
    fn config(&mut self, config: &Item<'_>, strategy: Option<&Item<'_>>, demands: &Demands) {
        let mode = child(config, &["mode"]);
        let word = mode.as_ref().and_then(|mode| mode.node.as_text()).unwrap_or("block");
        if let Some(mode) = mode.as_ref().filter(|_| demands.production && word == "off") {
            self.report.error(mode, Name::Unprotected, "found \"off\", accepted in production: block, detect");
        }
        let open = strategy.filter(|strategy| strategy.node.as_text() == Some("FAIL_OPEN"));
        if let Some(open) = open.filter(|_| demands.production && word == "block") {
            let message = "found \"FAIL_OPEN\", with which attacks pass while the module cannot be fetched or has failed; \
                           accepted in production beside mode block: FAIL_RELOAD and the closed ones";
            self.report.error(open, Name::Unprotected, message);
        }
        self.configs.push((config.path.clone(), config.node.clone()));
    }

    /// Whether a plugin is backstop's: one that names itself otherwise and comes from elsewhere is not.
    fn is_ours(&mut self, manifest: &Item<'_>, plugin: &Item<'_>) -> bool {
        let text = |key| plugin.node.get(key).and_then(Node::as_text);
        text("pluginName").is_none() || self.is_named_backstop(manifest, &[text("pluginName"), text("url")])
    }

    fn is_named_backstop(&mut self, manifest: &Item<'_>, names: &[Option<&str>]) -> bool {
        let name = child(manifest, &["metadata", "name"]).and_then(|name| name.node.as_text());
        let ours = names.iter().chain([&name]).flatten().any(|text| text.contains("backstop"));
        if !ours {
            let kind = manifest.node.get("kind").and_then(Node::as_text).unwrap_or_default();
            self.passed_over.push(format!("{kind}/{}", name.unwrap_or_default()));
        }
        ours
    }

    /// Notes every digest below `item` that is still to be filled in.
    fn placeholders(&mut self, item: &Item<'_>) {
        match &item.node.value {
            Value::Text(text) if text.contains(&"0".repeat(64)) => {
                let message = "found 64 zeros, which stand for a digest that is yours to fill in";
                self.report.error(item, Name::Placeholder, message);
            }
            Value::List(_) => elements(Some(item.clone())).iter().for_each(|item| self.placeholders(item)),
            Value::Map(entries) => entries.iter().for_each(|entry| self.placeholders(&below(item, entry))),
            _ => {}
        }
    }
}

/// What tells the filter to hold headers, if something does.
fn holds_headers<'n>(config: &Item<'n>) -> Option<Item<'n>> {
    child(config, &["body", "holdHeaders"]).filter(|hold| hold.node.value == Value::Bool(true))
}

fn choose((plain, kubernetes): (Node, Node)) -> Node {
    if plain.get("kind").is_some() { kubernetes } else { plain }
}

/// What stands below `item` at the end of `keys`.
fn child<'n>(item: &Item<'n>, keys: &[&str]) -> Option<Item<'n>> {
    let Some((key, rest)) = keys.split_first() else { return Some(item.clone()) };
    let Value::Map(entries) = &item.node.value else { return None };
    child(&below(item, entries.iter().find(|entry| entry.key == *key)?), rest)
}

fn below<'n>(item: &Item<'_>, entry: &'n Entry) -> Item<'n> {
    Item { path: join(&item.path, &entry.key), place: entry.place, node: &entry.node }
}

/// The elements of a list; none if it is something else.
fn elements(list: Option<Item<'_>>) -> Vec<Item<'_>> {
    list.and_then(|list| list.list(&mut Report::default())).unwrap_or_default()
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
