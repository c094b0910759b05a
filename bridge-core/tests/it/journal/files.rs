//! Files and what may be lost: brought to the homeserver once, shown by links, typing passed on.

use axum::{Router, body::Body};
use bridge_core::network::{
    MediaRef, MessageContent, MessageKind, RemoteEvent, RemoteEventKind, RemoteMessage,
};
use http::{HeaderMap, Request, StatusCode};
use serde_json::json;
use tower::ServiceExt as _;

use crate::world::{ALICE, World, eventually, network::message};

fn gondola(id: &str) -> RemoteEvent {
    let media = MediaRef {
        source: "test".to_owned(),
        locator: json!("the bytes"),
        filename: Some("a/gondola.png".to_owned()),
        content_type: Some("image/png".to_owned()),
        ..MediaRef::default()
    };
    let mut shown = message("#a", "bob", Some(id), "");
    let content = MessageContent::plain(MessageKind::Image, "at dusk").with_media(media);
    shown.kind = RemoteEventKind::Message(RemoteMessage::new(content));
    shown
}

#[tokio::test]
async fn file_of_the_network_is_brought_and_shown_once() {
    for addresses in [false, true] {
        let mut world = World::new();
        world.start().await;
        let room = world.room("#a").await;
        if addresses {
            world.homeserver.make_addresses();
        }
        world.homeserver.lose_answers("/upload", 1);
        world.network.hears("test-1", gondola("2")).await.unwrap();
        world.network.hears("test-1", gondola("3")).await.unwrap();
        world.settled().await;
        let events = world.homeserver.events(&room, "m.room.message");
        let shown: Vec<_> =
            events.iter().filter(|event| event["content"]["url"].is_string()).collect();
        assert_eq!(shown.len(), 2);
        let content = &shown[0]["content"];
        assert!(content["url"].as_str().unwrap().starts_with("mxc://x/f"), "{content}");
        assert_eq!(content["url"], shown[1]["content"]["url"], "the same file is brought once");
        // It was called a picture and is none.
        assert_eq!(content["msgtype"], "m.file");
        assert_eq!(content["info"], json!({ "mimetype": "application/octet-stream", "size": 9 }));
        assert_eq!(
            (&content["filename"], &content["body"]),
            (&json!("gondola.png"), &json!("at dusk"))
        );
        assert_eq!(world.homeserver.calls_to("/upload"), 2, "one answer was lost");
        assert_eq!(std::fs::read_dir(world.files.path()).unwrap().count(), 0, "the spool is empty");
    }
}

#[tokio::test]
async fn file_the_homeserver_refuses_is_told_in_words() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.refuse_uploads();
    world.network.hears("test-1", gondola("2")).await.unwrap();
    world.settled().await;
    let said = world.homeserver.said(&room);
    let words = said.last().unwrap();
    assert!(
        words.starts_with("_rialto_test_bob: (gondola.png could not be shown here: "),
        "{words}"
    );
    assert!(words.ends_with(") at dusk"), "{words}");
    assert_eq!(said.len(), 2, "said once, and by nobody else: {said:?}");
}

async fn get(router: &Router, path: &str) -> (StatusCode, HeaderMap) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    (response.status(), response.headers().clone())
}

#[tokio::test]
async fn link_to_a_file_is_good_until_its_message_is_taken_back() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let file = json!({ "msgtype": "m.file", "body": "x.html", "url": "mxc://x/secret" });
    let file = world.homeserver.send(&room, ALICE, "m.room.message", file);
    world.settled().await;
    let text = world.network.texts("#a").pop().unwrap();
    let link = text.split_whitespace().find(|word| word.starts_with("https://")).unwrap();
    let path = link.strip_prefix("https://bridge.example.org").unwrap();
    let router = world.bridge().router();
    let (status, headers) = get(&router, path).await;
    assert_eq!(status, StatusCode::OK, "{path}");
    assert_eq!(headers["content-disposition"], "attachment; filename*=UTF-8''x.html");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["content-security-policy"].to_str().unwrap().contains("sandbox"));

    let mut parts: Vec<&str> = path.split('/').collect();
    let later = (parts[4].parse::<i64>().unwrap() + 1).to_string();
    parts[4] = &later;
    assert_eq!(get(&router, &parts.join("/")).await.0, StatusCode::NOT_FOUND);

    world.homeserver.redact(&room, ALICE, &file);
    world.settled().await;
    assert_eq!(get(&router, path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn typing_is_passed_on_both_ways_and_never_journalled() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let mut typing = message("#a", "bob", None, "");
    typing.kind = RemoteEventKind::Typing { timeout_ms: 5000 };
    world.network.hears_for_now("test-1", typing);
    eventually("bob types", || world.homeserver.calls_to("/typing/") == 1).await;

    let typed =
        json!([{ "type": "m.typing", "room_id": room, "content": { "user_ids": [ALICE] } }]);
    let body = json!({ "events": [], "ephemeral": typed });
    assert_eq!(world.push_body("typing-1", body).await, StatusCode::OK);
    eventually("alice types", || world.network.was_tried("#a Typing { typing: true }")).await;
    assert_eq!(world.bridge().backlog().await.unwrap().rows, 0);
}
