//! History that an application service inserts, as bridges of the mautrix family ask for it.

use http::Method;
use registration::Registration;
use serde_json::{Value, json};
use support_db::testing::test_locations;

use super::talk::{bodies, events, next_batch, timeline};
use crate::{
    appservice::scripted::{Scripted, registration},
    harness::{Answer, Ground, House, escape},
};

/// A room the application service made, with Alice in it.
struct Stage {
    house: House,
    irc: Registration,
    alice: String,
    room: String,
}

impl Stage {
    async fn on(ground: &Ground) -> Self {
        Self::with(ground, json!({ "preset": "public_chat" })).await
    }

    async fn with(ground: &Ground, body: Value) -> Self {
        let (house, irc) = (ground.start().await, registration("irc"));
        house.homeserver.attach_appservice(irc.clone(), Scripted::new()).await.expect("attached");
        let room = house.room(irc.as_token.expose(), body).await;
        let alice = house.person("alice").await;
        house.in_room(&alice, &room, "join", json!({})).await.ok();
        Self { house, irc, alice, room }
    }

    fn token(&self) -> &str {
        self.irc.as_token.expose()
    }

    async fn insert(&self, body: Value) -> Answer {
        self.insert_as(self.token(), &self.room, body).await
    }

    async fn insert_as(&self, token: &str, room: &str, body: Value) -> Answer {
        self.house.ask(Method::POST, &path(room), Some(token), Some(body)).await
    }

    /// Inserts texts before everything.
    async fn before(&self, texts: &[(i64, &str)]) -> Vec<String> {
        let events: Vec<Value> = texts.iter().map(|(ts, text)| said(*ts, text)).collect();
        ids(self.insert(json!({ "events": events })).await.ok())
    }

    async fn live(&self, txn: &str, text: &str) -> String {
        self.house.say(self.token(), &self.room, txn, text).await
    }

    async fn event(&self, event_id: &str) -> Value {
        self.house.look(&self.alice, &self.room, &format!("event/{}", escape(event_id))).await.ok()
    }

    /// Reads all messages page by page.
    async fn paged(&self, direction: &str) -> Vec<String> {
        let (mut found, mut from) = (Vec::new(), String::new());
        loop {
            let what = format!("messages?dir={direction}&limit=3{from}");
            let page = self.house.look(&self.alice, &self.room, &what).await.ok();
            found.extend(bodies(events(&page["chunk"])).into_iter().map(str::to_owned));
            match page["end"].as_str() {
                Some(end) if !events(&page["chunk"]).is_empty() => from = format!("&from={end}"),
                _ => return found,
            }
        }
    }
}

fn path(room: &str) -> String {
    format!("/_matrix/client/unstable/com.beeper.backfill/rooms/{}/batch_send", escape(room))
}

/// What a ghost said that was never in the room.
fn said(ts: i64, text: &str) -> Value {
    json!({
        "type": "m.room.message", "sender": "@_irc_bob:hs.test", "origin_server_ts": ts,
        "content": { "msgtype": "m.text", "body": text },
    })
}

