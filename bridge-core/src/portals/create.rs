//! Making a portal's room: a saga whose every part may be done again. The alias is derived from the
//! portal's key, so that an attempt whose answer was lost is found by the next one, which then adds
//! what is missing. One saga per portal at a time, whoever starts it.

use std::time::Duration;

use serde_json::{Value, json};
use support_db::DbError;

use super::{Portal, Portals, features, info, store};
use crate::ids::{LoginId, RemoteUserId};
use crate::jobs::job;
use crate::journal::{HistoryKind, HistoryWish, want_history};
use crate::matrix::{CreateRoom, MatrixOutcome, MatrixTrouble};
use crate::network::{Batch, ChatInfo, ChatKind, Member, MemberList, RemoteEvent, RemoteEventKind};

/// How long a network may take to describe a chat before its room is made without that.
const INFO_WAIT: Duration = Duration::from_secs(10);
/// How often a homeserver is asked again within one run.
const ATTEMPTS: usize = 3;
const DAY_MS: u64 = 24 * 3_600_000;

impl Portals {
    /// Makes sure a portal has a room with everyone in it who has to be, and returns the room.
    /// `info` is what is known already; what is missing is asked of `via`.
    pub(crate) async fn ensure_room(
        &self,
        portal: &Portal,
        info: &ChatInfo,
        via: Option<&LoginId>,
    ) -> Result<String, MatrixTrouble> {
        if let Some(room) = portal.rooms.first() {
            return Ok(room.clone());
        }
        let _turn = self.0.turns.take(&portal.key.to_string()).await;
        let Some(now) = self.by_id(portal.id).await? else {
            return Err(MatrixTrouble::Refused {
                errcode: "M_NOT_FOUND".to_owned(),
                words: format!("the chat {} is no longer bridged", portal.key),
            });
        };
        if let Some(room) = now.rooms.first() {
            return Ok(room.clone());
        }
        let info = self.complete(portal, info, via).await;
        let portal = self.note_info(portal.id, &info).await?.unwrap_or(now);
        self.make_room(&portal, &info, via).await
    }

    async fn make_room(
        &self,
        portal: &Portal,
        info: &ChatInfo,
        via: Option<&LoginId>,
    ) -> Result<String, MatrixTrouble> {
        let contact = self.contact(portal, info).await?;
        let owners = self.owners(portal, via).await?;
        let room = self.create_or_find(portal, contact.as_deref(), &owners, via).await?;
        self.note_room(portal.id, &room).await?;
        if let Some(contact) = &contact {
            self.0.matrix.invite_if_absent(&room, contact).await?;
            self.0.ghosts.enter(contact, &room).await?;
        }
        for owner in &owners {
            match self.0.matrix.bring_in(&room, owner).await {
                Ok(()) => {}
                // Banned, deactivated: the others shall have their room nevertheless.
                Err(MatrixTrouble::Refused { errcode, words }) => {
                    tracing::warn!(errcode, words, "somebody could not be brought into a portal");
                }
                Err(trouble) => return Err(trouble),
            }
        }
        self.note_ready(portal, &room, via).await?;
        tracing::info!(portal = portal.id, network = %portal.key.network, "a portal has its room");
        self.hand_on_members(portal, info, via).await;
        Ok(room)
    }

    /// Makes the room, or finds the one an earlier attempt made and mends it.
    async fn create_or_find(
        &self,
        portal: &Portal,
        contact: Option<&str>,
        owners: &[String],
        via: Option<&LoginId>,
    ) -> Result<String, MatrixTrouble> {
        let matrix = &self.0.matrix;
        let state = self.initial_state(portal, via);
        let request = self.request(portal, contact, owners, &state);
        let alias = matrix.names().alias(&matrix.names().alias_localpart(&portal.key));
        for _ in 0..ATTEMPTS {
            match matrix.create_room(&request).await? {
                CreateRoom::Created(room) => return Ok(room),
                CreateRoom::AliasTaken => {}
            }
            let Some(room) = matrix.resolve_alias(&alias).await? else { continue };
            match self.mend(&room, &state).await {
                Ok(()) => return Ok(room),
                // The room is of no use: the bot is not in it and cannot come in.
                Err(MatrixTrouble::Refused { .. }) => matrix.delete_alias(&alias).await?,
                Err(trouble) => return Err(trouble),
            }
        }
        Err(MatrixTrouble::Retry {
            after: Duration::from_secs(5),
            reason: "the alias of a new room keeps being taken".to_owned(),
        })
    }

