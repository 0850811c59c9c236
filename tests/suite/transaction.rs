//! Whole requests over their phases, against a fake world.

use std::rc::Rc;

use backstop::host::HostError;
use backstop::telemetry::Histogram;
use backstop::transaction::Transaction;
use backstop::verdict::Action;

use crate::fake::Fake;
use crate::proxy::{Proxy, reply};

const SQLI: &str = "1' union select password from users--";
/// SHA-256 of "open sesame".
const DIGEST: &str = "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb";

fn query(value: &str) -> String {
    let encoded: String = value.bytes().map(|b| format!("%{b:02x}")).collect();
    format!("/search?q={encoded}")
}

#[test]
fn a_harmless_request_goes_on_and_an_attack_is_refused() {
    let proxy = Proxy::new("");
    assert_eq!(proxy.get("/search?q=seats+in+row+7", &[]), Action::Continue);
    let reply = reply(proxy.get(&query(SQLI), &[("accept", "text/plain")]));
    assert_eq!(reply.status, 403);
    assert!(reply.details.starts_with("backstop{sqli:sqli-"), "{}", reply.details);
    assert!(!reply.details.contains(' '));
    assert!(String::from_utf8(reply.body).unwrap().contains("7e1c-01"));
    assert_eq!(proxy.note("verdict"), "denied");
    assert_eq!(proxy.note("family"), "sqli");
    assert_eq!(proxy.counted("backstop_requests_passed"), 1);
    assert_eq!(proxy.counted("backstop_requests_denied"), 1);
    assert_eq!(proxy.counted("backstop_denials_sqli"), 1);
    let scores = proxy.world.observed.borrow();
    assert!(matches!(scores.get(&Histogram::Score.index()), Some(all) if all.len() == 1 && all[0] >= 5), "{scores:?}");
    let lines = proxy.world.lines.borrow();
    let event: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(event["blocked"], true);
    assert_eq!(event["target"], "query:q");
    assert_eq!(event["request_id"], "7e1c-01");
    assert_eq!(event["path"], "/search", "no query in the log");
}

#[test]
fn the_form_of_a_denial_follows_accept() {
    let proxy = Proxy::new("");
    let cases = [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("image/png", "application/json"),
    ];
    for (accept, content_type) in cases {
        let reply = reply(proxy.get(&query(SQLI), &[("accept", accept)]));
        let found = reply.headers.iter().find(|(n, _)| *n == "content-type").map(|(_, v)| v.as_str());
        assert_eq!(found, Some(content_type), "accept: {accept}");
    }
    let grpc = reply(proxy.get(&query(SQLI), &[("content-type", "application/grpc")]));
    assert_eq!(grpc.grpc_status, Some(7));
}

#[test]
fn chunking_never_changes_the_verdict() {
    let proxy = Proxy::new("");
    let attack = format!("{{\"name\":\"x\",\"q\":\"{SQLI}\"}}");
    let harmless = "{\"name\":\"x\",\"q\":\"two seats\"}";
    let json = [("content-type", "application/json")];
    for size in [1, 2, 3, 7, 20, 1000] {
        for (body, status) in [(attack.as_str(), Some(403)), (harmless, None)] {
            let length = body.len().to_string();
            let declared = [json[0], ("content-length", length.as_str())];
            for headers in [&json[..], &declared] {
                let refused = match proxy.post(headers, body.as_bytes(), size) {
                    Action::Deny(reply) => Some(reply.status),
                    _ => None,
                };
                assert_eq!(refused, status, "chunks of {size}, {headers:?}");
            }
        }
    }
}

