//! What passes: who types and how far people have read, as application services that ask for it are told.
//!
//! Nothing of it is stored. Only the newest is kept for whoever cannot be reached now, one place for each room and each
//! receipt, and not without end: beyond a bound the oldest goes.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use ruma::{OwnedRoomId, OwnedUserId};
use serde_json::{Map, Value, json};

use crate::store::receipts::Receipt;

/// How many rooms where somebody began or stopped to type are kept for one application service.
const MOST_ROOMS: usize = 1000;
/// How many receipts.
const MOST_MARKS: usize = 5000;
/// How much of each one transaction carries.
const BATCH: usize = 100;

/// What one application service has still to be told.
#[derive(Debug, Default)]
pub(super) struct Passing {
    /// Rooms where who types has changed. Who it is, is read when it is told.
    typing: Newest<OwnedRoomId, ()>,
    marks: Newest<Mark, Upto>,
}

/// What a receipt is the newest of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Mark {
    room_id: OwnedRoomId,
    user_id: String,
    kind: String,
    thread: String,
}

#[derive(Debug)]
struct Upto {
    event_id: String,
    ts: i64,
}

/// A part of it that is being told.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rooms: Vec<(OwnedRoomId, ())>,
    marks: Vec<(Mark, Upto)>,
}

impl Passing {
    pub(super) fn add_typing(&mut self, room_id: OwnedRoomId) {
        self.typing.put(room_id, (), MOST_ROOMS);
    }

    pub(super) fn add_receipt(&mut self, room_id: OwnedRoomId, receipt: Receipt) {
        let Receipt { user_id, kind, thread, event_id, ts, .. } = receipt;
        self.marks.put(Mark { room_id, user_id, kind, thread }, Upto { event_id, ts }, MOST_MARKS);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.typing.values.is_empty() && self.marks.values.is_empty()
    }

    /// Takes the oldest part of it, if there is any.
    pub(super) fn take(&mut self) -> Option<Batch> {
        let wanted = !self.is_empty();
        wanted.then(|| Batch { rooms: self.typing.take(BATCH), marks: self.marks.take(BATCH) })
    }

    /// Takes back what was not told, unless something newer has come.
    pub(super) fn put_back(&mut self, batch: Batch) {
        for (room_id, ()) in batch.rooms {
            self.typing.put_if_new(room_id, (), MOST_ROOMS);
        }
        for (mark, upto) in batch.marks {
            self.marks.put_if_new(mark, upto, MOST_MARKS);
        }
    }
}

impl Batch {
    /// Writes it as the specification has it: as `/sync` tells it, with the room beside it.
    pub(super) fn write(&self, typists: impl Fn(&OwnedRoomId) -> Vec<OwnedUserId>) -> Vec<Value> {
        let typing = self.rooms.iter().map(|(room_id, ())| {
            let content = json!({ "user_ids": typists(room_id) });
            json!({ "type": "m.typing", "room_id": room_id, "content": content })
        });
        // One event has one place for a reader, so what he read in different threads stands in different ones.
        let mut of_rooms: BTreeMap<(&OwnedRoomId, &str), Map<String, Value>> = BTreeMap::new();
        for (mark, upto) in &self.marks {
            let content = of_rooms.entry((&mark.room_id, &mark.thread)).or_default();
            let of_event = content.entry(upto.event_id.clone()).or_insert_with(|| json!({}));
            let mut written = json!({ "ts": upto.ts });
            if !mark.thread.is_empty() {
                written["thread_id"] = mark.thread.as_str().into();
            }
            of_event[&mark.kind][&mark.user_id] = written;
        }
        let receipts = of_rooms.into_iter().map(|((room_id, _), content)| {
            json!({ "type": "m.receipt", "room_id": room_id, "content": content })
        });
        typing.chain(receipts).collect()
    }
}

/// The newest value of each key, the oldest first.
#[derive(Debug)]
struct Newest<K, V> {
    count: u64,
    values: HashMap<K, (u64, V)>,
    order: BTreeMap<u64, K>,
}

