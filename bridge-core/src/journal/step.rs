//! One send of a row's plan: what it does, where it goes, and where it stands.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use support_db::{DbError, Row as DbRow};

use super::words::named;
use crate::{
    ids::{LoginId, NetworkId, PortalKey, RemoteMessageId, SendKey},
    network::{ChatInfo, LostAnswer, MediaRef, RemoteStep},
    portals::RoomStep,
};

/// What stands in an operation's name before what the step carries in words.
pub(crate) const IN_WORDS: &str = " for ";

/// How many steps one target of a row may have; see [`Step::target`].
pub(crate) const STEPS_PER_TARGET: i64 = 10_000;

named! {
    /// Where a step stands.
    StepState {
        /// Not sent yet.
        Queued => "queued",
        /// Its attempt is marked; the answer is not here yet.
        Sending => "sending",
        /// Sent; the network's confirmation is still to come.
        Awaiting => "awaiting",
        /// Certainly not applied; to be sent again at `next_at`.
        Retry => "retry",
        /// The answer to its attempt was lost; to be found out.
        Lost => "lost",
        /// Stands for a target that cannot be planned before its login is connected.
        Unplanned => "unplanned",
        /// Applied.
        Sent => "sent",
        /// Not applied, for good.
        Failed => "failed",
        /// May or may not have been applied.
        Unknown => "unknown",
        /// Not applied in time.
        Expired => "expired",
        /// Taken back before it was sent.
        Ignored => "ignored",
    }
}

impl StepState {
    /// Whether nothing more happens to it.
    pub(crate) fn is_final(self) -> bool {
        match self {
            Self::Queued
            | Self::Sending
            | Self::Awaiting
            | Self::Retry
            | Self::Lost
            | Self::Unplanned => false,
            Self::Sent | Self::Failed | Self::Unknown | Self::Expired | Self::Ignored => true,
        }
    }
}

/// What a step does. Stored as JSON and executed as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub(crate) enum StepWork {
    /// A send towards a network.
    Network {
        /// The chat.
        portal: PortalKey,
        /// What the bridge planned.
        step: RemoteStep,
        /// What is remembered of it.
        #[serde(default, skip_serializing_if = "Effect::is_pair")]
        effect: Effect,
    },
    /// A call to the homeserver.
    Matrix(MatrixCall),
    /// A command for the bot. Carries nothing: what was said is in the row and wiped from it when
    /// the attempt is marked.
    Command,
    /// Nothing to do: the step records a target that was refused, or stands for one.
    Nothing,
}

/// What is remembered of a step once it was carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Effect {
    /// Event and remote message are a pair.
    #[default]
    Pair,
    /// The remote message is a further part of what another event became.
    PartOf {
        /// The event.
        event_id: String,
    },
    /// A reaction stands.
    Reaction {
        /// The remote message it belongs to.
        target: RemoteMessageId,
        /// The account that shows it on the network.
        sender: String,
        /// What it is.
        key: String,
    },
    /// A reaction is gone.
    ReactionGone {
        /// The event that showed it.
        event_id: String,
    },
    /// A message is gone.
    MessageGone {
        /// The event that showed it.
        event_id: String,
    },
    /// A message has reached somebody.
    Delivered {
        /// Which.
        target: RemoteMessageId,
        /// Whom, by Matrix id.
        mxid: String,
    },
    /// The chat is so now.
    Known {
        /// How.
        info: Box<ChatInfo>,
    },
    /// Nothing.
    Nothing,
}

impl Effect {
    fn is_pair(&self) -> bool {
        *self == Self::Pair
    }
}

