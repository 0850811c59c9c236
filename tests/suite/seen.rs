//! What was harmless before is not looked at again; nothing else passes for it.

use backstop::extract::{MAX_VALUES, Target, Value};
use backstop::rules::seen::{Key, Seen};
use backstop::verdict::Action;

use crate::proxy::Proxy;

const ATTACK: &str = "q=1%27+union+select+password+from+users--";

fn value<'v>(target: Target, name: &'v str, bytes: &'v str, is_name: bool) -> Key<'v> {
    Key::of_value(&Value { target, name: name.as_bytes(), bytes: bytes.as_bytes(), is_name }).expect("short enough")
}

#[test]
fn what_is_remembered_stands_for_itself_only() {
    let pairs = |target, text: &'static str| Key::of_pairs(target, text.as_bytes()).expect("short enough");
    let keys = [
        value(Target::Query, "", "seat=12&row=7", false),
        value(Target::Query, "", "seat=12&row=8", false),
        value(Target::Query, "", "seat=12&row=7", true),
        value(Target::Cookie, "", "seat=12&row=7", false),
        value(Target::Query, "seat", "=12&row=7", false),
        value(Target::Query, "s", "eat=12&row=7", false),
        value(Target::Query, "", "seat=12&r_w=7 and more of it", false),
        value(Target::Query, "", "seat=12&row=7 and more of it", false),
        value(Target::Query, "", "seat", false),
        value(Target::Query, "seat", "seat", true),
        pairs(Target::Query, "seat=12&row=7"),
        pairs(Target::Cookie, "seat=12&row=7"),
        pairs(Target::Query, "seat"),
        pairs(Target::Query, "sea"),
    ];
    for remembered in &keys {
        let mut seen = Seen::default();
        seen.remember(remembered);
        assert!(!seen.holds(remembered), "it came but once");
        seen.remember(remembered);
        let held = keys.iter().filter(|key| seen.holds(key)).count();
        assert!(held == 1 && seen.holds(remembered), "{remembered:?}");
    }
    assert!(Key::of_pairs(Target::Query, &[b'a'; 513]).is_none());
}

#[test]
fn what_comes_once_pushes_nothing_out() {
    let (mut seen, known) = (Seen::default(), value(Target::Header, "accept-language", "nl-BE,nl;q=0.9", false));
    seen.remember(&known);
    seen.remember(&known);
    let ids: Vec<String> = (0..20_000).map(|id| format!("{id:032x}")).collect();
    ids.iter().for_each(|id| seen.remember(&value(Target::Header, "x-request-id", id, false)));
    assert!(seen.holds(&known));
    ids.iter().for_each(|id| (0..2).for_each(|_| seen.remember(&value(Target::Header, "x-request-id", id, false))));
    assert!(!seen.holds(&known), "twenty for each place, each of them twice");
}

#[test]
fn a_query_that_an_exclusion_spared_is_looked_at_elsewhere() {
    let proxy = Proxy::new("exclusions: [{rules: ['sqli-*'], paths: [{prefix: /find}], reason: x}]");
    for _ in 0..3 {
        assert_eq!(proxy.get(&format!("/find?{ATTACK}"), &[]), Action::Continue);
        assert!(matches!(proxy.get(&format!("/orders?{ATTACK}"), &[]), Action::Deny(_)));
    }
    assert!(proxy.counted("backstop_findings_excluded") >= 3, "each time");
}

#[test]
fn findings_that_refuse_nothing_are_told_each_time() {
    let proxy = Proxy::new("mode: detect");
    let cookie = "theme=dark; note=1' union select password from users--";
    for before in 0..3 {
        assert_eq!(proxy.counted("backstop_requests_detected"), before);
        assert_eq!(proxy.get("/", &[("cookie", cookie)]), Action::Continue);
    }
}

#[test]
fn cookies_past_the_limit_are_cut_apart_when_they_come_alone() {
    let (many, last) = ("a=1; ".repeat(MAX_VALUES), "theme=dark; note=PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==");
    let proxy = Proxy::new("");
    assert_eq!(proxy.get("/", &[("cookie", &many), ("cookie", last)]), Action::Continue, "one value, and no base64");
    assert!(matches!(proxy.get("/", &[("cookie", last)]), Action::Deny(_)));
}
