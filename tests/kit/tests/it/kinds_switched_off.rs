//! What is switched off stays where it is, both ways, and fails nobody: for a network by its
//! configuration, for a room by who rules it.

use bridge_demo::DemoFile;
use bridge_testkit::{HouseOptions, TestHouse, TestUser};
use serde_json::{Value, json};

use crate::files::picture;
use crate::logged_in;
use crate::plumbing::{a_room, said_to_bot};

fn reaction(target: &str) -> Value {
    json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": target, "key": "👍" } })
}

async fn reacts(alice: &mut TestUser, room: &str, target: &str) -> Value {
    let sent = alice.send_event(room, "m.reaction", reaction(target)).await;
    alice.status(&sent).await
}

fn left_out(status: &Value) {
    assert_eq!(status["com.rialto.outcome"], "ignored", "{status}");
    let words = status["message"].as_str().unwrap_or_default();
    assert!(words.contains("switched off"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_switches_off_is_left_out_both_ways_and_fails_nobody() {
    let off = json!(["reaction", "image", "topic", "typing", "avatar", "reply"]);
    let demo = json!({ "kinds_off": off });
    let house = TestHouse::with(HouseOptions { demo, ..HouseOptions::default() }).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let network = house.network();

    let first = alice.says(&lobby, "hello").await;
    assert_eq!(alice.status(&first).await["status"], "SUCCESS");
    left_out(&reacts(&mut alice, &lobby, &first).await);
    let url = alice.upload("image/png", &picture("dusk")).await;
    let image = json!({ "msgtype": "m.image", "body": "dusk.png", "url": url });
    let sent = alice.send_event(&lobby, "m.room.message", image).await;
    left_out(&alice.status(&sent).await);
    // What it answers is left out; it is said all the same.
    let answer = json!({ "msgtype": "m.text", "body": "to myself",
        "m.relates_to": { "m.in_reply_to": { "event_id": first } } });
    let sent = alice.send_event(&lobby, "m.room.message", answer).await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    let said = network.said_in("lobby");
    assert_eq!(
        said.iter().map(|said| said.text.as_str()).collect::<Vec<_>>(),
        ["hello", "to myself"]
    );
    assert!(said[0].reactions.is_empty() && said[1].reply_to.is_none(), "{said:?}");

    network.reacts("bob", "lobby", said[0].number, "🎉", true);
    network.sets_topic("bob", "lobby", "tides");
    network.types("bob", "lobby", true);
    let (name, content_type) = ("dawn.png".to_owned(), "image/png".to_owned());
    let file = DemoFile { name, content_type, bytes: picture("dawn") };
    network.sets_picture("bob", "lobby", Some(file.clone()));
    network.shows("bob", "lobby", file, "dawn");
    network.answers("bob", "lobby", said[0].number, "after that");
    let last = alice.sees(&lobby, "bob", "after that").await;
    assert!(last["content"]["m.relates_to"].is_null(), "{last}");
    let bots = "@rialtobot:house.test";
    let kinds: Vec<Value> = alice
        .timeline()
        .iter()
        .filter(|event| event["room_id"] == lobby.as_str() && event["sender"] != alice.id())
        .map(|event| event["type"].clone())
        .filter(|kind| {
            ["m.reaction", "m.room.topic", "m.room.avatar"]
                .contains(&kind.as_str().unwrap_or_default())
        })
        .collect();
    assert!(kinds.is_empty(), "switched off, and shown: {kinds:?}");
    let said = alice.said_in(&lobby);
    assert!(said.iter().all(|(who, text)| who != bots && text != "dawn"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_rules_a_room_chooses_what_it_carries_at_once_and_for_good() {
    let demo = json!({ "kinds_off": ["sticker"] });
    let mut house = TestHouse::with(HouseOptions { demo, ..HouseOptions::default() }).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let carol = house.user("carol").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let refused = said_to_bot(&mut alice, &lobby, "!rialto carry reaction off").await;
    assert!(refused.contains("needs the right"), "{refused}");

    let room = a_room(&mut alice, &carol).await;
    // The bot greets whoever asks it in; only then is the next thing it says an answer.
    alice
        .waits_for("the bot's greeting", |timeline| {
            let mut here = timeline.iter().filter(|event| event["room_id"] == room.as_str());
            let hello = |event: &Value| {
                event["content"]["body"].as_str().is_some_and(|body| body.starts_with("Hello!"))
            };
            here.find(|event| hello(event)).map(drop)
        })
        .await;
    let nothing = said_to_bot(&mut alice, &room, "!rialto carry reaction off").await;
    assert!(nothing.contains("belongs to no chat"), "{nothing}");
    house.network().ranks("bob", "alice", "lobby", 50);
    let linked = said_to_bot(&mut alice, &room, "!rialto plumb demo lobby").await;
    assert!(linked.contains("is linked to this room"), "{linked}");
    let mistyped = said_to_bot(&mut alice, &room, "!rialto carry raction off").await;
    assert!(mistyped.contains("did you mean `reaction`?"), "{mistyped}");
    let done = said_to_bot(&mut alice, &room, "!rialto carry reaction off").await;
    assert!(done.contains("stays where it is"), "{done}");
    let shown = said_to_bot(&mut alice, &room, "!rialto carry").await;
    assert!(shown.contains("`reaction` (here)"), "{shown}");
    assert!(shown.contains("`sticker` (by the configuration)"), "{shown}");

    house.crash().await;
    let number = house.network().says("bob", "lobby", "look");
    let here = alice.sees(&room, "bob", "look").await;
    let there = alice.sees(&lobby, "bob", "look").await;
    let id = |event: &Value| event["event_id"].as_str().unwrap_or_default().to_owned();
    left_out(&reacts(&mut alice, &room, &id(&here)).await);
    assert_eq!(reacts(&mut alice, &lobby, &id(&there)).await["status"], "SUCCESS");
    // The chat's own room shows it, the linked one does not.
    house.network().reacts("bob", "lobby", number, "🎉", true);
    house.network().says("bob", "lobby", "after that");
    alice.sees(&room, "bob", "after that").await;
    alice.sees(&lobby, "bob", "after that").await;
    let by_bob = |events: Vec<Value>| {
        events.iter().filter(|event| event["sender"] == "@_rialto_demo_bob:house.test").count()
    };
    assert_eq!(by_bob(alice.timeline_of(&room, "m.reaction")), 0);
    assert_eq!(by_bob(alice.timeline_of(&lobby, "m.reaction")), 1);

    let done = said_to_bot(&mut alice, &room, "!rialto carry reaction default").await;
    assert!(done.contains("as its network is configured"), "{done}");
    house.network().reacts("bob", "lobby", number, "👏", true);
    alice
        .waits_for("bob's reaction", |timeline| {
            let mut events = timeline.iter().filter(|event| event["room_id"] == room.as_str());
            events
                .find(|event| {
                    event["type"] == "m.reaction"
                        && event["sender"] == "@_rialto_demo_bob:house.test"
                })
                .map(drop)
        })
        .await;
}