fn ids(answer: Value) -> Vec<String> {
    let ids = answer["event_ids"].as_array().expect("a list of ids");
    ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn history_stands_before_everything_in_its_true_order() {
    for place in test_locations() {
        let ground = Ground::on(place);
        let stage = Stage::on(&ground).await;
        stage.live("1", "live").await;
        let since = next_batch(&stage.house.sync(&stage.alice, "").await);
        let later = stage.before(&[(3000, "three"), (4000, "four")]).await;
        let earlier = stage.before(&[(1000, "one"), (2000, "two")]).await;
        assert_eq!(stage.event(&earlier[1]).await["origin_server_ts"], 2000);
        assert_eq!(stage.event(&later[0]).await["sender"], "@_irc_bob:hs.test");

        let all = ["one", "two", "three", "four", "live"];
        let reversed: Vec<&str> = all.iter().rev().copied().collect();
        assert_eq!(stage.paged("b").await, reversed);
        assert_eq!(stage.paged("f").await, all);
        assert_eq!(stage.house.bodies(&stage.alice, &stage.room).await, all);

        let what = format!("context/{}?limit=10", escape(&earlier[1]));
        let around = stage.house.look(&stage.alice, &stage.room, &what).await.ok();
        assert_eq!(bodies(events(&around["events_before"])), ["one"]);
        assert_eq!(bodies(events(&around["events_after"])), ["three", "four"]);
        assert!(!events(&around["state"]).is_empty(), "the room as it is explains it");
        for (token, direction, text) in [("start", "b", None), ("end", "f", Some("live"))] {
            let token = around[token].as_str().expect("a token");
            let what = format!("messages?dir={direction}&from={token}&limit=50");
            let page = stage.house.look(&stage.alice, &stage.room, &what).await.ok();
            assert_eq!(bodies(events(&page["chunk"])).last().copied(), text);
        }
        let what = "timestamp_to_event?ts=1500&dir=f";
        let path = format!("/_matrix/client/v1/rooms/{}/{what}", escape(&stage.room));
        let found = stage.house.get(&path, &stage.alice).await.ok();
        assert_eq!(found["event_id"], json!(earlier[1]));

        // Nobody is told: neither now nor by a client that begins anew.
        stage.live("2", "later").await;
        let news = stage.house.since(&stage.alice, &since).await;
        assert_eq!(bodies(timeline(&news, &stage.room)), ["later"]);
        let anew = stage.house.sync(&stage.alice, "").await;
        assert_eq!(bodies(timeline(&anew, &stage.room)), ["live", "later"]);
        let Stage { house, .. } = stage;
        house.stop().await;
    }
}

#[tokio::test]
async fn a_batch_that_is_given_again_inserts_nothing() {
    for place in test_locations() {
        let ground = Ground::on(place);
        let stage = Stage::on(&ground).await;
        // Said twice in the same moment is said twice.
        let texts = [(1000, "ho"), (1000, "ho"), (1000, "ho"), (2000, "he")];
        let first = stage.before(&texts).await;
        assert_eq!(stage.before(&texts).await, first);
        assert_eq!(stage.before(&texts[..2]).await, first[..2]);
        assert_eq!(stage.house.bodies(&stage.alice, &stage.room).await, ["ho", "ho", "ho", "he"]);

        let mut own = said(500, "own");
        own["event_id"] = json!("$own:irc.test");
        let batch = json!({ "events": [own.clone(), said(600, "other"), own] });
        let made = ids(stage.insert(batch.clone()).await.ok());
        assert_eq!((&*made[0], &*made[2]), ("$own:irc.test", "$own:irc.test"));
        assert_eq!(ids(stage.insert(batch.clone()).await.ok()), made);
        let mut forward = batch;
        forward["forward"] = json!(true);
        assert_eq!(ids(stage.insert(forward).await.ok()), made, "nor in the other direction");
        let all = ["own", "other", "ho", "ho", "ho", "he"];
        assert_eq!(stage.house.bodies(&stage.alice, &stage.room).await, all);
        assert_eq!(stage.event("$own:irc.test").await["content"]["body"], "own");

        // It is there for good, and what follows goes on where it was.
        stage.house.stop().await;
        let house = ground.start().await;
        house.homeserver.attach_appservice(stage.irc.clone(), Scripted::new()).await.expect("yes");
        let stage = Stage { house, ..stage };
        assert_eq!(stage.before(&texts).await, first);
        stage.before(&[(1, "oldest")]).await;
        assert_eq!(stage.paged("f").await, [&["oldest"], &all[..]].concat());
        let Stage { house, .. } = stage;
        house.stop().await;
    }
}

#[tokio::test]
async fn edits_reactions_threads_and_redactions_belong_to_what_they_name() {
    for place in test_locations() {
        let ground = Ground::on(place);
        let stage = Stage::on(&ground).await;
        let (first, gone) = ("$first:irc.test", "$gone:irc.test");
        let event = |kind: &str, id: Option<&str>, content: Value| {
            json!({ "type": kind, "sender": "@_irc_bob:hs.test", "origin_server_ts": 5, "event_id": id,
                "content": content })
        };
        let text = |text: &str| json!({ "msgtype": "m.text", "body": text });
        let mut edit = text("* tea");
        edit["m.new_content"] = text("tea");
        edit["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": first });
        let mut reply = text("in the thread");
        reply["m.relates_to"] = json!({ "rel_type": "m.thread", "event_id": first });
        let reaction = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": first, "key": "+" } });
        let batch = [
            event("m.room.message", Some(first), text("coffee")),
            event("m.room.message", Some(gone), text("oops")),
            event("m.room.message", None, edit),
            event("m.reaction", None, reaction),
            event("m.room.message", None, reply),
            event("m.room.redaction", None, json!({ "redacts": gone })),
        ];
        stage.insert(json!({ "events": batch })).await.ok();
        let shown = stage.event(first).await;
        let relations = &shown["unsigned"]["m.relations"];
        assert_eq!(relations["m.replace"]["content"]["m.new_content"]["body"], "tea", "{shown}");
        assert_eq!(relations["m.thread"]["count"], 1, "{shown}");
        let what = format!("relations/{}/m.annotation", escape(first));
        let path = format!("/_matrix/client/v1/rooms/{}/{what}", escape(&stage.room));
        let found = stage.house.get(&path, &stage.alice).await.ok();
        assert_eq!(events(&found["chunk"]).len(), 1);
        let taken_back = stage.event(gone).await;
        assert_eq!(taken_back["content"], json!({}));
        assert!(taken_back["unsigned"]["redacted_because"].is_object(), "{taken_back}");

        // What happens now to what was said then.
        stage.house.redact(stage.token(), &stage.room, first, "r").await.ok();
        assert_eq!(stage.event(first).await["content"], json!({}));
        let mut answer = text("an answer");
        let said = ids(stage.insert(json!({ "events": [said(9, "past")] })).await.ok()).remove(0);
        answer["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": said } });
        let path = "send/m.room.message/answer";
        let path = format!("/_matrix/client/v3/rooms/{}/{path}", escape(&stage.room));
        stage.house.put(&path, &stage.alice, answer).await.ok();
        stage
            .house
            .in_room(
                &stage.alice,
                &stage.room,
                &format!("receipt/m.read/{}", escape(&said)),
                json!({}),
            )
            .await
            .ok();
        let Stage { house, .. } = stage;
        house.stop().await;
    }
}

