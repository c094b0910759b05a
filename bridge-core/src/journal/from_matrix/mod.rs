//! From Matrix to the networks: station 2 (route) and station 4 (plan) of the journey in
//! ARCHITECTURE.md.
//!
//! An event is ours coming back, an invitation, a command, something for one or more portals, or
//! nothing to us. For each portal the speaker is found and the bridge plans the sends.

mod again;
mod intents;
mod lookup;
mod read;
mod speaker;
mod targets;

use serde_json::Value;

use self::read::{Draft, read_event};
use super::{
    Journal,
    machine::OpenRow,
    plan::{Plan, PlanTrouble},
    row::{Outcome, Row},
    step::{NewStep, StepState, StepWork},
};
use crate::{
    ids::SendKey,
    matrix::{MatrixTrouble, STEP_KEY, Sender},
    network::LostAnswer,
    portals::Portal,
};

/// What an event is, as far as the journal must know.
pub(super) struct Event {
    /// The room.
    pub(super) room: String,
    /// The event.
    pub(super) id: String,
    /// The sender.
    pub(super) sender: String,
    /// The type.
    pub(super) kind: String,
    /// The state key of a state event.
    pub(super) state_key: Option<String>,
    /// When.
    pub(super) timestamp: i64,
    /// What.
    pub(super) content: Value,
    /// The event a redaction takes back.
    pub(super) redacts: Option<String>,
    /// What state said before, where the homeserver tells.
    pub(super) before: Option<Value>,
}

impl Event {
    /// Reads an event as the homeserver sent it. `None` if it lacks what every event has.
    fn read(row: &Row) -> Option<Self> {
        let raw: Value = serde_json::from_str(row.payload.as_deref()?).ok()?;
        let text = |key: &str| raw.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            room: row.room_id.clone()?,
            id: row.event_id.clone()?,
            sender: row.sender.clone()?,
            kind: row.kind.clone(),
            state_key: text("state_key"),
            timestamp: raw.get("origin_server_ts").and_then(Value::as_i64).unwrap_or(0),
            redacts: redacts(&raw),
            before: raw.get("unsigned").and_then(|unsigned| unsigned.get("prev_content")).cloned(),
            content: raw.get("content").cloned().unwrap_or(Value::Null),
        })
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.content.get(key).and_then(Value::as_str)
    }
}

/// Returns what a redaction takes back; room version 11 moved it into the content.
pub(super) fn redacts(raw: &Value) -> Option<String> {
    if raw.get("type").and_then(Value::as_str) != Some("m.room.redaction") {
        return None;
    }
    let inside = raw.get("content").and_then(|content| content.get("redacts"));
    inside.or_else(|| raw.get("redacts")).and_then(Value::as_str).map(str::to_owned)
}

impl Journal {
    /// Routes and plans an event; one that is carried again is asked for at the homeserver.
    pub(super) async fn plan_from_matrix(
        &self,
        open: &OpenRow,
        target: Option<i64>,
    ) -> Result<Plan, PlanTrouble> {
        match open.row.again_of {
            Some(first) => self.plan_again(open, target, first).await,
            None => self.route(open, target).await,
        }
    }

    async fn route(&self, open: &OpenRow, target: Option<i64>) -> Result<Plan, PlanTrouble> {
        let row = &open.row;
        let Some(event) = Event::read(row) else {
            return Ok(Plan::ignored("taken back before it was carried"));
        };
        if event.kind == "m.room.member" {
            if let Some(plan) = self.plan_member(row, &event).await? {
                return Ok(plan);
            }
        } else if event.state_key.is_none()
            && event.kind == "m.room.message"
            && self.parts.matrix.kind_of(&event.sender) == Sender::Other
        {
            let body = event.text("body").unwrap_or_default();
            if self.parts.bot.is_command(&event.room, &event.sender, body).await? {
                return self.plan_command(row, &event).await;
            }
        }
        let portals = self.destinations(&event).await?;
        if portals.is_empty() {
            return Ok(Plan::ignored("no portal"));
        }
        match read_event(&event) {
            Draft::Ignored(why) => Ok(Plan::ignored(why)),
            Draft::NotCarried(why) => Ok(Plan::Done {
                outcome: Outcome::Ignored,
                reason: Some(why.to_owned()),
                report: true,
            }),
            draft => self.plan_targets(open, &event, &draft, portals, target).await,
        }
    }

