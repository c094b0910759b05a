//! The examples of what a server makes itself: how a client brings each about, and that it comes out as it is in the example,
//! but for the names of what exists here.

use serde_json::{Value, json};
use spec_check::events;

use super::{
    super::talk::{CLIENT, event_id, events as list, next_batch, of_type},
    Story,
};
use crate::harness::{Ground, escape};

const BOB: &str = "@bob:hs.test";

/// Alice's room, and Bob, who looks like the person of the examples.
struct Scene {
    story: Story,
    bob: String,
}

pub(super) async fn goes_its_own_way(name: &str, example: &Value) {
    let ground = Ground::new();
    let scene = Scene::begin(&ground).await;
    let content = &example["content"];
    match name {
        "m.fully_read" => scene.is_read_fully().await,
        "m.presence" => scene.is_present(content).await,
        "m.receipt" => scene.is_read(content).await,
        "m.room.create" => scene.creates(content).await,
        "m.room.member" => scene.joins(content).await,
        "m.room.member$invite_room_state" => scene.is_invited(content).await,
        "m.room.member$join_authorised_via_users_server" => scene.is_let_in(content).await,
        "m.room.member$knock_room_state" => scene.knocks(content).await,
        "m.room.redaction" => scene.takes_back(content).await,
        "m.typing" => scene.types(content).await,
        _ => panic!("nobody knows how `{name}` is made"),
    }
    scene.story.house.stop().await;
}

/// Checks that an event is one of its type to every client.
fn is_event(event: &Value) {
    assert_eq!(events::faults(event), Vec::<String>::new(), "{event}");
}

impl Scene {
    async fn begin(ground: &Ground) -> Self {
        let story = Story::begin(ground).await;
        let bob = story.house.person("bob").await;
        let looks = [
            ("displayname", "Alice Margatroid"),
            ("avatar_url", "mxc://example.org/SEsfnsuifSDFSSEF"),
        ];
        for (key, value) in looks {
            let path = format!("{CLIENT}/profile/{}/{key}", escape(BOB));
            story.house.put(&path, &bob, json!({ key: value })).await.ok();
        }
        Self { story, bob }
    }

    /// A room of Alice's in which Bob is.
    async fn room_of_both(&self) -> String {
        let Story { house, alice, .. } = &self.story;
        let room = house.room(alice, json!({ "preset": "public_chat" })).await;
        house.in_room(&self.bob, &room, "join", json!({})).await.ok();
        room
    }

    /// Bob's membership as Alice reads it, in its event.
    async fn member(&self, room: &str) -> Value {
        let Story { house, alice, .. } = &self.story;
        let state = house.look(alice, room, "state").await.ok();
        let mut members = list(&state).iter();
        let member = members.find(|one| one["type"] == "m.room.member" && one["state_key"] == BOB);
        member.unwrap().clone()
    }

    /// Checks Bob's membership, and what a redaction leaves of it.
    async fn is_member(&self, room: &str, content: &Value) {
        let Story { house, alice, .. } = &self.story;
        let member = self.member(room).await;
        assert_eq!(member["content"], *content);
        is_event(&member);
        let id = member["event_id"].as_str().unwrap();
        house.redact(alice, room, id, "r").await.ok();
        let path = format!("event/{}", escape(id));
        let redacted = house.look(alice, room, &path).await.ok();
        let mut kept = json!({ "membership": content["membership"] });
        let authorised = "join_authorised_via_users_server";
        if let Some(by) = content.get(authorised) {
            kept[authorised] = by.clone();
        }
        assert_eq!(redacted["content"], kept);
    }

    async fn joins(&self, content: &Value) {
        let Story { house, alice, .. } = &self.story;
        let room = house.room(alice, json!({ "preset": "public_chat" })).await;
        house.in_room(&self.bob, &room, "join", json!({ "reason": content["reason"] })).await.ok();
        self.is_member(&room, content).await;
    }