/// A call to the homeserver, with everything it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub(crate) enum MatrixCall {
    /// Sends a timeline event under the step's key as transaction id.
    Event {
        /// As whom.
        sender: String,
        /// Where.
        room: String,
        /// What type.
        event_type: String,
        /// What.
        content: Value,
        /// `origin_server_ts`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ts: Option<i64>,
        /// What is remembered of it.
        #[serde(default, skip_serializing_if = "Effect::is_pair")]
        effect: Effect,
        /// The step of the same row that uploads its file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<i64>,
    },
    /// Takes an event back, under the step's key as transaction id.
    Redact {
        /// As whom; the bot stands in for who may not.
        sender: String,
        /// Where.
        room: String,
        /// Which.
        event_id: String,
        /// What is remembered of it.
        effect: Effect,
    },
    /// Brings a file of the network to the homeserver. What it is called there is kept as the step's
    /// event. Done twice, a copy lies there that nobody sees.
    Upload {
        /// For which room.
        room: String,
        /// As whom.
        sender: String,
        /// The login that can fetch it.
        login: LoginId,
        /// Where it is.
        media: MediaRef,
    },
    /// Changes a room's state or members: done twice is the same as done once.
    Room {
        /// What.
        step: RoomStep,
        /// When.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ts: Option<i64>,
        /// The step of the same row that uploads its picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<i64>,
    },
}

impl MatrixCall {
    /// Returns the room it concerns.
    pub(crate) fn room(&self) -> &str {
        match self {
            Self::Event { room, .. } | Self::Redact { room, .. } | Self::Upload { room, .. } => {
                room
            }
            Self::Room { step, .. } => &step.room,
        }
    }

    /// Whether doing it twice shows: then it needs its transaction id, or a look into the room.
    pub(crate) fn is_timeline(&self) -> bool {
        matches!(self, Self::Event { .. } | Self::Redact { .. })
    }
}

/// A step that is about to be stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NewStep {
    /// Its number in the row.
    pub(crate) step: i64,
    /// The portal it goes to, or comes from.
    pub(crate) portal_id: Option<i64>,
    /// The portal's network.
    pub(crate) network: Option<NetworkId>,
    /// The login that carries it.
    pub(crate) login_id: Option<LoginId>,
    /// The room it goes to.
    pub(crate) room_id: Option<String>,
    /// For logs and words: `message`, `topic`, ...
    pub(crate) operation: String,
    /// What it does.
    pub(crate) work: StepWork,
    /// How a lost answer is resolved.
    pub(crate) lost_answer: LostAnswer,
    /// Its key.
    pub(crate) send_key: SendKey,
    /// Where it stands; final for what is refused while planning.
    pub(crate) state: StepState,
    /// The remote message it shows (`to_matrix`).
    pub(crate) remote_id: Option<RemoteMessageId>,
    /// Which part of it.
    pub(crate) part: i64,
    /// In words, for what is refused.
    pub(crate) reason: Option<String>,
}

impl NewStep {
    /// Returns which of the row's targets it belongs to.
    pub(crate) fn target(&self) -> i64 {
        self.step / STEPS_PER_TARGET
    }
}

/// A step as the lane's worker holds it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The row.
    pub(crate) row_seq: i64,
    /// Its number in the row.
    pub(crate) step: i64,
    /// The portal.
    pub(crate) portal_id: Option<i64>,
    /// The portal's network.
    pub(crate) network: Option<NetworkId>,
    /// The login that carries it.
    pub(crate) login_id: Option<LoginId>,
    /// The room it goes to.
    pub(crate) room_id: Option<String>,
    /// For logs and words.
    pub(crate) operation: String,
    /// What it does; `None` once wiped.
    pub(crate) work: Option<StepWork>,
    /// How a lost answer is resolved.
    pub(crate) lost_answer: LostAnswer,
    /// Its key.
    pub(crate) send_key: SendKey,
    /// Where it stands.
    pub(crate) state: StepState,
    /// How often it was tried.
    pub(crate) attempts: i64,
    /// When it was first tried: the start of a client key's window.
    pub(crate) first_sent_at: Option<i64>,
    /// Not before.
    pub(crate) next_at: Option<i64>,
    /// Until when a confirmation is waited for.
    pub(crate) deadline: Option<i64>,
    /// The remote message.
    pub(crate) remote_id: Option<RemoteMessageId>,
    /// Which part of it.
    pub(crate) part: i64,
    /// The Matrix event it became.
    pub(crate) event_id: Option<String>,
    /// In words.
    pub(crate) reason: Option<String>,
}

