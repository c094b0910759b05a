//! The store's contract for rooms, on every database that tests can reach.

use ruma::{RoomVersionId, event_id, room_alias_id, room_id, user_id};
use support_db::{
    Db, DbError, Tx,
    testing::{prepare_check, test_locations},
};

use super::{
    aliases,
    events::{self, NewEvent, Txn},
    memberships, position, rooms, state,
    sweep::{self, Spot},
};
use crate::MIGRATIONS;

const ROOM: i64 = 1;

/// Runs a story on a fresh database of each kind.
async fn on_every_database<F: Future<Output = ()>>(story: impl Fn(Db) -> F) {
    for place in test_locations() {
        let db = place.open(MIGRATIONS).await;
        story(db.clone()).await;
        db.close().await;
    }
}

/// Writes in a job of its own.
macro_rules! write {
    ($db:expr, |$tx:ident| $work:expr) => {
        $db.write(move |$tx: &mut Tx| {
            Box::pin(async move {
                let answer: Result<_, DbError> = $work.await;
                answer
            })
        })
        .await
        .unwrap()
    };
}

fn message<'a>(position: i64, event_id: &'a str, json: &'a str) -> NewEvent<'a> {
    NewEvent {
        position,
        event_id: event_id.try_into().unwrap(),
        room_nid: ROOM,
        kind: "m.room.message",
        state_key: None,
        sender: "@a:hs",
        depth: position,
        origin_server_ts: 7,
        state_group: ROOM,
        replaces: None,
        membership: None,
        txn: None,
        json,
    }
}

async fn add_room(db: &Db) {
    write!(db, |tx| async {
        let room = rooms::NewRoom {
            nid: ROOM,
            room_id: room_id!("!r:hs"),
            version: &RoomVersionId::V11,
            creator: user_id!("@a:hs"),
            published: false,
            created_ms: 1,
        };
        rooms::insert(tx, &room).await
    });
}