#[test]
fn only_the_prefix_of_a_large_body_is_held() {
    let proxy = Proxy::new("body: {inspect: 1000}");
    let mut body = vec![b'a'; 5000];
    body.splice(2000.., query(SQLI).into_bytes());
    assert_eq!(proxy.post(&[], &body, 300), Action::Continue);
    assert_eq!(proxy.counted("backstop_bodies_partial"), 1);
    let deny = Proxy::new("body: {inspect: 1000, oversize: deny}");
    let reply = reply(deny.post(&[], &body, 300));
    assert_eq!((reply.status, reply.details.as_str()), (413, "backstop{body:too-large}"));
    let (_, early) = deny.begin("POST", "/", &[("content-length", "1001")], false);
    assert!(matches!(early, Action::Deny(_)), "known from content-length, before any body");
    let whole = vec![b'a'; 1000];
    assert_eq!(deny.post(&[], &whole, 300), Action::Continue, "exactly as large as allowed");
    let paths = Proxy::new("body: {paths: [{prefix: /orders, inspect: 0}]}");
    assert_eq!(paths.post(&[], format!("q={SQLI}").as_bytes(), 10), Action::Continue);
}

#[test]
fn a_small_body_is_held_by_the_host_and_a_large_one_gathered() {
    let proxy = Proxy::new("body: {inspect: 1000}");
    let begin = |headers: &[(&str, &str)]| {
        let (mut transaction, _) = proxy.begin("POST", "/orders", headers, false);
        proxy.world.body.replace(b"q=1".to_vec());
        let action = transaction.on_request_body(3, false, &proxy.world);
        (transaction, action)
    };
    assert_eq!(begin(&[("content-length", "1000")]).1, Action::Hold);
    assert_eq!(begin(&[("content-length", "1001")]).1, Action::Gather);
    let gathered: Vec<_> = (0..16).map(|_| begin(&[])).collect();
    assert!(gathered.iter().all(|(_, action)| *action == Action::Gather));
    assert_eq!(begin(&[]).1, Action::Hold, "no place is left");
    drop(gathered);
    assert_eq!(begin(&[]).1, Action::Gather, "places are given back");
}

#[test]
fn trailers_are_asked_for_only_where_they_are_looked_at() {
    let proxy = Proxy::new("exempt: [{exact: /healthz}]");
    for (path, body, awaits) in
        [("/orders", "q=1", true), ("/orders", "q=<script>alert(1)</script>", false), ("/healthz", "q=1", false)]
    {
        let (mut transaction, _) = proxy.begin("POST", path, &[], false);
        proxy.world.body.replace(body.into());
        let is_refused = matches!(transaction.on_body_end(&proxy.world), Action::Deny(_));
        assert_eq!((transaction.awaits_trailers(), is_refused), (awaits, body.contains("script")), "{path} {body}");
    }
}

#[test]
fn modes() {
    let detect = Proxy::new("mode: detect");
    assert_eq!(detect.get(&query(SQLI), &[]), Action::Continue);
    assert_eq!(detect.note("verdict"), "detected");
    assert_eq!(detect.counted("backstop_requests_detected"), 1);
    assert!(detect.world.lines.borrow()[0].contains("\"blocked\":false"));
    let off = Proxy::new("mode: off");
    assert_eq!(off.get(&query(SQLI), &[]), Action::Continue);
    assert!(off.world.lines.borrow().is_empty() && off.world.counts.borrow().is_empty());
    let family = Proxy::new("rules: {families: {sqli: detect}}");
    assert_eq!(family.get(&query(SQLI), &[]), Action::Continue);
    assert!(family.counted("backstop_findings_sqli") > 0, "reported, does not count");
    let family = Proxy::new("rules: {families: {sqli: off}}");
    assert_eq!(family.get(&query(SQLI), &[]), Action::Continue);
    assert_eq!(family.counted("backstop_findings_sqli"), 0);
}

#[test]
fn exempt_paths_are_those_of_the_path_alone() {
    let proxy = Proxy::new("exempt: [{exact: /healthz}, {prefix: /static/}]");
    let attack = query(SQLI);
    let attack = attack.split_once('?').unwrap().1;
    for path in ["/healthz", "//healthz", "/%68ealthz", "/./healthz", "/static/a.js"] {
        assert_eq!(proxy.get(&format!("{path}?{attack}"), &[]), Action::Continue, "{path}");
    }
    for path in [
        "/healthz/",
        "/static/../admin",
        "/static%2f..%2fadmin",
        "/x/%2e%2e/healthz",
        "/%2568ealthz",
        "/admin",
        "../healthz",
        "..//healthz",
    ] {
        assert!(matches!(proxy.get(&format!("{path}?x=/healthz&{attack}"), &[]), Action::Deny(_)), "{path}");
    }
}

