//! `backstop check`: every mistake in configs and in the manifests that carry them, before a pod meets them.

use backstop::diagnostic::{Diagnostic, Level};
use backstop::document::Node;
use backstop::engine::Engine;
use backstop::origin::digest_hex;
use serde_json::json;

use super::args::{CheckRequest, Format, Usage};
use super::manifest::{Contents, Demands};
use super::{Found, read, read_text, unix_s};

/// Prints what is wrong with the files.
pub fn run(request: &CheckRequest, format: Format) -> Result<Found, Usage> {
    let module_sha256 = request.module.as_deref().map(read).transpose()?.map(|module| digest_hex(&module));
    let demands = Demands { production: request.production, module_sha256 };
    let mut diagnostics = Vec::new();
    let mut checked = 0_usize;
    let mut passed_over = Vec::new();
    for file in &request.files {
        let found = match Contents::read(&read_text(file)?, &demands) {
            Ok(contents) if contents.configs.is_empty() && contents.report.diagnostics.is_empty() => {
                let others = contents.passed_over.join(", ");
                let others = if others.is_empty() { others } else { format!(" of backstop's, only {others}") };
                return Err(Usage(format!("{file}: neither a config nor a manifest that carries one{others}")));
            }
            Ok(contents) => {
                checked = checked.saturating_add(contents.configs.len());
                passed_over.extend(contents.passed_over);
                let mut found = contents.report.diagnostics;
                found.extend(contents.configs.iter().flat_map(|(path, config)| mistakes(path, config)));
                found
            }
            Err(diagnostic) => vec![diagnostic],
        };
        let of_file = diagnostics.len();
        diagnostics.extend(found.into_iter().map(|d| Diagnostic { file: Some(file.clone()), ..d }));
        if let Some(new) = diagnostics.get_mut(of_file..) {
            new.sort_by_key(|d| (d.place.line, d.place.column));
        }
    }
    let errors = diagnostics.iter().filter(|d| d.level == Level::Error).count();
    match format {
        Format::Json => {
            let list: Vec<_> = diagnostics.iter().map(Diagnostic::to_json).collect();
            let report = json!({"configs": checked, "errors": errors, "diagnostics": list, "passed_over": passed_over});
            println!("{report}");
        }
        Format::Text => {
            diagnostics.iter().for_each(|d| println!("{d}"));
            passed_over.iter().for_each(|other| println!("{other} is not backstop's: passed over"));
            let warnings = diagnostics.len().saturating_sub(errors);
            println!("{checked} configs checked: {errors} errors, {warnings} warnings");
        }
    }
    Ok(if diagnostics.is_empty() { Found::Clean } else { Found::Something })
}

/// The configs of a file, each with the key path that leads to it.
pub fn configs(text: &str) -> Result<Vec<(String, Node)>, Diagnostic> {
    Contents::read(text, &Demands::default()).map(|contents| contents.configs)
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
