//! What was said before, page by page: messages as they read now, with the reactions they have.

use async_trait::async_trait;
use bridge_core::ids::RemoteChatId;
use bridge_core::network::{
    History, HistoryPage, HistoryPlace, NetworkError, PastEvent, RemoteEvent,
};

use crate::client::DemoClient;
use crate::ids::{parse_chat_id, parse_message_id};
use crate::network::{Refused, Update};
use crate::to_matrix;

#[async_trait]
impl History for DemoClient {
    fn order(&self, event: &RemoteEvent) -> Option<i64> {
        parse_message_id(event.id.as_ref()?)
    }

    async fn page(
        &self,
        chat: &RemoteChatId,
        place: &HistoryPlace,
        count: usize,
    ) -> Result<HistoryPage, NetworkError> {
        let before = match place {
            HistoryPlace::Newest => None,
            HistoryPlace::Before { order, .. } => Some(*order),
        };
        let place = parse_chat_id(chat);
        let page = self.network().past(self.account(), &place, before, count).await;
        let (updates, is_first) = page.map_err(|refused| match refused {
            Refused::Busy(after) => NetworkError::RateLimited(after),
            Refused::Unreachable => NetworkError::Offline(refused.to_string()),
            refused => NetworkError::Forbidden(refused.to_string()),
        })?;
        let events = updates.iter().map(|update| self.past_event(update)).collect();
        Ok(HistoryPage { events, cursor: None, is_first })
    }
}

impl DemoClient {
    fn past_event(&self, update: &Update) -> PastEvent {
        let mut event = to_matrix::event(update, self.account(), self.login());
        // Nobody waits for it any more, and nothing begins with it.
        (event.echo_of, event.creates) = (None, None);
        PastEvent { order: update.number, event }
    }
}
