//! Who is online among those with whom somebody shares a room.

use ruma::{OwnedUserId, api::client::sync::sync_events::v3::Response, serde::Raw};
use serde_json::{json, value::to_raw_value};

use super::answer::{Question, wants_type};
use crate::{
    error::{Error, Result},
    house::House,
    presence::Shown,
    store,
};

const KIND: &str = "m.presence";

impl Question {
    /// Adds whose presence changed since the token; returns up to where that was told, in a house that knows. Asks the
    /// database only when there is something to tell.
    pub(super) async fn add_presence(
        &self,
        house: &House,
        response: &mut Response,
        has_joined: bool,
    ) -> Result<Option<i64>> {
        if !house.presence.is_on() {
            return Ok(None);
        }
        // A token from when nobody was noticed has no number, and is as old as can be.
        let since = self.since.map(|token| token.presence.unwrap_or(0));
        let since = since.filter(|_| !self.full_state);
        let mut news = house.presence.news(since, has_joined);
        let filter = &self.filter.presence;
        if !wants_type(filter, KIND) {
            return Ok(Some(news.upto));
        }
        if news.rest_is_offline {
            let known = store::memberships::people_near(&mut &house.db, &self.user_id).await?;
            let is_told =
                |user_id: &OwnedUserId| news.people.iter().any(|(told, _)| told == user_id);
            let rest: Vec<_> = known.into_iter().filter(|user_id| !is_told(user_id)).collect();
            let rest =
                rest.into_iter().map(|user_id| (user_id.clone(), house.presence.of(&user_id)));
            news.people.extend(rest);
        }
        news.people.retain(|(user_id, _)| {
            filter.senders.as_ref().is_none_or(|senders| senders.contains(user_id))
                && !filter.not_senders.contains(user_id)
        });
        if !news.people.is_empty() {
            let user_ids = news.people.iter().map(|(user_id, _)| &**user_id);
            let near = store::memberships::near(&mut &house.db, &self.user_id, user_ids).await?;
            news.people.retain(|(user_id, _)| near.contains(user_id));
        }
        let limit = filter.limit.and_then(|limit| usize::try_from(u64::from(limit)).ok());
        for (user_id, shown) in news.people.into_iter().take(limit.unwrap_or(usize::MAX)) {
            response.presence.events.push(write(&user_id, &shown)?);
        }
        Ok(Some(news.upto))
    }
}

fn write<T>(user_id: &OwnedUserId, shown: &Shown) -> Result<Raw<T>> {
    let mut content = json!({ "presence": shown.availability.state() });
    if let Some(status) = &shown.status {
        content["status_msg"] = json!(status);
    }
    if let Some(ago) = shown.last_active_ago {
        content["last_active_ago"] = json!(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX));
    }
    if let Some(is_active) = shown.currently_active() {
        content["currently_active"] = json!(is_active);
    }
    let event = json!({ "type": KIND, "sender": user_id, "content": content });
    Ok(Raw::from_json(to_raw_value(&event).map_err(Error::internal)?))
}
