//! What is looked up around an event before it is carried: who is meant, what is answered, what a
//! text was before it was changed.

use serde_json::Value;

use super::{Event, read::without_quote};
use crate::{
    journal::{Journal, degrade::excerpt, plan::PlanTrouble, store::Pair},
    matrix::Sender,
    network::{Mentions, ReplyTo},
    portals::Portal,
};

impl Journal {
    /// Fills in who the mentioned people are on a portal's network.
    pub(super) async fn mentioned(
        &self,
        mentions: &Mentions,
        portal: &Portal,
    ) -> Result<Mentions, PlanTrouble> {
        let network = &portal.key.network;
        let mut filled = mentions.clone();
        for mention in &mut filled.people {
            let Some(mxid) = &mention.mxid else { continue };
            match self.parts.matrix.kind_of(mxid) {
                Sender::Ghost(of, _) if of == *network => {
                    mention.user = self.parts.ghosts.by_mxid(mxid).await?.map(|(_, user)| user);
                }
                Sender::Ghost(..) | Sender::Bot => {}
                Sender::Other => {
                    let own = self.parts.logins.of_owner(mxid, Some(network));
                    let client = own.first().and_then(|login| self.parts.logins.client(login));
                    mention.user = client.and_then(|client| client.own_user());
                }
            }
        }
        Ok(filled)
    }

    /// Returns what an event answers, in a portal.
    pub(super) async fn answered(
        &self,
        event: &Event,
        target: &str,
        portal: &Portal,
    ) -> Result<ReplyTo, PlanTrouble> {
        let pair = self.store.pairs_of_event(portal.id, target).await?.into_iter().next();
        let mut reply = ReplyTo::default();
        if let Some(answered) = self.look_at(&event.room, target).await? {
            reply.author = Some(self.called(&answered.sender).await?);
            reply.excerpt = Some(excerpt(&answered.body)).filter(|excerpt| !excerpt.is_empty());
        }
        if let Some(Pair { remote_id, remote_sender, .. }) = pair {
            reply.target = Some(remote_id);
            reply.author_id = remote_sender.map(crate::ids::RemoteUserId::new);
        }
        Ok(reply)
    }

    /// Returns how a message begins.
    pub(super) async fn excerpt_of(
        &self,
        room: &str,
        target: &str,
    ) -> Result<Option<String>, PlanTrouble> {
        let said = self.look_at(room, target).await?;
        Ok(said.map(|said| excerpt(&said.body)).filter(|excerpt| !excerpt.is_empty()))
    }

    /// Returns the text an edit replaces: that of the edit before, or of the message itself.
    pub(super) async fn text_before(
        &self,
        event: &Event,
        target: &str,
    ) -> Result<Option<String>, PlanTrouble> {
        let matrix = &self.parts.matrix;
        let earlier = matrix.newest_edit(&event.room, target, &event.sender, &event.id).await?;
        if let Some(edit) = earlier
            && let Some(body) = edit["content"]["m.new_content"]["body"].as_str()
        {
            return Ok(Some(body.to_owned()));
        }
        Ok(self.look_at(&event.room, target).await?.map(|said| said.body))
    }

    /// Whether a message was taken back, as far as the homeserver tells.
    pub(super) async fn is_taken_back(&self, room: &str, event: &str) -> Result<bool, PlanTrouble> {
        let found = self.parts.matrix.get_event(room, event).await?;
        Ok(found.is_some_and(|event| !event["unsigned"]["redacted_because"].is_null()))
    }

    async fn look_at(&self, room: &str, event: &str) -> Result<Option<Seen>, PlanTrouble> {
        let found = self.parts.matrix.get_event(room, event).await?;
        Ok(found.as_ref().and_then(Seen::read))
    }

    async fn called(&self, mxid: &str) -> Result<String, PlanTrouble> {
        let name = self.parts.matrix.profile(mxid).await?.name;
        let localpart =
            || mxid.trim_start_matches('@').split(':').next().unwrap_or(mxid).to_owned();
        Ok(name.unwrap_or_else(localpart))
    }
}

/// Somebody's words, as far as they matter to an answer.
struct Seen {
    sender: String,
    body: String,
}

impl Seen {
    fn read(event: &Value) -> Option<Self> {
        let content = event.get("content")?;
        let body = content.get("body").and_then(Value::as_str)?;
        let relation = content.get("m.relates_to");
        let is_reply = relation.is_some_and(|relation| relation.get("m.in_reply_to").is_some());
        let body = if is_reply { without_quote(body) } else { body.to_owned() };
        Some(Self { sender: event.get("sender")?.as_str()?.to_owned(), body })
    }
}
