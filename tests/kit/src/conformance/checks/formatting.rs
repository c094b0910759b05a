//! What a text looks like when it arrives: whole, unchanged, readable.

use bridge_core::network::Operation;
use serde_json::json;

use crate::conformance::harness::{Act, Done, Words};
use crate::conformance::stage::{Scene, Stage, carried};
use crate::conformance::verdict::Shown;

const WIDE: &str = "Città, ponte… 水の都 🛶 e\u{301}";
/// Looks like markup of several networks, and is none.
const LOOKS_LIKE_MARKUP: &str = "<b>5 < 6 && \"x\"</b> &amp; [y](z) @everyone";

/// All pieces alice's words came in, in order.
async fn whole(scene: &Scene) -> String {
    let heard = scene.heard_from("alice").await;
    heard.into_iter().map(|heard| heard.text).collect::<Vec<_>>().join("\n")
}

/// A text without what a network may do to white space.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

async fn text_from_matrix(stage: Stage, text: &str) -> Shown {
    let mut scene = Scene::open(stage).await;
    let content = json!({ "msgtype": "m.text", "body": text });
    let (_, status) = scene.sends("m.room.message", content).await;
    carried(&status);
    scene.says("that was all").await;
    let heard = whole(&scene).await;
    let heard = heard.strip_suffix("that was all").unwrap_or(&heard);
    assert_eq!(words(heard), words(text), "another text came");
    Shown::Carried
}

async fn text_to_matrix(stage: Stage, text: &str) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.is_said("bob", text).await;
    scene.sees("bob", text).await;
    Shown::Carried
}

pub(crate) async fn every_letter_crosses_from_matrix(stage: Stage) -> Shown {
    text_from_matrix(stage, WIDE).await
}

pub(crate) async fn every_letter_crosses_to_matrix(stage: Stage) -> Shown {
    text_to_matrix(stage, WIDE).await
}

pub(crate) async fn plain_text_from_matrix_is_no_markup(stage: Stage) -> Shown {
    text_from_matrix(stage, LOOKS_LIKE_MARKUP).await
}

pub(crate) async fn plain_text_to_matrix_is_no_markup(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.is_said("bob", LOOKS_LIKE_MARKUP).await;
    let event = scene.sees("bob", LOOKS_LIKE_MARKUP).await;
    let html = event["content"]["formatted_body"].as_str().unwrap_or_default();
    assert!(!html.contains("<b>"), "words became markup: {html}");
    Shown::Carried
}

pub(crate) async fn several_lines_cross_from_matrix(stage: Stage) -> Shown {
    text_from_matrix(stage, "first line\nsecond line\n\nlast line").await
}

pub(crate) async fn several_lines_cross_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.is_said("bob", "first line\nsecond line").await;
    scene.catches_up("bob", "that was all").await;
    let seen = scene.seen_texts().join("\n");
    assert_eq!(words(&seen), words("first line second line that was all"), "another text came");
    Shown::Carried
}

pub(crate) async fn long_text_crosses_whole_from_matrix(stage: Stage) -> Shown {
    let text: Vec<String> = (0..400).map(|number| format!("acqua{number}")).collect();
    text_from_matrix(stage, &text.join(" ")).await
}

pub(crate) async fn bold_from_matrix_is_bold_or_readable(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let content = json!({ "msgtype": "m.text", "body": "mind **the gap**",
        "format": "org.matrix.custom.html", "formatted_body": "mind <strong>the gap</strong>" });
    let (_, status) = scene.sends("m.room.message", content).await;
    carried(&status);
    let heard = scene
        .remote("the words", |seen| {
            let mut said = seen.said.iter().filter(|heard| heard.by == "alice");
            said.find(|heard| heard.text.contains("mind")).cloned()
        })
        .await;
    assert!(!heard.text.contains('<'), "tags were sent as text: {}", heard.text);
    if heard.bold == ["the gap"] {
        assert_eq!(heard.text, "mind the gap", "the markup is told twice");
        return Shown::Carried;
    }
    let readable = heard.text.replace('*', "");
    assert_eq!(readable, "mind the gap", "formatting mangled the words");
    Shown::AsText
}

pub(crate) async fn bold_to_matrix_is_bold(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let bold = Some("the gap".to_owned());
    let words = Words { bold, ..Words::plain("mind the gap") };
    if scene.does("bob", Act::Say(words)).await == Done::No {
        return Shown::NotOffered("there is no markup there");
    }
    let event = scene.sees("bob", "mind the gap").await;
    let html = event["content"]["formatted_body"].as_str().unwrap_or_default();
    let marked = ["<b>the gap</b>", "<strong>the gap</strong>"];
    assert!(marked.iter().any(|marked| html.contains(marked)), "the markup is lost: {event}");
    Shown::Carried
}

pub(crate) async fn mention_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let bob = scene.ghost("bob").await;
    let name = scene.stage.harness.shown_name("bob");
    let content = json!({ "msgtype": "m.text", "body": format!("{name}: ciao"),
        "format": "org.matrix.custom.html",
        "formatted_body": format!("<a href=\"https://matrix.to/#/{bob}\">{name}</a>: ciao"),
        "m.mentions": { "user_ids": [bob] } });
    let (_, status) = scene.sends("m.room.message", content).await;
    carried(&status);
    let heard = scene
        .remote("a text that calls bob", |seen| {
            seen.said.iter().find(|heard| heard.text.contains("ciao")).cloned()
        })
        .await;
    assert!(heard.text.contains("bob"), "bob is not called: {heard:?}");
    assert!(!heard.text.contains("matrix.to"), "a link was sent as text: {heard:?}");
    match scene.level(Operation::Mention) >= bridge_core::network::Level::Partial {
        true => Shown::Carried,
        false => Shown::AsText,
    }
}

pub(crate) async fn mention_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let mentions = vec!["alice".to_owned()];
    let words = Words { mentions, ..Words::plain("alice: your turn") };
    if scene.does("bob", Act::Say(words)).await == Done::No {
        return Shown::NotOffered("people are not called by name there");
    }
    let event = scene.sees("bob", "alice: your turn").await;
    let called = &event["content"]["m.mentions"]["user_ids"];
    assert_eq!(*called, json!([scene.alice.id()]), "alice is not called: {event}");
    Shown::Carried
}