impl<K, V> Default for Newest<K, V> {
    fn default() -> Self {
        Self { count: 0, values: HashMap::new(), order: BTreeMap::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Newest<K, V> {
    fn put(&mut self, key: K, value: V, most: usize) {
        self.count += 1;
        if let Some((number, _)) = self.values.insert(key.clone(), (self.count, value)) {
            self.order.remove(&number);
        }
        self.order.insert(self.count, key);
        if self.values.len() > most {
            self.take(1);
        }
    }

    fn put_if_new(&mut self, key: K, value: V, most: usize) {
        if !self.values.contains_key(&key) {
            self.put(key, value, most);
        }
    }

    fn take(&mut self, most: usize) -> Vec<(K, V)> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some((_, key)) = self.order.pop_first()
        {
            if let Some((_, value)) = self.values.remove(&key) {
                taken.push((key, value));
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use ruma::{owned_room_id, owned_user_id};

    use super::*;

    fn receipt(user: &str, thread: &str, event: &str) -> Receipt {
        Receipt {
            user_id: user.to_owned(),
            kind: "m.read".to_owned(),
            thread: thread.to_owned(),
            event_id: event.to_owned(),
            event_position: 1,
            ts: 7,
        }
    }

    #[test]
    fn only_the_newest_of_each_reader_is_told() {
        let (mut passing, room) = (Passing::default(), owned_room_id!("!r:hs.test"));
        for event in ["$1", "$2", "$3"] {
            passing.add_receipt(room.clone(), receipt("@a:hs.test", "", event));
            passing.add_typing(room.clone());
        }
        passing.add_receipt(room.clone(), receipt("@a:hs.test", "main", "$3"));
        let written = passing.take().unwrap().write(|_| vec![owned_user_id!("@b:hs.test")]);
        let read = |more: Value| json!({ "$3": { "m.read": { "@a:hs.test": more } } });
        assert_eq!(
            written,
            [
                json!({ "type": "m.typing", "room_id": room,
                    "content": { "user_ids": ["@b:hs.test"] } }),
                json!({ "type": "m.receipt", "room_id": room, "content": read(json!({ "ts": 7 })) }),
                json!({ "type": "m.receipt", "room_id": room,
                    "content": read(json!({ "ts": 7, "thread_id": "main" })) }),
            ]
        );
        assert!(passing.take().is_none());
    }

    #[test]
    fn what_comes_back_does_not_replace_what_is_newer() {
        let (mut passing, room) = (Passing::default(), owned_room_id!("!r:hs.test"));
        passing.add_receipt(room.clone(), receipt("@a:hs.test", "", "$1"));
        passing.add_receipt(room.clone(), receipt("@b:hs.test", "", "$1"));
        let batch = passing.take().unwrap();
        passing.add_receipt(room, receipt("@a:hs.test", "", "$2"));
        passing.put_back(batch);
        let written = passing.take().unwrap().write(|_| Vec::new());
        let content = &written[0]["content"];
        assert!(content["$2"]["m.read"]["@a:hs.test"].is_object(), "{content}");
        assert!(content["$1"]["m.read"]["@b:hs.test"].is_object(), "{content}");
        assert!(content["$1"]["m.read"]["@a:hs.test"].is_null(), "{content}");
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let (mut passing, room) = (Passing::default(), owned_room_id!("!r:hs.test"));
        for number in 0..MOST_MARKS + 10 {
            passing.add_receipt(room.clone(), receipt(&format!("@{number}:hs.test"), "", "$1"));
        }
        assert_eq!(passing.marks.values.len(), MOST_MARKS);
        assert_eq!(passing.marks.order.len(), MOST_MARKS);
        let first = passing.take().unwrap();
        assert_eq!(first.marks.len(), BATCH);
        assert_eq!(first.marks[0].0.user_id, "@10:hs.test", "the oldest were left out");
    }
}
