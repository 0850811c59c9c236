//! A replay as one HTML page: charts are inline SVG, and nothing is fetched from anywhere.

use serde_json::Value as Json;

use super::pass::Pass;
use super::sample::Sample;
use super::table::{Table, label, percent};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #667; --line: #d8dce2; --good: #2e7d5b; --bad: #b3402e; --paper: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --dim: #9aa3ad; --line: #333a42; --good: #5bb98c; --bad: #e5705c; --paper: #14171a } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem } p { color: var(--dim); margin: .2rem 0 1rem }
svg { width: 100%; height: auto } text { fill: var(--ink); font: 13px system-ui, sans-serif } .track { fill: var(--line) }
.good { fill: var(--good) } .bad { fill: var(--bad) } .number { text-anchor: end }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line) }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums } code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere }
details { border-bottom: 1px solid var(--line); padding: .4rem 0 } summary { cursor: pointer }
";

/// So many rules are charted, and so many suspects listed.
const MAX_SHOWN: usize = 20;

/// The page.
pub fn page(table: &Table, samples: &[Sample], pass: &Pass) -> String {
    let sums = table.sums();
    let shares = sums.iter().map(|((source, is_attack), cell)| Bar {
        name: format!("{source} {}", label(*is_attack)),
        percent: cell.percent(),
        note: format!("{} of {}, {:.2} %", cell.refused, cell.requests, cell.percent()),
        is_good: *is_attack,
    });
    let blamed = table.blamed();
    let most = blamed.first().map_or(1, |(_, _, requests)| *requests);
    let rules = blamed.iter().take(MAX_SHOWN).map(|(is_attack, details, requests)| Bar {
        name: format!("{details} {}", label(*is_attack)),
        percent: percent(*requests, most),
        note: requests.to_string(),
        is_good: *is_attack,
    });
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>backstop replay</title>\n<style>{STYLE}</style>\n\
         <h1>backstop replay</h1><p>{}</p>\n\
         <h2>Share refused, by source</h2><p>Green: attacks, the longer the better. Red: harmless requests.</p>\n{}\
         <h2>Why requests were refused</h2><p>Requests by the rule that refused them.</p>\n{}",
        escape(&pass.to_string()),
        chart(shares.collect()),
        chart(rules.collect()),
    );
    suspects(table, &mut page);
    if !samples.is_empty() {
        page.push_str(
            "<h2>Requests that came out wrong</h2><p>Secret-sounding values and card numbers are masked.</p>\n",
        );
        samples.iter().for_each(|sample| show(sample, &mut page));
    }
    page.push_str("</html>\n");
    page
}

struct Bar {
    name: String,
    percent: f64,
    note: String,
    is_good: bool,
}

/// Horizontal bars, a row of 26 units each.
fn chart(bars: Vec<Bar>) -> String {
    const ROW: usize = 26;
    const NAME_CHARS: usize = 48;
    if bars.is_empty() {
        return "<p>None.</p>\n".to_owned();
    }
    let height = bars.len().saturating_mul(ROW);
    let mut svg = format!("<svg viewBox=\"0 0 900 {height}\" role=\"img\">\n");
    for (index, bar) in bars.iter().enumerate() {
        let top = index.saturating_mul(ROW);
        let (text, bar_top) = (top.saturating_add(17), top.saturating_add(5));
        let width = (bar.percent * 3.6).clamp(if bar.percent > 0.0 { 2.0 } else { 0.0 }, 360.0);
        let class = if bar.is_good { "good" } else { "bad" };
        let short: String = bar.name.chars().take(NAME_CHARS).collect();
        svg.push_str(&format!(
            "<g><title>{} {}</title><text x=\"0\" y=\"{text}\">{}</text>\
             <rect class=\"track\" x=\"370\" y=\"{bar_top}\" width=\"360\" height=\"16\" rx=\"2\"/>\
             <rect class=\"{class}\" x=\"370\" y=\"{bar_top}\" width=\"{width:.1}\" height=\"16\" rx=\"2\"/>\
             <text class=\"number\" x=\"900\" y=\"{text}\">{}</text></g>\n",
            escape(&bar.name),
            escape(&bar.note),
            escape(&short),
            escape(&bar.note),
        ));
    }
    svg.push_str("</svg>\n");
    svg
}

fn suspects(table: &Table, page: &mut String) {
    let suspects = table.suspects();
    if suspects.is_empty() {
        return;
    }
    let harmless = table.harmless();
    page.push_str(
        "<h2>Rules that refused harmless requests</h2>\n<table><tr><th>Rule</th><th>Place</th>\
         <th class=\"number\">Requests</th><th class=\"number\">Share</th></tr>\n",
    );
    for (rule, target, requests) in suspects.iter().take(MAX_SHOWN) {
        page.push_str(&format!(
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td class=\"number\">{requests}</td>\
             <td class=\"number\">{:.2} %</td></tr>\n",
            escape(rule),
            escape(target),
            percent(*requests, harmless),
        ));
    }
    page.push_str("</table>\n");
}

/// A sample by its request line and events alone: headers and bodies hold what nobody should pass on.
fn show(sample: &Sample, page: &mut String) {
    page.push_str(&format!(
        "<details><summary>{} · {} <code>{}</code></summary><code>{}</code><ul>",
        escape(sample.title),
        escape(&sample.origin),
        escape(&sample.details),
        escape(&sample.request),
    ));
    for event in &sample.events {
        let field = |key: &str| escape(event.get(key).and_then(Json::as_str).unwrap_or_default());
        page.push_str(&format!(
            "<li><code>{}</code> in <code>{}</code>: <code>{}</code></li>",
            field("rule"),
            field("target"),
            field("snippet")
        ));
    }
    page.push_str("</ul></details>\n");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
