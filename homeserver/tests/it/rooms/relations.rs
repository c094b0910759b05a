//! Reactions, edits, threads and references: what is told with an event, and what is listed of it.

use serde_json::{Value, json};

use super::talk::{bodies, event_id, events, next_batch, timeline};
use crate::harness::{Answer, Ground, House, escape};

/// Says something that relates to an event.
async fn relate(
    house: &House,
    token: &str,
    room: &str,
    txn: &str,
    (kind, content): (&str, Value),
) -> Answer {
    let path = format!("/_matrix/client/v3/rooms/{}/send/{kind}/{txn}", escape(room));
    house.put(&path, token, content).await
}

fn edit(parent: &str, body: &str) -> (&'static str, Value) {
    let content = json!({
        "msgtype": "m.text",
        "body": format!("* {body}"),
        "m.new_content": { "msgtype": "m.text", "body": body },
        "m.relates_to": { "rel_type": "m.replace", "event_id": parent },
    });
    ("m.room.message", content)
}

fn reaction(parent: &str, key: &str) -> (&'static str, Value) {
    let relates_to = json!({ "rel_type": "m.annotation", "event_id": parent, "key": key });
    ("m.reaction", json!({ "m.relates_to": relates_to }))
}

fn saying(rel_type: &str, parent: &str, body: &str) -> (&'static str, Value) {
    let relates_to = json!({ "rel_type": rel_type, "event_id": parent });
    ("m.room.message", json!({ "msgtype": "m.text", "body": body, "m.relates_to": relates_to }))
}

/// What is bundled with an event, however it is read.
async fn bundled(house: &House, token: &str, room: &str, event: &str) -> Value {
    let path = format!("event/{}", escape(event));
    let alone = house.look(token, room, &path).await.ok()["unsigned"]["m.relations"].clone();
    let page = house.look(token, room, "messages?dir=b&limit=100").await.ok();
    let context = house.look(token, room, &format!("context/{}", escape(event))).await.ok();
    let filter = escape(r#"{"room":{"timeline":{"limit":100}}}"#);
    let sync = house.sync(token, &format!("filter={filter}")).await;
    let of = |events: &[Value]| {
        let event = events.iter().find(|it| it["event_id"] == event).unwrap();
        event["unsigned"]["m.relations"].clone()
    };
    assert_eq!(strip(&alone), strip(&of(events(&page["chunk"]))));
    assert_eq!(strip(&alone), strip(&context["event"]["unsigned"]["m.relations"]));
    assert_eq!(strip(&alone), strip(&of(timeline(&sync, room))));
    alone
}

/// Without what the time of asking changes.
fn strip(bundle: &Value) -> Value {
    let mut bundle = bundle.clone();
    if let Value::Object(object) = &mut bundle {
        object.remove("age");
        object.values_mut().for_each(|value| *value = strip(value));
    }
    bundle
}

#[tokio::test]
async fn the_newest_edit_by_its_author_is_told_with_an_event() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let said = house.say(&alice, &room, "1", "teh tea").await;
    assert_eq!(bundled(&house, &alice, &room, &said).await, Value::Null);
    let first = relate(&house, &alice, &room, "2", edit(&said, "the teas")).await.ok();
    let second = event_id(relate(&house, &alice, &room, "3", edit(&said, "the tea")).await.ok());
    // Neither somebody else's words nor an edit that says nothing count.
    relate(&house, &bob, &room, "4", edit(&said, "coffee")).await.ok();
    relate(&house, &alice, &room, "5", saying("m.replace", &said, "nothing new")).await.ok();
    let edited = bundled(&house, &bob, &room, &said).await;
    assert_eq!(edited["m.replace"]["event_id"], second);
    assert_eq!(edited["m.replace"]["content"]["m.new_content"]["body"], "the tea");
    // The original is left as it was, and an edit is not itself edited.
    let original = house.look(&bob, &room, &format!("event/{}", escape(&said))).await.ok();
    assert_eq!(original["content"]["body"], "teh tea");
    relate(&house, &alice, &room, "6", edit(&second, "an edit of an edit")).await.ok();
    assert_eq!(bundled(&house, &bob, &room, &second).await, Value::Null);
    house.redact(&alice, &room, &second, "7").await.ok();
    let edited = bundled(&house, &bob, &room, &said).await;
    assert_eq!(edited["m.replace"]["event_id"], first["event_id"]);
    house.redact(&alice, &room, &said, "8").await.ok();
    assert_eq!(bundled(&house, &bob, &room, &said).await, Value::Null);
    house.stop().await;
}

