//! Everything the handlers and the background work of one homeserver share, handed to axum as its state.

use std::sync::Arc;

use ruma::OwnedServerName;
use support_clock::{SharedClock, SharedRandom};
use support_db::Db;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::Nonces,
    appservice::Appservices,
    config::Settings,
    keys::SigningKeys,
    limits::Limits,
    media::Media,
    presence::Presences,
    push::Push,
    rooms::{Rooms, typing::Typists},
    sync::Waiters,
    users::Users,
};

/// One homeserver's shared parts. There is exactly one per [`crate::Homeserver`], always behind an [`Arc`].
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) server_name: OwnedServerName,
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) random: SharedRandom,
    pub(crate) settings: Settings,
    pub(crate) keys: SigningKeys,
    pub(crate) users: Arc<Users>,
    pub(crate) appservices: Appservices,
    pub(crate) rooms: Rooms,
    /// Who is typing.
    pub(crate) typists: Typists,
    /// Who is online.
    pub(crate) presence: Presences,
    /// Long polls that wait for news.
    pub(crate) sync: Waiters,
    pub(crate) limits: Limits,
    pub(crate) media: Media,
    /// What people's push rules are.
    pub(crate) push: Push,
    pub(crate) nonces: Nonces,
    /// A profile changed and has to reach the rooms.
    pub(crate) profile_changed: Notify,
    /// Owns every background task, so that a shutdown can wait for them.
    pub(crate) tasks: TaskTracker,
    /// Ends every background task and wakes every long poll with the answer it has.
    pub(crate) closing: CancellationToken,
}

/// What axum clones into each request.
pub(crate) type SharedHouse = Arc<House>;