#[test]
fn the_origin_secret_is_checked_and_stripped() {
    let proxy = Proxy::new(&format!("origin: {{sha256: ['{DIGEST}'], exempt: [{{exact: /healthz}}]}}"));
    let right = ("x-origin-verify", "open sesame");
    assert_eq!(proxy.get("/", &[right]), Action::Continue);
    assert_eq!(*proxy.world.removed.borrow(), ["x-origin-verify"]);
    assert_eq!(reply(proxy.get("/", &[])).details, "backstop{origin:missing}");
    assert_eq!(reply(proxy.get("/", &[("x-origin-verify", "guess")])).details, "backstop{origin:wrong}");
    assert_eq!(reply(proxy.get("/", &[right, right])).details, "backstop{origin:repeated}");
    assert_eq!(proxy.get("/healthz", &[]), Action::Continue);
    assert!(matches!(proxy.get("/?x=/healthz", &[]), Action::Deny(_)));
    assert!(matches!(proxy.get("/healthz/../admin", &[]), Action::Deny(_)));
    assert_eq!(proxy.counted("backstop_origin_passed"), 1);
    assert!(proxy.world.lines.borrow().iter().all(|line| !line.contains("sesame") && !line.contains("guess")));
}

#[test]
fn a_limit_that_runs_out_says_when_to_come_again() {
    let config = "limits: [{name: per-client, key: [client], rate: 1/s, burst: 2}]";
    let proxy = Proxy::new(config);
    for _ in 0..2 {
        assert_eq!(proxy.get("/", &[]), Action::Continue);
    }
    let refused = reply(proxy.get("/?cache=buster", &[]));
    assert_eq!((refused.status, refused.details.as_str()), (429, "backstop{limit:per-client}"));
    let retry_after: u64 = refused.headers.iter().find(|(n, _)| *n == "retry-after").unwrap().1.parse().unwrap();
    proxy.world.peer.replace(b"203.0.113.9:1".to_vec());
    assert_eq!(proxy.get("/", &[]), Action::Continue, "another client has its own bucket");
    proxy.world.peer.replace(b"198.51.100.7:2".to_vec());
    proxy.world.advance_ms(retry_after * 1000);
    assert_eq!(proxy.get("/", &[]), Action::Continue, "whoever waits as told gets in");
    assert_eq!(proxy.counted("backstop_limited_per_client"), 1);
}

#[test]
fn limits_tell_how_they_fare() {
    let proxy = Proxy::new("limits: [{name: per-client, key: [client], rate: 1/h, burst: 10}]");
    for _ in 0..12 {
        let _ = proxy.get("/", &[]);
    }
    assert_eq!((proxy.counted("backstop_near_limit_per_client"), proxy.counted("backstop_limited_per_client")), (2, 2));
    for n in 0..30_000_u32 {
        let [_, b, c, d] = n.to_be_bytes();
        proxy.world.peer.replace(format!("10.{b}.{c}.{d}:1").into_bytes());
        let _ = proxy.get("/", &[]);
    }
    assert!(proxy.counted("backstop_limits_taken_over") > 10_000);
    assert_eq!(proxy.counted("backstop_races_lost"), 0);
    proxy.world.rivals.set(16);
    assert_eq!(reply(proxy.get("/", &[])).details, "backstop{failure:set-shared-data}");
    assert_eq!((proxy.counted("backstop_races_lost"), proxy.counted("backstop_failures")), (1, 1));
    let detect = Proxy::new("mode: detect\nlimits: [{name: per-client, key: [client], rate: 1/h, burst: 10}]");
    for _ in 0..12 {
        assert_eq!(detect.get("/", &[]), Action::Continue);
    }
    assert_eq!(
        (detect.counted("backstop_near_limit_per_client"), detect.counted("backstop_limited_per_client")),
        (2, 2)
    );
    assert_eq!(detect.counted("backstop_requests_detected"), 2);
}

