use proptest::prelude::*;

use super::*;
use crate::ids::RemoteMessageId;
use crate::network::{DeliveryFacts, Limits, MediaRef, Ordering};

fn table() -> Capabilities {
    let delivery = DeliveryFacts { ids_shared: true, ordering: Ordering::PerChat, max_inflight: 1 };
    Capabilities::none(delivery).with_text()
}

fn degraded(operation: Operation) -> Capabilities {
    table().with(operation, Level::Degraded)
}

fn target() -> RemoteMessageId {
    RemoteMessageId::new("m1")
}

fn said(carriage: Carriage) -> (MessageKind, String, Option<Operation>) {
    match carriage {
        Carriage::Carried { kind: OutgoingKind::Message { content, .. }, in_words } => {
            (content.kind, content.text.plain, in_words)
        }
        other => panic!("{other:?}"),
    }
}

fn carry(kind: OutgoingKind, facts: &Facts, table: &Capabilities) -> Carriage {
    carriage(kind, facts, table, &NetworkPolicy::default(), "Demo")
}

fn answer() -> OutgoingKind {
    let mut content = MessageContent::text("yes");
    content.text.html = Some("<b>yes</b>".to_owned());
    let reply = ReplyTo {
        target: Some(target()),
        author: Some("bob".to_owned()),
        excerpt: Some("shall <we>?".to_owned()),
        ..ReplyTo::default()
    };
    OutgoingKind::Message { content, reply_to: Some(reply), thread: None }
}

#[test]
fn an_answer_quotes_what_it_answers() {
    let Carriage::Carried { kind: OutgoingKind::Message { content, reply_to, .. }, in_words } =
        carry(answer(), &Facts::default(), &table())
    else {
        panic!("it is carried")
    };
    assert_eq!(content.text.plain, "> <bob> shall <we>?\nyes");
    let html = "&gt; &lt;bob&gt; shall &lt;we&gt;?<br><b>yes</b>";
    assert_eq!(content.text.html.as_deref(), Some(html));
    assert_eq!((reply_to, in_words), (None, Some(Operation::Reply)));
    let knows = table().with(Operation::Reply, Level::Full);
    let carried = carry(answer(), &Facts::default(), &knows);
    assert_eq!(carried, Carriage::Carried { kind: answer(), in_words: None });
}

#[test]
fn a_reaction_names_what_it_is_about() {
    let facts = Facts { excerpt: Some("hello".to_owned()), ..Facts::default() };
    let reaction = || OutgoingKind::Reaction { target: target(), key: "👍".to_owned() };
    let words = said(carry(reaction(), &facts, &degraded(Operation::Reaction)));
    let text = "reacts with 👍 to “hello”".to_owned();
    assert_eq!(words, (MessageKind::Emote, text.clone(), Some(Operation::Reaction)));
    // A network that knows other reactions, and an account that speaks for several people.
    let mut few = table().with(Operation::Reaction, Level::Full);
    few.limits = Limits { reactions: Some(vec!["❤".to_owned()]), ..Limits::default() };
    assert_eq!(said(carry(reaction(), &facts, &few)).1, text);
    let knows = table().with(Operation::Reaction, Level::Full);
    let relayed = Facts { relayed: true, ..facts };
    assert_eq!(said(carry(reaction(), &relayed, &knows)).1, text);
}

#[test]
fn an_edit_is_a_short_diff_or_the_whole_text() {
    let diff = |old, new| edit(Some(old), new, 60);
    assert_eq!(diff("I like tee", "I like tea").as_deref(), Some("s/tee/tea/"));
    assert_eq!(diff("one two", "one and two").as_deref(), Some("s/one/one and/"));
    assert_eq!(diff("two", "one two").as_deref(), Some("s/two/one two/"));
    assert_eq!(diff("a bad bad word", "a bad word").as_deref(), Some("s/bad bad/bad/"));
    assert_eq!(diff("and/or not", "and or not").as_deref(), Some("s/and\\/or/and or/"));
    assert_eq!(diff("a b a c", "a b z c").as_deref(), Some("* a b z c"));
    assert_eq!(diff("same", "same"), None);
    assert_eq!(edit(None, "new", 60).as_deref(), Some("* new"));
    assert_eq!(edit(Some("old words"), "new words", 3).as_deref(), Some("* new words"));
}

