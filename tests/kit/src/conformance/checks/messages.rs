//! Every kind of message, both ways.

use bridge_core::network::{Contact, Level, MessageKind, Operation};
use serde_json::{Value, json};

use crate::conformance::harness::{Act, Done, File, Heard, Words};
use crate::conformance::stage::{Scene, Stage, carried, refused};
use crate::conformance::verdict::Shown;

/// A picture of one pixel: small, and what it says it is.
pub(super) const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T',
    0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0, 5, 0, 1, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0,
    0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];
const PLACE: &str = "geo:45.4380,12.3358";

/// A file of a kind.
pub(super) fn file(kind: MessageKind) -> File {
    let (name, content_type, bytes) = match kind {
        MessageKind::Image => ("rialto.png", "image/png", PIXEL.to_vec()),
        MessageKind::Sticker => ("mask.png", "image/png", PIXEL.to_vec()),
        MessageKind::Video => ("regatta.mp4", "video/mp4", b"not really a video".to_vec()),
        MessageKind::Audio => ("barcarola.mp3", "audio/mpeg", b"not really a song".to_vec()),
        MessageKind::Voice => ("voice.ogg", "audio/ogg", b"not really a voice".to_vec()),
        _ => ("libretto.pdf", "application/pdf", b"not really a libretto".to_vec()),
    };
    File { name: name.to_owned(), content_type: content_type.to_owned(), bytes }
}

/// Alice sends content of a kind; `native` knows it when it comes as what it is, `in_words` are to be
/// found in it when it comes as text.
async fn from_matrix(
    mut scene: Scene,
    kind: MessageKind,
    event_type: &str,
    content: Value,
    native: impl Fn(&Heard) -> bool,
    in_words: &str,
) -> Shown {
    let level = scene.level(Operation::Message(kind));
    let (_, status) = scene.sends(event_type, content).await;
    let from_alice = |heard: &&Heard| heard.by == "alice";
    match level {
        Level::Full | Level::Partial => {
            carried(&status);
            let what = format!("{kind:?} as what it is");
            scene
                .remote(&what, |seen| {
                    seen.said.iter().filter(from_alice).find(|heard| native(heard)).map(drop)
                })
                .await;
            Shown::Carried
        }
        Level::Degraded => {
            carried(&status);
            let told = &status["com.rialto.carried_as_text"];
            let is_text = matches!(kind, MessageKind::Notice | MessageKind::Emote);
            assert!(is_text || told.is_array(), "nobody is told that it became text: {status}");
            scene
                .remote(&format!("{kind:?} in words: {in_words:?}"), |seen| {
                    let mut said = seen.said.iter().filter(from_alice);
                    said.find(|heard| heard.text.contains(in_words)).map(drop)
                })
                .await;
            Shown::AsText
        }
        Level::Rejected | Level::Dropped => {
            refused(&status);
            scene.says("and this is carried").await;
            let heard = scene.heard_from("alice").await;
            assert_eq!(heard.len(), 1, "it was refused, and came nevertheless: {heard:#?}");
            Shown::Refused
        }
    }
}

async fn words_from_matrix(stage: Stage, kind: MessageKind, msgtype: &str) -> Shown {
    let scene = Scene::open(stage).await;
    let content = json!({ "msgtype": msgtype, "body": "acqua alta" });
    let native = |heard: &Heard| heard.kind == kind && heard.text == "acqua alta";
    from_matrix(scene, kind, "m.room.message", content, native, "acqua alta").await
}

async fn file_from_matrix(stage: Stage, kind: MessageKind) -> Shown {
    let scene = Scene::open(stage).await;
    let file = file(kind);
    let url = scene.alice.upload(&file.content_type, &file.bytes).await;
    let mut content = json!({
        "body": file.name, "filename": file.name, "url": url,
        "info": { "mimetype": file.content_type, "size": file.bytes.len() },
    });
    let (event_type, msgtype) = spelling(kind);
    if !msgtype.is_empty() {
        content["msgtype"] = json!(msgtype);
    }
    if kind == MessageKind::Voice {
        content["org.matrix.msc3245.voice"] = json!({});
    }
    // Where a file's kind follows from what is in it, its bytes are what counts.
    let native = |heard: &Heard| heard.file.as_ref().is_some_and(|there| there.bytes == file.bytes);
    from_matrix(scene, kind, event_type, content, native, &file.name).await
}