#[test]
fn every_failing_host_call_obeys_on_failure() {
    let config = format!(
        "origin: {{sha256: ['{DIGEST}']}}\nlimits: [{{name: per-client, key: [client], rate: 1/s, burst: 9}}]\n\
         handover: {{}}\nonFailure: "
    );
    let head = [("x-origin-verify", "open sesame")];
    for call in Fake::CALLS {
        for (on_failure, refused) in [("deny", true), ("allow", false)] {
            let proxy = Proxy::new(&format!("{config}{on_failure}"));
            proxy.world.fail(call);
            let action = proxy.post(&head, b"q=1", 3);
            assert_eq!(matches!(action, Action::Deny(_)), refused, "{call} failing, {on_failure}");
            assert_eq!(proxy.counted("backstop_failures"), 1, "{call}");
            if let Action::Deny(reply) = action {
                assert_eq!((reply.status, reply.details), (503, format!("backstop{{failure:{call}}}")));
            }
        }
    }
    let proxy = Proxy::new("");
    let mut transaction = Transaction::new(Rc::clone(&proxy.engine));
    let error = HostError { call: "get-header-map-pairs", status: 1 };
    assert!(matches!(transaction.on_request_headers(Err(error), true, &proxy.world), Action::Deny(_)));
}

#[test]
fn events_are_rate_limited() {
    let proxy = Proxy::new(&format!("origin: {{sha256: ['{DIGEST}']}}\ntelemetry: {{log: {{perSecond: 3}}}}"));
    for _ in 0..10 {
        let _ = proxy.get("/", &[]);
    }
    assert_eq!(proxy.world.lines.borrow().len(), 3);
    assert_eq!(proxy.counted("backstop_events_dropped"), 7);
    proxy.world.advance_ms(1000);
    let _ = proxy.get("/", &[]);
    assert_eq!(proxy.world.lines.borrow().len(), 4);
}

#[test]
fn exclusions_spare_one_rule_in_one_place_until_their_day() {
    let config =
        "exclusions: [{rules: ['*'], paths: [{prefix: /search}], targets: ['query:q'], reason: x, until: 2027-03-31}]";
    let proxy = Proxy::new(config);
    proxy.world.unix.set(1_790_000_000_000_000_000);
    assert_eq!(proxy.get(&query(SQLI), &[]), Action::Continue);
    assert!(proxy.counted("backstop_findings_excluded") > 0);
    let elsewhere = query(SQLI).replace("q=", "other=");
    assert!(matches!(proxy.get(&elsewhere, &[]), Action::Deny(_)));
    proxy.world.unix.set(1_806_537_600_000_000_000);
    assert!(matches!(proxy.get(&query(SQLI), &[]), Action::Deny(_)), "over on 2027-04-01");
}

#[test]
fn secrets_are_masked() {
    let proxy = Proxy::new("");
    let _ = proxy.get("/", &[("authorization", &format!("Bearer {SQLI}"))]);
    let line = proxy.world.lines.borrow()[0].clone();
    assert!(line.contains("\"snippet\":\"***\"") && !line.contains("password"), "{line}");
}