#[test]
fn an_edit_that_comes_too_late_is_told() {
    let mut late = table().with(Operation::Edit, Level::Full);
    late.limits.edit_for_ms = Some(1000);
    let edit = || OutgoingKind::Edit {
        target: target(),
        parts: vec![target()],
        content: MessageContent::text("tea"),
    };
    let facts =
        |age| Facts { age_ms: Some(age), previous: Some("tee".to_owned()), ..Facts::default() };
    assert_eq!(said(carry(edit(), &facts(2000), &late)).1, "s/tee/tea/");
    let in_time = carry(edit(), &facts(500), &late);
    assert_eq!(in_time, Carriage::Carried { kind: edit(), in_words: None });
}

#[test]
fn a_file_is_its_name_and_a_link() {
    let media = MediaRef {
        filename: Some("gondola.jpg".to_owned()),
        size: Some(10),
        link: Some("https://m.example.org/x".to_owned()),
        ..MediaRef::default()
    };
    let content = MessageContent::plain(MessageKind::Image, "at dusk").with_media(media);
    let kind = || OutgoingKind::Message { content: content.clone(), reply_to: None, thread: None };
    let image = Operation::Message(MessageKind::Image);
    let text = "(a picture: gondola.jpg) https://m.example.org/x at dusk";
    assert_eq!(said(carry(kind(), &Facts::default(), &degraded(image))).1, text);
    let mut small = table().with(image, Level::Full);
    small.limits.media_bytes = Some(5);
    assert_eq!(said(carry(kind(), &Facts::default(), &small)).1, text);
}

#[test]
fn the_operator_chooses_what_becomes_of_it() {
    let reaction = || OutgoingKind::Reaction { target: target(), key: "👍".to_owned() };
    let both = degraded(Operation::Reaction).with(Operation::Redaction, Level::Degraded);
    let with = |degrade, kind| {
        let policy = NetworkPolicy { degrade, degrade_redactions: degrade, ..Default::default() };
        carriage(kind, &Facts::default(), &both, &policy, "Demo")
    };
    assert!(matches!(with(Degrade::Notice, reaction()), Carriage::Refused(_)));
    assert!(matches!(with(Degrade::Drop, reaction()), Carriage::Dropped(_)));
    let redaction = || OutgoingKind::Redaction { target: target() };
    assert_eq!(said(with(Degrade::Text, redaction())).1, "has taken a message back");
    assert!(matches!(with(Degrade::Notice, redaction()), Carriage::Refused(_)));
    assert!(matches!(carry(redaction(), &Facts::default(), &table()), Carriage::Refused(_)));
}

#[test]
fn names_stay_in_the_text_of_a_network_that_calls_nobody() {
    let mut content = MessageContent::text("bob: hi");
    content.mentions.room = true;
    let kind = OutgoingKind::Message { content, reply_to: None, thread: None };
    let carried = carry(kind, &Facts::default(), &table());
    let Carriage::Carried { kind: OutgoingKind::Message { content, .. }, in_words: None } = carried
    else {
        panic!("{carried:?}")
    };
    assert!(content.mentions.is_empty());
}

#[test]
fn a_template_is_filled_in_once() {
    let places = [("author", "{text}"), ("text", "hi")];
    assert_eq!(fill_in("<{author}> {text} {other} {", &places), "<{text}> hi {other} {");
}

proptest! {
    #[test]
    fn a_diff_tells_what_the_text_became(old in "[ab/ ]{0,12}", new in "[ab/ ]{0,12}") {
        match edit(Some(&old), &new, 60) {
            None => prop_assert_eq!(old, new),
            Some(text) => match text.strip_prefix("s/") {
                None => prop_assert_eq!(text, format!("* {new}")),
                Some(diff) => {
                    let diff = diff.replace("\\/", "\u{1}");
                    let (from, rest) = diff.split_once('/').expect("two halves");
                    let to = rest.strip_suffix('/').expect("an end");
                    let (from, to) = (from.replace('\u{1}', "/"), to.replace('\u{1}', "/"));
                    prop_assert_eq!(old.replacen(&from, &to, 1), new);
                }
            },
        }
    }

    #[test]
    fn excerpts_are_short_and_of_one_line(body in "\\PC*") {
        let short = excerpt(&body);
        prop_assert!(short.chars().count() <= EXCERPT && !short.contains('\n'));
    }
}
