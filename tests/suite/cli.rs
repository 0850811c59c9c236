//! The command line as people and scripts call it: `backstop replay` on small recordings.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

use crate::cases::root;
use crate::transaction::GZIP;

fn replay(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_backstop"))
        .arg("replay")
        .args(arguments)
        .current_dir(root().join("tests/data/replay"))
        .output()
        .unwrap()
}

fn json(arguments: &[&str]) -> Json {
    let output = replay(&[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {output:?}"))
}

/// Rows as `label group: refused/requests`.
fn rows(report: &Json, by: &str) -> Vec<String> {
    let text = |row: &Json, key: &str| row[key].as_str().unwrap().to_owned();
    let one = |row: &Json| format!("{} {}: {}/{}", text(row, "label"), text(row, by), row["refused"], row["requests"]);
    let mut rows: Vec<String> = report["rows"].as_array().unwrap().iter().map(one).collect();
    rows.sort();
    rows
}

fn usage_error(arguments: &[&str], expected: &str) {
    let output = replay(arguments);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(message.contains(expected), "{arguments:?}: {message}");
}

#[test]
fn json_lines_are_counted_by_category_where_rule_and_path() {
    let report = json(&["shop.jsonl"]);
    let expected = [
        "attack other: 0/1",
        "attack path_traversal: 1/1",
        "attack sqli: 0/1",
        "attack sqli: 1/1",
        "harmless checkout: 0/1",
        "harmless page: 0/1",
        "harmless search: 0/1",
    ];
    assert_eq!(rows(&report, "category"), expected);
    let by_where = rows(&json(&["shop.jsonl", "--by", "where", "--flag", "no-sign"]), "where");
    assert!(by_where.contains(&"attack query: 2/3".to_owned()), "{by_where:?}");
    let by_path = rows(&json(&["shop.jsonl", "--by", "path"]), "path");
    assert!(by_path.contains(&"attack /download: 1/1".to_owned()), "{by_path:?}");
    let by_rule = rows(&json(&["shop.jsonl", "--by", "rule"]), "rule");
    assert!(by_rule.contains(&"harmless passed: 0/3".to_owned()), "{by_rule:?}");
    usage_error(&["shop.jsonl", "--by", "colour"], "accepted: category, where, rule, path");
}

#[test]
fn samples_show_what_came_out_wrong_and_the_exit_status_says_so() {
    let output = replay(&["shop.jsonl", "--samples", "1"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("--- missed: shop: other a3"), "{text}");
    assert!(!text.contains("a4"), "a flagged one is in doubt: {text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("7 requests in"));
    assert_eq!(replay(&["access.log", "--label", "harmless", "-c", "off.yaml"]).status.code(), Some(0));
}

#[test]
fn suspects_name_rule_and_place_of_false_alarms() {
    let report = json(&["console.jsonl"]);
    let suspects = report["suspects"].as_array().unwrap();
    assert!(!suspects.is_empty());
    for suspect in suspects {
        assert_eq!(suspect["target"], "json:statement", "{suspect}");
        assert!(suspect["rule"].as_str().unwrap().starts_with("sqli-"), "{suspect}");
    }
}

#[test]
fn every_format_is_told_by_its_content() {
    let cases = [
        ("browser.har", vec!["attack : 4/4", "harmless : 0/1"], 1),
        ("requests.http", vec!["harmless : 3/4"], 0),
        ("access.log", vec!["harmless : 2/4"], 2),
        ("envoy.log", vec!["harmless : 2/3"], 0),
    ];
    for (file, expected, passed_over) in cases {
        let report = json(&[file]);
        assert_eq!(rows(&report, "category"), expected, "{file}");
        assert_eq!(report["passed_over"], passed_over, "{file}");
        assert!(report["rows"].as_array().unwrap().iter().all(|row| row["source"] == file), "{file}");
    }
    assert_eq!(rows(&json(&["requests.http", "--label", "attack"]), "category"), ["attack : 3/4"]);
}

#[test]
fn standard_input_is_read_for_a_dash() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_backstop"))
        .args(["replay", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"GET /x?q=../../../../etc/passwd HTTP/1.1\n\n").unwrap();
    let report: Json = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(rows(&report, "category"), ["harmless : 1/1"]);
    assert_eq!(report["rows"][0]["source"], "stdin");
}

#[test]
fn bad_input_is_a_sentence_with_file_and_line() {
    let folder = std::env::temp_dir().join(format!("backstop-replay-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let cases: &[(&str, &str, &str)] = &[
        ("no-target", "{\"method\":\"GET\",\"target\":\"/\"}\n{\"method\":\"GET\"}\n", ":2: no text \"target\""),
        ("broken", "{\"method\":\"GET\",\n", ":1: EOF"),
        (
            "label",
            "{\"method\":\"GET\",\"target\":\"/\",\"label\":\"evil\"}",
            ":1: label \"evil\" is not known; accepted: attack",
        ),
        ("base64", "{\"method\":\"GET\",\"target\":\"/\",\"body_b64\":\"!\"}", ":1: \"body_b64\" is no base64"),
        (
            "har",
            "{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\"}}]}}",
            ":1: log.entries[0]: request has no text \"url\"",
        ),
        ("har-syntax", "{\"log\":\n{", ":2: not JSON"),
        ("raw", "POST / HTTP/1.1\ncontent-length: 9\n\nabc", ":3: the body ends after 3 of 9 bytes"),
        ("raw-rest", "POST / HTTP/1.1\n\nabc", ":3: found \"abc\", expected a request line"),
        ("log", "1.2.3.4 - - \"GET / HTTP/1.1\" 200\nnothing\n", ":2: expected a line of an access log"),
        ("prose", "what is this?\n", ":1: expected JSON lines, a HAR, raw HTTP/1.1 requests or an access log"),
    ];
    for (name, text, expected) in cases {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        usage_error(&[file.to_str().unwrap()], &format!("{name}{expected}"));
    }
    std::fs::remove_dir_all(&folder).unwrap();
    usage_error(&["absent.jsonl"], "absent.jsonl: No such file");
    usage_error(&["shop.jsonl", "--propose", "--compare", "-"], "do not go together");
    usage_error(&["shop.jsonl", "--attacks", "shop.jsonl"], "--attacks goes with --propose");
}

#[test]
fn a_comparison_says_what_a_config_alters() {
    let report = json(&["shop.jsonl", "-c", "lenient.yaml", "--compare", "-"]);
    let changes = report["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["change"], "newly passed");
    assert_eq!(changes[0]["label"], "attack");
    let details = changes[0]["details"].as_str().unwrap();
    assert!(details.starts_with("backstop{sqli:"), "{details}");
    assert_eq!(report["samples"][0]["of"], "shop: sqli a1");
    let back = json(&["shop.jsonl", "--compare", "lenient.yaml"]);
    assert_eq!(back["changes"][0]["change"], "newly refused");
    let same = replay(&["shop.jsonl", "--compare", "-"]);
    assert_eq!(same.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&same.stdout).contains("no request fares otherwise"));
}

#[test]
fn proposed_exclusions_are_narrow_and_proved() {
    let report = json(&["console.jsonl", "--propose", "--attacks", "console-attacks.jsonl"]);
    let exclusions = report["exclusions"].as_array().unwrap();
    assert_eq!(exclusions.len(), 1, "{exclusions:?}");
    // Four paths that take the same value are one endpoint.
    assert_eq!(exclusions[0]["paths"], serde_json::json!([{"prefix": "/console/"}]));
    assert_eq!(exclusions[0]["targets"], serde_json::json!(["json:statement"]));
    assert!(exclusions[0]["reason"].as_str().unwrap().starts_with("proposed by replay from 8 requests, 2"));
    assert_eq!(report["harmless"]["refused_before"], 8);
    assert_eq!(report["harmless"]["refused_after"], 0);
    // The attack that is sent to the excluded place gets in, those beside it do not.
    assert_eq!(report["attacks"]["refused_before"], 3);
    assert_eq!(report["attacks"]["refused_after"], 2);
    assert_eq!(report["attacked"]["samples"][0]["of"], "console-attacks: sqli x1");

    let trusted = json(&["console.jsonl", "--propose", "--flag", "code"]);
    let paths: Vec<&Json> = trusted["exclusions"].as_array().unwrap().iter().map(|e| &e["paths"][0]).collect();
    assert!(paths.contains(&&serde_json::json!({"exact": "/notes"})), "{paths:?}");
    assert_eq!(trusted["harmless"]["refused_after"], 0);
}

#[test]
fn the_proposal_is_a_config_that_does_what_it_says() {
    let output = replay(&["console.jsonl", "--propose", "--flag", "code"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let file = std::env::temp_dir().join(format!("backstop-proposal-{}.yaml", std::process::id()));
    std::fs::write(&file, &output.stdout).unwrap();
    let replayed = replay(&["console.jsonl", "--flag", "code", "-c", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(replayed.status.code(), Some(0), "{replayed:?}");
    let nothing = replay(&["envoy.log", "--propose", "-c", "off.yaml"]);
    assert_eq!(String::from_utf8_lossy(&nothing.stdout), "exclusions: []\n");
}

#[test]
fn explain_inflates_like_the_filter() {
    let file = std::env::temp_dir().join(format!("backstop-body-{}.gz", std::process::id()));
    std::fs::write(&file, GZIP).unwrap();
    let data = format!("@{}", file.to_str().unwrap());
    let explain = |headers: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstop"));
        command.args(["explain", "-d", &data]);
        headers.iter().for_each(|header| {
            command.args(["-H", header]);
        });
        let output = command.arg("/search").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (inflated, text) = explain(&["content-encoding: gzip"]);
    assert!(inflated == Some(1) && text.contains("form:q") && text.contains("sqli-"), "{text}");
    let (raw, text) = explain(&[]);
    assert_eq!(raw, Some(0), "{text}");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn explain_tells_what_a_request_costs() {
    let file = std::env::temp_dir().join(format!("backstop-effort-{}.yaml", std::process::id()));
    let explain = |effort: &str| {
        std::fs::write(&file, format!("effort: {effort}\n")).unwrap();
        let prose = std::fs::read_to_string("LICENSE").unwrap().repeat(10);
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstop"));
        command.args(["explain", "-c", file.to_str().unwrap(), "-H", "content-type: text/plain", "-d", &prose, "/"]);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (allowed, text) = explain("20ms");
    assert!(allowed == Some(0) && text.contains(" % of 20 ms\n") && text.ends_with("verdict   passes\n"), "{text}");
    let (refused, text) = explain("1ms");
    assert!(refused == Some(1) && text.contains("effort    100 % of 1 ms\n"), "{text}");
    assert!(text.contains("denied with 413, backstop{effort:too-costly}"), "{text}");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_report_is_one_page_without_anything_from_elsewhere() {
    let file = std::env::temp_dir().join(format!("backstop-report-{}.html", std::process::id()));
    replay(&["browser.har", "shop.jsonl", "console.jsonl", "--html", file.to_str().unwrap()]);
    let page = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    for expected in ["<svg", "json:statement", "shop attack", ", harmless</text>", "refused though harmless", "</html>"]
    {
        assert!(page.contains(expected), "{expected}");
    }
    for foreign in ["<script", "http:", "https:", "src=", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}
