//! What nobody should read in a log.

use backstop::mask::{is_labelled, is_secret, masked, without_cards, without_cut_cards};

#[test]
fn names_of_secrets() {
    for name in
        ["password", "user.Password", "X-Api-Key", "access_token", "PHPSESSID", "proxy-authorization", "card_no"]
    {
        assert!(is_secret(name.as_bytes()), "{name}");
        assert_eq!(masked(name, b"hush"), "***");
    }
    for name in ["", "q", "passage", "x-note", "tok", "sessio"] {
        assert!(!is_secret(name.as_bytes()), "{name}");
        assert_eq!(masked(name, b"hush"), "hush");
    }
}

#[test]
fn labels_of_secrets() {
    for text in [
        "password=hush",
        "a=1&access_token=hush",
        "{\"Password\" : \"hush",
        "<password>hush",
        "<a password='hush",
        "name=\"password\"\r\n\r\nhush",
        "login(password: \"hush",
        "my password: hush",
        "{\\\"password\\\":\\\"hush",
        "token%3Dhush",
        "user[password][0]=hush",
    ] {
        let start = text.find("hush").unwrap();
        assert!(is_labelled(text.as_bytes(), start, text.len()), "{text}");
        assert!(is_labelled(text.as_bytes(), 0, text.len()), "{text}, all of it matched");
    }
    for text in ["union select name, password from users", "what a secret to keep", "q=1", "", "password"] {
        assert!(!is_labelled(text.as_bytes(), text.len(), text.len()), "{text}");
    }
    assert!(!is_labelled(b"1 or 1=1&password=hush", 0, 8), "what stands behind the match is not told");
    let far = format!("password={}", "a".repeat(300));
    assert!(!is_labelled(far.as_bytes(), far.len(), far.len()), "too far away");
    assert!(!is_labelled(b"abc", 7, 2), "no such place");
}

#[test]
fn card_numbers() {
    for card in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111%201111%201111%201111",
        "4111+1111+1111+1",
    ] {
        for (before, after) in [("", ""), ("' or ", "=1"), ("x", "\u{fc}"), ("7 x ", " ")] {
            assert_eq!(without_cards(format!("{before}{card}{after}").as_bytes()), format!("{before}***{after}"));
        }
    }
    for text in ["", "12", "/orders/12345678", "2026-11-22", "1  2", "a%2fb", "4111  1111  1111  1111", "5 or 5=5 -"] {
        assert_eq!(without_cards(text.as_bytes()), text);
    }
    assert_eq!(without_cut_cards(b"411111111111"), "***");
    assert_eq!(without_cut_cards(b"id=12345678 or 1=1"), "id=12345678 or 1=1");
    assert_eq!(without_cut_cards(b"12345678 or id=1234567"), "*** or id=***");
    assert_eq!(without_cut_cards(b"123456 or 1=1"), "123456 or 1=1");
    assert_eq!(without_cards(&[0xff, b'1']), "\u{fffd}1");
}