fn spelling(kind: MessageKind) -> (&'static str, &'static str) {
    match kind {
        MessageKind::Image => ("m.room.message", "m.image"),
        MessageKind::Video => ("m.room.message", "m.video"),
        MessageKind::Audio | MessageKind::Voice => ("m.room.message", "m.audio"),
        MessageKind::Sticker => ("m.sticker", ""),
        _ => ("m.room.message", "m.file"),
    }
}

async fn words_to_matrix(stage: Stage, kind: MessageKind, msgtype: &str) -> Shown {
    let mut scene = Scene::open(stage).await;
    let words = Words::of(kind, "acqua bassa");
    if scene.does("bob", Act::Say(words)).await == Done::No {
        return absent(&scene, kind, "nobody says such a thing there");
    }
    let event = scene.sees("bob", "acqua bassa").await;
    assert_eq!(event["content"]["msgtype"], msgtype, "another kind came: {event}");
    Shown::Carried
}

async fn file_to_matrix(stage: Stage, kind: MessageKind) -> Shown {
    let mut scene = Scene::open(stage).await;
    let file = file(kind);
    let act = Act::Show { kind, file: file.clone(), caption: String::new() };
    if scene.does("bob", act).await == Done::No {
        return absent(&scene, kind, "nobody shows such a file there");
    }
    let (event_type, msgtype) = spelling(kind);
    let event = scene
        .event(&format!("bob's {kind:?}"), |event| {
            event["type"] == event_type && event["content"]["url"].is_string()
        })
        .await;
    let content = &event["content"];
    assert_eq!(content["msgtype"].as_str().unwrap_or_default(), msgtype, "another kind: {event}");
    assert_eq!(content["filename"], file.name.as_str(), "another name: {event}");
    let bytes = scene.alice.download(content["url"].as_str().unwrap_or_default()).await;
    assert_eq!(bytes, file.bytes, "other bytes came");
    Shown::Carried
}

/// What a network carries away, people there must be able to say.
fn absent(scene: &Scene, kind: MessageKind, why: &'static str) -> Shown {
    let level = scene.level(Operation::Message(kind));
    assert!(level < Level::Full, "{kind:?} is declared, but the harness cannot have it said");
    Shown::NotOffered(why)
}

pub(crate) async fn text_from_matrix(stage: Stage) -> Shown {
    words_from_matrix(stage, MessageKind::Text, "m.text").await
}

pub(crate) async fn notice_from_matrix(stage: Stage) -> Shown {
    words_from_matrix(stage, MessageKind::Notice, "m.notice").await
}

pub(crate) async fn emote_from_matrix(stage: Stage) -> Shown {
    words_from_matrix(stage, MessageKind::Emote, "m.emote").await
}

pub(crate) async fn image_from_matrix(stage: Stage) -> Shown {
    file_from_matrix(stage, MessageKind::Image).await
}

pub(crate) async fn video_from_matrix(stage: Stage) -> Shown {
    file_from_matrix(stage, MessageKind::Video).await
}

pub(crate) async fn audio_from_matrix(stage: Stage) -> Shown {
    file_from_matrix(stage, MessageKind::Audio).await
}

pub(crate) async fn voice_from_matrix(stage: Stage) -> Shown {
    file_from_matrix(stage, MessageKind::Voice).await
}

pub(crate) async fn file_is_sent_from_matrix(stage: Stage) -> Shown {
    file_from_matrix(stage, MessageKind::File).await
}

pub(crate) async fn sticker_from_matrix(stage: Stage) -> Shown {
    file_from_matrix(stage, MessageKind::Sticker).await
}

pub(crate) async fn location_from_matrix(stage: Stage) -> Shown {
    let scene = Scene::open(stage).await;
    let content = json!({ "msgtype": "m.location", "body": "the bridge", "geo_uri": PLACE });
    let native = |heard: &Heard| heard.kind == MessageKind::Location && heard.text.contains("geo:");
    let kind = MessageKind::Location;
    from_matrix(scene, kind, "m.room.message", content, native, "45.4380").await
}

pub(crate) async fn unknown_kind_from_matrix_is_read_as_text(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let content = json!({ "msgtype": "org.example.whatever", "body": "in other words" });
    let (_, status) = scene.sends("m.room.message", content).await;
    carried(&status);
    scene.hears("in other words").await;
    Shown::AsText
}

pub(crate) async fn unknown_event_from_matrix_is_told(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (_, status) = scene.sends("org.example.whatever", json!({ "body": "nothing" })).await;
    refused(&status);
    scene.says("and this is carried").await;
    let heard = scene.heard_from("alice").await;
    assert_eq!(heard.len(), 1, "it was refused, and came nevertheless: {heard:#?}");
    Shown::Refused
}

