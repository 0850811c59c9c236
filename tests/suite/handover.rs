//! Hand-over headers: which are set, which are taken off, and what is critical however it is spelt.

use backstop::handover::{PREFIX, Settings};
use backstop::http::Header;
use backstop::path::Path;
use backstop::verdict::Action;

use crate::fake::{read, read_clean};
use crate::proxy::Proxy;

/// Scores 5 by the rule in [`CONFIG`], and by no other.
const ATTACK: &str = "/auth/x?q=fuenf";

/// The hand-over headers that one request got, those that it lost, and what became of it.
fn send(config: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> (Vec<String>, Vec<String>, Action) {
    let proxy = Proxy::new(config);
    let (_, action) = proxy.begin(method, path, headers, true);
    let told =
        |(name, value): (String, String)| format!("{}: {value}", name.strip_prefix(PREFIX).expect("all begin so"));
    let added = proxy.world.added.take().into_iter().map(told).collect();
    (added, proxy.world.removed.take(), action)
}

const CONFIG: &str = "
client: {allow: [192.0.2.0/24], from: [{forwardedFor: {trustedHops: 1}}, peer]}
exempt: [{exact: /healthz}]
threshold: 7
rules:
  custom:
    - {id: sqli-fuenf, severity: critical, targets: [query], transforms: [], match: {words: [fuenf]},
       why: a test, hits: [fuenf], passes: [vier]}
handover:
  groups:
    - {name: login, paths: [{exact: /auth/login}]}
    - {name: auth, paths: [{prefix: /auth/}]}
  critical:
    - {name: payment, methods: [POST, PUT], paths: [{prefix: /pay/}]}
    - {name: health, paths: [{exact: /healthz}]}
  cost: {score: 5, hits: 10}
";

#[test]
fn what_later_filters_are_told() {
    for (method, path, forwarded, expected) in [
        ("GET", "/", "203.0.113.9", "client: 203.0.113.9, score: 0, cost: 1"),
        ("GET", "/", "2001:db8::1:2:3:4", "client: 2001:db8::/64, score: 0, cost: 1"),
        ("GET", "/", "forged, 203.0.113.9", "client: 203.0.113.9, score: 0, cost: 1"),
        ("GET", "/", "203.0.113.9, junk", "client: 198.51.100.7, score: 0, cost: 1"),
        ("GET", "/auth/login?a=b", "203.0.113.9", "client: 203.0.113.9, group: login, score: 0, cost: 1"),
        ("GET", "/auth//token", "203.0.113.9", "client: 203.0.113.9, group: auth, score: 0, cost: 1"),
        ("GET", ATTACK, "203.0.113.9", "client: 203.0.113.9, group: auth, score: 5, cost: 10"),
        ("POST", "/pay/card", "203.0.113.9", "critical: payment, client: 203.0.113.9, score: 0, cost: 1"),
        ("GET", "/pay/card", "203.0.113.9", "client: 203.0.113.9, score: 0, cost: 1"),
        // Neither inspected nor limited, so not by later filters either; an authorization is something else.
        ("GET", "/healthz", "203.0.113.9", "critical: health"),
        ("GET", "/auth/login", "192.0.2.1", ""),
        ("POST", "/pay/card", "192.0.2.1", "critical: payment"),
    ] {
        let (added, removed, action) = send(CONFIG, method, path, &[("x-forwarded-for", forwarded)]);
        assert_eq!((added.join(", ").as_str(), removed), (expected, Vec::new()), "{method} {path} {forwarded}");
        assert_eq!(action, Action::Continue);
    }
}

#[test]
fn forged_headers_are_taken_off_in_every_mode_and_on_every_path() {
    let forged = ["x-backstop-client", "x-backstop-cost", "x-backstop-made-up", "x-backstop-", "x_backstop_client"];
    let headers: Vec<(&str, &str)> = forged.iter().map(|name| (*name, "198.51.100.1")).collect();
    let others = [("x-backstop", "1"), ("y-x-backstop-client", "1"), ("backstop-client", "1")];
    let all = [headers.as_slice(), others.as_slice(), &[("x-forwarded-for", "203.0.113.9")]].concat();
    for mode in ["block", "detect", "off"] {
        for (path, client) in
            [("/", "203.0.113.9"), ("/healthz", "203.0.113.9"), ("/", "192.0.2.1"), (ATTACK, "192.0.2.1")]
        {
            let mut all = all.clone();
            all.push(("x-forwarded-for", client));
            let (_, removed, action) = send(&format!("mode: {mode}\n{CONFIG}"), "GET", path, &all);
            assert_eq!(
                (removed, action),
                (forged.map(str::to_owned).to_vec(), Action::Continue),
                "{mode} {path} {client}"
            );
        }
    }
    let (added, removed, _) = send("mode: block", "GET", "/", &all);
    assert_eq!((added.len(), removed.len()), (0, 0), "without the section nothing is touched");
}

#[test]
fn modes() {
    let config = CONFIG.replace("threshold: 7", "threshold: 5");
    let told =
        |mode: &str, method: &str, path: &str| send(&format!("mode: {mode}\n{config}"), method, path, &[]).0.join(", ");
    assert_eq!(told("detect", "GET", ATTACK), "client: 198.51.100.7, group: auth, score: 5, cost: 10");
    assert_eq!(told("block", "GET", ATTACK), "", "refused");
    assert_eq!(told("off", "GET", ATTACK), "");
    assert_eq!(told("off", "PUT", "/pay/x"), "critical: payment", "authorization does not depend on the mode");
}

#[test]
fn critical_however_it_is_spelt() {
    let settings = read_clean(
        r#"{"critical": [{"name": "pay", "methods": ["POST"], "paths": [{"prefix": "/pay/"}, {"exact": "/cancel"}]}]}"#,
        Settings::read,
    );
    for (path, critical) in [
        ("/pay/card", true),
        ("/pay/card?x=/free/", true),
        ("//pay//card", true),
        ("/%70ay/card", true),
        ("/pay%2fcard", true),
        ("/%2570ay/card", true),
        ("/free/../pay/card", true),
        ("/free/%2e%2e/pay/card", true),
        ("/free\\..\\pay/card", true),
        ("/pay;a=b/card", true),
        ("/;a=b/pay/card", true),
        ("/free/..;/pay/card", true),
        ("/cancel;a=b", true),
        ("/pay/../free", true),
        ("/pay/%252e%252e/free", true),
        ("/pay", false),
        ("/payment/", false),
        ("/free?/pay/", false),
        ("/free;/pay/", false),
    ] {
        let headers: &[Header<'_>] = &[(b":method", b"POST"), (b":path", path.as_bytes())];
        let request = backstop::http::Request { headers };
        let found = settings.critical(&request, &Path::normalise(request.path()));
        assert_eq!(found.map(|(_, name)| name.into_owned()).as_deref(), critical.then_some("pay"), "{path}");
    }
}

#[test]
fn mistakes_are_named() {
    for (json, expected) in [
        (
            r#"{"group": []}"#,
            "error[unknown-field] group: no such field; did you mean \"groups\"? known: groups, critical, cost",
        ),
        (
            r#"{"groups": [{"paths": [{"prefix": "/a/"}]}]}"#,
            "error[missing-field] groups[0].name: required, but absent",
        ),
        (
            r#"{"groups": [{"name": "A"}]}"#,
            "error[bad-id] groups[0].name: found \"A\", expected a kebab-case name of at most 64 characters",
        ),
        (
            r#"{"critical": [{"name": "a"}, {"name": "a"}]}"#,
            "error[duplicate-id] critical[1].name: another critical pattern is called \"a\" too",
        ),
        (
            r#"{"critical": [{"name": "a", "paths": []}]}"#,
            "error[empty] critical[0].paths: found no path, expected at least one; leave paths out to mean every path",
        ),
        (
            r#"{"critical": [{"name": "a", "methods": []}]}"#,
            "error[empty] critical[0].methods: found no method, expected at least one; leave methods out to mean every one",
        ),
        (
            r#"{"critical": [{"name": "a", "methods": ["post"]}]}"#,
            "error[unknown-value] critical[0].methods[0]: found \"post\", expected a method such as POST, in upper case",
        ),
        (r#"{"cost": {"hits": 5}}"#, "error[missing-field] cost.score: required, but absent"),
        (
            r#"{"cost": {"score": 0, "hits": 5}}"#,
            "error[out-of-range] cost.score: found 0, expected a whole number from 1 to 1000",
        ),
        (
            r#"{"cost": {"score": 5, "hits": 1}}"#,
            "error[out-of-range] cost.hits: found 1, expected a whole number from 2 to 1000",
        ),
    ] {
        let (settings, diagnostics) = read(json, Settings::read);
        assert_eq!(diagnostics, [expected], "{json}");
        assert_eq!(settings.is_none(), !expected.starts_with("error[unknown-field]"), "{json}");
    }
    let many = format!(r#"{{"groups": [{}]}}"#, vec!["{}"; 65].join(","));
    assert_eq!(
        read(&many, Settings::read).1,
        ["error[out-of-range] groups: found 65 in the list, expected at most 64"]
    );
}
