//! What clients keep for themselves on the server: filters and account data.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ruma::{OwnedRoomId, RoomId, UserId};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::Users;
use crate::{
    error::{Error, Result},
    store::{account_data, filters},
};

/// One piece of account data, of the account or of one room.
#[derive(Debug)]
pub(crate) struct AccountData {
    pub(crate) room_id: Option<OwnedRoomId>,
    pub(crate) kind: String,
    pub(crate) content: Box<RawValue>,
}

impl Users {
    /// Stores a filter. Its id is a hash of it, so that a client that stores the same filter at every start, as
    /// many do, adds nothing.
    pub(crate) async fn put_filter(&self, user_id: &UserId, definition: String) -> Result<String> {
        let filter_id = URL_SAFE_NO_PAD.encode(&Sha256::digest(definition.as_bytes())[..12]);
        if filters::get(&self.db, user_id.as_str(), &filter_id).await?.is_some() {
            return Ok(filter_id);
        }
        let (owner, id) = (user_id.to_owned(), filter_id.clone());
        self.db
            .write(move |tx| {
                let (owner, id, definition) = (owner.clone(), id.clone(), definition.clone());
                Box::pin(async move { filters::put(tx, owner.as_str(), &id, &definition).await })
            })
            .await?;
        Ok(filter_id)
    }

    /// Returns a filter's definition.
    pub(crate) async fn filter(
        &self,
        user_id: &UserId,
        filter_id: &str,
    ) -> Result<Option<Box<RawValue>>> {
        let definition = filters::get(&self.db, user_id.as_str(), filter_id).await?;
        definition.map(raw).transpose()
    }

    /// Writes a piece of account data. `wake` runs once it is committed.
    pub(crate) async fn put_account_data(
        &self,
        user_id: &UserId,
        room_id: Option<&RoomId>,
        kind: &str,
        content: Box<RawValue>,
        wake: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Result<()> {
        let user_id = user_id.to_owned();
        let room_id = room_id.map(ToString::to_string).unwrap_or_default();
        let (kind, content) = (kind.to_owned(), content.get().to_owned());
        self.db
            .write(move |tx| {
                let (user_id, room_id) = (user_id.clone(), room_id.clone());
                let (kind, content, wake) = (kind.clone(), content.clone(), wake.clone());
                Box::pin(async move {
                    // The event stream's own numbers: one number then says how far a client has read.
                    let position = tx.next_position("events");
                    let user_id = user_id.as_str();
                    account_data::put(tx, user_id, &room_id, &kind, &content, position).await?;
                    tx.after_commit(wake);
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// Writes a piece of account data that follows from what was there. `wake` runs once it is committed.
    pub(crate) async fn change_account_data(
        &self,
        user_id: &UserId,
        room_id: Option<&RoomId>,
        kind: &'static str,
        change: impl Fn(Option<&str>) -> Result<String> + Send + Sync + 'static,
        wake: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Result<()> {
        let user_id = user_id.to_owned();
        let room_id = room_id.map(ToString::to_string).unwrap_or_default();
        let change = Arc::new(change);
        self.db
            .write(move |tx| {
                let (user_id, room_id) = (user_id.clone(), room_id.clone());
                let (change, wake) = (Arc::clone(&change), wake.clone());
                Box::pin(async move {
                    let user_id = user_id.as_str();
                    let stored = account_data::get_in(tx, user_id, &room_id, kind).await?;
                    let content = change(stored.as_deref())?;
                    let position = tx.next_position("events");
                    account_data::put(tx, user_id, &room_id, kind, &content, position).await?;
                    tx.after_commit(wake);
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// Reads a piece of account data.
    pub(crate) async fn get_account_data(
        &self,
        user_id: &UserId,
        room_id: Option<&RoomId>,
        kind: &str,
    ) -> Result<Option<Box<RawValue>>> {
        let room_id = room_id.map_or("", RoomId::as_str);
        let content = account_data::get(&self.db, user_id.as_str(), room_id, kind).await?;
        content.map(raw).transpose()
    }

    /// Reads what changed after `since` up to and including `upto`; without `since`, everything.
    pub(crate) async fn account_data(
        &self,
        user_id: &UserId,
        since: Option<i64>,
        upto: i64,
    ) -> Result<Vec<AccountData>> {
        let rows =
            account_data::between(&self.db, user_id.as_str(), since.unwrap_or(-1), upto).await?;
        rows.into_iter()
            .map(|row| {
                Ok(AccountData {
                    room_id: RoomId::parse(&row.room_id).ok(),
                    kind: row.kind,
                    content: raw(row.content)?,
                })
            })
            .collect()
    }
}

fn raw(json: String) -> Result<Box<RawValue>> {
    RawValue::from_string(json).map_err(Error::internal)
}
