//! How requests end: trailers, streams without an end, clients that leave; and that each is counted once.

use std::rc::Rc;

use backstop::http::Header;
use backstop::transaction::Transaction;
use backstop::verdict::Action;

use crate::proxy::{Proxy, reply};

const SQLI: &str = "1' union select password from users--";

#[test]
fn streams_without_an_end_are_not_held() {
    let proxy = Proxy::new("");
    proxy.world.body.replace(b"\x00\x00\x00\x00\x05' or 1".to_vec());
    for headers in [&[("upgrade", "websocket")][..], &[("content-type", "application/grpc+proto")]] {
        let (mut transaction, _) = proxy.begin("GET", "/live", headers, false);
        assert_eq!(transaction.on_request_body(10, false, &proxy.world), Action::Continue, "{headers:?}");
        assert_eq!(transaction.on_request_body(10, false, &proxy.world), Action::Continue, "{headers:?}");
    }
    let (mut transaction, _) = proxy.begin("CONNECT", "", &[], false);
    assert_eq!(transaction.on_request_body(10, false, &proxy.world), Action::Continue);
}

#[test]
fn a_body_that_is_only_called_grpc_is_inspected() {
    let grpc = [("content-type", "application/grpc")];
    for config in ["", "body: {holdHeaders: true}"] {
        let proxy = Proxy::new(config);
        assert_eq!(proxy.begin("POST", "/", &grpc, false).1, Action::Continue, "a stream may await an answer");
        for size in [1, 7, 1000] {
            let body = format!("{{\"q\":\"{SQLI}\"}}");
            assert_eq!(reply(proxy.post(&grpc, body.as_bytes(), size)).grpc_status, Some(7), "chunks of {size}");
            assert_eq!(proxy.post(&grpc, format!("\u{1}\0\0\0\u{20}{SQLI}").as_bytes(), size), Action::Continue);
        }
    }
}

#[test]
fn trailers_of_what_is_not_held_are_inspected() {
    let proxy = Proxy::new("body: {paths: [{prefix: /upload/, inspect: 0}]}");
    let attack: [Header<'_>; 1] = [(b"x-note", SQLI.as_bytes())];
    for (path, content_type) in [("/shop.Seats/Watch", "application/grpc"), ("/upload/1", "image/png")] {
        let (mut transaction, _) = proxy.begin("POST", path, &[("content-type", content_type)], false);
        proxy.world.body.replace(b"\0\0\0\0\x01x".to_vec());
        assert_eq!(transaction.on_request_body(6, false, &proxy.world), Action::Continue, "{path}");
        assert!(matches!(transaction.on_request_trailers(Ok(&attack), &proxy.world), Action::Deny(_)), "{path}");
    }
}

#[test]
fn each_request_is_counted_once_however_it_ends() {
    let counts = |proxy: &Proxy| {
        ["passed", "denied", "exempt", "abandoned"].map(|name| proxy.counted(&format!("backstop_requests_{name}")))
    };
    let proxy = Proxy::new("exempt: [{exact: /healthz}]");
    proxy.get("/", &[]);
    proxy.post(&[], b"q=1", 2);
    assert_eq!(counts(&proxy), [2, 0, 0, 0]);
    proxy.get("/", &[("x-note", SQLI)]);
    proxy.post(&[], format!("q={SQLI}").as_bytes(), 5);
    assert_eq!(counts(&proxy), [2, 2, 0, 0]);
    proxy.get("/healthz", &[]);
    assert_eq!(counts(&proxy), [2, 2, 1, 0]);
    let (mut transaction, _) = proxy.begin("POST", "/", &[], false);
    proxy.world.body.replace(b"q=".to_vec());
    assert_eq!(transaction.on_request_body(2, false, &proxy.world), Action::Gather);
    transaction.on_end(&proxy.world);
    assert_eq!(counts(&proxy), [2, 2, 1, 1], "the client left");
    let (mut transaction, _) = proxy.begin("POST", "/", &[], false);
    let attack: [Header<'_>; 1] = [(b"x-note", SQLI.as_bytes())];
    assert!(matches!(transaction.on_request_trailers(Ok(&attack), &proxy.world), Action::Deny(_)));
    transaction.on_end(&proxy.world);
    assert_eq!(counts(&proxy), [2, 3, 1, 1], "refused for its trailers, and only that");
    proxy.begin("GET", "/", &[("upgrade", "websocket")], false).0.on_end(&proxy.world);
    Transaction::new(Rc::clone(&proxy.engine)).on_end(&proxy.world);
    assert_eq!(counts(&proxy), [3, 3, 1, 1], "one without a head is none");
}

#[test]
fn a_body_that_trailers_end_is_inspected() {
    let proxy = Proxy::new("");
    let (mut transaction, action) = proxy.begin("POST", "/orders", &[], false);
    assert_eq!(action, Action::Continue);
    let body = format!("q={SQLI}");
    proxy.world.body.replace(body.clone().into_bytes());
    assert_eq!(transaction.on_request_body(body.len(), false, &proxy.world), Action::Gather);
    let trailers: [Header<'_>; 1] = [(b"x-checksum", b"12")];
    assert!(matches!(transaction.on_request_trailers(Ok(&trailers), &proxy.world), Action::Deny(_)));

    let (mut transaction, _) = proxy.begin("POST", "/orders", &[], false);
    proxy.world.body.replace(b"q=1".to_vec());
    assert_eq!(transaction.on_request_body(3, false, &proxy.world), Action::Gather);
    let attack: [Header<'_>; 1] = [(b"x-note", SQLI.as_bytes())];
    assert!(matches!(transaction.on_request_trailers(Ok(&attack), &proxy.world), Action::Deny(_)), "in the trailers");
}
