//! Limits: what they are keyed by, how several work together, and what clients are told.

mod arithmetic;
mod settings;
mod table;

use std::net::IpAddr;

use backstop::host::{Clock, HostError, SharedData};
use backstop::http::{Header, Request};
use backstop::limit::{Decision, Mode, Settings, Subject, draft03, draft11, refusal};
use backstop::path::Path;

use crate::fake::{FAILURE, Fake, read_clean};

fn settings(json: &str) -> Settings {
    read_clean(json, Settings::read)
}

fn one(rate: &str, burst: u64) -> Settings {
    settings(&format!(r#"[{{"name": "all", "key": [], "rate": "{rate}", "burst": {burst}}}]"#))
}

/// One request, described by its headers and address.
fn ask<'s>(
    settings: &'s Settings,
    world: &(impl Clock + SharedData),
    client: Option<&str>,
    headers: &[(&str, &str)],
) -> Result<Vec<Decision<'s>>, HostError> {
    let headers: Vec<Header<'_>> = headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    let request = Request { headers: &headers };
    let path = Path::normalise(request.path());
    let client = client.map(|c| c.parse::<IpAddr>().unwrap());
    settings.check(&Subject { path: &path, request: &request, client, mode: Mode::Block }, world, world)
}

fn admits(settings: &Settings, fake: &Fake, client: Option<&str>, headers: &[(&str, &str)]) -> bool {
    refusal(&ask(settings, fake, client, headers).unwrap()).is_none()
}

#[test]
fn a_write_that_loses_is_tried_again_and_in_the_end_fails() {
    let settings = one("1/h", 3);
    let fake = Fake::new();
    for _ in 0..2 {
        fake.rivals.set(15);
        assert!(admits(&settings, &fake, None, &[]));
    }
    fake.rivals.set(16);
    assert_eq!(ask(&settings, &fake, None, &[]), Err(HostError { call: "set-shared-data", status: 8 }));
    // The failure took nothing.
    assert!(admits(&settings, &fake, None, &[]));
    assert!(!admits(&settings, &fake, None, &[]));
}

#[test]
fn a_host_that_does_not_answer_is_an_error_and_never_a_yes() {
    for call in ["get-shared-data", "set-shared-data"] {
        let fake = Fake::new();
        fake.fail(call);
        assert_eq!(ask(&one("1/s", 1), &fake, None, &[]), Err(HostError { call, status: FAILURE }));
    }
}

#[test]
fn a_refused_request_takes_nothing_anywhere() {
    let json = r#"[
        {"name": "per-client", "key": ["client"], "rate": "1/h", "burst": 2},
        {"name": "watched", "key": [], "rate": "1/h", "burst": 3, "mode": "detect"},
        {"name": "whole-proxy", "key": [], "rate": "1/h", "burst": 5}
    ]"#;
    for json in [json.to_owned(), json.replace("per-client", "z"), json.replace(r#""client""#, r#""client", "method""#)]
    {
        let (settings, fake) = (settings(&json), Fake::new());
        let greedy = (0..100).filter(|_| admits(&settings, &fake, Some("192.0.2.1"), &[])).count();
        let stores = fake.calls_of("set-shared-data");
        assert_eq!((greedy, stores), (2, 6));
        let decisions = ask(&settings, &fake, Some("192.0.2.1"), &[]).unwrap();
        let left: Vec<_> = decisions.iter().map(|d| (d.allowed, d.enforced, d.remaining)).collect();
        assert_eq!(left, [(false, true, 0), (true, false, 1), (true, true, 3)]);
        // The others find the proxy's budget untouched by what was refused, and detect refuses nobody.
        let others = ["192.0.2.2", "192.0.2.3", "192.0.2.4"];
        let admitted = others.iter().filter(|c| admits(&settings, &fake, Some(c), &[])).count();
        assert_eq!(admitted, 3);
        let decisions = ask(&settings, &fake, Some("192.0.2.5"), &[]).unwrap();
        let told: Vec<_> = decisions.iter().map(|d| (d.allowed, d.retry_after_s())).collect();
        assert_eq!(told, [(true, None), (false, None), (false, Some(3600))]);
        assert_eq!(refusal(&decisions).unwrap().index, 2);
    }
}

#[test]
fn the_longest_wait_decides() {
    let json = r#"[
        {"name": "short", "key": [], "rate": "1/s", "burst": 1},
        {"name": "long", "key": [], "rate": "1/m", "burst": 1},
        {"name": "middle", "key": [], "rate": "10/m", "burst": 1}
    ]"#;
    let (settings, fake) = (settings(json), Fake::new());
    assert!(admits(&settings, &fake, None, &[]));
    let decisions = ask(&settings, &fake, None, &[]).unwrap();
    assert_eq!(refusal(&decisions).map(|d| (d.name, d.retry_after_s())), Some(("long", Some(60))));
    fake.advance_ms(60_000);
    assert!(admits(&settings, &fake, None, &[]));
}

