//! What clients cannot see: that stored events are whole, and what it takes to store them.

use std::collections::HashMap;

use ruma::{
    CanonicalJsonObject, OwnedRoomId, RoomVersionId, UserId,
    api::client::room::create_room::v3::Request,
    serde::Base64,
    signatures::{PublicKeyMap, PublicKeySet, Verified, reference_hash, verify_event},
};
use serde_json::{json, value::to_raw_value};
use support_db::{Db, params, testing::sqlite_place};
use support_matrix_http::MatrixError;

use super::{
    append::append,
    create::{Wish, create},
    redact::redact,
    send,
};
use crate::{Homeserver, error::Error, events::Draft, house::SharedHouse, requester::Requester};

const ALICE: &str = "@alice:hs.test";

struct Ground {
    homeserver: Homeserver,
    house: SharedHouse,
    alice: Requester,
    _folder: tempfile::TempDir,
    _place: support_db::testing::TestPlace,
}

impl Ground {
    async fn new() -> Self {
        let (folder, place) = (tempfile::tempdir().unwrap(), sqlite_place());
        let homeserver = Homeserver::builder("hs.test")
            .database(place.location.clone())
            .data_dir(folder.path())
            .build()
            .await
            .unwrap();
        homeserver.create_user("alice", None, false).await.unwrap();
        let house = homeserver.house().clone();
        let alice = Requester {
            user_id: UserId::parse(ALICE).unwrap(),
            device_id: None,
            appservice: None,
            admin: false,
        };
        Self { homeserver, house, alice, _folder: folder, _place: place }
    }

    async fn room(&self, version: RoomVersionId) -> OwnedRoomId {
        let mut request = Request::new();
        request.room_version = Some(version);
        request.name = Some("Tea".to_owned());
        let wish = Wish::read(request, &self.house.server_name).unwrap();
        create(&self.house, &self.alice, wish).await.unwrap()
    }

    async fn say(&self, room: &OwnedRoomId, text: &str) -> ruma::OwnedEventId {
        let content = to_raw_value(&json!({ "msgtype": "m.text", "body": text })).unwrap();
        let kind = "m.room.message".into();
        send::message(&self.house, &self.alice, room, kind, text, &content, 7).await.unwrap()
    }

    fn db(&self) -> &Db {
        &self.house.db
    }
}

#[tokio::test]
async fn every_stored_event_is_hashed_signed_and_linked() {
    let ground = Ground::new().await;
    let key = ground.house.keys.pair();
    let set = PublicKeySet::from([(
        format!("ed25519:{}", key.version()),
        Base64::new(key.public_key().to_vec()),
    )]);
    let keys = PublicKeyMap::from([("hs.test".to_owned(), set)]);
    for version in super::VERSIONS {
        let room = ground.room(version.clone()).await;
        let said = ground.say(&room, "hello").await;
        ground.say(&room, "world").await;
        redact(&ground.house, &ground.alice, &room, &said, "r", None).await.unwrap();
        let rules = version.rules().unwrap();
        let rows = ground
            .db()
            .fetch_all(
                "SELECT e.event_id, e.json, e.depth, e.redacted_by IS NOT NULL AS redacted
                FROM events e JOIN rooms r ON r.room_nid = e.room_nid
                WHERE r.room_id = $1 ORDER BY e.position",
                params![room.as_str()],
            )
            .await
            .unwrap();
        assert!(rows.len() >= 8);
        let mut before: Option<String> = None;
        let mut kinds: HashMap<String, String> = HashMap::new();
        for (number, row) in rows.iter().enumerate() {
            let event_id: String = row.get("event_id").unwrap();
            let json: &str = row.get("json").unwrap();
            let event: CanonicalJsonObject = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&event).unwrap(), json, "stored canonically");
            assert_eq!(format!("${}", reference_hash(&event, &rules).unwrap()), event_id);
            let whole = verify_event(&keys, &event, &rules).unwrap() == Verified::All;
            assert_eq!(whole, !row.get::<bool>("redacted").unwrap(), "{json}");
            let event: serde_json::Value = serde_json::from_str(json).unwrap();
            let prev: Vec<String> = before.into_iter().collect();
            assert_eq!(event["prev_events"], json!(prev));
            assert_eq!(event["depth"], json!(number + 1));
            assert_eq!(row.get::<i64>("depth").unwrap(), i64::try_from(number + 1).unwrap());
            for auth in event["auth_events"].as_array().unwrap() {
                assert!(kinds.contains_key(auth.as_str().unwrap()), "{json}");
            }
            kinds.insert(event_id.clone(), event["type"].to_string());
            before = Some(event_id);
        }
    }
    ground.homeserver.shutdown(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_was_rolled_back_is_not_built_upon() {
    let ground = Ground::new().await;
    let room = ground.room(RoomVersionId::V11).await;
    let first = ground.say(&room, "first").await;
    let draft = Draft {
        sender: ground.alice.user_id.clone(),
        kind: "m.room.name".into(),
        state_key: Some(String::new()),
        content: serde_json::from_value(json!({ "name": "never" })).unwrap(),
        origin_server_ts: 7,
    };
    let work = std::sync::Arc::new((ground.house.clone(), room.clone(), draft));
    let failed = ground
        .db()
        .write(move |tx| {
            let work = work.clone();
            Box::pin(async move {
                let (house, room, draft) = &*work;
                append(tx, house, room, draft, None).await?;
                Err::<(), Error>(MatrixError::internal().into())
            })
        })
        .await;
    assert!(failed.is_err());
    let second = ground.say(&room, "second").await;
    let row = ground
        .db()
        .fetch_one("SELECT json FROM events WHERE event_id = $1", params![second.as_str()])
        .await
        .unwrap();
    let event: serde_json::Value = serde_json::from_str(row.get("json").unwrap()).unwrap();
    assert_eq!(event["prev_events"], json!([first]));
    let name = crate::store::rooms::by_id(&mut ground.db(), &room).await.unwrap().unwrap();
    let name = crate::store::state::current(&mut ground.db(), name.nid, "m.room.name", "").await;
    assert!(name.unwrap().unwrap().json.contains("Tea"));
}

#[tokio::test]
async fn a_message_costs_two_statements_itself_and_its_words() {
    let ground = Ground::new().await;
    let room = ground.room(RoomVersionId::V11).await;
    let statements = || ground.db().stats().written_statements;
    let before = statements();
    for number in 0..20 {
        ground.say(&room, &number.to_string()).await;
    }
    assert_eq!(statements() - before, 40);
}

#[tokio::test]
async fn a_room_with_more_state_than_is_kept_at_hand_works_like_any() {
    let ground = Ground::new().await;
    let room = ground.room(RoomVersionId::V11).await;
    let content = to_raw_value(&json!({ "v": 1 })).unwrap();
    for number in 0..450 {
        let key = number.to_string();
        let (house, alice) = (&ground.house, &ground.alice);
        send::state(house, alice, &room, &"x".into(), key, &content, 7).await.unwrap();
    }
    ground.say(&room, "still here").await;
    let room = crate::store::rooms::by_id(&mut ground.db(), &room).await.unwrap().unwrap();
    let state = crate::store::state::all_current(&mut ground.db(), room.nid).await.unwrap();
    assert_eq!(state.iter().filter(|event| event.kind == "x").count(), 450);
    let newest = crate::store::events::newest(&mut ground.db(), room.nid).await.unwrap().unwrap();
    let then = crate::store::state::of_group(&mut ground.db(), newest.state_group).await.unwrap();
    assert_eq!(then.len(), state.len());
}