/// `q=` and [`SQLI`], made by another library: gzip, its second member behind a harmless one and with every optional
/// field in its header, zlib, bare deflate; and gzip of 20,000 letters before it.
pub const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\xb4\x35\x54\x57\x28\xcd\xcb\xcc\xcf\x53\x28\x4e\xcd\x49\x4d\x2e\x51\x28\x48\x2c\x2e\x2e\xcf\x2f\x4a\x51\x48\x2b\xca\xcf\x55\x28\x2d\x4e\x2d\x2a\xd6\xd5\x05\x00\x17\xdf\xb8\x2d\x27\x00\x00\x00";
const MEMBERS: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\xb4\x2d\x4e\x4d\x2c\x29\x56\x03\x00\x85\xf2\x75\x16\x08\x00\x00\x00\x1f\x8b\x08\x1e\x00\x00\x00\x00\x02\x03\x03\x00\x61\x62\x63\x6e\x61\x6d\x65\x00\x6e\x6f\x74\x65\x00\x63\x63\x2b\xb4\x35\x54\x57\x28\xcd\xcb\xcc\xcf\x53\x28\x4e\xcd\x49\x4d\x2e\x51\x28\x48\x2c\x2e\x2e\xcf\x2f\x4a\x51\x48\x2b\xca\xcf\x55\x28\x2d\x4e\x2d\x2a\xd6\xd5\x05\x00\x17\xdf\xb8\x2d\x27\x00\x00\x00";
const ZLIB: &[u8] = b"\x78\x9c\x2b\xb4\x35\x54\x57\x28\xcd\xcb\xcc\xcf\x53\x28\x4e\xcd\x49\x4d\x2e\x51\x28\x48\x2c\x2e\x2e\xcf\x2f\x4a\x51\x48\x2b\xca\xcf\x55\x28\x2d\x4e\x2d\x2a\xd6\xd5\x05\x00\x13\x1c\x0e\x03";
const DEFLATE: &[u8] = b"\x2b\xb4\x35\x54\x57\x28\xcd\xcb\xcc\xcf\x53\x28\x4e\xcd\x49\x4d\x2e\x51\x28\x48\x2c\x2e\x2e\xcf\x2f\x4a\x51\x48\x2b\xca\xcf\x55\x28\x2d\x4e\x2d\x2a\xd6\xd5\x05\x00";
const LONG: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\xb1\x0d\x83\x30\x10\x00\xc0\x55\xbe\x4b\x45\x91\x01\x32\x8c\x45\x8c\x14\x09\x6c\xe2\x8f\xc5\xfa\x59\x83\xe2\xee\x4a\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe0\x0e\xbe\xaf\xe7\x23\x66\xfb\xf4\x16\x59\xf7\xba\xfe\xe2\x2c\x99\x57\x1f\xef\xd8\x46\x3f\x62\x66\x1d\xb9\x2c\x7f\x27\x20\x2b\x6a\x47\x4e\x00\x00";

#[test]
fn compressed_bodies_are_inspected() {
    let proxy = Proxy::new("");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let gzip_and_deflate =
        [("gzip", GZIP), ("x-GZIP", GZIP), ("gzip", MEMBERS), ("deflate", ZLIB), ("deflate", DEFLATE), ("gzip", LONG)];
    for (encoding, body) in gzip_and_deflate {
        for size in [1, 1000] {
            let action = proxy.post(&[form, ("content-encoding", encoding)], body, size);
            assert!(reply(action).details.starts_with("backstop{sqli:"), "{encoding}, chunks of {size}");
        }
        assert_eq!(proxy.post(&[form], body, 1000), Action::Continue, "{encoding}, but nothing says so");
    }
    let short = Proxy::new("body: {inspect: 10000}");
    assert_eq!(short.post(&[form, ("content-encoding", "gzip")], LONG, 1000), Action::Continue, "past the limit");
    // A body that breaks off: what there is of it.
    let torn = &GZIP[..GZIP.len() - 10];
    assert!(matches!(proxy.post(&[form, ("content-encoding", "gzip")], torn, 1000), Action::Deny(_)));
    assert_eq!(proxy.counted("backstop_bodies_encoded"), 0);
}

/// Each block costs the reader as much as kilobytes of text, so a body of nothing but empty ones is no body.
#[test]
fn a_body_of_countless_blocks_is_refused() {
    const HEADER: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03";
    // An empty block with fixed codes takes ten bits (RFC 1951 section 3.2.6), so four of them five bytes.
    let blocks = |count: usize| [HEADER, &b"\x02\x08\x20\x80\x00".repeat(count / 4)].concat();
    let members = |count: usize| [HEADER, b"\x03\x00\0\0\0\0\0\0\0\0"].concat().repeat(count);
    let send = |config: &str, body: &[u8]| {
        let proxy = Proxy::new(config);
        let action = proxy.post(&[("content-encoding", "gzip")], body, 1000);
        (action, proxy.counted("backstop_bodies_encoded"))
    };
    for body in [blocks(300), members(300)] {
        let (action, counted) = send("", &body);
        assert_eq!((reply(action).details.as_str(), counted), ("backstop{body:encoded}", 1));
        assert_eq!(send("mode: detect", &body), (Action::Continue, 1));
    }
    for body in [blocks(200), members(200)] {
        assert_eq!(send("", &body).0, Action::Continue, "a few of them are nobody's attack");
    }
    // Behind a few empty blocks the text is still read.
    let proxy = Proxy::new("");
    let body = [members(200), GZIP.to_vec()].concat();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let refused = reply(proxy.post(&[form, ("content-encoding", "gzip")], &body, 1000));
    assert!(refused.details.starts_with("backstop{sqli:"), "{}", refused.details);
}

