//! The specification's example of every event type, sent, synced, fetched and redacted.
//!
//! A table says for each example how a client brings it about: as a message, as state, as account data, or by the endpoint
//! that makes it (`made` has those). Nothing is left out without a reason beside it, and an example that the table does not
//! know fails the test.

mod made;

use serde_json::{Value, json};
use spec_check::events;

use super::talk::{CLIENT, event_id, next_batch, timeline};
use crate::harness::{Ground, House, escape};

/// How an example gets to the server.
enum Way {
    Message,
    /// With the state key of the example.
    State,
    /// Account data of the user.
    Account,
    /// Account data of a room.
    RoomAccount,
    /// The server makes it, because of something else that a client asks for.
    Made,
    /// Cannot be had here; the reason says why.
    No(&'static str),
}

use Way::{Account, Made, Message, No, RoomAccount, State};

const TO_DEVICE: Way = No("sent by `PUT /sendToDevice`, which this server does not offer");

/// Which way each example goes; names without `$` stand for all their special forms.
fn way(name: &str) -> Option<Way> {
    Some(match name.split('$').next()? {
        "m.room.message" | "m.reaction" | "m.sticker" | "m.room.encrypted" => Message,
        "m.call.answer"
        | "m.call.candidates"
        | "m.call.hangup"
        | "m.call.invite"
        | "m.call.negotiate"
        | "m.call.reject"
        | "m.call.sdp_stream_metadata_changed"
        | "m.call.select_answer" => Message,
        // In a room these verify devices too.
        "m.key.verification.accept"
        | "m.key.verification.cancel"
        | "m.key.verification.done"
        | "m.key.verification.key"
        | "m.key.verification.mac"
        | "m.key.verification.ready"
        | "m.key.verification.request"
        | "m.key.verification.start" => Message,
        "m.policy.rule.room"
        | "m.policy.rule.server"
        | "m.policy.rule.user"
        | "m.room.avatar"
        | "m.room.encryption"
        | "m.room.guest_access"
        | "m.room.history_visibility"
        | "m.room.image_pack"
        | "m.room.name"
        | "m.room.pinned_events"
        | "m.room.policy"
        | "m.room.server_acl"
        | "m.room.tombstone"
        | "m.room.topic"
        | "m.space.child"
        | "m.space.parent" => State,
        "m.room.join_rules" | "m.room.power_levels" | "m.room.canonical_alias" => State,
        "m.room.third_party_invite" => State,
        "m.accepted_terms"
        | "m.direct"
        | "m.identity_server"
        | "m.ignored_user_list"
        | "m.image_pack.rooms"
        | "m.invite_permission_config"
        | "m.key_backup"
        | "m.recent_emoji" => Account,
        "m.tag" | "m.marked_unread" => RoomAccount,
        "m.room.member" if name.ends_with("$third_party_invite") => {
            No("signed by an identity server, and this server knows none")
        }
        // `.m.rule.is_user_mention` and `.m.rule.invite_for_me` are overrides.
        "m.push_rules" => {
            No("it has rules of the server under other kinds than the specification lists")
        }
        "m.fully_read" | "m.presence" | "m.receipt" | "m.room.create" | "m.room.member"
        | "m.room.redaction" | "m.typing" => Made,
        "m.dummy"
        | "m.forwarded_room_key"
        | "m.room_key"
        | "m.room_key.withheld"
        | "m.room_key_bundle"
        | "m.room_key_request"
        | "m.secret.request"
        | "m.secret.send" => TO_DEVICE,
        _ => return None,
    })
}

/// The content with what must exist here in the place of what exists in the example.
fn at_home(name: &str, content: &Value) -> Value {
    let mut content = content.clone();
    match name {
        // Alice keeps her rights.
        "m.room.power_levels" => content["users"] = json!({ "@alice:hs.test": 100 }),
        // Aliases have to be the room's.
        "m.room.canonical_alias" => {
            content = json!({ "alias": "#example:hs.test", "alt_aliases": ["#example:hs.test"] });
        }
        // What a new room has already is no news.
        "m.room.history_visibility" => content = json!({ "history_visibility": "invited" }),
        "m.room.guest_access" => content = json!({ "guest_access": "forbidden" }),
        _ => {}
    }
    content
}

struct Story {
    house: House,
    alice: String,
    room: String,
}

impl Story {
    async fn begin(ground: &Ground) -> Story {
        let house = ground.start_with(|builder| builder.presence(true)).await.unwrap();
        let alice = house.person("alice").await;
        let room = house.room(&alice, json!({ "room_alias_name": "example" })).await;
        Story { house, alice, room }
    }

    async fn since(&self) -> String {
        next_batch(&self.house.sync(&self.alice, "timeout=0").await)
    }

