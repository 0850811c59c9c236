//! Who the client is: no header makes it fail, and nobody can add to the left of what a trusted proxy wrote.

use std::net::IpAddr;

use backstop::client::Settings;
use backstop::document::{Item, Report, from_yaml};
use backstop::http::{Header, Request};
use backstop::path::Path;

use super::input::{Input, joined};
use crate::fake::Fake;

/// Settings, and how many entries trusted proxies write.
const SETTINGS: &[(&str, usize)] = &[
    ("{}", 0),
    ("{from: [{forwardedFor: {trustedHops: 1}}, peer], allow: [198.51.100.0/24]}", 1),
    ("{from: [{forwardedFor: {trustedHops: 3}}], ipv6Prefix: 48}", 3),
    ("{from: [{forwardedFor: {trustedRanges: [10.0.0.0/8, '2001:db8::/32']}}, peer], ipv6Prefix: 128}", 0),
    ("{from: [cloudfront, {forwardedFor: {trustedHops: 2}}, peer], ipv6Prefix: 1, allow: [0.0.0.0/1]}", 2),
];

pub fn seeds() -> Vec<Vec<u8>> {
    let peer = b"198.51.100.7:40000";
    let texts: [[&[u8]; 5]; 3] = [
        [peer, b"203.0.113.9", b"198.51.100.1, [2001:db8::1]:443, 10.0.0.1", b"203.0.113.9:80", b"/a/../b;c"],
        [b"[2001:db8::7]:1", b"::ffff:192.0.2.1:1", b"evil", b"10.0.0.1,,10.0.0.2:8", b"/%2e%2e/x"],
        [b"", b"2001:db8::1:46532", b"", b"1.2.3.4, 5.6.7.8 ,\t9.9.9.9", b"//"],
    ];
    let kinds = 0..u8::try_from(SETTINGS.len()).unwrap_or(0);
    kinds.flat_map(|kind| texts.iter().map(move |texts| joined(&[kind, 1], texts))).collect()
}

pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (settings, hops) = input.choice(SETTINGS);
    let documents = from_yaml(settings).unwrap();
    let mut report = Report::default();
    let settings = Settings::read(&Item::root(&documents[0]), &mut report).expect("settings without a mistake");
    let origin_passed = input.flag();
    let [peer, viewer, forged, written, path] = [0; 5].map(|_: u8| input.text());
    let world = Fake::new();
    world.peer.replace(peer.to_vec());
    let identify = |headers: &[Header<'_>]| settings.identify(&Request { headers }, origin_passed, &world).unwrap();

    let viewer = (&b"cloudfront-viewer-address"[..], viewer);
    let by_proxies = (&b"x-forwarded-for"[..], written);
    let honest = identify(&[viewer, by_proxies]);
    if let Some(client) = honest {
        let group = client.group_text(&settings);
        assert!(group.parse::<IpAddr>().is_ok() || group.parse::<ipnet::IpNet>().is_ok(), "{group}");
        assert_eq!(client.address, client.address.to_canonical(), "one spelling");
        let _ = client.is_allowed(&settings);
    }
    // Whoever the client is, it writes what it likes before the entries of the proxies: in the same header, or in one more.
    if hops > 0 && written.split(|b| *b == b',').count() >= hops {
        let together = [forged, b",", written].concat();
        let forged = (&b"x-forwarded-for"[..], forged);
        assert_eq!(identify(&[viewer, (b"x-forwarded-for", &together)]), honest, "forged in the same header");
        assert_eq!(identify(&[viewer, forged, by_proxies]), honest, "forged in a header before");
    }
    path_has_one_form(path);
}

/// A path in normal form stays so, and a plain one has nothing that applications read in two ways.
fn path_has_one_form(raw: &[u8]) {
    let path = Path::normalise(raw);
    assert!(path.as_bytes().len() <= raw.len() + 1);
    if !path.as_bytes().contains(&b'%') {
        let again = Path::normalise(path.as_bytes());
        assert_eq!(again.as_bytes(), path.as_bytes(), "of {:?}", String::from_utf8_lossy(raw));
    }
    if !path.is_ambiguous() {
        let segments = path.as_bytes().split(|b| *b == b'/');
        let holds_odd =
            segments.clone().any(|s| s == b"..") || path.as_bytes().iter().any(|b| matches!(b, b';' | b'\\' | 0));
        assert!(raw.starts_with(b"/"), "relative: {:?}", String::from_utf8_lossy(raw));
        assert!(!holds_odd, "plain: {:?}", String::from_utf8_lossy(path.as_bytes()));
    }
}
