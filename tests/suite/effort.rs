//! What an inspection may cost: what is dear is refused, the same way each time, and what people send is not.

use backstop::engine::{Engine, Inspection};
use backstop::path::Path;
use backstop::verdict::Action;

use crate::dear;
use crate::proxy::{Proxy, reply};

const DETAILS: &str = "backstop{effort:too-costly}";

/// The dearest body that was found, and its content type.
fn dearest() -> (Vec<u8>, &'static str) {
    let dear = dear::DEAR.iter().find(|dear| dear.name == "xml").unwrap();
    (dear.text(131_072), dear.content_type)
}

#[test]
fn a_body_that_costs_too_much_is_refused() {
    let (body, content_type) = dearest();
    for size in [4_000, 131_072] {
        let proxy = Proxy::new("");
        let refused = reply(proxy.post(&[("content-type", content_type)], &body, size));
        assert_eq!((refused.status, refused.details.as_str()), (413, DETAILS), "chunks of {size}");
        assert_eq!(proxy.counted("backstop_requests_too_costly"), 1);
        assert_eq!(proxy.counted("backstop_requests_denied"), 1);
        assert_eq!(proxy.note("rule"), DETAILS);
        let events = proxy.world.lines.borrow();
        assert!(events.len() == 1 && events[0].contains(DETAILS), "{events:?}");
    }
    let detect = Proxy::new("mode: detect");
    assert_eq!(detect.post(&[("content-type", content_type)], &body, 4_000), Action::Continue);
    assert_eq!(detect.counted("backstop_requests_too_costly"), 1);
    assert_eq!(detect.counted("backstop_requests_detected"), 1);
    let generous = Proxy::new("effort: 100ms");
    assert_eq!(generous.post(&[("content-type", content_type)], &body, 4_000), Action::Continue);
    assert_eq!(generous.counted("backstop_requests_too_costly"), 0);
    // More of a body may cost more.
    let more = Proxy::new("body: {inspect: 786432}");
    assert_eq!(more.post(&[("content-type", content_type)], &body, 131_072), Action::Continue);
}

#[test]
fn a_head_that_costs_too_much_is_refused() {
    let (text, _) = dearest();
    let value: String =
        text.iter().take(61_440).map(|b| if b.is_ascii_graphic() { char::from(*b) } else { ' ' }).collect();
    let strict = Proxy::new("effort: 1ms");
    let refused = reply(strict.get("/", &[("x-note", &value)]));
    assert_eq!((refused.status, refused.details.as_str()), (413, DETAILS));
    let grpc = reply(strict.get("/", &[("x-note", &value), ("content-type", "application/grpc")]));
    assert_eq!(grpc.grpc_status, Some(8));
    // In detect mode a request that goes on counts once, and its body passes as it is.
    let detect = Proxy::new("mode: detect\neffort: 1ms");
    let (mut transaction, action) = detect.begin("POST", "/orders", &[("x-note", &value)], false);
    assert_ne!(action, Action::Hold);
    assert!(!matches!(action, Action::Deny(_)));
    detect.world.body.replace(b"q=1' union select password from users--".to_vec());
    assert_eq!(transaction.on_request_body(39, true, &detect.world), Action::Continue);
    assert_eq!(detect.counted("backstop_requests_too_costly"), 1);
    assert_eq!(detect.counted("backstop_requests_detected"), 1);
}

#[test]
fn what_a_rule_refuses_is_refused_for_the_rule() {
    let (body, content_type) = dearest();
    let proxy = Proxy::new("");
    let attack = [&b"<a>1' union select password from users--</a>"[..], &body].concat();
    let refused = reply(proxy.post(&[("content-type", content_type)], &attack, 131_072));
    assert!(refused.details.starts_with("backstop{sqli:"), "{}", refused.details);
    assert_eq!(proxy.counted("backstop_requests_too_costly"), 0);
}

/// The units that inspecting a body takes of those that it may.
fn share(engine: &Engine, content_type: &str, body: &[u8]) -> f64 {
    let path = Path::normalise(b"/");
    let mut inspection = Inspection::new(&path, &|| 1_790_000_000);
    inspection.effort = engine.effort(&path);
    let may = inspection.effort.left();
    engine.inspect_body(content_type.as_bytes(), body, true, &mut inspection);
    1.0 - inspection.effort.left() as f64 / may as f64
}

#[test]
fn the_same_request_costs_the_same() {
    let (engine, _) = Engine::configure(b"", 1_790_000_000).unwrap();
    for dear in dear::DEAR.iter().chain([&dear::PROSE]) {
        let text = dear.text(20_000);
        // States and values that are known already cost nothing.
        (0..2).for_each(|_| _ = share(&engine, dear.content_type, &text));
        let again = share(&engine, dear.content_type, &text);
        assert_eq!(share(&engine, dear.content_type, &text), again, "{}", dear.name);
        assert!(again > 0.0 && again < 1.0, "{}: {again}", dear.name);
    }
}

#[test]
fn what_people_send_costs_two_thirds_at_most_of_a_new_vm() {
    let (engine, _) = Engine::configure(b"", 1_790_000_000).unwrap();
    let prose = dear::PROSE.text(131_072);
    let document = serde_json::json!({"title": "licence", "pages": [String::from_utf8_lossy(&prose[..120_000])]});
    let table = std::fs::read("tests/bench/results/raw.json").unwrap();
    let bodies = [
        ("text/plain", prose.clone()),
        ("application/json", document.to_string().into_bytes()),
        ("application/json", table.iter().copied().cycle().take(table.len()).collect()),
        ("application/octet-stream", (0..131_072_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
    ];
    for (content_type, body) in bodies {
        let share = share(&engine, content_type, &body);
        println!("{content_type}, {} bytes: {:.0} % of what it may cost", body.len(), share * 100.0);
        assert!(share < 0.67, "{content_type}: {share}");
    }
}
