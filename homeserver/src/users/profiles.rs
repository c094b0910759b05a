//! Profiles, and how a change reaches the rooms: the change and a note that it has to spread are one commit; the
//! spreading itself runs in the background, survives a restart, and coalesces changes that follow each other.

use ruma::{OwnedUserId, UserId};

use super::Users;
use crate::{
    error::{Error, Result},
    store::users::{self, ProfileField},
};

/// A profile; both fields empty for accounts that set none or do not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) displayname: Option<String>,
    pub(crate) avatar_url: Option<String>,
}

/// The stream that numbers profile changes.
const VERSIONS: &str = "profiles";

impl Users {
    /// Returns the profile of a user.
    pub(crate) async fn profile(&self, user_id: &UserId) -> Result<Profile> {
        let row = users::get(&self.db, user_id.as_str()).await?;
        Ok(row.map_or_else(Profile::default, |row| Profile {
            displayname: row.displayname,
            avatar_url: row.avatar_url,
        }))
    }

    /// Changes one field and notes that the change has to reach the rooms; false when nothing changed.
    pub(crate) async fn set_profile_field(
        &self,
        user_id: &UserId,
        field: ProfileField,
        value: Option<String>,
    ) -> Result<bool> {
        let profile = self.profile(user_id).await?;
        let current = match field {
            ProfileField::Displayname => &profile.displayname,
            ProfileField::AvatarUrl => &profile.avatar_url,
        };
        if *current == value {
            return Ok(false);
        }
        let owner = user_id.to_owned();
        self.db
            .write(move |tx| {
                let (owner, value) = (owner.clone(), value.clone());
                Box::pin(async move {
                    let version = tx.next_position(VERSIONS);
                    users::set_profile_field(tx, owner.as_str(), field, value.as_deref()).await?;
                    users::queue_spread(tx, owner.as_str(), version).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(true)
    }

    /// Returns whose profiles still have to reach rooms.
    pub(crate) async fn pending_spreads(&self) -> Result<Vec<(OwnedUserId, i64)>> {
        let rows = users::spreads(&self.db).await?;
        Ok(rows
            .into_iter()
            .filter_map(|(user_id, version)| Some((UserId::parse(user_id).ok()?, version)))
            .collect())
    }

    /// Ends a spread, unless the profile changed again meanwhile.
    pub(crate) async fn end_spread(&self, user_id: &UserId, version: i64) -> Result<()> {
        let owner = user_id.to_owned();
        self.db
            .write(move |tx| {
                let owner = owner.clone();
                Box::pin(async move {
                    users::end_spread(tx, owner.as_str(), version).await?;
                    Ok::<_, Error>(())
                })
            })
            .await
    }
}
