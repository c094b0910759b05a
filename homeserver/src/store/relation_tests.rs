//! The store's contract for relations, on every database that tests can reach.

use ruma::{event_id, user_id};
use support_db::{
    Db, DbError, Tx,
    testing::{prepare_check, test_locations},
};

use super::{
    events::{self, NewEvent},
    relations::{self, NewRelation, Related},
    sweep::Spot,
};
use crate::MIGRATIONS;

const ROOM: i64 = 1;

async fn insert(db: &Db, position: i64, kind: &'static str, content: &'static str) {
    db.write(move |tx: &mut Tx| {
        Box::pin(async move {
            let (id, json) = (format!("${position}"), format!("{{\"content\":{content}}}"));
            let event = NewEvent {
                position,
                event_id: id.as_str().try_into().unwrap(),
                room_nid: ROOM,
                kind,
                state_key: None,
                sender: "@a:hs",
                depth: position,
                origin_server_ts: 7,
                state_group: ROOM,
                replaces: None,
                membership: None,
                txn: None,
                json: &json,
            };
            events::insert(tx, &event).await.map(drop)
        })
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn events_of_before_there_were_relations_are_looked_through() {
    for place in test_locations() {
        let db = place.open(&MIGRATIONS[..4]).await;
        for (position, kind, content) in [
            (2, "m.room.message", r#"{"m.relates_to":{"rel_type":"m.thread","event_id":"$1"}}"#),
            (
                3,
                "m.reaction",
                r#"{"m.relates_to":{"rel_type":"m.annotation","event_id":"$1","key":"é\"\n"}}"#,
            ),
            (
                4,
                "m.room.message",
                r#"{"m.new_content":{},"m.relates_to":{"rel_type":"m.replace","event_id":"$1"}}"#,
            ),
            // Not these.
            (5, "m.room.message", r#"{"m.relates_to":{"rel_type":"m.replace","event_id":"$1"}}"#),
            (6, "m.room.message", r#"{"m.relates_to":{"m.in_reply_to":{"event_id":"$1"}}}"#),
            (7, "m.room.message", r#"{"m.relates_to":{"rel_type":7,"event_id":["$1"]}}"#),
            (8, "m.room.message", r#"{"m.relates_to":{"rel_type":"x","event_id":"no id"}}"#),
            (
                9,
                "m.reaction",
                r#"{"m.relates_to":{"rel_type":"m.annotation","event_id":"$1","key":"\u0000"}}"#,
            ),
            (10, "m.room.message", r#"{"m.relates_to":"\"m.relates_to\""}"#),
            (11, "m.room.message", r#"{"body":"\"m.relates_to\""}"#),
        ] {
            insert(&db, position, kind, content).await;
        }
        db.close().await;
        let db = place.open(MIGRATIONS).await;
        let asked = Related {
            room_nid: ROOM,
            parent_id: event_id!("$1"),
            depth: 3,
            rel_type: "",
            kind: "",
            newest_first: false,
        };
        let found = relations::related(&mut &db, &asked, (0, 99), 99).await.unwrap();
        let found: Vec<_> = found.iter().map(|event| event.position).collect();
        assert_eq!(found, [2, 3, 4], "{}", place.name);
        let (parent, user) = (event_id!("$1"), user_id!("@a:hs"));
        let key = "é\"\n";
        let mut at = &db;
        let is_known = relations::is_annotated(&mut at, ROOM, parent, user, "m.reaction", key);
        assert!(is_known.await.unwrap(), "{}", place.name);
        db.close().await;
    }
}

#[tokio::test]
async fn relations_are_found_by_what_they_relate_to() {
    for place in test_locations() {
        let db = place.open(MIGRATIONS).await;
        assert_eq!(prepare_check(&db, relations::STATEMENTS).await, Vec::<String>::new());
        for position in 1..=6 {
            insert(&db, position, "m.room.message", "{}").await;
        }
        db.write(|tx: &mut Tx| {
            Box::pin(async move {
                for (child, parent, rel_type) in [
                    (2, "$1", "m.thread"),
                    (3, "$1", "m.thread"),
                    (4, "$3", "m.replace"),
                    (5, "$4", "m.reference"),
                    (6, "$5", "m.reference"),
                ] {
                    let relation = NewRelation {
                        child,
                        room_nid: ROOM,
                        parent_id: parent.try_into().unwrap(),
                        rel_type,
                        kind: "m.room.message",
                        sender: user_id!("@a:hs"),
                        key: None,
                    };
                    relations::insert(tx, &relation).await?;
                }
                Ok::<_, DbError>(())
            })
        })
        .await
        .unwrap();
        let mut at = &db;
        let ask = |depth, rel_type, newest_first| {
            let parent_id = event_id!("$1");
            Related { room_nid: ROOM, parent_id, depth, rel_type, kind: "", newest_first }
        };
        for (asked, limit, expected) in [
            (ask(1, "", false), 9, vec![2, 3]),
            (ask(1, "", true), 1, vec![3]),
            (ask(3, "", false), 9, vec![2, 3, 4, 5]),
            (ask(3, "m.replace", false), 9, vec![4]),
        ] {
            let found = relations::related(&mut at, &asked, (0, 99), limit).await.unwrap();
            let found: Vec<_> = found.iter().map(|event| event.position).collect();
            assert_eq!(found, expected, "{asked:?}");
        }
        let spot = |name, high| Spot { room_nid: ROOM, low: 0, high, name };
        let (alice, bob) = (user_id!("@a:hs"), user_id!("@b:hs"));
        let threads = relations::threads_of(&mut at, [spot("$1", 99)], alice).await.unwrap();
        assert_eq!((threads[0].replies, threads[0].latest, threads[0].is_own), (2, 3, true));
        let threads = relations::threads_of(&mut at, [spot("$1", 2)], bob).await.unwrap();
        assert_eq!((threads[0].replies, threads[0].latest, threads[0].is_own), (1, 2, false));
        let elsewhere = Spot { room_nid: 7, ..spot("$1", 99) };
        assert!(relations::threads_of(&mut at, [elsewhere], bob).await.unwrap().is_empty());
        let links = relations::links_of(&mut at, [spot("$3", 99), spot("$4", 99)]).await.unwrap();
        let links: Vec<_> = links.iter().map(|link| (link.position, link.is_edit)).collect();
        assert_eq!(links, [(4, true), (5, false)]);
        assert!(relations::is_child(&mut at, ROOM, event_id!("$2")).await.unwrap());
        assert!(!relations::is_child(&mut at, ROOM, event_id!("$1")).await.unwrap());
        let threads = relations::threads(&mut at, ROOM, bob, (99, 99), false, 9).await.unwrap();
        assert_eq!(threads[0].0, 3);
        db.write(|tx: &mut Tx| Box::pin(relations::delete(tx, 3))).await.unwrap();
        assert!(!relations::is_child(&mut at, ROOM, event_id!("$3")).await.unwrap());
        db.close().await;
    }
}