    /// Adds what a room that was made before lacks.
    async fn mend(&self, room: &str, state: &[Value]) -> Result<(), MatrixTrouble> {
        let matrix = &self.0.matrix;
        matrix.join(matrix.bot(), room).await?;
        for event in state {
            let (kind, key) = (text(event, "type"), text(event, "state_key"));
            if matrix.get_state(room, kind, key).await?.is_none() {
                let content = &event["content"];
                let set = matrix.send_state(matrix.bot(), room, kind, key, content, None).await;
                if let MatrixOutcome::Retry { after, reason } = set {
                    return Err(MatrixTrouble::Retry { after, reason });
                }
            }
        }
        Ok(())
    }

    fn request(
        &self,
        portal: &Portal,
        contact: Option<&str>,
        owners: &[String],
        state: &[Value],
    ) -> Value {
        let matrix = &self.0.matrix;
        // Rooms mirror other networks' chats; where the homeserver is ours they stay at home.
        let mut creation = json!({ "m.federate": !matrix.idempotent_for_good() });
        if portal.kind == ChatKind::Space {
            creation["type"] = json!("m.space");
        }
        let direct = portal.kind == ChatKind::Direct;
        let mut request = json!({
            "room_alias_name": matrix.names().alias_localpart(&portal.key),
            "preset": "private_chat",
            "visibility": "private",
            "is_direct": direct,
            "creation_content": creation,
            "initial_state": state,
            "power_level_content_override": {
                // Ghosts show topics that were set over there, and people set them from here.
                "events": { "m.room.topic": 0 },
                // Without `users`: the creator has all power anyway, and rooms of version 12 refuse to name it.
            },
        });
        if direct {
            // Only an invitation made here tells clients that the room is a direct one.
            let people: Vec<&str> =
                contact.into_iter().chain(owners.iter().map(String::as_str)).collect();
            request["invite"] = json!(people);
        }
        request
    }

    fn initial_state(&self, portal: &Portal, via: Option<&LoginId>) -> Vec<Value> {
        let mut state = Vec::new();
        let mut add = |kind: &str, key: &str, content: Value| {
            state.push(json!({ "type": kind, "state_key": key, "content": content }));
        };
        if let Some(name) = portal.name.as_ref().filter(|_| portal.kind != ChatKind::Direct) {
            add("m.room.name", "", json!({ "name": name }));
        }
        if let Some(topic) = portal.topic.as_ref().filter(|topic| !topic.is_empty()) {
            add("m.room.topic", "", json!({ "topic": topic }));
        }
        if let Some(facts) = self.0.networks.facts(&portal.key.network) {
            let key = info::bridge_info_key(portal, &facts);
            let content = info::bridge_info(portal, &facts, &self.0.matrix);
            for kind in info::BRIDGE_INFO {
                add(kind, &key, content.clone());
            }
            if let Some(client) = via.and_then(|login| self.0.logins.client(login)) {
                let features = self.room_features(&client.capabilities(&portal.key));
                add(features::ROOM_FEATURES, &key, features);
            }
        }
        state
    }

    /// Returns the ghost a direct room is with.
    async fn contact(
        &self,
        portal: &Portal,
        info: &ChatInfo,
    ) -> Result<Option<String>, MatrixTrouble> {
        if portal.kind != ChatKind::Direct {
            return Ok(None);
        }
        let members = info.members.as_ref().map(|list| list.members.as_slice()).unwrap_or_default();
        let other: Option<&Member> = members.iter().find(|member| !member.is_me);
        // Where the network did not list members, a direct chat is called by the other's id.
        let by_chat = RemoteUserId::new(portal.key.chat.as_str());
        let (user, profile) = match other {
            Some(member) => (&member.user, member.profile.as_ref()),
            None => (&by_chat, None),
        };
        let network = &portal.key.network;
        Ok(Some(self.0.ghosts.ensure_registered(network, user, profile).await?))
    }

    /// Returns the people whose logins take part.
    async fn owners(
        &self,
        portal: &Portal,
        via: Option<&LoginId>,
    ) -> Result<Vec<String>, MatrixTrouble> {
        let mut logins = store::logins_of(&self.0.db, portal.id).await?;
        logins.extend(portal.key.receiver.clone());
        logins.extend(via.cloned());
        let mut owners: Vec<String> =
            logins.iter().filter_map(|login| self.0.logins.owner(login)).collect();
        owners.sort();
        owners.dedup();
        Ok(owners)
    }