#[tokio::test]
async fn what_goes_after_everything_is_news_as_far_as_it_is_asked_to_be() {
    for place in test_locations() {
        let ground = Ground::on(place);
        let stage = Stage::on(&ground).await;
        stage.live("1", "live").await;
        let read = |sync: &Value| {
            let counts = &sync["rooms"]["join"][&stage.room]["unread_notifications"];
            counts["notification_count"].as_i64().unwrap_or_default()
        };
        let mut since = stage.house.sync(&stage.alice, "").await;
        let before = read(&since);
        let quietly = json!({ "forward": true, "events": [said(10, "a"), said(20, "b")] });
        let aloud = json!({
            "forward": true, "send_notification": true, "events": [said(30, "c"), said(40, "d")],
        });
        let marked = json!({
            "forward": true, "send_notification": true, "mark_read_by": "@alice:hs.test",
            "events": [said(50, "e")],
        });
        for (batch, shown, unread) in [
            (quietly, vec!["a", "b"], before),
            (aloud, vec!["c", "d"], before + 2),
            (marked, vec!["e"], 0),
        ] {
            stage.insert(batch).await.ok();
            let news = stage.house.since(&stage.alice, &next_batch(&since)).await;
            assert_eq!(bodies(timeline(&news, &stage.room)), shown);
            let anew = stage.house.sync(&stage.alice, "").await;
            assert_eq!(read(&anew), unread, "{shown:?}");
            since = news;
        }
        stage.live("2", "on").await;
        let all = ["live", "a", "b", "c", "d", "e", "on"];
        assert_eq!(stage.house.bodies(&stage.alice, &stage.room).await, all);
        let Stage { house, .. } = stage;
        house.stop().await;
    }
}

#[tokio::test]
async fn a_room_in_which_nobody_spoke_begins_with_its_history_where_that_is_asked_for() {
    let ground = Ground::new();
    let stage = Stage::on(&ground).await;
    let since = next_batch(&stage.house.sync(&stage.alice, "").await);
    let batch = |text: &str| json!({ "forward_if_no_messages": true, "send_notification": true, "events": [said(10, text)] });
    stage.insert(batch("second")).await.ok();
    stage.insert(batch("first")).await.ok();
    let news = stage.house.since(&stage.alice, &since).await;
    assert_eq!(bodies(timeline(&news, &stage.room)), ["second"]);
    assert_eq!(stage.house.bodies(&stage.alice, &stage.room).await, ["first", "second"]);
}

