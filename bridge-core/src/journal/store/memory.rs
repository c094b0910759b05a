//! What is remembered of a step that was carried: decided from the step as it was planned, so that
//! the lane and whoever settles a step from outside remember the same.

use support_db::{DbError, Tx, params};

use super::{
    Store,
    messages::{self, Message},
    reactions::{self, Reaction},
};
use crate::{
    ids::{NetworkId, RemoteMessageId},
    journal::step::{Effect, MatrixCall, StepWork},
    network::ChatInfo,
    portals::Portals,
};

const DELIVERED: &str = "INSERT INTO delivered (portal_id, remote_id, room_id, mxid)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (portal_id, remote_id, room_id, mxid) DO NOTHING";
const DELIVERED_TO: &str = "SELECT mxid FROM delivered
    WHERE portal_id = $1 AND remote_id = $2 AND room_id = $3
    ORDER BY mxid";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[DELIVERED, DELIVERED_TO];

/// Something to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// A pair.
    Message(Message),
    /// A reaction that stands.
    Reaction(Reaction),
    /// A reaction that is gone.
    ReactionGone {
        /// The chat.
        portal_id: i64,
        /// The event that showed it.
        event_id: String,
    },
    /// A message that was taken back.
    MessageGone {
        /// The chat.
        portal_id: i64,
        /// The event.
        event_id: String,
    },
    /// A message has reached somebody.
    Delivered {
        /// The chat.
        portal_id: i64,
        /// The message.
        remote_id: RemoteMessageId,
        /// The room that shows it.
        room_id: String,
        /// Whom.
        mxid: String,
    },
    /// The chat is so now.
    Known {
        /// The chat.
        portal_id: i64,
        /// How.
        info: Box<ChatInfo>,
    },
}

/// A step that was carried, with what its row knows.
#[derive(Clone, Debug)]
pub(crate) struct Carried<'a> {
    /// The row.
    pub(crate) row_seq: i64,
    /// The portal it went to, or came from.
    pub(crate) portal_id: i64,
    /// Its network.
    pub(crate) network: NetworkId,
    /// What it did.
    pub(crate) work: &'a StepWork,
    /// The remote message.
    pub(crate) remote_id: Option<RemoteMessageId>,
    /// Which part of it.
    pub(crate) part: i64,
    /// When, by the network's clock.
    pub(crate) remote_ts: Option<i64>,
    /// The room of the event behind a step to a network.
    pub(crate) row_room: Option<String>,
    /// The event behind a step to a network.
    pub(crate) row_event: Option<String>,
    /// Who is behind the row: a Matrix id or a remote one.
    pub(crate) row_sender: Option<String>,
    /// The event a step to Matrix became.
    pub(crate) event_id: Option<String>,
    /// The account that carried a step to a network.
    pub(crate) own_user: Option<String>,
}

impl Carried<'_> {
    /// Returns what is to be remembered.
    pub(crate) fn memory(self) -> Option<Memory> {
        let portal_id = self.portal_id;
        match self.work {
            StepWork::Network { effect, .. } => match effect.clone() {
                ref effect @ (Effect::Pair | Effect::PartOf { .. }) => {
                    Some(Memory::Message(Message {
                        portal_id,
                        network: self.network,
                        remote_id: self.remote_id?,
                        part: self.part,
                        room_id: self.row_room?,
                        event_id: match effect {
                            Effect::PartOf { event_id } => event_id.clone(),
                            _ => self.row_event?,
                        },
                        sender_mxid: self.row_sender,
                        remote_sender: self.own_user,
                        ts: self.remote_ts,
                        row_seq: self.row_seq,
                    }))
                }
                Effect::Reaction { target, sender, key } => Some(Memory::Reaction(Reaction {
                    portal_id,
                    remote_id: target,
                    room_id: self.row_room?,
                    remote_sender: sender,
                    key,
                    event_id: self.row_event?,
                    mxid: self.row_sender.unwrap_or_default(),
                    row_seq: self.row_seq,
                })),
                Effect::Known { info } => Some(Memory::Known { portal_id, info }),
                other => other.gone(portal_id),
            },
            StepWork::Matrix(MatrixCall::Event { sender, room, ts, effect, .. }) => {
                match effect.clone() {
                    Effect::Pair => Some(Memory::Message(Message {
                        portal_id,
                        network: self.network,
                        remote_id: self.remote_id?,
                        part: self.part,
                        room_id: room.clone(),
                        event_id: self.event_id?,
                        sender_mxid: Some(sender.clone()),
                        remote_sender: self.row_sender,
                        ts: *ts,
                        row_seq: self.row_seq,
                    })),
                    Effect::Reaction { target, sender: remote_sender, key } => {
                        Some(Memory::Reaction(Reaction {
                            portal_id,
                            remote_id: target,
                            room_id: room.clone(),
                            remote_sender,
                            key,
                            event_id: self.event_id?,
                            mxid: sender.clone(),
                            row_seq: self.row_seq,
                        }))
                    }
                    Effect::Delivered { target, mxid } => Some(Memory::Delivered {
                        portal_id,
                        remote_id: target,
                        room_id: room.clone(),
                        mxid,
                    }),
                    other => other.gone(portal_id),
                }
            }
            StepWork::Matrix(MatrixCall::Redact { effect, .. }) => effect.clone().gone(portal_id),
            StepWork::Matrix(MatrixCall::Room { .. } | MatrixCall::Upload { .. })
            | StepWork::Command
            | StepWork::Nothing => None,
        }
    }
}

impl Effect {
    fn gone(self, portal_id: i64) -> Option<Memory> {
        match self {
            Self::ReactionGone { event_id } => Some(Memory::ReactionGone { portal_id, event_id }),
            Self::MessageGone { event_id } => Some(Memory::MessageGone { portal_id, event_id }),
            Self::Pair
            | Self::PartOf { .. }
            | Self::Reaction { .. }
            | Self::Delivered { .. }
            | Self::Known { .. }
            | Self::Nothing => None,
        }
    }
}

impl Memory {
    /// Writes it down; doing it again changes nothing.
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<(), DbError> {
        match self {
            Self::Message(message) => message.insert(tx).await,
            Self::Reaction(reaction) => reaction.set(tx).await,
            Self::ReactionGone { portal_id, event_id } => {
                reactions::end(tx, *portal_id, event_id).await
            }
            Self::MessageGone { portal_id, event_id } => {
                messages::redacted(tx, *portal_id, event_id).await
            }
            Self::Delivered { portal_id, remote_id, room_id, mxid } => {
                let values = params![*portal_id, remote_id.as_str(), &**room_id, &**mxid];
                tx.execute(DELIVERED, values).await.map(drop)
            }
            Self::Known { portal_id, info } => Portals::note(tx, *portal_id, info).await,
        }
    }
}

impl Store {
    /// Returns whom a message has reached, by Matrix id, as a room was told.
    pub(crate) async fn delivered_to(
        &self,
        portal_id: i64,
        remote_id: &RemoteMessageId,
        room_id: &str,
    ) -> Result<Vec<String>, DbError> {
        let values = params![portal_id, remote_id.as_str(), room_id];
        let rows = self.db.fetch_all(DELIVERED_TO, values).await?;
        rows.iter().map(|row| row.get("mxid")).collect()
    }
}
