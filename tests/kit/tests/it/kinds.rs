//! Everything that is more than a new text, both ways, and what becomes of it on a network that
//! lacks it.

use bridge_demo::Said;
use bridge_testkit::{HouseOptions, TestHouse, TestUser};
use http::Method;
use serde_json::{Value, json};

use crate::logged_in;

/// A person in the lobby of a network that lacks some things.
async fn in_lobby(demo: Value) -> (TestHouse, TestUser, String) {
    let house = TestHouse::with(HouseOptions { demo, ..HouseOptions::default() }).await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    (house, alice, lobby)
}

fn edit(target: &str, text: &str) -> Value {
    json!({ "msgtype": "m.text", "body": format!("* {text}"),
        "m.new_content": { "msgtype": "m.text", "body": text },
        "m.relates_to": { "rel_type": "m.replace", "event_id": target } })
}

fn reaction(target: &str, key: &str) -> Value {
    json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": target, "key": key } })
}

fn answer(target: &str, text: &str) -> Value {
    json!({ "msgtype": "m.text", "body": text,
        "m.relates_to": { "m.in_reply_to": { "event_id": target } } })
}

async fn take_back(alice: &TestUser, room: &str, event: &str) -> String {
    let path = format!("rooms/{room}/redact/{event}/{event}t");
    let path = path.replace('$', "%24");
    let answer = alice.call(Method::PUT, &path, Some(json!({}))).await.expect("it is taken back");
    answer["event_id"].as_str().expect("an event has an id").to_owned()
}

async fn carried(alice: &mut TestUser, room: &str, kind: &str, content: Value) -> (String, Value) {
    let sent = alice.send_event(room, kind, content).await;
    let status = alice.status(&sent).await;
    assert_eq!(status["status"], "SUCCESS", "{status}");
    (sent, status)
}