pub(crate) async fn empty_text_from_matrix_is_refused(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let content = json!({ "msgtype": "m.text", "body": " \n " });
    let (_, status) = scene.sends("m.room.message", content).await;
    refused(&status);
    Shown::Refused
}

pub(crate) async fn missing_file_from_matrix_is_told(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Message(MessageKind::Image));
    let content = json!({ "msgtype": "m.image", "body": "gone.png", "url": "mxc://house.test/gone",
        "info": { "mimetype": "image/png" } });
    let (_, status) = scene.sends("m.room.message", content).await;
    if level >= Level::Partial {
        refused(&status);
        return Shown::Refused;
    }
    // What becomes a link, or is refused, needs no file.
    Shown::Kept
}

pub(crate) async fn text_to_matrix(stage: Stage) -> Shown {
    words_to_matrix(stage, MessageKind::Text, "m.text").await
}

pub(crate) async fn notice_to_matrix(stage: Stage) -> Shown {
    words_to_matrix(stage, MessageKind::Notice, "m.notice").await
}

pub(crate) async fn emote_to_matrix(stage: Stage) -> Shown {
    words_to_matrix(stage, MessageKind::Emote, "m.emote").await
}

pub(crate) async fn image_to_matrix(stage: Stage) -> Shown {
    file_to_matrix(stage, MessageKind::Image).await
}

pub(crate) async fn video_to_matrix(stage: Stage) -> Shown {
    file_to_matrix(stage, MessageKind::Video).await
}

pub(crate) async fn audio_to_matrix(stage: Stage) -> Shown {
    file_to_matrix(stage, MessageKind::Audio).await
}

pub(crate) async fn voice_to_matrix(stage: Stage) -> Shown {
    file_to_matrix(stage, MessageKind::Voice).await
}

pub(crate) async fn file_is_sent_to_matrix(stage: Stage) -> Shown {
    file_to_matrix(stage, MessageKind::File).await
}

pub(crate) async fn sticker_to_matrix(stage: Stage) -> Shown {
    file_to_matrix(stage, MessageKind::Sticker).await
}

pub(crate) async fn album_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let names = ["one.png", "two.png", "three.png"];
    let file = |name: &str| File {
        name: name.to_owned(),
        content_type: "image/png".to_owned(),
        // Each has bytes of its own: what comes after a picture's end is not looked at.
        bytes: [PIXEL, name.as_bytes()].concat(),
    };
    let caption = "the regatta".to_owned();
    let act = Act::Album { files: names.iter().map(|name| file(name)).collect(), caption };
    let done = scene.does("bob", act).await;
    let Done::Message(album) = done else {
        return Shown::NotOffered("nobody shows several files at once there");
    };
    scene.event("the last picture", |event| event["content"]["filename"] == names[2]).await;
    let shown = scene.alice.timeline_of(&scene.room, "m.room.message");
    let shown: Vec<Value> =
        shown.into_iter().filter(|event| event["content"]["url"].is_string()).collect();
    let shown_names: Vec<&str> =
        shown.iter().filter_map(|event| event["content"]["filename"].as_str()).collect();
    assert_eq!(shown_names, names, "lost, doubled or out of order");
    assert_eq!(shown[0]["content"]["body"], "the regatta", "the words are lost");
    for (event, name) in shown.iter().zip(names) {
        let url = event["content"]["url"].as_str().unwrap_or_default();
        assert_eq!(scene.alice.download(url).await, file(name).bytes, "{name} is another file");
    }
    // What is one message there is taken back as one.
    if scene.does("bob", Act::TakeBack { message: album }).await != Done::No {
        for event in &shown {
            let event = event["event_id"].as_str().unwrap_or_default();
            let gone = |redaction: &Value| super::changes::takes_back(redaction, event);
            scene.event("every picture to be taken back", gone).await;
        }
    }
    Shown::Carried
}

pub(crate) async fn location_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("bob", Act::Place(PLACE.to_owned())).await == Done::No {
        return absent(&scene, MessageKind::Location, "nobody shows a place there");
    }
    let event = scene.event("bob's place", |event| event["content"]["geo_uri"] == PLACE).await;
    assert_eq!(event["content"]["msgtype"], "m.location");
    Shown::Carried
}

fn goldoni() -> Contact {
    Contact {
        emails: vec!["carlo@teatro.example".to_owned()],
        ..Contact::new("Carlo Goldoni", "+39 041 5550 100")
    }
}

