//! Files, both ways, on a real homeserver: whole, once, in small pieces, whatever they claim to be and
//! whatever breaks off.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bridge_core::network::{MediaStream, NetworkError};
use bridge_demo::{DemoFile, Said};
use bridge_testkit::{Gauge, HouseOptions, TestHouse, TestUser};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::logged_in;

const PIECE: usize = 64 * 1024;
/// 60 MiB.
const LARGE: usize = 960 * PIECE;
/// What may be in memory of a file at once: buffers on the way, and nothing that grows with it.
const BUFFERS: usize = 2 * 1024 * 1024;

async fn in_lobby(demo: Value) -> (TestHouse, TestUser, String) {
    let house = TestHouse::with(HouseOptions { demo, ..HouseOptions::default() }).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    (house, alice, lobby)
}

/// Something that begins as a PNG does.
pub(crate) fn picture(name: &str) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n", name.as_bytes()].concat()
}

pub(crate) fn shown_file(mxc: &str, name: &str) -> Value {
    json!({ "msgtype": "m.image", "body": "at dusk", "filename": name, "url": mxc,
        "info": { "mimetype": "image/png", "size": 1 } })
}

fn file(name: &str, content_type: &str, bytes: impl Into<Vec<u8>>) -> DemoFile {
    let (name, content_type) = (name.to_owned(), content_type.to_owned());
    DemoFile { name, content_type, bytes: bytes.into() }
}

fn last(house: &TestHouse) -> Said {
    house.network().said_in("lobby").pop().expect("something was said")
}

/// Waits for the message that shows a file of this name.
pub(crate) async fn sees_file(alice: &mut TestUser, name: &str) -> Value {
    alice
        .waits_for(name, |timeline| {
            let shows = |event: &&Value| event["content"]["filename"] == name;
            timeline.iter().find(shows).map(|event| event["content"].clone())
        })
        .await
}

/// The pieces of a large file.
fn pieces() -> impl Iterator<Item = Bytes> {
    (0..LARGE / PIECE).map(|number| {
        let byte = u8::try_from(number % 251).expect("it is below 251");
        Bytes::from(vec![byte; PIECE])
    })
}

