//! `backstop check`: every mistake in configs and WasmPlugin manifests, before a pod meets them.

use backstop::diagnostic::{Diagnostic, Level};
use backstop::document::{Node, from_json, from_yaml};
use backstop::engine::Engine;
use serde_json::json;

use super::args::{Format, Usage};
use super::{Found, read_text, unix_s};

/// Prints what is wrong with `files`.
pub fn run(files: &[String], format: Format) -> Result<Found, Usage> {
    let mut diagnostics = Vec::new();
    let mut checked = 0_usize;
    for file in files {
        let text = read_text(file)?;
        let found = match configs(&text) {
            Ok(configs) if configs.is_empty() => {
                return Err(Usage(format!("{file}: neither a config nor a WasmPlugin")));
            }
            Ok(configs) => {
                checked = checked.saturating_add(configs.len());
                configs.into_iter().flat_map(|(path, node)| mistakes(&path, &node)).collect()
            }
            Err(diagnostic) => vec![diagnostic],
        };
        diagnostics.extend(found.into_iter().map(|d| Diagnostic { file: Some(file.clone()), ..d }));
    }
    let errors = diagnostics.iter().filter(|d| d.level == Level::Error).count();
    match format {
        Format::Json => {
            let list: Vec<_> = diagnostics.iter().map(Diagnostic::to_json).collect();
            println!("{}", json!({"configs": checked, "errors": errors, "diagnostics": list}));
        }
        Format::Text => {
            diagnostics.iter().for_each(|d| println!("{d}"));
            let warnings = diagnostics.len().saturating_sub(errors);
            println!("{checked} configs checked: {errors} errors, {warnings} warnings");
        }
    }
    Ok(if diagnostics.is_empty() { Found::Clean } else { Found::Something })
}

/// The configs of a file, each with the key path that leads to it: a bare config, or the `spec.pluginConfig` of each
/// WasmPlugin of a manifest. Other manifests are passed over.
pub fn configs(text: &str) -> Result<Vec<(String, Node)>, Diagnostic> {
    let documents = match from_yaml(text) {
        Ok(documents) => documents,
        Err(_) if text.trim_start().starts_with('{') => vec![from_json(text.as_bytes())?],
        Err(diagnostic) => return Err(diagnostic),
    };
    let config = |document: Node| match document.get("kind") {
        None => Some((String::new(), document)),
        Some(kind) if kind.as_text() == Some("WasmPlugin") => {
            let config = document.get("spec").and_then(|spec| spec.get("pluginConfig"));
            Some(("spec.pluginConfig".to_owned(), config.cloned().unwrap_or_else(Node::empty_map)))
        }
        Some(_) => None,
    };
    Ok(documents.into_iter().filter_map(config).collect())
}

fn mistakes(path: &str, config: &Node) -> Vec<Diagnostic> {
    let mut diagnostics = match Engine::compile(config, unix_s()) {
        Ok((_, warnings)) => warnings,
        Err(diagnostics) => diagnostics,
    };
    for diagnostic in &mut diagnostics {
        diagnostic.path = match (path, diagnostic.path.as_str()) {
            ("", own) => own.to_owned(),
            (path, "") => path.to_owned(),
            (path, own) => format!("{path}.{own}"),
        };
    }
    diagnostics
}