    /// Sends, syncs, fetches and redacts; the content has to come back each time as it was sent.
    async fn goes_through_a_room(&self, name: &str, event: &Value, key: Option<&str>) {
        let Story { house, alice, room } = self;
        let kind = event["type"].as_str().unwrap();
        let content = at_home(name, &event["content"]);
        let since = self.since().await;
        let rooms = format!("{CLIENT}/rooms/{}", escape(room));
        let path = match key {
            Some(key) => format!("{rooms}/state/{}/{}", escape(kind), escape(key)),
            None => format!("{rooms}/send/{}/{}", escape(kind), escape(name)),
        };
        let id = event_id(house.put(&path, alice, content.clone()).await.ok());

        let sync = house.since(alice, &since).await;
        let synced = timeline(&sync, room).iter().find(|event| event["event_id"] == *id);
        let synced = synced.unwrap_or_else(|| panic!("{name} is not in {sync}"));
        assert_eq!(synced["content"], content, "{name} in /sync");
        assert_eq!((synced["type"].as_str(), synced["state_key"].as_str()), (Some(kind), key));
        let path = format!("{rooms}/event/{}", escape(&id));
        let fetched = house.get(&path, alice).await.ok();
        assert_eq!(fetched["content"], content, "{name} fetched");
        // What the server made of it is an event of its type to every client.
        if content == event["content"] {
            assert_eq!(events::faults(&fetched), Vec::<String>::new(), "{name}: {fetched}");
        }

        house.redact(alice, room, &id, &format!("r-{}", escape(name))).await.ok();
        let redacted = house.get(&path, alice).await.ok();
        assert_eq!(redacted["type"], kind, "{name}");
        assert_eq!(redacted["state_key"].as_str(), key, "{name}");
        let because = &redacted["unsigned"]["redacted_because"];
        assert_eq!(because["content"]["redacts"], *id, "{name}: {redacted}");
        let kept = redacted["content"].as_object().unwrap();
        let allowed = kept_by_redaction(kind);
        assert!(kept.keys().all(|key| allowed.contains(&key.as_str())), "{name}: {redacted}");
        for key in allowed.iter().filter(|key| content.get(**key).is_some()) {
            assert_eq!(redacted["content"][*key], content[*key], "{name} after redaction");
        }
    }

    /// Sets and gets account data, and finds it in `/sync`.
    async fn goes_through_account_data(&self, name: &str, event: &Value, of_room: bool) {
        let Story { house, alice, room } = self;
        let kind = event["type"].as_str().unwrap();
        let since = self.since().await;
        let owner = format!("{CLIENT}/user/{}", escape("@alice:hs.test"));
        let place = if of_room { format!("{owner}/rooms/{}", escape(room)) } else { owner };
        let path = format!("{place}/account_data/{}", escape(kind));
        house.put(&path, alice, event["content"].clone()).await.ok();
        assert_eq!(house.get(&path, alice).await.ok(), event["content"], "{name}");
        let sync = house.since(alice, &since).await;
        let place = if of_room { &sync["rooms"]["join"][room] } else { &sync };
        let told = place["account_data"]["events"].as_array().into_iter().flatten();
        let told: Vec<&Value> = told.filter(|one| one["type"] == kind).collect();
        assert_eq!(told.len(), 1, "{name}: {sync}");
        assert_eq!(told[0]["content"], event["content"], "{name}");
    }
}

/// What redaction leaves of a content, as room version 11 has it.
fn kept_by_redaction(kind: &str) -> &'static [&'static str] {
    match kind {
        "m.room.history_visibility" => &["history_visibility"],
        "m.room.join_rules" => &["join_rule", "allow"],
        "m.room.power_levels" => &[
            "ban",
            "events",
            "events_default",
            "invite",
            "kick",
            "redact",
            "state_default",
            "users",
            "users_default",
        ],
        _ => &[],
    }
}

#[expect(clippy::print_stdout, reason = "for whoever asks how many there are")]
fn count(passed: usize, left_out: &[String]) {
    println!("{passed} examples pass, {} cannot:\n{}", left_out.len(), left_out.join("\n"));
}

#[tokio::test]
async fn the_example_of_every_event_type_passes_unharmed() {
    let ground = Ground::new();
    let (mut passed, mut left_out) = (0, Vec::new());
    let story = Story::begin(&ground).await;
    for (name, event) in events::examples() {
        let way = way(name).unwrap_or_else(|| panic!("no way for the example `{name}`"));
        match way {
            Message => story.goes_through_a_room(name, event, None).await,
            State => {
                // A room of its own: some pieces of state change what comes after them.
                let story = Story::begin(&Ground::new()).await;
                let key = event["state_key"].as_str().unwrap();
                story.goes_through_a_room(name, event, Some(key)).await;
                story.house.stop().await;
            }
            Account => story.goes_through_account_data(name, event, false).await,
            RoomAccount => story.goes_through_account_data(name, event, true).await,
            Made => made::goes_its_own_way(name, event).await,
            No(reason) => {
                left_out.push(format!("{name}: {reason}"));
                continue;
            }
        }
        passed += 1;
    }
    count(passed, &left_out);
    assert_eq!((passed, left_out.len()), (72, 11), "of the 83 examples: {left_out:#?}");
    story.house.stop().await;
}