    async fn is_invited(&self, content: &Value) {
        let Story { house, alice, .. } = &self.story;
        let room = house.room(alice, json!({ "name": "Example Room" })).await;
        let body = json!({ "user_id": BOB, "reason": content["reason"] });
        house.in_room(alice, &room, "invite", body).await.ok();
        let sync = house.sync(&self.bob, "timeout=0").await;
        let told = list(&sync["rooms"]["invite"][&room]["invite_state"]["events"]);
        self.tells_its_face(told, "invite");
        let own = told.iter().find(|one| one["state_key"] == BOB).unwrap();
        assert_eq!(own["content"], *content);
        self.is_member(&room, content).await;
    }

    async fn knocks(&self, content: &Value) {
        let Story { house, alice, .. } = &self.story;
        let room = house.room(alice, json!({ "name": "Example Room" })).await;
        let rule = json!({ "join_rule": "knock" });
        house.set_state(alice, &room, "m.room.join_rules/", rule).await.ok();
        let path = format!("{CLIENT}/knock/{}", escape(&room));
        house.post(&path, &self.bob, json!({ "reason": content["reason"] })).await.ok();
        let sync = house.sync(&self.bob, "timeout=0").await;
        let told = list(&sync["rooms"]["knock"][&room]["knock_state"]["events"]);
        self.tells_its_face(told, "knock");
        self.is_member(&room, content).await;
    }

    /// Whoever is outside is told in stripped events what the room is.
    fn tells_its_face(&self, told: &[Value], rule: &str) {
        let of = |kind: &str| of_type(told, kind).unwrap_or_else(|| panic!("no {kind}: {told:?}"));
        assert_eq!(of("m.room.name")["content"], json!({ "name": "Example Room" }));
        assert_eq!(of("m.room.join_rules")["content"], json!({ "join_rule": rule }));
        for event in told {
            let keys: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
            assert!(
                ["content", "sender", "state_key", "type"].iter().all(|key| keys.contains(key))
            );
        }
    }

    async fn is_let_in(&self, content: &Value) {
        let Story { house, alice, .. } = &self.story;
        let club = self.room_of_both().await;
        let room = house.room(alice, json!({ "room_version": "11" })).await;
        let rule = json!({
            "join_rule": "restricted", "allow": [{ "type": "m.room_membership", "room_id": club }],
        });
        house.set_state(alice, &room, "m.room.join_rules/", rule).await.ok();
        house.in_room(&self.bob, &room, "join", json!({})).await.ok();
        let mut content = content.clone();
        content["join_authorised_via_users_server"] = json!("@alice:hs.test");
        self.is_member(&room, &content).await;
    }

    async fn creates(&self, content: &Value) {
        let Story { house, alice, .. } = &self.story;
        let body = json!({
            "room_version": content["room_version"],
            "creation_content": { "m.federate": true, "predecessor": content["predecessor"] },
            "invite": [BOB],
        });
        let room = house.room(alice, body).await;
        let state = house.look(alice, &room, "state").await.ok();
        let create = of_type(list(&state), "m.room.create").unwrap();
        assert_eq!(create["content"], *content);
        is_event(create);
        let sync = house.sync(&self.bob, "timeout=0").await;
        let told = list(&sync["rooms"]["invite"][&room]["invite_state"]["events"]);
        assert_eq!(of_type(told, "m.room.create").unwrap()["content"], *content);
    }

    async fn takes_back(&self, content: &Value) {
        let Story { house, alice, room } = &self.story;
        let said = house.say(alice, room, "slip", "a slip").await;
        let path = format!("{CLIENT}/rooms/{}/redact/{}/r", escape(room), escape(&said));
        let reason = json!({ "reason": content["reason"] });
        let id = event_id(house.put(&path, alice, reason.clone()).await.ok());
        let path = format!("event/{}", escape(&id));
        let told = house.look(alice, room, &path).await.ok();
        let mut expected = content.clone();
        expected["redacts"] = json!(said);
        assert_eq!(told["content"], expected);
        is_event(&told);
        house.redact(alice, room, &id, "r-of-r").await.ok();
        let told = house.look(alice, room, &path).await.ok();
        assert_eq!(told["content"], json!({ "redacts": said }));
    }