#[tokio::test]
async fn every_statement_about_rooms_is_understood_by_every_database() {
    on_every_database(|db| async move {
        let statements = [
            aliases::STATEMENTS,
            events::STATEMENTS,
            memberships::STATEMENTS,
            position::STATEMENTS,
            rooms::STATEMENTS,
            state::STATEMENTS,
            sweep::STATEMENTS,
        ]
        .concat();
        assert_eq!(prepare_check(&db, &statements).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_transaction_id_stores_one_event_for_good() {
    on_every_database(|db| async move {
        let insert = |position: i64, event_id: &'static str| {
            let db = db.clone();
            async move {
                write!(db, |tx| async {
                    let txn = Txn { id: "m1".to_owned(), key: [7; 16] };
                    let event = NewEvent { txn: Some(&txn), ..message(position, event_id, "{}") };
                    events::insert(tx, &event).await
                })
            }
        };
        assert!(insert(2, "$one").await);
        assert!(!insert(3, "$two").await);
        let known = events::by_txn(&mut &db, &[7; 16]).await.unwrap();
        assert_eq!(known.as_deref(), Some(event_id!("$one")));
        assert!(events::by_id(&mut &db, ROOM, event_id!("$two")).await.unwrap().is_none());
        let stored = events::at(&mut &db, [2]).await.unwrap().remove(0);
        assert_eq!(stored.txn, Some(Txn { id: "m1".to_owned(), key: [7; 16] }));
    })
    .await;
}

#[tokio::test]
async fn events_are_read_in_both_directions() {
    on_every_database(|db| async move {
        write!(db, |tx| async {
            for (position, id) in [(2, "$2"), (4, "$4"), (6, "$6"), (8, "$8")] {
                events::insert(tx, &message(position, id, "{\"content\":{}}")).await?;
            }
            events::redact(tx, 4, 8, "{\"content\":{},\"stripped\":1}").await?;
            events::redact(tx, 4, 6, "{}").await
        });
        let positions = |events: Vec<events::StoredEvent>| {
            events.iter().map(|event| event.position).collect::<Vec<_>>()
        };
        let mut at = &db;
        let newest = events::newest_between(&mut at, ROOM, 2, 7, 2).await.unwrap();
        assert_eq!(positions(newest), [6, 4]);
        let oldest = events::oldest_between(&mut at, ROOM, 3, 9, 10).await.unwrap();
        let because = oldest[0].redacted_because.as_ref().unwrap();
        assert_eq!((because.0.as_str(), oldest[0].json.contains("stripped")), ("$8", true));
        assert_eq!(positions(oldest), [4, 6, 8]);
        assert_eq!(events::newest(&mut at, ROOM).await.unwrap().unwrap().event_id, "$8");
        assert_eq!(events::group_at(&mut at, ROOM, 5).await.unwrap(), Some(ROOM));
        assert_eq!(events::group_at(&mut at, ROOM, 1).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_state_group_remembers_the_state_of_its_time_however_long_the_chain() {
    on_every_database(|db| async move {
        write!(db, |tx| async {
            let mut before = None;
            for position in 1..=250 {
                let key = (position % 7).to_string();
                state::set_current(tx, ROOM, "t", &key, position).await?;
                let is_new = position <= 7;
                let group = state::add_group(tx, ROOM, before, "t", &key, position, is_new).await?;
                before = Some(group);
            }
            Ok::<_, DbError>(())
        });
        for group in [1, 5, 99, 101, 102, 103, 210, 250] {
            let found = state::of_group(&mut &db, group).await.unwrap();
            let expected = (1..=group)
                .rev()
                .take(7)
                .map(|position| (("t".to_owned(), (position % 7).to_string()), position));
            assert_eq!(found, expected.collect(), "group {group}");
        }
        let last = state::group(&mut &db, 250).await.unwrap().unwrap();
        assert!(last.hops <= 100, "{last:?}");
        assert_eq!(last.size, 7);
    })
    .await;
}

#[tokio::test]
async fn memberships_tell_who_is_where_until_they_are_forgotten() {
    on_every_database(|db| async move {
        add_room(&db).await;
        write!(db, |tx| async {
            memberships::set(tx, "@a:hs", ROOM, "join", 2).await?;
            memberships::set(tx, "@b:hs", ROOM, "invite", 3).await?;
            memberships::set(tx, "@c:hs", ROOM, "leave", 4).await?;
            rooms::count(tx, ROOM, 1, 1).await?;
            events::insert(tx, &message(5, "$5", "{}")).await
        });
        let mut at = &db;
        let (a, c) = (user_id!("@a:hs"), user_id!("@c:hs"));
        assert_eq!(memberships::joined_nids(&mut at, a).await.unwrap(), [ROOM]);
        assert_eq!(memberships::joined_rooms(&mut at, a).await.unwrap(), ["!r:hs"]);
        let joined = memberships::joined_of_room(&mut at, room_id!("!r:hs")).await.unwrap();
        assert_eq!(joined, ["@a:hs"]);
        let changed = memberships::of_user_in_changed(&mut at, a, 4, 5).await.unwrap();
        assert_eq!((changed.len(), changed[0].1.joined_count), (1, 1));
        assert!(memberships::of_user_in_changed(&mut at, a, 5, 9).await.unwrap().is_empty());
        assert_eq!(memberships::of_user_since(&mut at, a, 4).await.unwrap().len(), 1);
        assert!(memberships::of_user_since(&mut at, a, 5).await.unwrap().is_empty());
        assert_eq!(sweep::heroes(&mut at, [ROOM], a).await.unwrap()[&ROOM], ["@b:hs"]);

        assert!(!write!(db, |tx| memberships::forget(tx, user_id!("@a:hs"), ROOM)));
        assert!(write!(db, |tx| memberships::forget(tx, user_id!("@c:hs"), ROOM)));
        assert!(memberships::of_user(&mut at, c).await.unwrap().is_empty());
        write!(db, |tx| memberships::set(tx, "@c:hs", ROOM, "invite", 6));
        let back = memberships::of_user(&mut at, c).await.unwrap();
        assert_eq!((back[0].0.membership.as_str(), back[0].0.forgotten), ("invite", false));
    })
    .await;
}

#[tokio::test]
async fn an_alias_belongs_to_one_room() {
    on_every_database(|db| async move {
        add_room(&db).await;
        let alias = room_alias_id!("#tea:hs");
        let insert = || {
            let db = db.clone();
            async move { write!(db, |tx| aliases::insert(tx, alias, ROOM, user_id!("@a:hs"), 1)) }
        };
        assert!(insert().await);
        assert!(!insert().await);
        assert_eq!(aliases::by_name(&mut &db, alias).await.unwrap().unwrap().room_id, "!r:hs");
        let of_room = aliases::of_room(&mut &db, room_id!("!r:hs")).await.unwrap();
        assert_eq!(of_room, ["#tea:hs"]);
        assert!(write!(db, |tx| aliases::delete(tx, alias)));
        assert!(!write!(db, |tx| aliases::delete(tx, alias)));
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_knows_its_own_position() {
    on_every_database(|db| async move {
        assert_eq!(position::of_events(&mut &db).await.unwrap(), 0);
        write!(db, |tx| async {
            let position = tx.next_position("events");
            events::insert(tx, &message(position, "$1", "{}")).await
        });
        assert_eq!(position::of_events(&mut &db).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn many_rooms_are_read_at_once_each_at_its_own_place() {
    on_every_database(|db| async move {
        // Two rooms: a topic that changes, a member who changes, and messages.
        write!(db, |tx| async {
            for room_nid in [1000, 2000] {
                for (step, kind, key) in [
                    (1, "m.room.topic", Some("")),
                    (2, "m.room.member", Some("@a:hs")),
                    (3, "m.room.message", None),
                    (4, "z", Some("")),
                    (5, "m.room.member", Some("@a:hs")),
                    (6, "m.room.topic", Some("")),
                    (7, "m.room.message", None),
                ] {
                    let position = room_nid + step;
                    let id = format!("${position}");
                    let event = message(position, &id, "{}");
                    let event = NewEvent { room_nid, kind, state_key: key, ..event };
                    events::insert(tx, &event).await?;
                    if let Some(key) = key {
                        state::set_current(tx, room_nid, kind, key, position).await?;
                    }
                }
            }
            Ok::<_, DbError>(())
        });
        let spot = |room_nid, low, high, name| Spot { room_nid, low, high, name };
        let positions = |found: sweep::ByRoom<events::StoredEvent>| {
            let mut found: Vec<_> = found
                .into_values()
                .map(|events| events.iter().map(|event| event.position).collect::<Vec<_>>())
                .collect();
            found.sort();
            found
        };
        let mut at = &db;
        let spots = [spot(1000, 0, 1005, ""), spot(2000, 0, 2003, ""), spot(3000, 0, 9, "")];
        let found = positions(sweep::state(&mut at, spots).await.unwrap());
        assert_eq!(found, [vec![1001, 1004, 1005], vec![2001, 2002]]);
        let found = sweep::state_without_members(&mut at, spots).await.unwrap();
        assert_eq!(positions(found), [vec![1001, 1004], vec![2001]]);
        let spots = [spot(1000, 0, 1004, "@a:hs"), spot(2000, 0, i64::MAX, "@a:hs")];
        let found = sweep::members(&mut at, spots).await.unwrap();
        assert_eq!(positions(found), [[1002], [2005]]);
        let spots = [spot(1000, 0, i64::MAX, "m.room.topic"), spot(1000, 0, i64::MAX, "z")];
        let found = sweep::state_of_types(&mut at, spots).await.unwrap();
        assert_eq!(positions(found), [[1004, 1006]]);
        let spots = [spot(1000, 1002, 1006, ""), spot(2000, 2007, 2009, "")];
        let found = sweep::changes(&mut at, spots).await.unwrap();
        assert_eq!(positions(found), [[1004, 1005, 1006]]);
        let spots = [spot(1000, 1002, 1006, ""), spot(2000, 2006, 2009, "")];
        let found = sweep::newest(&mut at, spots, 3).await.unwrap();
        assert_eq!(positions(found), [vec![1006, 1005, 1004], vec![2007, 2006]]);
        let found = sweep::histories_of(&mut at, [1000, 3000], "m.room.member", "@a:hs").await;
        let found = found.unwrap().remove(&1000).unwrap();
        let found: Vec<_> = found.iter().map(|change| change.position).collect();
        assert_eq!(found, [1002, 1005]);
        assert!(sweep::newest(&mut at, [], 3).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_nameless_room_is_known_by_the_first_people_in_it() {
    on_every_database(|db| async move {
        write!(db, |tx| async {
            for number in 0..9 {
                let user = format!("@{number}:hs");
                memberships::set(tx, &user, 1, "join", 10 + number).await?;
                memberships::set(tx, &user, 2, "leave", 10 + number).await?;
            }
            memberships::set(tx, "@me:hs", 1, "join", 1).await?;
            memberships::set(tx, "@guest:hs", 1, "invite", 11).await?;
            memberships::set(tx, "@me:hs", 2, "join", 1).await
        });
        let known = sweep::heroes(&mut &db, [1, 2, 3], user_id!("@me:hs")).await.unwrap();
        let first = |users: &[String]| users.join(" ");
        let mut here: Vec<_> = known[&1].clone();
        here.sort();
        assert_eq!(first(&here), "@0:hs @1:hs @2:hs @3:hs @guest:hs");
        assert_eq!(first(&known[&2]), "@0:hs @1:hs @2:hs @3:hs @4:hs");
        assert!(!known.contains_key(&3));
    })
    .await;
}