impl Step {
    /// Returns which of the row's targets it belongs to.
    pub(crate) fn target(&self) -> i64 {
        self.step / STEPS_PER_TARGET
    }

    /// Makes the step the worker holds from one it is about to store.
    pub(crate) fn stored(row_seq: i64, new: NewStep) -> Self {
        Self {
            row_seq,
            step: new.step,
            portal_id: new.portal_id,
            network: new.network,
            login_id: new.login_id,
            room_id: new.room_id,
            operation: new.operation,
            work: Some(new.work),
            lost_answer: new.lost_answer,
            send_key: new.send_key,
            state: new.state,
            attempts: 0,
            first_sent_at: None,
            next_at: None,
            deadline: None,
            remote_id: new.remote_id,
            part: new.part,
            event_id: None,
            reason: new.reason,
        }
    }

    /// Reads a step selected with the store's column list.
    pub(crate) fn read(row: &DbRow) -> Result<Self, DbError> {
        Ok(Self {
            row_seq: row.get("row_seq")?,
            step: row.get("step")?,
            portal_id: row.get("portal_id")?,
            network: row.get::<Option<String>>("network")?.map(NetworkId::new),
            login_id: row.get::<Option<String>>("login_id")?.map(LoginId::new),
            room_id: row.get("room_id")?,
            operation: row.get("operation")?,
            work: row
                .get::<Option<&str>>("payload")?
                .map(|text| parse("payload", text))
                .transpose()?,
            lost_answer: parse("lost_answer", row.get("lost_answer")?)?,
            send_key: SendKey::new(row.get::<String>("send_key")?),
            state: StepState::parse(row.get("state")?)?,
            attempts: row.get("attempts")?,
            first_sent_at: row.get("first_sent_at")?,
            next_at: row.get("next_at")?,
            deadline: row.get("deadline")?,
            remote_id: row.get::<Option<String>>("remote_id")?.map(RemoteMessageId::new),
            part: row.get("part")?,
            event_id: row.get("event_id")?,
            reason: row.get("reason")?,
        })
    }
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(
    column: &str,
    text: &str,
) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Column {
        column: column.to_owned(),
        problem: format!("not readable: {error}"),
    })
}

/// Makes the keys under which steps reach their targets.
#[derive(Clone, Debug)]
pub(crate) struct KeyMaker {
    instance: String,
}

/// What a key is for, where it is not one of the row's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The status event.
    Status,
    /// The notice that explains a failure.
    Notice,
}

impl KeyMaker {
    /// Takes the secret this database drew once.
    pub(crate) fn new(instance: impl Into<String>) -> Self {
        Self { instance: instance.into() }
    }

    /// Returns the key of a step: the same for every attempt, unlike any other.
    pub(crate) fn step(&self, row_seq: i64, step: i64) -> SendKey {
        let mut hash = Sha256::new();
        hash.update(self.instance.as_bytes());
        hash.update(row_seq.to_be_bytes());
        hash.update(step.to_be_bytes());
        SendKey::new(hex(&hash.finalize()[..16]))
    }

    /// Returns the key of a report on a row.
    pub(crate) fn report(&self, row_seq: i64, report: Report) -> SendKey {
        self.step(
            row_seq,
            match report {
                Report::Status => -1,
                Report::Notice => -2,
            },
        )
    }
}

/// Spells bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_the_same_for_every_attempt_and_unlike_any_other() {
        let keys = KeyMaker::new("secret");
        assert_eq!(keys.step(7, 0), keys.step(7, 0));
        assert_ne!(keys.step(7, 0), keys.step(7, 1));
        assert_ne!(keys.step(7, 0), keys.step(8, 0));
        assert_ne!(keys.step(7, 0), KeyMaker::new("other").step(7, 0));
        assert_ne!(keys.report(7, Report::Status), keys.report(7, Report::Notice));
        assert_eq!(keys.step(7, 0).as_str().len(), 32);
    }
}