#[test]
fn the_mode_of_the_document_applies_where_a_limit_sets_none() {
    let json = r#"[
        {"name": "a", "key": [], "rate": "1/h", "burst": 1},
        {"name": "b", "key": [], "rate": "1/h", "burst": 1, "mode": "block"},
        {"name": "c", "key": [], "rate": "1/h", "burst": 1, "mode": "detect"}
    ]"#;
    let (settings, fake) = (settings(json), Fake::new());
    let (request, path) = (Request { headers: &[] }, Path::normalise(b"/"));
    for (mode, expected) in [(Mode::Block, [true, true, false]), (Mode::Detect, [false, true, false])] {
        let subject = Subject { path: &path, request: &request, client: None, mode };
        let decisions = settings.check(&subject, &fake, &fake).unwrap();
        assert_eq!(decisions.iter().map(|d| d.enforced).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn limits_apply_by_normal_path_and_never_by_query() {
    let json = r#"[
        {"name": "auth", "paths": [{"prefix": "/auth/"}, {"exact": "/login"}], "key": [], "rate": "1/h", "burst": 1},
        {"name": "all", "key": [], "rate": "1/h", "burst": 1}
    ]"#;
    let settings = settings(json);
    for (target, limited) in [
        ("/auth/token", true),
        ("/auth/token?x=1", true),
        ("//auth//token", true),
        ("/%61uth/token", true),
        ("/x/../auth/token", true),
        ("/auth%2ftoken", true),
        ("/auth/%252e%252e/token", false),
        ("/login", true),
        ("/login?", true),
        ("/login2", false),
        ("/?/auth/", false),
        ("/authority", false),
    ] {
        let decisions = ask(&settings, &Fake::new(), None, &[(":path", target)]).unwrap();
        let names: Vec<_> = decisions.iter().map(|d| d.name).collect();
        assert_eq!(names, if limited { vec!["auth", "all"] } else { vec!["all"] }, "{target}");
    }
}

#[test]
fn a_request_that_no_limit_is_for_costs_nothing() {
    let json = r#"[{"name": "auth", "paths": [{"prefix": "/auth/"}], "key": [], "rate": "1/h", "burst": 1}]"#;
    let fake = Fake::new();
    assert_eq!(ask(&settings(json), &fake, None, &[(":path", "/")]), Ok(Vec::new()));
    assert_eq!(ask(&Settings::default(), &fake, None, &[(":path", "/")]), Ok(Vec::new()));
    assert!(fake.calls.borrow().is_empty());
}

#[test]
fn keys_tell_apart_what_they_name_and_nothing_else() {
    type One<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)]);
    let (a, b) = (Some("192.0.2.1"), Some("192.0.2.2"));
    let cases: &[(&str, One<'_>, One<'_>, bool)] = &[
        (r#""client""#, (a, &[]), (a, &[(":method", "POST"), ("x-forwarded-for", "192.0.2.9")]), true),
        (r#""client""#, (a, &[]), (b, &[]), false),
        (r#""client""#, (a, &[]), (Some("::ffff:192.0.2.1"), &[]), false),
        (r#""client""#, (Some("2001:db8::"), &[]), (Some("2001:db8:0:1::"), &[]), false),
        (r#""client""#, (None, &[]), (None, &[]), true),
        (r#""client""#, (None, &[]), (a, &[]), false),
        (r#""client""#, (a, &[(":path", "/?a")]), (a, &[(":path", "/?b")]), true),
        (r#""client""#, (a, &[(":path", "/a")]), (a, &[(":path", "/b")]), true),
        (r#""method""#, (a, &[(":method", "GET")]), (b, &[(":method", "GET")]), true),
        (r#""method""#, (a, &[(":method", "GET")]), (a, &[(":method", "POST")]), false),
        (r#""method""#, (a, &[(":method", "MADE")]), (a, &[(":method", "UP")]), true),
        (r#""method""#, (a, &[(":method", "get")]), (a, &[]), true),
        (r#""client", "method""#, (a, &[(":method", "GET")]), (b, &[(":method", "GET")]), false),
        (r#""header:X-Api-Key""#, (a, &[("x-api-key", "1")]), (b, &[("x-api-key", "1")]), true),
        (r#""header:x-api-key""#, (a, &[("x-api-key", "1")]), (a, &[("x-api-key", "2")]), false),
        (r#""header:x-api-key""#, (a, &[]), (b, &[("x-api-keys", "1")]), true),
        (r#""header:x-api-key""#, (a, &[]), (a, &[("x-api-key", "")]), false),
        (r#""header:x-a""#, (a, &[("x-a", "1"), ("x-a", "2")]), (a, &[("x-a", "12")]), false),
        (r#""header:x-a""#, (a, &[("x-a", "1"), ("x-a", "2")]), (a, &[("x-a", "1")]), false),
        (r#""header:x-a", "header:x-b""#, (a, &[("x-a", "1")]), (a, &[("x-b", "1")]), false),
        (r#""cookie:sid""#, (a, &[("cookie", "sid=1")]), (b, &[("cookie", "lang=en; sid=1")]), true),
        (r#""cookie:sid""#, (a, &[("cookie", "sid=1")]), (a, &[("cookie", "lang=en"), ("cookie", "sid=1")]), true),
        (r#""cookie:sid""#, (a, &[("cookie", "sid=1")]), (a, &[("cookie", "sid=2")]), false),
        (r#""cookie:sid""#, (a, &[("cookie", "sid=1")]), (a, &[("cookie", "sid=1 ; lang=en")]), true),
        (r#""cookie:sid""#, (a, &[("cookie", "sid=1")]), (a, &[("cookie", "lang=en;\t sid =\t1\t")]), true),
        (r#""cookie:sid""#, (a, &[("cookie", "sid=1")]), (a, &[("cookie", "sid=\"1\"")]), true),
        (r#""cookie:sid""#, (a, &[("cookie", "sid=a=b")]), (a, &[("cookie", "sid=a")]), false),
        (r#""cookie:sid""#, (a, &[("cookie", "xsid=1; sidx=2; sid")]), (a, &[]), true),
        (r#""cookie:sid""#, (a, &[("cookie", "SID=1")]), (a, &[]), true),
    ];
    for (key, first, second, same) in cases {
        let settings = settings(&format!(r#"[{{"name": "all", "key": [{key}], "rate": "1/h", "burst": 1}}]"#));
        let fake = Fake::new();
        assert!(admits(&settings, &fake, first.0, first.1), "{key} {first:?}");
        assert_eq!(admits(&settings, &fake, second.0, second.1), !same, "{key} {first:?} {second:?}");
    }
}

#[test]
fn clients_are_told_in_either_draft() {
    let json = r#"[
        {"name": "per-client", "key": ["client"], "rate": "50/s", "burst": 100},
        {"name": "auth", "key": ["client"], "rate": "7/m", "burst": 2},
        {"name": "watched", "key": ["client"], "rate": "1/h", "burst": 1, "mode": "detect"},
        {"name": "whole-proxy", "key": [], "rate": "1/h", "burst": 4}
    ]"#;
    let (settings, fake) = (settings(json), Fake::new());
    let next = |client| {
        let decisions = ask(&settings, &fake, Some(client), &[]).unwrap();
        let text = |headers: Vec<(&str, String)>| headers.iter().map(|(n, v)| format!("{n}: {v}")).collect::<Vec<_>>();
        (text(draft11(&decisions)), text(draft03(&decisions)))
    };
    let policy = r#"ratelimit-policy: "per-client";q=100;w=2, "auth";q=2;w=18"#;
    assert_eq!(
        next("192.0.2.1"),
        (
            vec![policy.to_owned(), r#"ratelimit: "per-client";r=99;t=1, "auth";r=1;t=9"#.to_owned()],
            vec![
                "x-ratelimit-limit: 2, 100;w=2, 2;w=18".to_owned(),
                "x-ratelimit-remaining: 1".to_owned(),
                "x-ratelimit-reset: 9".to_owned()
            ]
        )
    );
    next("192.0.2.1");
    let (new, old) = next("192.0.2.1");
    assert_eq!(new, [policy, r#"ratelimit: "per-client";r=98;t=1, "auth";r=0;t=9"#]);
    assert_eq!(old, ["x-ratelimit-limit: 2, 100;w=2, 2;w=18", "x-ratelimit-remaining: 0", "x-ratelimit-reset: 9"]);
    // How full the proxy is concerns nobody until it refuses.
    next("192.0.2.2");
    next("192.0.2.2");
    let (new, old) = next("192.0.2.3");
    assert!(
        new[0].ends_with(r#""whole-proxy";q=4;w=14400"#) && new[1].ends_with(r#""whole-proxy";r=0;t=3600"#),
        "{new:?}"
    );
    assert_eq!(old[2], "x-ratelimit-reset: 3600");
    assert!(draft11(&[]).is_empty() && draft03(&[]).is_empty());
}
