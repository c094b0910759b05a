//! Carries out one planned change in a room. Doing it again does no harm.

use serde_json::{Value, json};

use super::Portals;
use super::plan::{RoomStep, RoomStepKind, disappearing_state};
use crate::ids::SendKey;
use crate::matrix::{MatrixOutcome, MatrixTrouble, STEP_KEY};

impl Portals {
    /// Carries out a change. The event id is empty where the homeserver names none.
    pub(crate) async fn apply(
        &self,
        step: &RoomStep,
        key: &SendKey,
        ts: Option<i64>,
    ) -> MatrixOutcome {
        self.try_apply(step, key, ts).await.into()
    }

    async fn try_apply(
        &self,
        step: &RoomStep,
        key: &SendKey,
        ts: Option<i64>,
    ) -> Result<String, MatrixTrouble> {
        let (room, ghosts, matrix) = (step.room.as_str(), &self.0.ghosts, &self.0.matrix);
        match &step.kind {
            RoomStepKind::Name { name } => {
                self.set_text(matrix.bot(), room, "m.room.name", "name", name, ts).await
            }
            RoomStepKind::Topic { topic, by } => {
                let sender = match by {
                    Some(by) => {
                        let profile = by.profile.as_ref();
                        ghosts.ensure_in_room(&by.network, &by.user, profile, room).await?
                    }
                    None => matrix.bot().to_owned(),
                };
                self.set_text(&sender, room, "m.room.topic", "topic", topic, ts).await
            }
            RoomStepKind::Pin { event_id, pinned } => self.set_pin(room, event_id, *pinned).await,
            RoomStepKind::Enter { ghost } => {
                let profile = ghost.profile.as_ref();
                ghosts.ensure_in_room(&ghost.network, &ghost.user, profile, room).await?;
                Ok(String::new())
            }
            RoomStepKind::Leave { mxid, reason } => {
                ghosts.leave_room(mxid, room, reason.as_deref()).await?;
                Ok(String::new())
            }
            RoomStepKind::Remove { mxid, reason, ban } => {
                match ban {
                    true => ghosts.ban_from_room(mxid, room, reason).await?,
                    false => ghosts.remove_from_room(mxid, room, Some(reason)).await?,
                }
                Ok(String::new())
            }
            RoomStepKind::Invite { ghost } => {
                let profile = ghost.profile.as_ref();
                ghosts.invite(&ghost.network, &ghost.user, profile, room).await?;
                Ok(String::new())
            }
            RoomStepKind::Unban { mxid } => {
                ghosts.lift_ban(mxid, room).await?;
                Ok(String::new())
            }
            RoomStepKind::Avatar { url, .. } => {
                let content = url.as_ref().map_or_else(|| json!({}), |url| json!({ "url": url }));
                self.set_content(room, "m.room.avatar", "", &content, ts).await
            }
            RoomStepKind::DisappearingTimer { timer } => {
                let (event_type, content) = disappearing_state(*timer);
                self.set_content(room, event_type, "", &content, ts).await
            }
            RoomStepKind::State { event_type, state_key, content } => {
                self.set_content(room, event_type, state_key, content, ts).await
            }
            RoomStepKind::PowerLevels { levels } => self.set_levels(room, levels).await,
            RoomStepKind::TakePart { notice: None, .. } => Ok(String::new()),
            RoomStepKind::TakePart { notice: Some(words), .. } => {
                let tag = key.as_str();
                let content = json!({ "msgtype": "m.notice", "body": words, STEP_KEY: tag });
                let bot = matrix.bot();
                let sent = matrix.send_event(bot, room, "m.room.message", key, &content, ts).await;
                sent.into_result()
            }
        }
    }

    /// Gives people their levels, unless they have them already.
    async fn set_levels(
        &self,
        room: &str,
        levels: &[(String, i64)],
    ) -> Result<String, MatrixTrouble> {
        const TYPE: &str = "m.room.power_levels";
        let matrix = &self.0.matrix;
        let before = matrix.get_state(room, TYPE, "").await?.unwrap_or_else(|| json!({}));
        let usual = before["users_default"].as_i64().unwrap_or(0);
        let mut content = before.clone();
        if !content["users"].is_object() {
            content["users"] = json!({});
        }
        for (mxid, level) in levels {
            if let Some(users) = content["users"].as_object_mut() {
                match *level == usual {
                    true => drop(users.remove(mxid)),
                    false => drop(users.insert(mxid.clone(), json!(level))),
                }
            }
        }
        if content == before {
            return Ok(String::new());
        }
        matrix.send_state(matrix.bot(), room, TYPE, "", &content, None).await.into_result()
    }

    /// Pins an event or no longer, unless the room says so already.
    async fn set_pin(
        &self,
        room: &str,
        event_id: &str,
        pinned: bool,
    ) -> Result<String, MatrixTrouble> {
        const TYPE: &str = "m.room.pinned_events";
        let matrix = &self.0.matrix;
        let before = matrix.get_state(room, TYPE, "").await?.unwrap_or_else(|| json!({}));
        let mut events = before["pinned"].as_array().cloned().unwrap_or_default();
        if events.iter().any(|event| event == event_id) == pinned {
            return Ok(String::new());
        }
        match pinned {
            true => events.push(json!(event_id)),
            false => events.retain(|event| event != event_id),
        }
        let content = json!({ "pinned": events });
        matrix.send_state(matrix.bot(), room, TYPE, "", &content, None).await.into_result()
    }

    /// Sets state as the bot, unless the room says so already.
    async fn set_content(
        &self,
        room: &str,
        event_type: &str,
        state_key: &str,
        content: &Value,
        ts: Option<i64>,
    ) -> Result<String, MatrixTrouble> {
        let matrix = &self.0.matrix;
        let now = matrix.get_state(room, event_type, state_key).await?;
        if now.unwrap_or_else(|| json!({})) == *content {
            return Ok(String::new());
        }
        let bot = matrix.bot();
        matrix.send_state(bot, room, event_type, state_key, content, ts).await.into_result()
    }

    /// Sets a state event of one text, unless the room says so already. A ghost without the right
    /// to is stood in for by the bot.
    async fn set_text(
        &self,
        sender: &str,
        room: &str,
        event_type: &str,
        field: &str,
        text: &str,
        ts: Option<i64>,
    ) -> Result<String, MatrixTrouble> {
        let matrix = &self.0.matrix;
        let now = matrix.get_state(room, event_type, "").await?;
        if now.and_then(|now| now[field].as_str().map(|now| now == text)).unwrap_or(text.is_empty())
        {
            return Ok(String::new());
        }
        let content = json!({ field: text });
        let set = matrix.send_state(sender, room, event_type, "", &content, ts).await;
        match set {
            MatrixOutcome::Refused { .. } if sender != matrix.bot() => {
                let bot = matrix.bot();
                matrix.send_state(bot, room, event_type, "", &content, ts).await.into_result()
            }
            other => other.into_result(),
        }
    }
}