fn is_large_file(bytes: &[u8]) -> bool {
    bytes.len() == LARGE && bytes.chunks(PIECE).zip(pieces()).all(|(one, other)| one == other)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_crosses_both_ways() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let mxc = alice.upload("image/png", &picture("mine")).await;
    let sent = alice
        .send_event(&lobby, "m.room.message", shown_file(&mxc, "../gon\u{202e}dola.png"))
        .await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    let said = last(&house);
    assert_eq!(said.text, "at dusk");
    assert_eq!(said.file, Some(file("gondola.png", "image/png", picture("mine"))));

    let theirs = file("folder/rialto.png", "image/png", picture("theirs"));
    house.network().shows("bob", "lobby", theirs, "at dawn");
    let shown = sees_file(&mut alice, "rialto.png").await;
    assert_eq!((&shown["msgtype"], &shown["body"]), (&json!("m.image"), &json!("at dawn")));
    assert_eq!(shown["info"], json!({ "mimetype": "image/png", "size": 14 }));
    let url = shown["url"].as_str().expect("it has an address");
    assert_eq!(&alice.download(url).await[..], picture("theirs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_sixty_mebibytes_passes_both_ways_in_small_pieces() {
    // Hashing that much takes a while where nothing is optimised.
    let patience = std::time::Duration::from_secs(600);
    let demo = json!({ "largest_file": LARGE });
    let house = TestHouse::with(HouseOptions { demo, patience, ..HouseOptions::default() }).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let gauge = Gauge::default();
    let source = gauge.clone();
    house.network().shows_from(
        "bob",
        "lobby",
        "acqua.bin",
        Arc::new(move || {
            let gauge = source.clone();
            MediaStream::new(stream::iter(pieces()).map(move |piece| Ok(gauge.hold(piece))))
        }),
    );
    let shown = sees_file(&mut alice, "acqua.bin").await;
    assert_eq!(shown["info"]["size"], LARGE, "{shown}");
    let bytes = alice.download(shown["url"].as_str().expect("it has an address")).await;
    assert!(is_large_file(&bytes), "every byte is there");
    assert_eq!(gauge.passed(), LARGE, "asked for once");
    assert!(gauge.most_held() <= BUFFERS, "{} bytes of the network's", gauge.most_held());

    let there = house.to_homeserver().gauge();
    assert!((LARGE..LARGE + 1024).contains(&there.passed()), "it was brought once, and answered");
    assert!(there.most_held() <= BUFFERS, "{} bytes on the way there", there.most_held());
    let mxc = alice.upload("application/octet-stream", &bytes).await;
    let content = json!({ "msgtype": "m.file", "body": "acqua.bin", "url": mxc });
    let sent = alice.send_event(&lobby, "m.room.message", content).await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    let brought = last(&house).file.expect("it is shown there");
    assert!(is_large_file(&brought.bytes), "every byte is there");
    assert!(there.most_held() <= BUFFERS, "{} bytes on the way back", there.most_held());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_is_brought_once() {
    let (mut house, mut alice, lobby) = in_lobby(json!({})).await;
    let mxc = alice.upload("image/png", &picture("mine")).await;
    for _ in 0..2 {
        let sent = alice.send_event(&lobby, "m.room.message", shown_file(&mxc, "m.png")).await;
        assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
        house.restart().await;
    }
    assert_eq!(house.network().uploads(), 1);
    assert_eq!(last(&house).file.expect("it has one").bytes, picture("mine"));

    let theirs = file("t.png", "image/png", picture("theirs"));
    let number = house.network().shows("bob", "lobby", theirs, "");
    sees_file(&mut alice, "t.png").await;
    house.restart().await;
    house.network().shows_again("carol", "lobby", number);
    house.network().says("bob", "lobby", "the end");
    alice.sees(&lobby, "bob", "the end").await;
    let shown = alice.timeline_of(&lobby, "m.room.message");
    let urls: Vec<_> = shown
        .iter()
        .filter(|event| event["content"]["filename"] == "t.png")
        .map(|event| event["content"]["url"].clone())
        .collect();
    assert_eq!(urls.len(), 2);
    assert_eq!(urls[0], urls[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_claims_to_be_is_not_believed() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let page = "<!doctype html><script>alert(1)</script>";
    house.network().shows("bob", "lobby", file("cat.png", "image/png", page), "");
    let shown = sees_file(&mut alice, "cat.png").await;
    assert_eq!(
        (&shown["msgtype"], &shown["info"]["mimetype"]),
        (&json!("m.file"), &json!("text/html"))
    );

    let mxc = alice.upload("image/png", page.as_bytes()).await;
    let sent = alice.send_event(&lobby, "m.room.message", shown_file(&mxc, "cat.png")).await;
    alice.status(&sent).await;
    assert_eq!(last(&house).file, Some(file("cat.png", "text/html", page)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_homeserver_that_is_busy_or_broken_gets_its_time() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let busy = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "slowly", "retry_after_ms": 20 });
    let broken = json!({ "errcode": "M_UNKNOWN", "error": "out of order" });
    let line = house.to_homeserver();
    line.answer_next("/v1/create", 429, busy.clone());
    line.answer_next("/v1/create", 500, broken.clone());
    line.answer_next("/upload/", 429, busy.clone());
    line.answer_next("/upload/", 502, json!("<html>"));
    house.network().shows("bob", "lobby", file("t.png", "image/png", picture("t")), "");
    let shown = sees_file(&mut alice, "t.png").await;
    let bytes = alice.download(shown["url"].as_str().expect("it has an address")).await;
    assert_eq!(&bytes[..], picture("t"));
    assert_eq!(line.calls_to("POST", "/v1/create"), 3, "one address was made");

    let mxc = alice.upload("image/png", &picture("mine")).await;
    let late = json!({ "errcode": "M_NOT_YET_UPLOADED", "error": "wait" });
    for (status, answer) in [(429, busy), (500, broken), (504, late)] {
        line.answer_next("/download/", status, answer);
    }
    let sent = alice.send_event(&lobby, "m.room.message", shown_file(&mxc, "m.png")).await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    assert_eq!(last(&house).file.expect("it is there").bytes, picture("mine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_shown_before_it_has_come_is_waited_for() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let mxc = alice.announce_file().await;
    let first = alice.send_event(&lobby, "m.room.message", shown_file(&mxc, "m.png")).await;
    let second = alice.says(&lobby, "did you see it?").await;
    while house.to_homeserver().calls_to("GET", "/download/") == 0 {
        tokio::task::yield_now().await;
    }
    alice.fill_file(&mxc, "image/png", &picture("mine")).await;
    assert_eq!(alice.status(&first).await["status"], "SUCCESS");
    assert_eq!(alice.status(&second).await["status"], "SUCCESS");
    let said = house.network().said_in("lobby");
    assert_eq!(said[0].file.as_ref().expect("it is there").bytes, picture("mine"));
    assert_eq!(said[1].text, "did you see it?", "in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_dies_in_the_middle_is_asked_again() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    house.network().shows_from(
        "bob",
        "lobby",
        "t.png",
        Arc::new(move || {
            let whole = counted.fetch_add(1, Ordering::Relaxed) > 0;
            let bytes = picture("theirs");
            let (one, other) = bytes.split_at(9);
            let rest = match whole {
                true => Ok(Bytes::copy_from_slice(other)),
                false => Err(NetworkError::Unreachable("gone".to_owned())),
            };
            MediaStream::new(stream::iter([Ok(Bytes::copy_from_slice(one)), rest]))
        }),
    );
    house.network().says("bob", "lobby", "the end");
    alice.sees(&lobby, "bob", "the end").await;
    let shown = sees_file(&mut alice, "t.png").await;
    let bytes = alice.download(shown["url"].as_str().expect("it has an address")).await;
    assert_eq!(&bytes[..], picture("theirs"));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(alice.said_in(&lobby).len(), 2, "each once, in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_the_network_has_forgotten_is_told_in_words() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    house.network().shows_from(
        "bob",
        "lobby",
        "t.png",
        Arc::new(|| {
            let gone = NetworkError::NotFound("it is no longer there".to_owned());
            MediaStream::new(stream::iter([Err(gone)]))
        }),
    );
    house.network().says("bob", "lobby", "the end");
    alice.sees(&lobby, "bob", "the end").await;
    let said = alice.said_in(&lobby);
    assert_eq!(said.len(), 2, "{said:?}");
    let words = "(t.png could not be shown here: it is no longer there (M_NOT_FOUND). It can still be seen on the network.)";
    assert_eq!(said[0], ("@_rialto_demo_bob:house.test".to_owned(), words.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_too_large_for_the_network_becomes_a_link_or_stays() {
    // What it claims of its size is not believed.
    let (house, mut alice, lobby) = in_lobby(json!({ "largest_file": 2000 })).await;
    let mxc = alice.upload("image/png", &picture(&"x".repeat(3000))).await;
    let sent = alice.send_event(&lobby, "m.room.message", shown_file(&mxc, "m.png")).await;
    let status = alice.status(&sent).await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
    assert_eq!(status["com.rialto.carried_as_text"], json!(["image"]), "its sender sees that");
    let text = last(&house).text;
    assert!(text.starts_with("(a picture: m.png) https://house.test/_rialto/media/"), "{text}");

    let demo = json!({ "largest_file": 2000, "degrade": "notice" });
    let (house, mut alice, lobby) = in_lobby(demo).await;
    let mxc = alice.upload("image/png", &picture(&"x".repeat(3000))).await;
    let sent = alice.send_event(&lobby, "m.room.message", shown_file(&mxc, "m.png")).await;
    let status = alice.status(&sent).await;
    assert_eq!(status["status"], "FAIL_PERMANENT", "{status}");
    let words = status["message"].as_str().expect("it has words");
    assert!(words.contains("This file has 2 KiB, and Demo takes files up to 1 KiB."), "{words}");
    assert!(house.network().said_in("lobby").is_empty());
}