#[test]
fn a_body_that_cannot_be_read_passes_or_not() {
    let attack = format!("q={}", SQLI.replace(' ', "+"));
    let cases: &[(&str, &[u8])] = &[
        ("br", b"\x0b\x02\x80abc\x03"),
        ("zstd", b"x"),
        ("gzip, gzip", GZIP),
        ("gzip", b"no gzip"),
        ("deflate", b"\xff\xff"),
    ];
    for (encoding, body) in cases {
        let proxy = Proxy::new("");
        assert_eq!(proxy.post(&[("content-encoding", *encoding)], body, 100), Action::Continue, "{encoding}");
        assert_eq!(proxy.counted("backstop_bodies_encoded"), 1, "{encoding}");
        let lies = proxy.post(&[("content-encoding", *encoding)], attack.as_bytes(), 100);
        assert!(matches!(lies, Action::Deny(_)), "{encoding} that is none");
        let deny = Proxy::new("body: {encoded: deny}");
        let reply = reply(deny.post(&[("content-encoding", *encoding)], body, 100));
        assert_eq!((reply.status, reply.details.as_str()), (415, "backstop{body:encoded}"));
        let detect = Proxy::new("mode: detect\nbody: {paths: [{prefix: /orders, encoded: deny}]}");
        assert_eq!(detect.post(&[("content-encoding", *encoding)], body, 100), Action::Continue);
        assert_eq!(detect.counted("backstop_requests_detected"), 1);
    }
    let identity = Proxy::new("body: {encoded: deny}");
    assert_eq!(identity.post(&[("content-encoding", "identity")], b"q=1", 100), Action::Continue);
}

#[test]
fn the_address_of_a_page_does_not_lose_its_images() {
    let page = format!("https://tickets.example{}", query(SQLI));
    let proxy = Proxy::new("");
    assert_eq!(proxy.get("/logo.png", &[("referer", &page)]), Action::Continue);
    assert!(proxy.counted("backstop_findings_sqli") > 0, "it is reported");
    assert_eq!(proxy.counted("backstop_requests_passed"), 1);
    let twice = reply(proxy.get(&query(SQLI), &[("referer", &page)]));
    assert!(twice.details.starts_with("backstop{sqli:"), "the same elsewhere counts");
    assert!(matches!(proxy.get("/", &[("referer", SQLI)]), Action::Deny(_)), "that is no address");
    let lookup = "https://a.example/${jndi:ldap://b.example/c}";
    assert!(matches!(proxy.get("/", &[("referer", lookup)]), Action::Deny(_)), "harms whoever logs it");
    let block = Proxy::new("rules: {referer: block}");
    assert!(matches!(block.get("/logo.png", &[("referer", &page)]), Action::Deny(_)));
}

