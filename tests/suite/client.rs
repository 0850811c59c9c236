//! Who the client is, with every forged form that came to mind: `tests/data/client.json` holds the cases.

use std::net::IpAddr;

use backstop::client::{Client, Settings};
use backstop::host::HostError;
use backstop::http::{Header, Request};
use serde_json::Value;

use crate::fake::{FAILURE, Fake, read, read_clean};

const CASES: &str = include_str!("../data/client.json");

fn identify(settings: &Settings, fake: &Fake, origin: bool, headers: &[(&str, &str)]) -> Option<Client> {
    let headers: Vec<Header<'_>> = headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    settings.identify(&Request { headers: &headers }, origin, fake).unwrap()
}

#[test]
fn table() {
    let groups: Value = serde_json::from_str(CASES).unwrap();
    let mut ran = 0;
    for group in groups.as_array().unwrap() {
        let settings = read_clean(&group["client"].to_string(), Settings::read);
        for case in group["cases"].as_array().unwrap() {
            let known = ["headers", "originPassed", "peer", "expect", "allowed", "why"];
            assert!(case.as_object().unwrap().keys().all(|k| known.contains(&k.as_str())), "unknown key in {case}");
            let fake = Fake::new();
            if let Some(peer) = case["peer"].as_str() {
                fake.peer.replace(peer.as_bytes().to_vec());
            }
            let headers: Vec<(&str, &str)> = case["headers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
                .collect();
            let client = identify(&settings, &fake, case["originPassed"] == true, &headers);
            let found = client.map(|c| c.address.to_string());
            assert_eq!(found.as_deref(), case["expect"].as_str(), "{case} with {}", group["client"]);
            if let Some(allowed) = case["allowed"].as_bool() {
                assert_eq!(client.unwrap().is_allowed(&settings), allowed, "{case} with {}", group["client"]);
            }
            ran += 1;
        }
    }
    assert!(ran >= 110, "only {ran} cases ran");
}

#[test]
fn bytes_that_are_no_text_give_nothing() {
    let settings = read_clean(r#"{"from": [{"forwardedFor": {"trustedHops": 1}}, "peer"]}"#, Settings::read);
    let headers: &[Header<'_>] = &[(b"x-forwarded-for", b"192.0.2.1\xff"), (b"x-forwarded-for", b"\x80")];
    let client = settings.identify(&Request { headers }, true, &Fake::new()).unwrap().unwrap();
    assert_eq!(client.address.to_string(), "198.51.100.7");
}

#[test]
fn only_so_many_entries_are_looked_at_and_none_of_them_is_the_leftmost() {
    let trusted = read_clean(r#"{"from": [{"forwardedFor": {"trustedRanges": ["10.0.0.0/8"]}}]}"#, Settings::read);
    let chain = |length: usize| format!("192.0.2.1{}", ", 10.0.0.1".repeat(length));
    let find = |length| identify(&trusted, &Fake::new(), true, &[("x-forwarded-for", &chain(length))]);
    assert_eq!(find(99).unwrap().address.to_string(), "192.0.2.1");
    assert_eq!(find(100), None);
    assert_eq!(find(100_000), None);

    let far = read_clean(r#"{"from": [{"forwardedFor": {"trustedHops": 100}}]}"#, Settings::read);
    let find = |length| identify(&far, &Fake::new(), true, &[("x-forwarded-for", &chain(length))]);
    assert_eq!(find(98), None);
    assert_eq!(find(99).unwrap().address.to_string(), "192.0.2.1");
    assert_eq!(find(100).unwrap().address.to_string(), "10.0.0.1");
}

#[test]
fn what_a_client_prepends_changes_nothing() {
    for json in [
        r#"{"from": [{"forwardedFor": {"trustedHops": 2}}, "peer"]}"#,
        r#"{"from": [{"forwardedFor": {"trustedRanges": ["203.0.113.0/24"]}}, "peer"]}"#,
    ] {
        let settings = read_clean(json, Settings::read);
        for forged in ["", ",", "junk", "10.0.0.1", "203.0.113.9", "[::1]:1", "\"", "192.0.2.1, 203.0.113.1", "%00"] {
            // As one header, and as a header of its own in front of the one that the proxies extend.
            let one = format!("{forged}, 192.0.2.77, 203.0.113.5");
            for headers in [
                vec![("x-forwarded-for", one.as_str())],
                vec![("x-forwarded-for", forged), ("x-forwarded-for", "192.0.2.77, 203.0.113.5")],
                vec![
                    ("x-forwarded-for", forged),
                    ("x-forwarded-for", "192.0.2.77"),
                    ("x-forwarded-for", "203.0.113.5"),
                ],
            ] {
                let client = identify(&settings, &Fake::new(), false, &headers).unwrap();
                assert_eq!(client.address.to_string(), "192.0.2.77", "{headers:?}");
            }
        }
    }
}

#[test]
fn the_peer_is_asked_for_only_if_needed() {
    let settings =
        read_clean(r#"{"from": ["cloudfront", {"forwardedFor": {"trustedHops": 1}}, "peer"]}"#, Settings::read);
    let fake = Fake::new();
    fake.fail("get-property");
    let client = identify(&settings, &fake, true, &[("cloudfront-viewer-address", "192.0.2.1:5")]).unwrap();
    assert_eq!((client.address.to_string(), fake.calls_of("get-property")), ("192.0.2.1".to_owned(), 0));
    let error = settings.identify(&Request { headers: &[] }, true, &fake);
    assert_eq!(error, Err(HostError { call: "get-property", status: FAILURE }));
}

#[test]
fn ipv6_counts_by_prefix_and_ipv4_by_address() {
    let group = |json: &str, peer: &str| {
        let settings = read_clean(json, Settings::read);
        let fake = Fake::new();
        fake.peer.replace(peer.as_bytes().to_vec());
        identify(&settings, &fake, false, &[]).unwrap().group(&settings)
    };
    for (json, peer, expected) in [
        ("{}", "[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::"),
        ("{}", "[2001:db8:1:2:ffff::]:443", "2001:db8:1:2::"),
        (r#"{"ipv6Prefix": 48}"#, "[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1::"),
        (r#"{"ipv6Prefix": 128}"#, "[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2:3:4:5:6"),
        (r#"{"ipv6Prefix": 1}"#, "[ffff::1]:443", "8000::"),
        (r#"{"ipv6Prefix": 1}"#, "192.0.2.1:443", "192.0.2.1"),
        (r#"{"ipv6Prefix": 1}"#, "[::ffff:192.0.2.1]:443", "192.0.2.1"),
    ] {
        assert_eq!(group(json, peer), expected.parse::<IpAddr>().unwrap(), "{json} {peer}");
    }
}

#[test]
fn an_absent_section_means_the_peer() {
    assert_eq!(read_clean("{}", Settings::read), Settings::default());
    let client = identify(&Settings::default(), &Fake::new(), true, &[("x-forwarded-for", "192.0.2.1")]).unwrap();
    assert_eq!(client.address.to_string(), "198.51.100.7");
    assert!(!client.is_allowed(&Settings::default()));
    assert!(!Settings::default().needs_origin());
    assert!(read_clean(r#"{"from": ["cloudfront"]}"#, Settings::read).needs_origin());
}

#[test]
fn mistakes_are_named() {
    for (json, expected) in [
        (r#"{"from": []}"#, "error[empty] from: found no source, expected at least one; peer is the default"),
        (r#"{"from": "peer"}"#, "error[wrong-type] from: found text, expected a list"),
        (
            r#"{"from": ["cloudfrnt"]}"#,
            "error[unknown-value] from[0]: found \"cloudfrnt\", accepted: cloudfront, peer; did you mean \"cloudfront\"?",
        ),
        (
            r#"{"from": ["forwardedFor"]}"#,
            "error[needs-other] from[0]: forwardedFor must say whom to trust, such as {forwardedFor: {trustedHops: 1}}",
        ),
        (
            r#"{"from": [{"forwardedFor": {}}]}"#,
            "error[missing-field] from[0]: expected exactly one of: trustedHops, trustedRanges",
        ),
        (
            r#"{"from": [{"forwardedFor": {"trustedHops": 1, "trustedRanges": ["10.0.0.0/8"]}}]}"#,
            "error[missing-field] from[0]: expected exactly one of: trustedHops, trustedRanges",
        ),
        (
            r#"{"from": [{"forwardedFor": {"trustedHops": 0}}]}"#,
            "error[out-of-range] from[0].forwardedFor.trustedHops: found 0, expected a whole number from 1 to 100",
        ),
        (
            r#"{"from": [{"forwardedFor": {"trustedRanges": []}}]}"#,
            "error[empty] from[0].forwardedFor.trustedRanges: found no range, expected those of the trusted proxies",
        ),
        (
            r#"{"from": ["peer", "cloudfront"]}"#,
            "warning[out-of-range] from[1]: peer stands before it and has nearly always an answer; put peer last",
        ),
        (r#"{"ipv6Prefix": 0}"#, "error[out-of-range] ipv6Prefix: found 0, expected a whole number from 1 to 128"),
        (r#"{"ipv6Prefix": 129}"#, "error[out-of-range] ipv6Prefix: found 129, expected a whole number from 1 to 128"),
        (
            r#"{"allow": ["10.0.0.0/33"]}"#,
            "error[bad-address] allow[0]: found \"10.0.0.0/33\", expected an address range such as 198.51.100.0/24 or 2001:db8::/32",
        ),
        (
            r#"{"allow": ["192.0.2.1", "10.1.2.3/8"]}"#,
            "error[bad-address] allow[1]: found \"10.1.2.3/8\", which is inside a range; write 10.0.0.0/8",
        ),
        (
            r#"{"allow": ["0.0.0.0/0"]}"#,
            "error[out-of-range] allow[0]: found \"0.0.0.0/0\", which is every address there is",
        ),
        (r#"{"allow": ["::/0"]}"#, "error[out-of-range] allow[0]: found \"::/0\", which is every address there is"),
        (
            r#"{"allow": ["::ffff:10.0.0.0/104"]}"#,
            "error[bad-address] allow[0]: found \"::ffff:10.0.0.0/104\", which is IPv4 in IPv6 clothes; write it as IPv4",
        ),
        (
            r#"{"alow": []}"#,
            "error[unknown-field] alow: no such field; did you mean \"allow\"? known: from, ipv6Prefix, allow",
        ),
    ] {
        let (settings, diagnostics) = read(json, Settings::read);
        assert_eq!(diagnostics, [expected], "{json}");
        let refused = expected.starts_with("error") && !expected.starts_with("error[unknown-field]");
        assert_eq!(settings.is_none(), refused, "{json}");
    }
}