#[tokio::test]
async fn history_of_a_room_that_hides_its_past_is_hidden() {
    let ground = Ground::new();
    let rule = json!({ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } });
    let room = json!({ "preset": "public_chat", "initial_state": [rule] });
    let stage = Stage::with(&ground, room).await;
    let ids = stage.before(&[(1, "past")]).await;
    assert!(stage.house.bodies(&stage.alice, &stage.room).await.is_empty());
    let what = format!("event/{}", escape(&ids[0]));
    stage.house.look(&stage.alice, &stage.room, &what).await.fails(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn only_an_application_service_inserts_and_only_for_its_own() {
    let ground = Ground::new();
    let stage = Stage::on(&ground).await;
    let slack = registration("slack");
    let heard = Scripted::new();
    stage.house.homeserver.attach_appservice(slack.clone(), heard.clone()).await.expect("attached");
    let slack = slack.as_token.expose();
    let one = |event: Value| json!({ "events": [event] });
    let by = |sender: &str| {
        let mut event = said(1, "x");
        event["sender"] = json!(sender);
        one(event)
    };
    let refuse = async |token: &str, room: &str, body: Value| {
        stage.insert_as(token, room, body).await.fails(403, "M_FORBIDDEN");
    };
    refuse(&stage.alice, &stage.room, by("@alice:hs.test")).await;
    refuse(slack, &stage.room, by("@_slack_eve:hs.test")).await;
    refuse(stage.token(), "!nowhere:hs.test", by("@_irc_bob:hs.test")).await;
    refuse(stage.token(), &stage.room, by("@_slack_eve:hs.test")).await;
    refuse(stage.token(), &stage.room, by("@_irc_bob:elsewhere.test")).await;
    let carol = stage.house.person("carol").await;
    refuse(stage.token(), &stage.room, by("@carol:hs.test")).await;
    // A room that a person made is no portal: its people speak for themselves.
    let hers = stage.house.room(&carol, json!({ "preset": "public_chat" })).await;
    stage.house.in_room(stage.token(), &hers, "join", json!({})).await.ok();
    refuse(stage.token(), &hers, by("@carol:hs.test")).await;
    stage.insert_as(stage.token(), &hers, by("@_irc_bob:hs.test")).await.ok();
    // In its own portal the people who are there may have spoken elsewhere.
    stage.insert(by("@alice:hs.test")).await.ok();
    let mut read = by("@_irc_bob:hs.test");
    read["mark_read_by"] = json!("@carol:hs.test");
    refuse(stage.token(), &stage.room, read).await;

    // Another application service hears what is news, the one that inserts does not.
    stage.house.in_room(slack, &stage.room, "join", json!({})).await.ok();
    stage.before(&[(1, "old")]).await;
    stage.insert(json!({ "forward": true, "events": [said(2, "news")] })).await.ok();
    stage.live("1", "live").await;
    heard.until_body("live").await;
    assert_eq!(heard.bodies(), ["news", "live"]);
}

#[tokio::test]
async fn what_is_no_history_is_refused_and_leaves_nothing() {
    let ground = Ground::new();
    let stage = Stage::on(&ground).await;
    let other = stage.house.room(stage.token(), json!({})).await;
    let with = |key: &str, value: Value| {
        let mut event = said(1, "x");
        event[key] = value;
        json!({ "events": [said(2, "good"), event] })
    };
    let mut taken = said(1, "x");
    taken["event_id"] = json!("$taken:irc.test");
    let taken = json!({ "events": [taken] });
    stage.insert_as(stage.token(), &other, taken.clone()).await.ok();
    for (body, status, errcode) in [
        (with("state_key", json!("")), 400, "M_BAD_JSON"),
        (with("event_id", json!("no id")), 400, "M_INVALID_PARAM"),
        (with("event_id", json!("$a b")), 400, "M_INVALID_PARAM"),
        (with("event_id", json!(format!("${}", "x".repeat(300)))), 400, "M_INVALID_PARAM"),
        (with("event_id", json!("$taken:irc.test")), 400, "M_INVALID_PARAM"),
        (with("origin_server_ts", json!(-1)), 400, "M_INVALID_PARAM"),
        (with("origin_server_ts", json!(i64::MAX)), 400, "M_BAD_JSON"),
        (with("origin_server_ts", json!("now")), 400, "M_BAD_JSON"),
        (with("sender", json!("bob")), 400, "M_BAD_JSON"),
        (with("content", json!("text")), 400, "M_BAD_JSON"),
        (with("content", json!({ "body": 5 })), 400, "M_BAD_JSON"),
        (with("content", json!({ "body": "x".repeat(70_000) })), 413, "M_TOO_LARGE"),
        (with("type", json!("x".repeat(300))), 413, "M_TOO_LARGE"),
        (with("type", json!(null)), 400, "M_BAD_JSON"),
        (json!({}), 400, "M_BAD_JSON"),
        (json!({ "events": {} }), 400, "M_BAD_JSON"),
        (json!({ "events": vec![said(1, "x"); 1001] }), 400, "M_INVALID_PARAM"),
        (json!({ "events": [], "mark_read_by": "alice" }), 400, "M_INVALID_PARAM"),
    ] {
        let answer = stage.insert(body).await;
        answer.fails(status, errcode);
    }
    stage.insert_as(stage.token(), "nowhere", taken).await.fails(400, "M_INVALID_PARAM");
    assert!(stage.house.bodies(&stage.alice, &stage.room).await.is_empty(), "all or nothing");
    assert!(ids(stage.insert(json!({ "events": [] })).await.ok()).is_empty());
    stage.live("1", "the room is well").await;
    let sync = "/_matrix/client/v3/sync?since=h5";
    stage.house.get(sync, &stage.alice).await.fails(400, "M_INVALID_PARAM");
    let versions = stage.house.get_bare("/_matrix/client/versions").await.ok();
    assert_eq!(versions["unstable_features"]["com.beeper.batch_sending"], true);
}
