//! The cross-site scripting detector: what it must find, what it must leave alone, and what it may cost.

use backstop::rules::Span;
use backstop::rules::detector::Detector;
use backstop::rules::detector::xss;
use backstop::rules::effort::Effort;

use crate::cpu::assert_linear;
use crate::detector::{Numbers, found_behind, needed, random_values};

fn detect(value: &[u8]) -> Option<Span> {
    xss::detect(value, &mut Effort::unlimited())
}

#[test]
fn letter_case_hides_nothing() {
    for value in
        ["<sCrIpT>f()</ScRiPt>", "<IMG SRC=X ONERROR=F()>", "\" OnFocus=f() x=\"", "JAVAScript:f()", "';ALERT(1)//"]
    {
        assert!(detect(value.as_bytes()).is_some(), "not found: {value}");
    }
}

#[test]
fn any_event_of_any_element_is_found() {
    for element in ["a", "p", "svg", "hall-seat", "h1", "x:y", "blink", "output"] {
        for event in ["onclick", "onblur", "onwebkitfullscreenchange", "ontheatrecurtain", "onscrollsnapchanging"] {
            for value in [
                format!("<{element} {event}=f()>"),
                format!("<{element}/{event}=f()"),
                format!("<{element} title='>' {event} = \"f()\">"),
                format!("seat <{element}\u{c}{event}\n=f()>"),
                format!("</{element} row=5 {event}='f()'>"),
            ] {
                assert!(detect(value.as_bytes()).is_some(), "not found: {value}");
            }
        }
    }
}

#[test]
fn blanks_in_a_scheme_hide_nothing() {
    for scheme in ["javascript", "vbscript"] {
        for at in 1..scheme.len() {
            for blank in ["\t", "\n", "\r", "\r\n\t"] {
                let (head, tail) = scheme.split_at(at);
                for value in [format!("{head}{blank}{tail}:f(5)"), format!("<a href='\u{1} {head}{blank}{tail}:f(5)'>")]
                {
                    assert!(detect(value.as_bytes()).is_some(), "not found: {value:?}");
                    assert!(needed(Detector::Xss, value.as_bytes()), "no literal of NEEDS in {value:?}");
                }
            }
        }
    }
}

#[test]
fn padding_hides_nothing() {
    let paddings = [
        "seat ".repeat(5_000),
        "<b class='x'>(a)</b> ".repeat(5_000),
        "x < y \n".repeat(5_000),
        "a=b&c:d;".repeat(5_000),
    ];
    found_behind(
        Detector::Xss,
        &["<svg onload=f()>", "<script>f()</script>", "';alert(1)//';", "<a href=javascript:f()>", "${alert(1)}"],
        &paddings,
    );
    let wide = format!("<a {} onclick=f()>", "x=y ".repeat(10_000));
    assert!(detect(wide.as_bytes()).is_some());
    let nested = format!("{}<svg onload=f()>", "<".repeat(10_000));
    assert!(detect(nested.as_bytes()).is_some());
    let quoted = format!("<a title=\"{}\" onclick=f()>", "> <b ".repeat(10_000));
    assert!(detect(quoted.as_bytes()).is_some());
}

#[test]
fn random_sequences_of_words_and_signs_hold_a_needed_literal_when_found() {
    #[rustfmt::skip]
    const WORDS: &[&str] = &[
        "<", ">", "</", "=", "\"", "'", "`", "/", ";", "//", "(", ")", "[", "]", "{{", "}}", "{", "}", "!", "+", "-", ",",
        ".", ":", " ", "\t", "\n", "&", "1", "x", "seat", "href", "onclick", "onload", "online", "onzzz", "style", "src",
        "java", "script", "javascript", "vbscript", "data", "text/html", "alert", "eval", "name", "document", "cookie",
        "location", "window", "top", "this", "constructor", "$eval", "call", "import", "fetch", "settimeout", "function",
        "expression", "behavior", "binding", "@import", "svg", "a", "meta", "charset", "utf-7", "ng-app", "srcdoc", "throw",
        "innerhtml", "createelement", "write", "xmlhttprequest", "fromcharcode", "[]", "+ADw", "\u{bc}", "msgbox",
    ];
    let mut numbers = Numbers(7);
    let mut found = 0;
    for round in 0..400_000 {
        // A tag only now and then: its `<` is in NEEDS, and nothing is left to prove.
        let first = if round % 10 == 0 { 0 } else { 3 };
        let length = 2 + numbers.below(9);
        let value: String = (0..length).map(|_| WORDS[first + numbers.below(WORDS.len() - first)]).collect();
        if detect(value.as_bytes()).is_some() {
            found += 1;
            assert!(needed(Detector::Xss, value.as_bytes()), "no literal of NEEDS in {value:?}");
        }
    }
    assert!(found > 1_000, "only {found} found: the words do not reach the judges");
}

#[test]
fn any_bytes_are_survived() {
    const SIGNS: &[u8] = b"<>/=\"'`()[]{}!+-.,;:&@$\\ \n\t\x0b\x0c\0\xbc\xc2onONscriptjavadtSRC*";
    for value in random_values(SIGNS) {
        if let Some(span) = detect(&value) {
            assert!(span.start < span.end && span.end <= value.len(), "{span:?} in {value:?}");
        }
    }
}

#[test]
fn time_is_linear_in_the_value() {
    #[rustfmt::skip]
    let bricks = [
        "<", "<a", "<a ", "<a b='", "<a b=\"", "<a b=\"'", "</", "< ", "<!", "<style>", "<style ", "<a style=e", "onx=",
        "onx=onx=", "onload", "o", "=", "= ", "a=b ", "/", "a/", "\"", "'", "`", "\"'`", "';", "')", "' ", "'-'", "(", "((",
        "a(", "alert(", "alert (", "(alert", ")", "[", "[]", "[]+", "!+[]", "top[", "top['", "{", "{{", "{{a.", "}", "&{",
        ".", "document.", "a.", "t.", ":", "data:", "java\t", "\t", " ", "javascript:", "t:", "\n:", "/*", "*/", "/*(", "-",
        "ADw-", "+", "\u{bc}", "<a href=:", "<a href=\":", "<a href=t:", "href=javascript:;", ";", "void(0)", "javascript:void(0)",
        "//", "'; //", "e", "ex/**/", "$", "a", "\\", "<a on", "<x </", "<meta content=c", "<meta content=charset=",
    ];
    for brick in bricks {
        for tail in ["", "(//"] {
            let of = |bytes: usize| (brick.repeat(bytes / brick.len()) + tail).into_bytes();
            assert_linear(brick, &of(50_000), &of(500_000), |value| _ = detect(value));
        }
    }
}
