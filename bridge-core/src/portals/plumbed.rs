//! Rooms that were there before: linked to a portal and let go again.

use serde_json::json;
use support_db::DbError;

use super::{Portal, Portals, info, store};
use crate::ids::LoginId;
use crate::jobs::job;
use crate::matrix::{MatrixOutcome, MatrixTrouble, Sender};

impl Portals {
    /// Links a room to a portal: it says so itself, and the login speaks for people without one.
    /// Doing it again changes nothing.
    pub(crate) async fn plumb(
        &self,
        portal: &Portal,
        room: &str,
        relay: &LoginId,
    ) -> Result<(), MatrixTrouble> {
        self.say_link(portal, room, true).await?;
        let (id, room, relay) = (portal.id, room.to_owned(), relay.clone());
        let now = self.0.clock.now_ms();
        let link = job(move |tx| {
            let (room, relay) = (room.clone(), relay.clone());
            Box::pin(async move {
                store::plumb(tx, id, &room, now).await?;
                store::set_relay(tx, id, Some(&relay)).await
            })
        });
        self.0.db.write(link).await?;
        tracing::info!(portal = portal.id, network = %portal.key.network, "a room is linked");
        Ok(())
    }

    /// Lets a room go from every portal it was linked to; returns those. Their people leave it.
    pub(crate) async fn unplumb(&self, room: &str) -> Result<Vec<Portal>, MatrixTrouble> {
        let plumbed = store::plumbed_in(&self.0.db, room).await?;
        let mut portals = self.by_room(room).await?;
        portals.retain(|portal| plumbed.contains(&portal.id));
        for portal in &portals {
            let (id, from) = (portal.id, room.to_owned());
            let unlink = job(move |tx| {
                let from = from.clone();
                Box::pin(async move { store::unplumb(tx, id, &from).await })
            });
            // First nothing crosses any more; then it is tidied up.
            self.0.db.write(unlink).await?;
            self.say_link(portal, room, false).await?;
            for mxid in self.0.ghosts.in_room(room).await? {
                let theirs = matches!(self.0.matrix.kind_of(&mxid), Sender::Ghost(network, _) if network == portal.key.network);
                if theirs {
                    self.0.ghosts.leave_room(&mxid, room, Some("no longer linked")).await?;
                }
            }
            tracing::info!(portal = portal.id, "a room is no longer linked");
        }
        Ok(portals)
    }

    /// Chooses who speaks for people without a login.
    pub(crate) async fn set_relay(
        &self,
        portal: i64,
        login: Option<&LoginId>,
    ) -> Result<(), DbError> {
        let login = login.cloned();
        let set = job(move |tx| {
            let login = login.clone();
            Box::pin(async move { store::set_relay(tx, portal, login.as_ref()).await })
        });
        self.0.db.write(set).await
    }

    /// Writes into the room what it is linked to, or that it is not.
    async fn say_link(
        &self,
        portal: &Portal,
        room: &str,
        linked: bool,
    ) -> Result<(), MatrixTrouble> {
        let Some(facts) = self.0.networks.facts(&portal.key.network) else { return Ok(()) };
        let matrix = &self.0.matrix;
        let key = info::bridge_info_key(portal, &facts);
        let content = if linked { info::bridge_info(portal, &facts, matrix) } else { json!({}) };
        for kind in info::BRIDGE_INFO {
            match matrix.send_state(matrix.bot(), room, kind, &key, &content, None).await {
                MatrixOutcome::Done { .. } => {}
                MatrixOutcome::Refused { errcode, words } => {
                    return Err(MatrixTrouble::Refused { errcode, words });
                }
                MatrixOutcome::Retry { after, reason } => {
                    return Err(MatrixTrouble::Retry { after, reason });
                }
                MatrixOutcome::Unknown { reason } => {
                    return Err(MatrixTrouble::Unknown { reason });
                }
            }
        }
        Ok(())
    }
}