pub(crate) async fn contact_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = |kind| scene.level(Operation::Message(kind));
    let (contacts, files) = (level(MessageKind::Contact), level(MessageKind::File));
    let card = goldoni().to_vcard();
    let url = scene.alice.upload("text/vcard", card.as_bytes()).await;
    let content = json!({ "msgtype": "m.file", "body": "goldoni.vcf", "filename": "goldoni.vcf",
        "url": url, "info": { "mimetype": "text/vcard", "size": card.len() } });
    let (_, status) = scene.sends("m.room.message", content).await;
    if contacts.max(files) < Level::Degraded {
        refused(&status);
        return Shown::Refused;
    }
    carried(&status);
    let find = |seen: &crate::conformance::Seen| {
        let mut said = seen.said.iter().filter(|heard| heard.by == "alice");
        said.find_map(|heard| {
            let as_file = heard.file.as_ref().is_some_and(|file| file.bytes == card.as_bytes());
            if heard.contact == Some(goldoni()) {
                return Some(Shown::Carried);
            }
            // A network without contacts has the card as a file, or its name and where it is.
            (contacts < Level::Partial && (as_file || heard.text.contains("goldoni.vcf")))
                .then_some(Shown::AsText)
        })
    };
    scene.remote("the contact", find).await
}

pub(crate) async fn contact_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if scene.does("bob", Act::Contact(goldoni())).await == Done::No {
        return absent(&scene, MessageKind::Contact, "nobody shows contacts there");
    }
    let event = scene
        .event("bob's contact", |event| event["content"]["info"]["mimetype"] == "text/vcard")
        .await;
    let content = &event["content"];
    assert_eq!(content["msgtype"], "m.file", "no client opens this: {event}");
    let body = content["body"].as_str().unwrap_or_default();
    assert!(body.contains("Carlo Goldoni") && body.contains("+39 041"), "who reads this? {event}");
    let card = scene.alice.download(content["url"].as_str().unwrap_or_default()).await;
    let card = String::from_utf8_lossy(&card).into_owned();
    assert_eq!(Contact::from_vcard(&card), Some(goldoni()), "another contact came: {card}");
    Shown::Carried
}

pub(crate) async fn caption_crosses_with_its_file(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let file = file(MessageKind::Image);
    let caption = "the bridge at dusk".to_owned();
    let act = Act::Show { kind: MessageKind::Image, file: file.clone(), caption: caption.clone() };
    if scene.does("bob", act).await == Done::No {
        return absent(&scene, MessageKind::Image, "nobody shows such a file there");
    }
    scene.event("bob's caption", |event| event["content"]["body"] == caption.as_str()).await;
    let url = scene.alice.upload(&file.content_type, &file.bytes).await;
    let content = json!({ "msgtype": "m.image", "body": "seen", "filename": file.name, "url": url,
        "info": { "mimetype": file.content_type, "size": file.bytes.len() } });
    let (_, status) = scene.sends("m.room.message", content).await;
    carried(&status);
    let find = |seen: &crate::conformance::Seen| {
        let mut said = seen.said.iter().filter(|heard| heard.by == "alice");
        said.find(|heard| heard.text.contains("seen")).map(drop)
    };
    scene.remote("the caption", find).await;
    Shown::Carried
}

pub(crate) async fn forgotten_file_is_told_to_the_room(stage: Stage) -> Shown {
    use crate::conformance::Trouble;
    let mut scene = Scene::open(stage).await;
    scene.stage.watch.slow_files(std::time::Duration::from_millis(200));
    let kind = MessageKind::Image;
    let act = Act::Show { kind, file: file(kind), caption: String::new() };
    if scene.does("bob", act).await == Done::No {
        return absent(&scene, kind, "nobody shows such a file there");
    }
    if !scene.stage.harness.trouble(Trouble::ForgetFiles).await {
        return Shown::NotOffered("this network forgets no files");
    }
    let room = scene.room.clone();
    scene
        .alice
        .waits_for("words about the lost file", |timeline| {
            let mut notices = timeline.iter().filter(|event| event["room_id"] == room.as_str());
            let is_told = |event: &Value| {
                let body = event["content"]["body"].as_str().unwrap_or_default();
                event["content"]["msgtype"] == "m.notice" && body.contains("could not be shown")
            };
            notices.find(|event| is_told(event)).map(drop)
        })
        .await;
    scene.catches_up("bob", "it is gone").await;
    Shown::Refused
}
