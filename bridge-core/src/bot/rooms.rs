//! Management rooms: direct rooms with the bot.

use serde_json::json;
use support_db::{Db, DbError, params};

use super::login::derived_key;
use super::{Bot, BotReply, words};
use crate::jobs::job;
use crate::matrix::{MatrixOutcome, MatrixTrouble};
use crate::permissions::Permission;

const IS_MANAGEMENT: &str = "SELECT mxid
    FROM management_room
    WHERE room_id = $1 AND mxid = $2";

const ADD: &str = "INSERT INTO management_room (mxid, room_id, created_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (room_id, mxid) DO NOTHING";

const ANY_MANAGEMENT: &str = "SELECT mxid FROM management_room WHERE room_id = $1 LIMIT 1";

const FORGET: &str = "DELETE FROM management_room WHERE room_id = $1";

pub(super) async fn is_management_room(db: &Db, room: &str, mxid: &str) -> Result<bool, DbError> {
    Ok(db.fetch_optional(IS_MANAGEMENT, params![room, mxid]).await?.is_some())
}

impl Bot {
    /// Answers an invitation of the bot: comes in, and takes a direct room as a management room.
    /// Being asked again, or being there already, is fine.
    pub(crate) async fn invited(
        &self,
        room: &str,
        by: &str,
        is_direct: bool,
    ) -> Result<(), MatrixTrouble> {
        let matrix = &self.0.matrix;
        let permission = self.0.permissions.of(by);
        if permission == Permission::Block {
            return match matrix.leave(matrix.bot(), room, None).await {
                Ok(()) | Err(MatrixTrouble::Refused { .. }) => Ok(()),
                Err(trouble) => Err(trouble),
            };
        }
        match matrix.join(matrix.bot(), room).await {
            Ok(()) => {}
            // Taken back meanwhile, or a room we cannot reach.
            Err(MatrixTrouble::Refused { errcode, words }) => {
                tracing::info!(errcode, words, "the bot could not follow an invitation");
                return Ok(());
            }
            Err(trouble) => return Err(trouble),
        }
        if !is_direct && !self.is_for_two(room).await? {
            return self.greet(room, by, words::greeting_in_group()).await;
        }
        self.remember(room, by).await?;
        self.greet(room, by, words::greeting(permission, &self.0.networks)).await
    }

    /// Whether a room that nobody called direct is one nevertheless. A room with a name is for others too, who have not
    /// come yet.
    async fn is_for_two(&self, room: &str) -> Result<bool, MatrixTrouble> {
        let matrix = &self.0.matrix;
        let name = matrix.get_state(room, "m.room.name", "").await?;
        let is_named =
            name.is_some_and(|name| name["name"].as_str().is_some_and(|n| !n.is_empty()));
        Ok(!is_named && matrix.joined_members(room).await?.len() <= 2)
    }

    /// Notes that somebody came into a room: where others listen, not every message is a command.
    pub(crate) async fn somebody_came(&self, room: &str) -> Result<(), MatrixTrouble> {
        let is_for_commands = self.0.db.fetch_optional(ANY_MANAGEMENT, params![room]).await?;
        if is_for_commands.is_some() && self.0.matrix.joined_members(room).await?.len() > 2 {
            self.forget_room(room).await?;
        }
        Ok(())
    }

    /// Says hello, once however often the invitation is worked on.
    async fn greet(&self, room: &str, by: &str, words: BotReply) -> Result<(), MatrixTrouble> {
        let matrix = &self.0.matrix;
        let key = derived_key("greet", &format!("{room}\0{by}"));
        let content = json!({ "msgtype": "m.notice", "body": words.text });
        let sent =
            matrix.send_event(matrix.bot(), room, "m.room.message", &key, &content, None).await;
        match sent {
            MatrixOutcome::Retry { after, reason } => Err(MatrixTrouble::Retry { after, reason }),
            // A greeting that is refused, or perhaps missing, is not worth more.
            MatrixOutcome::Done { .. }
            | MatrixOutcome::Refused { .. }
            | MatrixOutcome::Unknown { .. } => Ok(()),
        }
    }

    /// Forgets a room the bot, or the person it was with, has left.
    pub(crate) async fn forget_room(&self, room: &str) -> Result<(), DbError> {
        let room = room.to_owned();
        let job = job(move |tx| {
            let room = room.clone();
            Box::pin(async move { tx.execute(FORGET, params![room]).await.map(drop) })
        });
        self.0.db.write(job).await
    }

    async fn remember(&self, room: &str, mxid: &str) -> Result<(), DbError> {
        let (room, mxid, now) = (room.to_owned(), mxid.to_owned(), self.0.clock.now_ms());
        let job = job(move |tx| {
            let (room, mxid) = (room.clone(), mxid.clone());
            Box::pin(async move { tx.execute(ADD, params![mxid, room, now]).await.map(drop) })
        });
        self.0.db.write(job).await
    }
}