    /// Returns the portals an event goes to: those of its room, without the one it came from.
    async fn destinations(&self, event: &Event) -> Result<Vec<Portal>, PlanTrouble> {
        let mut portals = self.parts.portals.by_room(&event.room).await?;
        let tag = event.text(STEP_KEY).map(SendKey::new);
        match self.parts.matrix.kind_of(&event.sender) {
            Sender::Bot => portals.clear(),
            Sender::Ghost(network, _) => {
                let origin = match &tag {
                    Some(tag) => self.store.portal_of_key(tag).await?,
                    None => None,
                };
                // Without a tag nobody knows which of the network's portals it came from.
                portals.retain(|portal| match origin {
                    Some(origin) => portal.id != origin,
                    None => portal.key.network != network,
                });
            }
            Sender::Other => {
                if let Some(tag) = &tag
                    && let Some(origin) = self.store.portal_of_key(tag).await?
                {
                    portals.retain(|portal| portal.id != origin);
                }
            }
        }
        Ok(portals)
    }

    /// Handles what concerns the bot itself; `None`: the portals may want it.
    ///
    /// People coming and going in a portal's room stay on Matrix: by rule for now, since a person
    /// is in the remote chat through a login, not through the room.
    async fn plan_member(&self, row: &Row, event: &Event) -> Result<Option<Plan>, PlanTrouble> {
        let Some(member) = event.state_key.as_deref() else { return Ok(None) };
        let bot = &self.parts.bot;
        let membership = event.text("membership").unwrap_or_default();
        match (self.parts.matrix.kind_of(member), membership) {
            (Sender::Bot, "invite") => {
                let direct = event.content.get("is_direct").and_then(Value::as_bool);
                bot.invited(&event.room, &event.sender, direct.unwrap_or(false)).await?;
                if let Some(invitation) = &row.event_id {
                    self.hear_what_was_said_meanwhile(&event.room, invitation).await?;
                }
                let reason = Some("the bot was invited".to_owned());
                Ok(Some(Plan::Done { outcome: Outcome::Sent, reason, report: false }))
            }
            (Sender::Bot, "leave" | "ban") => {
                bot.forget_room(&event.room).await?;
                Ok(Some(Plan::ignored("the bot is no longer in the room")))
            }
            (Sender::Bot, _) => Ok(Some(Plan::ignored("about the bot"))),
            (Sender::Other, "leave" | "ban") => {
                if self.parts.portals.by_room(&event.room).await?.is_empty() {
                    bot.forget_room(&event.room).await?;
                }
                Ok(Some(Plan::ignored("people come and go on Matrix only")))
            }
            (Sender::Other, "join") => {
                bot.somebody_came(&event.room).await?;
                Ok(Some(Plan::ignored("people come and go on Matrix only")))
            }
            (Sender::Other, _) => Ok(Some(Plan::ignored("people come and go on Matrix only"))),
            (Sender::Ghost(..), _) => Ok(None),
        }
    }

    /// Takes in what people said between inviting the bot and its coming in: a homeserver pushes only
    /// what happens in rooms we are in. What it pushes as well is known by its id.
    async fn hear_what_was_said_meanwhile(
        &self,
        room: &str,
        invitation: &str,
    ) -> Result<(), PlanTrouble> {
        let said = match self.parts.matrix.said_since(room, invitation).await {
            Ok(said) => said,
            // The bot did not come in after all.
            Err(MatrixTrouble::Refused { .. }) => return Ok(()),
            Err(trouble) => return Err(trouble.into()),
        };
        let by_people = |event: &Value| {
            let sender = event.get("sender").and_then(Value::as_str).unwrap_or_default();
            self.parts.matrix.kind_of(sender) == Sender::Other
        };
        let events: Vec<_> = said
            .iter()
            .filter(|event| by_people(event))
            .filter_map(|event| serde_json::value::to_raw_value(event).ok())
            .collect();
        if !events.is_empty() {
            self.accept_transaction(&format!("meanwhile-{invitation}"), &events).await?;
        }
        Ok(())
    }

    /// A command is a step of its own, marked before it is carried out: it may do anything, so it
    /// is never carried out twice.
    async fn plan_command(&self, row: &Row, event: &Event) -> Result<Plan, PlanTrouble> {
        let portals = self.parts.portals.by_room(&event.room).await?;
        Ok(Plan::Steps(vec![NewStep {
            step: 0,
            portal_id: portals.first().map(|portal| portal.id),
            network: None,
            login_id: None,
            room_id: Some(event.room.clone()),
            operation: "command".to_owned(),
            work: StepWork::Command,
            lost_answer: LostAnswer::None,
            send_key: self.keys.step(row.seq, 0),
            state: StepState::Queued,
            remote_id: None,
            part: 0,
            reason: None,
        }]))
    }
}