    /// Fills in what is not known about a chat, as far as its network tells.
    async fn complete(&self, portal: &Portal, info: &ChatInfo, via: Option<&LoginId>) -> ChatInfo {
        let mut info = info.clone();
        if info.name.is_some() && info.members.is_some() {
            return info;
        }
        let client = via.and_then(|login| self.0.logins.client(login));
        let asked = async { client?.chat_info(&portal.key.chat).await.ok() };
        let told = tokio::select! {
            told = asked => told,
            () = self.0.clock.sleep(INFO_WAIT) => None,
        };
        if let Some(told) = told {
            info.kind = info.kind.or(told.kind);
            info.name = info.name.or(told.name);
            info.topic = info.topic.or(told.topic);
            info.avatar = info.avatar.or(told.avatar);
            info.disappearing = info.disappearing.or(told.disappearing);
            info.members = info.members.or(told.members);
        }
        info
    }

    /// Who is in the chat comes into the room in the portal's own lane, in order with everything
    /// else that happens there.
    async fn hand_on_members(&self, portal: &Portal, info: &ChatInfo, via: Option<&LoginId>) {
        let members = info.members.clone().filter(has_others);
        let avatar = info.avatar.clone().filter(|avatar| !avatar.source.is_empty());
        let disappearing = info.disappearing.filter(|timer| !timer.is_never());
        let news = ChatInfo { members, avatar, disappearing, ..ChatInfo::default() };
        if news == ChatInfo::default() {
            return;
        }
        let Some(via) = via else { return };
        let Some(intake) = self.0.logins.intake() else { return };
        let mut event = RemoteEvent::new(portal.key.chat.clone(), RemoteEventKind::ChatInfo(news));
        event.receiver = portal.key.receiver.clone();
        if let Err(error) = intake.commit(via, Batch::event(event)).await {
            // They come in when they speak.
            tracing::warn!(portal = portal.id, %error, "a new room's members could not be noted");
        }
    }

    async fn note_info(&self, id: i64, info: &ChatInfo) -> Result<Option<Portal>, DbError> {
        let known = info.clone();
        let job = job(move |tx| {
            let known = known.clone();
            Box::pin(async move { store::set_info(tx, id, &known).await })
        });
        self.0.db.write(job).await?;
        self.by_id(id).await
    }

    async fn note_room(&self, id: i64, room: &str) -> Result<(), DbError> {
        let (room, now) = (room.to_owned(), self.0.clock.now_ms());
        let job = job(move |tx| {
            let room = room.clone();
            Box::pin(async move { store::add_room(tx, id, &room, now).await })
        });
        self.0.db.write(job).await
    }

    /// Notes that a room is ready, and with it that its past is wanted.
    async fn note_ready(
        &self,
        portal: &Portal,
        room: &str,
        via: Option<&LoginId>,
    ) -> Result<(), DbError> {
        let (id, room, now) = (portal.id, room.to_owned(), self.0.clock.now_ms());
        let wish = via.and_then(|via| self.past_of_new_room(portal, via, now));
        let is_wanted = wish.is_some();
        let job = job(move |tx| {
            let (room, wish) = (room.clone(), wish.clone());
            Box::pin(async move {
                store::room_ready(tx, id, &room).await?;
                match &wish {
                    Some(wish) => want_history(tx, wish, now).await,
                    None => Ok(()),
                }
            })
        });
        self.0.db.write(job).await?;
        if let Some(intake) = self.0.logins.intake().filter(|_| is_wanted) {
            intake.history_wanted(id);
        }
        Ok(())
    }

    fn past_of_new_room(&self, portal: &Portal, via: &LoginId, now: i64) -> Option<HistoryWish> {
        let policy = self.0.networks.policy(&portal.key.network);
        let shows = self.0.logins.client(via)?.history().is_some();
        if !shows || policy.backfill_messages == 0 {
            return None;
        }
        let age = i64::try_from(policy.backfill_days.saturating_mul(DAY_MS)).unwrap_or(i64::MAX);
        Some(HistoryWish {
            portal_id: portal.id,
            kind: HistoryKind::Past,
            login: via.clone(),
            row_seq: 0,
            stop_at: None,
            not_before: (age > 0).then(|| now.saturating_sub(age)),
            count: i64::try_from(policy.backfill_messages).unwrap_or(i64::MAX),
        })
    }
}

fn has_others(list: &MemberList) -> bool {
    list.members.iter().any(|member| !member.is_me)
}

fn text<'v>(event: &'v Value, key: &str) -> &'v str {
    event[key].as_str().unwrap_or_default()
}
