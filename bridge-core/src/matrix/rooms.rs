//! Rooms: making them, coming and going, reading their state.

use http::Method;
use serde_json::{Value, json};

use super::Matrix;
use super::call::{Call, text};
use super::outcome::MatrixTrouble;

/// Marks a ban that the network has set.
const BANNED_THERE: &str = "com.rialto.banned_there";

/// What came of making a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CreateRoom {
    /// It is there now.
    Created(String),
    /// The alias is taken: a room was made before.
    AliasTaken,
}

impl Matrix {
    /// Makes a room as the bot. The alias in the request makes a lost answer harmless: a second
    /// attempt finds it taken.
    pub(crate) async fn create_room(&self, request: &Value) -> Result<CreateRoom, MatrixTrouble> {
        let call = Call::new("createRoom", Method::POST, &["createRoom"]).body(request);
        match self.natural(self.bot(), call).await {
            Ok(answer) => Ok(CreateRoom::Created(text(&answer, "room_id")?)),
            Err(trouble) if trouble.errcode() == Some("M_ROOM_IN_USE") => {
                Ok(CreateRoom::AliasTaken)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Looks an alias up.
    pub(crate) async fn resolve_alias(&self, alias: &str) -> Result<Option<String>, MatrixTrouble> {
        let call = Call::new("alias", Method::GET, &["directory", "room", alias]);
        let answer = or_nothing(self.natural(self.bot(), call).await)?;
        answer.map(|answer| text(&answer, "room_id")).transpose()
    }

    /// Takes an alias away from a room that is of no use any more.
    pub(crate) async fn delete_alias(&self, alias: &str) -> Result<(), MatrixTrouble> {
        let call = Call::new("alias", Method::DELETE, &["directory", "room", alias]);
        or_nothing(self.natural(self.bot(), call).await).map(drop)
    }

    /// Comes in. Being there already is fine.
    pub(crate) async fn join(&self, as_user: &str, room: &str) -> Result<(), MatrixTrouble> {
        self.change(as_user, room, "join", &json!({})).await
    }

    /// Goes.
    pub(crate) async fn leave(
        &self,
        as_user: &str,
        room: &str,
        reason: Option<&str>,
    ) -> Result<(), MatrixTrouble> {
        self.change(as_user, room, "leave", &with_reason(json!({}), reason)).await
    }

    /// Asks somebody in.
    pub(crate) async fn invite(
        &self,
        as_user: &str,
        room: &str,
        target: &str,
    ) -> Result<(), MatrixTrouble> {
        self.change(as_user, room, "invite", &json!({ "user_id": target })).await
    }

    /// Asks somebody in, as the bot, unless they are there (or asked) already.
    pub(crate) async fn invite_if_absent(
        &self,
        room: &str,
        target: &str,
    ) -> Result<(), MatrixTrouble> {
        let refused = match self.invite(self.bot(), room, target).await {
            Err(trouble) if trouble.errcode() == Some("M_FORBIDDEN") => trouble,
            other => return other,
        };
        // Homeservers refuse to invite who is in the room; the code does not say which it was.
        match self.membership(room, target).await?.as_deref() {
            Some("join" | "invite") => Ok(()),
            _ => Err(refused),
        }
    }

    /// Reads somebody's membership of a room the bot is in.
    pub(crate) async fn membership(
        &self,
        room: &str,
        target: &str,
    ) -> Result<Option<String>, MatrixTrouble> {
        let content = self.get_state(room, "m.room.member", target).await?;
        Ok(content.and_then(|content| content["membership"].as_str().map(str::to_owned)))
    }

    /// Brings a local person in at once where we may act as them, else asks them in.
    pub(crate) async fn bring_in(&self, room: &str, person: &str) -> Result<(), MatrixTrouble> {
        self.invite_if_absent(room, person).await?;
        if !self.can_puppet(person) {
            return Ok(());
        }
        match self.join(person, room).await {
            // Their token has just turned out not to be valid any more; they are invited.
            Err(_) if !self.can_puppet(person) => Ok(()),
            joined => joined,
        }
    }

    /// Removes somebody.
    pub(crate) async fn kick(
        &self,
        as_user: &str,
        room: &str,
        target: &str,
        reason: Option<&str>,
    ) -> Result<(), MatrixTrouble> {
        let body = with_reason(json!({ "user_id": target }), reason);
        self.change(as_user, room, "kick", &body).await
    }

    /// Keeps somebody out who was banned on their network. The event says so: what people on Matrix
    /// ban is not lifted by what the network says.
    pub(crate) async fn ban(
        &self,
        room: &str,
        target: &str,
        reason: &str,
    ) -> Result<(), MatrixTrouble> {
        let content = json!({ "membership": "ban", "reason": reason, BANNED_THERE: true });
        let set = self.send_state(self.bot(), room, "m.room.member", target, &content, None).await;
        set.into_result().map(drop)
    }

    /// Lifts what [`ban`](Self::ban) has set, if it has.
    pub(crate) async fn lift_ban(&self, room: &str, target: &str) -> Result<(), MatrixTrouble> {
        let now = self.get_state(room, "m.room.member", target).await?;
        let ours = now.is_some_and(|now| now["membership"] == "ban" && now[BANNED_THERE] == true);
        if !ours {
            return Ok(());
        }
        self.change(self.bot(), room, "unban", &json!({ "user_id": target })).await
    }

    /// Reads a state event's content, as the bot.
    pub(crate) async fn get_state(
        &self,
        room: &str,
        event_type: &str,
        state_key: &str,
    ) -> Result<Option<Value>, MatrixTrouble> {
        let path = ["rooms", room, "state", event_type, state_key];
        or_nothing(self.natural(self.bot(), Call::new("state", Method::GET, &path)).await)
    }

    /// Returns who made a room, where its version sets them above all levels.
    pub(crate) async fn created_by(&self, room: &str) -> Result<Vec<String>, MatrixTrouble> {
        const TYPE: &str = "m.room.create";
        let Some(create) = self.get_state(room, TYPE, "").await? else { return Ok(Vec::new()) };
        let version = create["room_version"].as_str().and_then(|version| version.parse().ok());
        if version.is_none_or(|version: u32| version < 12) {
            return Ok(Vec::new());
        }
        let listed = create["additional_creators"].as_array().into_iter().flatten();
        let mut creators: Vec<String> =
            listed.filter_map(Value::as_str).map(str::to_owned).collect();
        let call = Call::new("state", Method::GET, &["rooms", room, "state"]);
        let state = self.natural(self.bot(), call).await?;
        let create = state.as_array().into_iter().flatten().find(|event| event["type"] == TYPE);
        creators.extend(create.and_then(|create| create["sender"].as_str()).map(str::to_owned));
        Ok(creators)
    }

    /// Lists who is in a room the bot is in.
    pub(crate) async fn joined_members(&self, room: &str) -> Result<Vec<String>, MatrixTrouble> {
        let call = Call::new("members", Method::GET, &["rooms", room, "joined_members"]);
        let answer = self.natural(self.bot(), call).await?;
        let joined = answer.get("joined").and_then(Value::as_object);
        Ok(joined.map(|joined| joined.keys().cloned().collect()).unwrap_or_default())
    }

    async fn change(
        &self,
        as_user: &str,
        room: &str,
        verb: &'static str,
        body: &Value,
    ) -> Result<(), MatrixTrouble> {
        let call = Call::new(verb, Method::POST, &["rooms", room, verb]).body(body);
        self.natural(as_user, call).await.map(drop)
    }
}

fn with_reason(mut body: Value, reason: Option<&str>) -> Value {
    if let Some(reason) = reason {
        body["reason"] = json!(reason);
    }
    body
}

/// Reads "not found" as nothing.
fn or_nothing(answer: Result<Value, MatrixTrouble>) -> Result<Option<Value>, MatrixTrouble> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(trouble) if trouble.errcode() == Some("M_NOT_FOUND") => Ok(None),
        Err(trouble) => Err(trouble),
    }
}
