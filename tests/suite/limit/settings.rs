//! Reading the list of limits.

use backstop::limit::Settings;

use super::settings;
use crate::fake::read;

#[test]
fn mistakes_are_named() {
    let limit = |change: &str| {
        let all = [("name", "\"x\""), ("key", "[]"), ("rate", "\"5/s\""), ("burst", "5")];
        let key = change.split(':').next().unwrap().trim_matches(|c| c == '"' || c == '-');
        let rest = all.iter().filter(|(k, _)| *k != key).map(|(k, v)| format!("\"{k}\": {v}"));
        let changed = (!change.starts_with('-')).then(|| change.to_owned());
        format!("[{{{}}}]", rest.chain(changed).collect::<Vec<_>>().join(", "))
    };
    for (change, expected) in [
        ("-name", "error[missing-field] [0].name: required, but absent"),
        ("-key", "error[missing-field] [0].key: required, but absent"),
        ("-rate", "error[missing-field] [0].rate: required, but absent"),
        ("-burst", "error[missing-field] [0].burst: required, but absent"),
        (
            r#""name": "Per Client""#,
            "error[bad-id] [0].name: found \"Per Client\", expected a kebab-case name of at most 64 characters",
        ),
        (
            r#""name": "a--b""#,
            "error[bad-id] [0].name: found \"a--b\", expected a kebab-case name of at most 64 characters",
        ),
        (r#""key": "client""#, "error[wrong-type] [0].key: found text, expected a list"),
        (
            r#""key": ["clinet"]"#,
            "error[unknown-value] [0].key[0]: found \"clinet\", accepted: client, method, header:<name>, cookie:<name>; did you mean \"client\"?",
        ),
        (
            r#""key": ["header:"]"#,
            "error[unknown-value] [0].key[0]: found \"header:\", expected a name after the colon, such as header:x-api-key",
        ),
        (
            r#""key": ["header::path"]"#,
            "error[unknown-value] [0].key[0]: found \"header::path\", expected a name after the colon, such as header:x-api-key",
        ),
        (r#""key": ["header:A", "header:a"]"#, "error[duplicate-field] [0].key[1]: this part stands in the key twice"),
        (r#""rate": 50"#, "error[bad-rate] [0].rate: found a number, expected text such as 50/s"),
        (
            r#""rate": "50""#,
            "error[bad-rate] [0].rate: found \"50\", expected a count for each s, m or h, such as 50/s",
        ),
        (
            r#""rate": "50/d""#,
            "error[bad-rate] [0].rate: found \"50/d\", expected a count for each s, m or h, such as 50/s",
        ),
        (
            r#""rate": "50/S""#,
            "error[bad-rate] [0].rate: found \"50/S\", expected a count for each s, m or h, such as 50/s",
        ),
        (r#""rate": "-5/s""#, "error[bad-rate] [0].rate: found \"-5/s\", expected a whole count"),
        (r#""rate": "/s""#, "error[bad-rate] [0].rate: found \"/s\", expected a whole count"),
        (r#""rate": "0.5/s""#, "error[bad-rate] [0].rate: found \"0.5/s\", expected a whole count; write 30/m"),
        (r#""rate": "0.01/s""#, "error[bad-rate] [0].rate: found \"0.01/s\", expected a whole count; write 36/h"),
        (r#""rate": "2.5/m""#, "error[bad-rate] [0].rate: found \"2.5/m\", expected a whole count; write 150/h"),
        (r#""rate": "0.001/m""#, "error[bad-rate] [0].rate: found \"0.001/m\", expected a whole count"),
        (r#""rate": "0/s""#, "error[out-of-range] [0].rate: found \"0/s\", expected a count from 1 to 1000000"),
        (
            r#""rate": "1000001/s""#,
            "error[out-of-range] [0].rate: found \"1000001/s\", expected a count from 1 to 1000000",
        ),
        (
            r#""rate": "99999999999999999999/s""#,
            "error[out-of-range] [0].rate: found \"99999999999999999999/s\", expected a count from 1 to 1000000",
        ),
        (r#""burst": 0"#, "error[out-of-range] [0].burst: found 0, expected a whole number from 1 to 1000000"),
        (r#""burst": 1.5"#, "error[out-of-range] [0].burst: found 1.5, expected a whole number from 1 to 1000000"),
        (
            r#""burst": 1000001"#,
            "error[out-of-range] [0].burst: found 1000001, expected a whole number from 1 to 1000000",
        ),
        (r#""mode": "off""#, "error[unknown-value] [0].mode: found \"off\", accepted: block, detect"),
        (
            r#""paths": []"#,
            "error[empty] [0].paths: found no path, expected at least one; leave paths out to mean every path",
        ),
        (
            r#""bursts": 5"#,
            "error[unknown-field] [0].bursts: no such field; did you mean \"burst\"? known: name, paths, key, rate, burst, mode",
        ),
    ] {
        let json = limit(change);
        let (found, diagnostics) = read(&json, Settings::read);
        assert_eq!(diagnostics, [expected], "{json}");
        assert!(found.is_none() || expected.starts_with("error[unknown-field]"), "{json}");
    }
    let slow = r#"[{"name": "x", "key": [], "rate": "1/h", "burst": 721}]"#;
    let expected = "error[out-of-range] [0].burst: found 721, which takes more than 30 days to come back at this rate";
    assert_eq!(read(slow, Settings::read).1, [expected]);
    settings(&slow.replace("721", "720"));
    let twice = limit("-none").replace("}]", "}, {\"name\": \"x\", \"key\": [], \"rate\": \"5/s\", \"burst\": 5}]");
    assert_eq!(read(&twice, Settings::read).1, ["error[duplicate-id] [1].name: another limit is called \"x\" too"]);
    let many = format!("[{}]", vec!["{}"; 33].join(","));
    assert_eq!(read(&many, Settings::read).1, ["error[out-of-range] found 33 limits, expected at most 32"]);
}

#[test]
fn names_come_in_order() {
    let json =
        r#"[{"name": "b", "key": [], "rate": "1/s", "burst": 1}, {"name": "a", "key": [], "rate": "1/s", "burst": 1}]"#;
    assert_eq!(settings(json).names().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(settings("[]"), Settings::default());
}