#[tokio::test]
async fn a_thread_is_summed_up_at_its_root_and_listed() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let root = house.say(&alice, &room, "1", "tea").await;
    let other = house.say(&alice, &room, "2", "coffee").await;
    let reply = |number: u32, parent: &str| saying("m.thread", parent, &format!("reply {number}"));
    let first = event_id(relate(&house, &bob, &room, "3", reply(1, &root)).await.ok());
    let second = event_id(relate(&house, &alice, &room, "4", reply(2, &root)).await.ok());
    relate(&house, &alice, &room, "5", reply(1, &other)).await.ok();
    relate(&house, &alice, &room, "6", edit(&second, "reply two")).await.ok();
    // A thread has one root.
    relate(&house, &bob, &room, "7", reply(3, &first)).await.fails(400, "M_UNKNOWN");

    let thread = bundled(&house, &bob, &room, &root).await["m.thread"].clone();
    assert_eq!(
        (&thread["count"], &thread["latest_event"]["event_id"]),
        (&json!(2), &json!(second))
    );
    assert_eq!(thread["current_user_participated"], true);
    let edited = &thread["latest_event"]["unsigned"]["m.relations"]["m.replace"]["content"];
    assert_eq!(edited["m.new_content"]["body"], "reply two");
    let thread = bundled(&house, &bob, &room, &other).await["m.thread"].clone();
    assert_eq!(thread["current_user_participated"], false);

    let v1 = format!("/_matrix/client/v1/rooms/{}/threads", escape(&room));
    let all = house.get(&v1, &bob).await.ok();
    let roots = |page: &Value| bodies(events(&page["chunk"])).join(" ");
    assert_eq!((roots(&all), all.get("next_batch")), ("coffee tea".to_owned(), None));
    assert_eq!(all["chunk"][1]["unsigned"]["m.relations"]["m.thread"]["count"], 2);
    let own = house.get(&format!("{v1}?include=participated"), &bob).await.ok();
    assert_eq!(roots(&own), "tea");
    let page = house.get(&format!("{v1}?limit=1"), &bob).await.ok();
    assert_eq!(roots(&page), "coffee");
    let next = page["next_batch"].as_str().unwrap();
    let page = house.get(&format!("{v1}?limit=1&from={next}"), &bob).await.ok();
    assert_eq!((roots(&page), page.get("next_batch")), ("tea".to_owned(), None));

    house.redact(&alice, &room, &second, "8").await.ok();
    let thread = bundled(&house, &bob, &room, &root).await["m.thread"].clone();
    assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&json!(1), &json!(first)));
    // A root that is taken back leaves what others said.
    house.redact(&alice, &room, &root, "9").await.ok();
    assert_eq!(bundled(&house, &bob, &room, &root).await["m.thread"]["count"], 1);
    house.stop().await;
}

#[tokio::test]
async fn nobody_reacts_twice_alike_unless_he_took_it_back() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let said = house.say(&alice, &room, "1", "tea").await;
    let liked = event_id(relate(&house, &bob, &room, "2", reaction(&said, "👍")).await.ok());
    // The same request again is no second reaction.
    let again = relate(&house, &bob, &room, "2", reaction(&said, "👍")).await.ok();
    assert_eq!(event_id(again), liked);
    let twice = relate(&house, &bob, &room, "3", reaction(&said, "👍")).await;
    twice.fails(400, "M_DUPLICATE_ANNOTATION");
    relate(&house, &bob, &room, "4", reaction(&said, "🎉")).await.ok();
    relate(&house, &alice, &room, "5", reaction(&said, "👍")).await.ok();
    house.redact(&bob, &room, &liked, "6").await.ok();
    relate(&house, &bob, &room, "7", reaction(&said, "👍")).await.ok();
    // What PostgreSQL could not hold is no relation, and does no harm.
    let strange = reaction(&said, "\0");
    for txn in ["8", "9"] {
        relate(&house, &bob, &room, txn, strange.clone()).await.ok();
    }
    assert_eq!(bundled(&house, &bob, &room, &said).await, Value::Null);
    house.stop().await;
}