    async fn types(&self, content: &Value) {
        assert_eq!(content["user_ids"].as_array().map(Vec::len), Some(2));
        let house = &self.story.house;
        let room = self.room_of_both().await;
        for (token, user) in [(&self.story.alice, "@alice:hs.test"), (&self.bob, BOB)] {
            let path = format!("{CLIENT}/rooms/{}/typing/{}", escape(&room), escape(user));
            let body = json!({ "typing": true, "timeout": 30_000 });
            house.put(&path, token, body).await.ok();
        }
        let told = self.passing(&self.bob, &room, "m.typing").await;
        assert_eq!(told["content"], json!({ "user_ids": ["@alice:hs.test", BOB] }));
    }

    /// The picture of the example is optional, and belongs to the profile here.
    async fn is_present(&self, content: &Value) {
        let Story { house, alice, .. } = &self.story;
        self.room_of_both().await;
        let before = next_batch(&house.sync(alice, "timeout=0").await);
        let path = format!("{CLIENT}/presence/{}/status", escape(BOB));
        let keys = ["presence", "status_msg"];
        let body: serde_json::Map<_, _> =
            keys.iter().map(|key| ((*key).to_owned(), content[*key].clone())).collect();
        house.put(&path, &self.bob, Value::Object(body)).await.ok();
        let sync = house.since(alice, &before).await;
        let told = list(&sync["presence"]["events"]);
        let told = told.iter().find(|event| event["sender"] == BOB).unwrap();
        for key in keys {
            assert_eq!(told["content"][key], content[key], "{key}");
        }
        assert!(told["content"]["last_active_ago"].is_u64(), "{told}");
        assert!(told["content"]["currently_active"].is_boolean(), "{told}");
        is_event(told);
    }

    async fn is_read(&self, content: &Value) {
        let house = &self.story.house;
        let room = self.room_of_both().await;
        let said = house.say(&self.story.alice, &room, "said", "read this").await;
        for (token, kind) in [(&self.story.alice, "m.read"), (&self.bob, "m.read.private")] {
            let path = format!("receipt/{kind}/{}", escape(&said));
            house.in_room(token, &room, &path, json!({})).await.ok();
        }
        let mut told = self.passing(&self.bob, &room, "m.receipt").await;
        let marks = [("m.read", "@alice:hs.test"), ("m.read.private", BOB)];
        for (kind, who) in marks {
            let ts = &mut told["content"][&said][kind][who]["ts"];
            assert!(ts.is_i64(), "{kind} of {who}");
            *ts = json!(1);
        }
        let expected = marks.map(|(kind, who)| (kind.to_owned(), json!({ who: { "ts": 1 } })));
        let expected = Value::Object(expected.into_iter().collect());
        assert_eq!(told["content"], json!({ said: expected }));
        let kinds = content.as_object().unwrap().values().next().unwrap().as_object().unwrap();
        assert!(kinds.keys().eq(["m.read", "m.read.private"]), "the example has the same kinds");
    }

    /// What `/sync` tells of what passes in a room.
    async fn passing(&self, token: &str, room: &str, kind: &str) -> Value {
        let sync = self.story.house.sync(token, "timeout=0").await;
        let told = of_type(list(&sync["rooms"]["join"][room]["ephemeral"]["events"]), kind);
        let told = told.unwrap_or_else(|| panic!("no {kind}: {sync}")).clone();
        is_event(&told);
        told
    }

    async fn is_read_fully(&self) {
        let Story { house, alice, room } = &self.story;
        let said = house.say(alice, room, "said", "read this").await;
        let before = next_batch(&house.sync(alice, "timeout=0").await);
        let body = json!({ "m.fully_read": said });
        house.in_room(alice, room, "read_markers", body).await.ok();
        let sync = house.since(alice, &before).await;
        let told = list(&sync["rooms"]["join"][room]["account_data"]["events"]);
        let told = of_type(told, "m.fully_read").unwrap();
        assert_eq!(told["content"], json!({ "event_id": said }));
        is_event(told);
    }
}
