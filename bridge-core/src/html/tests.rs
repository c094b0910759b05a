use proptest::prelude::*;
use ruma::html::{Html, NodeRef};

use super::*;

/// What the Matrix specification suggests, written down a second time.
const ALLOWED: &[&str] = &[
    "del",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "p",
    "a",
    "ul",
    "ol",
    "sup",
    "sub",
    "li",
    "b",
    "i",
    "u",
    "strong",
    "em",
    "s",
    "code",
    "hr",
    "br",
    "div",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "caption",
    "pre",
    "span",
    "img",
    "details",
    "summary",
];
const SCHEMES: &[&str] = &["https:", "http:", "ftp:", "mailto:", "magnet:"];

fn check(node: &NodeRef, depth: usize) {
    assert!(depth <= DEEPEST + 1, "too deep");
    if let Some(element) = node.as_element() {
        let name = &*element.name.local;
        assert!(ALLOWED.contains(&name), "<{name}>");
        for attribute in element.attrs.borrow().iter() {
            let (key, value) = (&*attribute.name.local, attribute.value.to_string());
            assert!(!key.starts_with("on") && key != "style", "{key}");
            if key == "href" {
                assert!(SCHEMES.iter().any(|scheme| value.starts_with(scheme)), "{value}");
            }
            if key == "src" {
                assert!(value.starts_with("mxc:"), "{value}");
            }
        }
    }
    for child in node.children() {
        check(&child, depth + 1);
    }
}

fn is_within_the_list(html: &str) {
    if let Some(shown) = sanitise(html) {
        for child in Html::parse(&shown).children() {
            check(&child, 1);
        }
    }
}

#[test]
fn scripts_handlers_and_strange_links_are_left_away() {
    let shown = |html| sanitise(html).expect("short and flat");
    assert_eq!(shown("<b onclick=x>hi</b><script>alert(1)</script>"), "<b>hi</b>alert(1)");
    assert_eq!(shown("<a href=\"javascript:x\">a</a>"), "a");
    assert_eq!(shown("<img src=\"https://track.er/x.png\">"), "");
    assert_eq!(shown("<mx-reply>quoted</mx-reply>answer"), "answer");
    assert_eq!(shown("<iframe src=\"https://e.vil\"></iframe><style>*{}</style>"), "*{}");
}

#[test]
fn spoilers_code_and_colours_pass() {
    for html in [
        "<span data-mx-spoiler=\"ending\">he did it</span>",
        "<pre><code class=\"language-rust\">fn main() {}</code></pre>",
        "<span data-mx-color=\"#ff0000\">red</span>",
        "<a href=\"https://matrix.to/#/@bob:x.org\">bob</a>",
    ] {
        assert_eq!(sanitise(html).as_deref(), Some(html));
    }
}

#[test]
fn what_is_too_deep_or_too_long_is_left_away() {
    assert_eq!(sanitise(&"<b>".repeat(20_000)), None);
    assert_eq!(sanitise(&"x".repeat(LONGEST + 1)), None);
    assert!(sanitise(&"<br>".repeat(2000)).is_some());
}

#[test]
fn a_remote_person_becomes_a_matrix_link_and_is_found_again() {
    let user = RemoteUserId::new("bob \"the\" <builder>");
    let html = format!("hi {}!", crate::network::Mention::pill(&user, "bob & co"));
    let linked = link_pills(&html, |_| "@_rialto_x_bob:h.org".to_owned());
    let shown = sanitise(&linked).expect("short and flat");
    assert!(shown.contains("https://matrix.to/#/"), "{shown}");
    let expected = vec![("@_rialto_x_bob:h.org".to_owned(), "bob & co".to_owned())];
    assert_eq!(linked_people(&shown), expected);
}

proptest! {
    #[test]
    fn any_text_is_within_the_list(html in "\\PC*") {
        is_within_the_list(&html);
    }

    #[test]
    fn any_markup_is_within_the_list(pieces in proptest::collection::vec(
        prop_oneof![
            "<[a-z]{1,6}( [a-z]{1,6}=\"[a-z:/<>&;]{0,12}\"){0,3}>",
            "</[a-z]{1,6}>",
            "&[a-z#0-9]{1,6};?",
            "[a-z <>\"'=]{0,8}",
            Just("<a href=\"javascript:alert(1)\">".to_owned()),
            Just("<svg><math><table><p><style><!--".to_owned()),
        ], 0..60)) {
        is_within_the_list(&pieces.concat());
    }

    #[test]
    fn pills_never_panic(html in "\\PC*") {
        link_pills(&html, |user| user.as_str().to_owned());
        linked_people(&html);
    }
}