#[test]
fn exclusions_are_counted_by_name_and_when_they_have_ended() {
    let config = "exclusions: [{rules: ['sqli-*'], targets: ['query:*q'], reason: x, until: 2027-03-31, name: query-editor}, \
                  {rules: ['xss-*'], reason: never matches}]";
    let proxy = Proxy::new(config);
    assert_eq!(proxy.get(&query(SQLI), &[]), Action::Continue);
    let spared = proxy.counted("backstop_exclusion_matches_query_editor");
    assert!(spared > 0 && spared == proxy.counted("backstop_findings_excluded"));
    assert_eq!(proxy.counted("backstop_exclusion_matches_1"), 0);
    assert_eq!(proxy.counted("backstop_exclusions_expired"), 0);
    proxy.world.unix.set(1_806_537_600_000_000_000);
    assert!(matches!(proxy.get(&query(SQLI), &[]), Action::Deny(_)));
    assert!(proxy.counted("backstop_exclusions_expired") > 0, "one that would have matched had it not ended");
    assert_eq!(proxy.engine.expired_exclusions(1_806_537_600), 1);
    assert_eq!(proxy.engine.expired_exclusions(1_790_000_000), 0);
    assert_eq!(proxy.counted("backstop_exclusion_matches_query_editor"), spared);
}

/// Rules for made-up words, so that the score is that of the words and of nothing else.
fn words() -> String {
    let rule = |word: &str, severity: &str, level: u8| {
        format!(
            "{{id: sqli-{word}, severity: {severity}, level: {level}, targets: [query, form, header], transforms: [lowercase], \
             match: {{words: [{word}]}}, why: a test, hits: [a {word} b], passes: [none]}}"
        )
    };
    let rules = [
        rule("zwei", "notice", 1),
        rule("drei", "warning", 1),
        rule("vier", "error", 1),
        rule("fuenf", "critical", 1),
        rule("streng", "critical", 2),
    ];
    format!("rules: {{custom: [{}]}}\n", rules.join(", "))
}

#[test]
fn weak_signs_add_up_and_strong_ones_block_alone() {
    let proxy = Proxy::new(&words());
    let cases = [
        ("/?a=zwei", 2, false),
        ("/?a=vier", 4, false),
        ("/?a=zwei&b=zwei&c=zwei", 2, false),
        ("/?a=zwei&b=drei", 5, true),
        ("/?a=zwei+drei", 5, true),
        ("/?a=fuenf", 5, true),
        ("/?a=streng", 0, false),
    ];
    for (path, score, refused) in cases {
        proxy.world.notes.borrow_mut().clear();
        assert_eq!(matches!(proxy.get(path, &[]), Action::Deny(_)), refused, "{path}");
        let noted = proxy.note("score");
        assert_eq!(if noted.is_empty() { "0" } else { &noted }, score.to_string(), "{path}");
    }
    assert_eq!(proxy.get("/", &[("x-note", "drei")]), Action::Continue);
    // Head and body together.
    let (mut transaction, _) = proxy.begin("POST", "/?a=zwei", &[], false);
    proxy.world.body.replace(b"b=drei".to_vec());
    let refused = reply(transaction.on_request_body(6, true, &proxy.world));
    assert_eq!(refused.details, "backstop{sqli:sqli-drei}", "the weightiest is blamed");
    let patient = Proxy::new(&format!("{}threshold: 8", words()));
    assert_eq!(patient.get("/?a=fuenf+zwei", &[]), Action::Continue);
    assert!(matches!(patient.get("/?a=fuenf+drei", &[]), Action::Deny(_)));
}

#[test]
fn rules_above_the_level_only_report() {
    let quiet = Proxy::new(&words());
    assert_eq!(quiet.get("/?a=streng", &[]), Action::Continue);
    assert_eq!(quiet.counted("backstop_findings_sqli"), 0, "detectLevel is level unless it says otherwise");
    let detect = Proxy::new(&format!("{}detectLevel: 2", words()));
    assert_eq!(detect.get("/?a=streng", &[]), Action::Continue);
    assert_eq!(detect.counted("backstop_findings_sqli"), 1);
    assert_eq!(detect.note("score"), "0");
    let line = detect.world.lines.borrow()[0].clone();
    assert!(line.contains("sqli-streng") && line.contains("\"blocked\":false"), "{line}");
    assert_eq!(detect.get("/?a=streng+drei", &[]), Action::Continue, "it adds nothing to others");
    let level = Proxy::new(&format!("{}level: 2", words()));
    assert_eq!(reply(level.get("/?a=streng", &[])).details, "backstop{sqli:sqli-streng}");
}