#[tokio::test]
async fn what_relates_to_an_event_is_listed_page_by_page() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({})).await;
    let said = house.say(&alice, &room, "0", "tea").await;
    let mut last = String::new();
    for number in 1..=3 {
        let text = number.to_string();
        let content = saying("m.reference", &said, &text);
        last = event_id(relate(&house, &alice, &room, &text, content).await.ok());
    }
    relate(&house, &alice, &room, "4", reaction(&last, "👍")).await.ok();
    relate(&house, &alice, &room, "5", edit(&said, "tee")).await.ok();
    let list = format!("/_matrix/client/v1/rooms/{}/relations/{}", escape(&room), escape(&said));
    let said_in = |page: &Value| bodies(events(&page["chunk"])).join(" ");

    let all = house.get(&list, &alice).await.ok();
    assert_eq!((said_in(&all).as_str(), all.get("next_batch")), ("* tee 3 2 1", None));
    assert!(all.get("recursion_depth").is_none());
    let references = bundled(&house, &alice, &room, &said).await["m.reference"]["chunk"].clone();
    assert_eq!(
        (references.as_array().unwrap().len(), &references[2]["event_id"]),
        (3, &json!(last))
    );

    let path = format!("{list}/m.reference?limit=2");
    let page = house.get(&path, &alice).await.ok();
    assert_eq!((said_in(&page).as_str(), page.get("prev_batch")), ("3 2", None));
    let next = page["next_batch"].as_str().unwrap();
    let page = house.get(&format!("{path}&from={next}"), &alice).await.ok();
    assert_eq!((said_in(&page).as_str(), page.get("next_batch")), ("1", None));
    assert_eq!(page["prev_batch"], next);
    let forwards = house.get(&format!("{path}&dir=f"), &alice).await.ok();
    assert_eq!(said_in(&forwards), "1 2");
    let next = forwards["next_batch"].as_str().unwrap();
    let rest = house.get(&format!("{path}&dir=f&from={next}"), &alice).await.ok();
    assert_eq!(said_in(&rest), "3");
    let none = house.get(&format!("{list}/m.reference/m.sticker"), &alice).await.ok();
    assert_eq!(none["chunk"], json!([]));
    let typed = house.get(&format!("{list}/m.reference/m.room.message"), &alice).await.ok();
    assert_eq!(said_in(&typed), "3 2 1");
    let deep = house.get(&format!("{list}?recurse=true"), &alice).await.ok();
    assert_eq!((events(&deep["chunk"]).len(), &deep["recursion_depth"]), (5, &json!(3)));

    house.get(&list, &bob).await.fails(404, "M_NOT_FOUND");
    let unknown = list.replace(&escape(&said), "$unknown");
    house.get(&unknown, &alice).await.fails(404, "M_NOT_FOUND");
    house.get(&format!("{list}?from=x"), &alice).await.fails(400, "M_INVALID_PARAM");
    house.stop().await;
}

#[tokio::test]
async fn who_left_does_not_hear_of_later_edits_and_replies() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let said = house.say(&alice, &room, "1", "tea").await;
    let before = saying("m.thread", &said, "before");
    relate(&house, &alice, &room, "2", before).await.ok();
    let since = next_batch(&house.sync(&bob, "").await);
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    relate(&house, &alice, &room, "3", edit(&said, "secret")).await.ok();
    relate(&house, &alice, &room, "4", saying("m.thread", &said, "secret")).await.ok();
    relate(&house, &alice, &room, "5", saying("m.reference", &said, "secret")).await.ok();
    let path = format!("event/{}", escape(&said));
    let seen = house.look(&bob, &room, &path).await.ok();
    assert!(!seen.to_string().contains("secret"), "{seen}");
    let bundle = &seen["unsigned"]["m.relations"];
    assert_eq!((&bundle["m.thread"]["count"], bundle.get("m.reference")), (&json!(1), None));
    let v1 = format!("/_matrix/client/v1/rooms/{}", escape(&room));
    let list = house.get(&format!("{v1}/relations/{}", escape(&said)), &bob).await.ok();
    assert_eq!(bodies(events(&list["chunk"])), ["before"]);
    let threads = house.get(&format!("{v1}/threads"), &bob).await.ok();
    assert!(!threads.to_string().contains("secret"), "{threads}");
    let left = house.since(&bob, &since).await;
    assert!(!left.to_string().contains("secret"), "{left}");
    house.stop().await;
}

#[tokio::test]
async fn what_is_listed_comes_with_what_others_say_of_it() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    let root = house.say(&alice, &room, "root", "root").await;
    let child = relate(&house, &alice, &room, "1", saying("m.reference", &root, "see abve")).await;
    let child = event_id(child.ok());
    relate(&house, &alice, &room, "2", edit(&child, "see above")).await.ok();
    let listed = format!("/_matrix/client/v1/rooms/{}/relations/{}", escape(&room), escape(&root));
    for path in ["", "/m.reference", "/m.reference/m.room.message"] {
        let page = house.get(&format!("{listed}{path}"), &alice).await.ok();
        let bundle = &page["chunk"][0]["unsigned"]["m.relations"];
        let edited = &bundle["m.replace"]["content"]["m.new_content"]["body"];
        assert_eq!(*edited, "see above", "{path}: {page}");
    }
    house.stop().await;
}