fn last(house: &TestHouse) -> Said {
    house.network().said_in("lobby").pop().expect("something was said")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_matrix_person_changes_is_changed_on_the_network() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let said = json!({ "msgtype": "m.text", "body": "I like tee" });
    let (first, _) = carried(&mut alice, &lobby, "m.room.message", said).await;
    carried(&mut alice, &lobby, "m.room.message", edit(&first, "I like tea")).await;
    let now = last(&house);
    assert_eq!((now.text.as_str(), now.edited), ("I like tea", true));

    let (set, _) = carried(&mut alice, &lobby, "m.reaction", reaction(&first, "👍")).await;
    assert_eq!(last(&house).reactions, [("alice".to_owned(), "👍".to_owned())]);
    let gone = take_back(&alice, &lobby, &set).await;
    assert_eq!(alice.status(&gone).await["status"], "SUCCESS");
    assert!(last(&house).reactions.is_empty());

    carried(&mut alice, &lobby, "m.room.message", answer(&first, "me too")).await;
    assert_eq!(last(&house).reply_to, Some(now.number));

    let gone = take_back(&alice, &lobby, &first).await;
    assert_eq!(alice.status(&gone).await["status"], "SUCCESS");
    assert!(house.network().said_in("lobby").iter().all(|said| said.number != now.number));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_is_changed_and_taken_back_in_all_its_parts() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let long = |word: &str| vec![word; 900].join(" ");
    let said = json!({ "msgtype": "m.text", "body": long("acqua") });
    let (first, _) = carried(&mut alice, &lobby, "m.room.message", said).await;
    let parts = house.network().said_in("lobby").len();
    assert!(parts > 1);
    carried(&mut alice, &lobby, "m.room.message", edit(&first, &long("acqua alta"))).await;
    let whole: String = house.network().said_in("lobby").iter().map(|s| s.text.clone()).collect();
    assert_eq!(whole, long("acqua alta"));
    assert!(house.network().said_in("lobby").len() > parts);
    let gone = take_back(&alice, &lobby, &first).await;
    assert_eq!(alice.status(&gone).await["status"], "SUCCESS");
    assert!(house.network().said_in("lobby").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_remote_person_changes_is_changed_on_matrix() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    let network = house.network();
    let number = network.says("bob", "lobby", "helo");
    let seen = alice.sees(&lobby, "bob", "helo").await;
    let event = seen["event_id"].as_str().expect("an event has an id").to_owned();
    network.edits("bob", "lobby", number, "hello");
    let changed = alice.sees(&lobby, "bob", "* hello").await;
    assert_eq!(changed["content"]["m.relates_to"]["event_id"], event.as_str());
    assert_eq!(changed["content"]["m.new_content"]["body"], "hello");
    assert_eq!(changed["sender"], seen["sender"]);

    network.reacts("carol", "lobby", number, "👍", true);
    network.reacts("carol", "lobby", number, "👍", true);
    let shown = alice.waits_for("a reaction", |timeline| {
        timeline.iter().find(|event| event["type"] == "m.reaction").cloned()
    });
    let shown = shown.await;
    assert_eq!(shown["content"]["m.relates_to"]["event_id"], event.as_str());
    assert_eq!(shown["sender"], "@_rialto_demo_carol:house.test");
    network.reacts("carol", "lobby", number, "👍", false);
    network.answers("carol", "lobby", number, "hi bob");
    let answer = alice.sees(&lobby, "carol", "hi bob").await;
    let relation = &answer["content"]["m.relates_to"]["m.in_reply_to"];
    assert_eq!(relation["event_id"], event.as_str());
    network.takes_back("bob", "lobby", number);
    network.says("bob", "lobby", "never mind");
    alice.sees(&lobby, "bob", "never mind").await;
    let redacted = alice.timeline_of(&lobby, "m.room.redaction");
    let targets: Vec<&str> = redacted.iter().filter_map(|event| takes_back(event)).collect();
    assert_eq!(targets.iter().filter(|target| **target == event).count(), 1);
    assert_eq!(targets.iter().filter(|target| shown["event_id"] == **target).count(), 1);
    assert_eq!(alice.timeline_of(&lobby, "m.reaction").len(), 1, "the same reaction again");
    // Nothing of it went back.
    assert!(network.said_in("lobby").iter().all(|said| said.by != "alice"));
}

fn takes_back(event: &Value) -> Option<&str> {
    event["redacts"].as_str().or_else(|| event["content"]["redacts"].as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_without_these_things_is_told_in_words() {
    let lacks = json!(["edits", "reactions", "replies", "redactions", "files"]);
    let demo = json!({ "lacks": lacks, "degrade_redactions": "text" });
    let (house, mut alice, lobby) = in_lobby(demo).await;
    house.network().says("bob", "lobby", "shall we?");
    let asked = alice.sees(&lobby, "bob", "shall we?").await;
    let asked = asked["event_id"].as_str().expect("an event has an id").to_owned();

    let (first, status) =
        carried(&mut alice, &lobby, "m.room.message", answer(&asked, "I like tee")).await;
    assert_eq!(last(&house).text, "> <bob> shall we?\nI like tee");
    assert_eq!(status["com.rialto.carried_as_text"], json!(["reply"]));

    let (_, status) =
        carried(&mut alice, &lobby, "m.room.message", edit(&first, "I like tea")).await;
    assert_eq!(last(&house).text, "s/tee/tea/");
    assert_eq!(status["com.rialto.carried_as_text"], json!(["edit"]));
    carried(&mut alice, &lobby, "m.room.message", edit(&first, "I like tea now")).await;
    assert_eq!(last(&house).text, "s/tea/tea now/", "against the edit before");

    let (set, _) = carried(&mut alice, &lobby, "m.reaction", reaction(&asked, "👍")).await;
    assert_eq!(last(&house).text, "reacts with 👍 to “shall we?”");
    take_back(&alice, &lobby, &set).await;

    let image = json!({ "msgtype": "m.image", "body": "at dusk", "filename": "gondola.jpg",
        "url": "mxc://house.test/abc", "info": { "mimetype": "image/jpeg" } });
    let (_, status) = carried(&mut alice, &lobby, "m.room.message", image).await;
    let text = last(&house).text;
    let start = "(a picture: gondola.jpg) https://house.test/_rialto/media/";
    assert!(text.starts_with(start) && text.ends_with("/gondola.jpg at dusk"), "{text}");
    assert_eq!(status["com.rialto.carried_as_text"], json!(["image"]));

    let gone = take_back(&alice, &lobby, &first).await;
    assert_eq!(alice.status(&gone).await["status"], "SUCCESS");
    assert_eq!(last(&house).text, "has taken a message back");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_may_have_it_stay_on_matrix() {
    for (degrade, notices) in [("notice", 1), ("drop", 0)] {
        let (house, mut alice, lobby) =
            in_lobby(json!({ "lacks": ["reactions"], "degrade": degrade })).await;
        house.network().says("bob", "lobby", "hello");
        let seen = alice.sees(&lobby, "bob", "hello").await;
        let target = seen["event_id"].as_str().expect("an event has an id").to_owned();
        let sent = alice.send_event(&lobby, "m.reaction", reaction(&target, "👍")).await;
        let status = alice.status(&sent).await;
        assert_eq!(status["status"], "FAIL_PERMANENT", "{status}");
        assert_eq!(house.network().said_in("lobby").len(), 1);
        let said = alice.said_in(&lobby);
        let told = said.iter().filter(|(who, _)| who.starts_with("@rialtobot")).count();
        assert_eq!(told, notices, "{degrade}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranks_become_rights_and_rights_ranks() {
    let (house, mut alice, lobby) = in_lobby(json!({})).await;
    house.network().says("bob", "lobby", "hello");
    alice.sees(&lobby, "bob", "hello").await;
    house.network().ranks("bob", "bob", "lobby", 50);
    let bob = "@_rialto_demo_bob:house.test";
    alice
        .waits_for("bob's rights", |timeline| {
            let of_rights = |event: &&Value| event["type"] == "m.room.power_levels";
            let mut levels = timeline.iter().rev().filter(of_rights);
            levels.next().filter(|event| event["content"]["users"][bob] == 50).map(drop)
        })
        .await;
}
