//! What may be lost and of which the latest wins: typing and read marks, both ways. Nothing of it is
//! journalled, nothing waits for it, and when there is too much of it the rest is dropped.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::sync::Semaphore;

use super::Journal;
use crate::{
    ids::{LoginId, PortalKey},
    matrix::{MatrixTrouble, Sender},
    network::{Kind, Level, OutgoingKind, RemoteEvent, RemoteEventKind},
    permissions::Permission,
    portals::Portal,
};

/// How much of it is under way at once.
const AT_ONCE: usize = 32;
/// How many rooms are remembered as having people who type.
const ROOMS: usize = 1000;

/// What is known of it.
#[derive(Debug)]
pub(super) struct Ephemeral {
    places: Arc<Semaphore>,
    typing: Mutex<HashMap<String, BTreeSet<String>>>,
}

impl Default for Ephemeral {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), typing: Mutex::default() }
    }
}

impl Ephemeral {
    /// Notes who types in a room; returns who began and who stopped.
    fn changes(&self, room: &str, now: BTreeSet<String>) -> Vec<(String, bool)> {
        let mut rooms = self.typing.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= ROOMS {
            rooms.clear();
        }
        let before = match now.is_empty() {
            true => rooms.remove(room),
            false => rooms.insert(room.to_owned(), now.clone()),
        };
        let before = before.unwrap_or_default();
        let began = now.difference(&before).map(|who| (who.clone(), true));
        let stopped = before.difference(&now).map(|who| (who.clone(), false));
        began.chain(stopped).collect()
    }
}

impl Journal {
    /// Runs something beside the lanes, if there is room for it.
    fn beside<F>(&self, work: F)
    where
        F: Future<Output = Result<(), MatrixTrouble>> + Send + 'static,
    {
        let Ok(place) = self.ephemeral.places.clone().try_acquire_owned() else { return };
        let halt = self.halt.clone();
        self.tasks.spawn(async move {
            if let Some(Err(trouble)) = halt.run_until_cancelled(work).await {
                tracing::debug!(%trouble, "typing or a read mark was not carried");
            }
            drop(place);
        });
    }

    /// Takes typing and read marks of a network.
    pub(super) fn hear_ephemeral(&self, login: &LoginId, event: RemoteEvent) {
        let (Some(network), Some(this)) = (self.parts.logins.network(login), self.me.upgrade())
        else {
            return;
        };
        let key = PortalKey { network, chat: event.chat.clone(), receiver: event.receiver.clone() };
        let login = login.clone();
        self.beside(async move { this.show_ephemeral(&login, &key, event).await });
    }

    async fn show_ephemeral(
        &self,
        login: &LoginId,
        key: &PortalKey,
        event: RemoteEvent,
    ) -> Result<(), MatrixTrouble> {
        let Some(portal) = self.parts.portals.by_key(key).await? else { return Ok(()) };
        let Some(sender) = &event.sender else { return Ok(()) };
        let own = if sender.is_me {
            Some(login.clone())
        } else {
            self.login_of(&key.network, &sender.user)
        };
        let matrix = &self.parts.matrix;
        let mxid = match own {
            Some(own) => self.parts.logins.double_puppet(&own),
            None => Some(self.parts.ghosts.mxid(&key.network, &sender.user)),
        };
        let Some(mxid) = mxid else { return Ok(()) };
        let kinds = event.kind.kinds();
        for room in &portal.rooms {
            if self.parts.switches.any_off(&key.network, Some(room), &kinds) {
                continue;
            }
            let is_ghost = matches!(matrix.kind_of(&mxid), Sender::Ghost(..));
            if is_ghost && !self.parts.ghosts.is_in(&mxid, room).await? {
                continue;
            }
            match &event.kind {
                RemoteEventKind::Typing { timeout_ms } => {
                    matrix.typing(&mxid, room, *timeout_ms).await?;
                }
                RemoteEventKind::Receipt { target } => {
                    let pairs = self.store.pairs_of_message(portal.id, target).await?;
                    if let Some(pair) = pairs.iter().rfind(|pair| pair.room_id == *room) {
                        matrix.mark_read(&mxid, room, &pair.event_id).await?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes typing and read marks of the homeserver.
    pub(super) fn pass_on_ephemeral(&self, events: &[Value]) {
        for event in events {
            let Some(room) = event.get("room_id").and_then(Value::as_str) else { continue };
            let content = event.get("content").unwrap_or(&Value::Null);
            match event.get("type").and_then(Value::as_str) {
                Some("m.typing") => {
                    let users = content.get("user_ids").and_then(Value::as_array);
                    let users = users.into_iter().flatten().filter_map(Value::as_str);
                    let now = users.map(str::to_owned).collect();
                    for (who, typing) in self.ephemeral.changes(room, now) {
                        self.pass_on(room, who, Passed::Typing(typing));
                    }
                }
                Some("m.receipt") => {
                    for (event, kinds) in content.as_object().into_iter().flatten() {
                        let readers = kinds.get("m.read").and_then(Value::as_object);
                        for who in readers.into_iter().flatten().map(|(who, _)| who) {
                            self.pass_on(room, who.clone(), Passed::Read(event.clone()));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn pass_on(&self, room: &str, who: String, what: Passed) {
        let allowed = self.parts.permissions.of(&who) >= Permission::User;
        if !allowed || self.parts.matrix.kind_of(&who) != Sender::Other {
            return;
        }
        let Some(this) = self.me.upgrade() else { return };
        let room = room.to_owned();
        self.beside(async move {
            for portal in this.parts.portals.by_room(&room).await? {
                let off = this.parts.switches.is_off(&portal.key.network, Some(&room), what.kind());
                if !off {
                    this.pass_to(&portal, &who, &what).await?;
                }
            }
            Ok(())
        });
    }

    async fn pass_to(
        &self,
        portal: &Portal,
        who: &str,
        what: &Passed,
    ) -> Result<(), MatrixTrouble> {
        let Some(login) = self.parts.portals.speaker(portal, who).await? else { return Ok(()) };
        if !self.parts.logins.is_connected(&login) {
            return Ok(());
        }
        let Some(client) = self.parts.logins.client(&login) else { return Ok(()) };
        let kind = match what {
            Passed::Typing(typing) => OutgoingKind::Typing { typing: *typing },
            Passed::Read(event) => {
                let pairs = self.store.pairs_of_event(portal.id, event).await?;
                let Some(pair) = pairs.into_iter().next_back() else { return Ok(()) };
                OutgoingKind::Receipt { target: pair.remote_id }
            }
        };
        if client.capabilities(&portal.key).level(kind.operation()) >= Level::Partial {
            client.ephemeral(&portal.key, &kind).await;
        }
        Ok(())
    }
}

/// What somebody on Matrix does that may be lost.
enum Passed {
    /// Types, or stopped.
    Typing(bool),
    /// Has read up to an event.
    Read(String),
}

impl Passed {
    fn kind(&self) -> Kind {
        match self {
            Self::Typing(_) => Kind::Typing,
            Self::Read(_) => Kind::Receipt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_begins_or_stops_is_told() {
        let known = Ephemeral::default();
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(known.changes("!r", set(&["@a"])), [("@a".to_owned(), true)]);
        assert_eq!(known.changes("!r", set(&["@a", "@b"])), [("@b".to_owned(), true)]);
        assert_eq!(known.changes("!r", set(&["@b"])), [("@a".to_owned(), false)]);
        assert_eq!(known.changes("!r", set(&[])), [("@b".to_owned(), false)]);
        assert!(known.changes("!r", set(&[])).is_empty());
    }
}
