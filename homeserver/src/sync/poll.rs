//! The long poll: register, look, and only then wait, so that nothing that happens in between is missed.

use std::time::Duration;

use ruma::api::client::{
    filter::FilterDefinition,
    sync::sync_events::v3::{Filter, Request, Response},
};
use support_matrix_http::MatrixError;

use super::{
    answer::{Answer, Question},
    token::SyncToken,
};
use crate::{error::Result, house::SharedHouse, requester::Requester};

/// The longest anybody waits, whatever he asks for.
const LONGEST: Duration = Duration::from_secs(600);

/// Answers a sync request, at once or when there is news.
pub(crate) async fn sync(
    house: &SharedHouse,
    who: &Requester,
    request: Request,
) -> Result<Response> {
    let since = request.since.as_deref().map(SyncToken::parse).transpose()?;
    let filter = filter(house, who, request.filter).await?;
    let scope = who.scope();
    let question = Question {
        user_id: who.user_id.clone(),
        scope,
        since,
        filter,
        full_state: request.full_state,
        state_after: request.use_state_after,
    };
    let patience = request.timeout.unwrap_or_default().min(LONGEST);
    if since.is_none() || request.full_state || patience.is_zero() {
        return Ok(question.answer(house).await?.response);
    }
    let mut news = house.sync.register(house, &who.user_id).await?;
    let deadline = house.clock.sleep(patience);
    tokio::pin!(deadline);
    loop {
        news.mark_unchanged();
        let Answer { response, is_empty } = question.answer(house).await?;
        if !is_empty {
            return Ok(response);
        }
        tokio::select! {
            changed = news.changed() => {
                if changed.is_err() {
                    return Ok(response);
                }
            }
            () = &mut deadline => return Ok(response),
            () = house.closing.cancelled() => return Ok(response),
        }
    }
}

/// Reads the filter of a request, or finds the stored one it names.
async fn filter(
    house: &SharedHouse,
    who: &Requester,
    filter: Option<Filter>,
) -> Result<FilterDefinition> {
    match filter {
        None => Ok(FilterDefinition::default()),
        Some(Filter::FilterDefinition(filter)) => Ok(filter),
        Some(Filter::FilterId(id)) => {
            let stored = house.users.filter(&who.user_id, &id).await?;
            let stored =
                stored.ok_or_else(|| MatrixError::invalid_param("There is no such filter."))?;
            serde_json::from_str(stored.get()).map_err(|error| {
                MatrixError::invalid_param(format!("The filter cannot be read: {error}.")).into()
            })
        }
        Some(_) => Err(MatrixError::invalid_param("The filter cannot be read.").into()),
    }
}
