//! What changes something that is on Matrix already: edits, reactions, messages taken back.

use serde_json::json;

use super::{
    Planning,
    content::{Origin, Visible},
};
use crate::{
    ids::{RemoteMessageId, RemoteUserId},
    journal::{
        Journal,
        plan::{Plan, PlanTrouble},
        step::{Effect, MatrixCall, NewStep},
        store::Pair,
    },
    matrix::{STEP_KEY, Sender},
    network::{MediaRef, MessageContent, MessageKind},
};

impl Journal {
    /// Plans an edit: of the part that was changed, in every room, by whoever is seen as its sender.
    /// `None`: nobody may, or it is not here; then it is told in words.
    pub(super) async fn plan_edit(
        &self,
        p: &Planning<'_>,
        target: &RemoteMessageId,
        part: i64,
        content: &MessageContent,
    ) -> Result<Option<Plan>, PlanTrouble> {
        // A changed caption without its file is text: the file it belongs to is not told again.
        let shown = match content.kind.is_media() && content.media.is_none() {
            true => MessageContent { kind: MessageKind::Text, ..content.clone() },
            false => content.clone(),
        };
        let pairs = self.store.pairs_of_message(p.portal.id, target).await?;
        let mut steps = Vec::new();
        for pair in pairs.iter().filter(|pair| pair.part == part) {
            let Some(sender) = pair.sender_mxid.as_deref().filter(|mxid| self.may_act_as(mxid))
            else {
                return Ok(None);
            };
            let first = i64::try_from(steps.len()).unwrap_or(0);
            let visible = Visible::of(&shown, &self.mxids(p));
            let number = first + i64::from(visible.media.is_some());
            let key = self.keys.step(p.row.seq, number);
            let origin = Origin { network: &p.network, id: target.as_str(), part, key: &key };
            let replacement = visible.replacement(&pair.event_id, &origin);
            let file = self.upload_step(p, first, &visible, sender, &pair.room_id, &mut steps);
            let call = MatrixCall::Event {
                sender: sender.to_owned(),
                room: pair.room_id.clone(),
                event_type: visible.event_type.to_owned(),
                content: replacement,
                ts: p.event.timestamp,
                effect: Effect::Nothing,
                file,
            };
            steps.push(self.matrix_step(p, number, pair.room_id.clone(), call));
        }
        Ok((!steps.is_empty()).then_some(Plan::Steps(steps)))
    }

    /// Plans a reaction in every room that shows the message and not yet the reaction.
    pub(super) async fn plan_reaction(
        &self,
        p: &Planning<'_>,
        target: &RemoteMessageId,
        key: &str,
        picture: Option<&MediaRef>,
    ) -> Result<Option<Plan>, PlanTrouble> {
        let Some(sender) = p.event.sender.as_ref() else { return Ok(None) };
        let user = sender.user.as_str();
        let pairs = self.store.pairs_of_message(p.portal.id, target).await?;
        if pairs.is_empty() {
            return Ok(None);
        }
        let standing = self.store.standing_reactions(p.portal.id, target, user, key).await?;
        let mut steps = Vec::new();
        for pair in first_parts(&pairs) {
            if standing.iter().any(|reaction| reaction.room_id == pair.room_id) {
                continue;
            }
            let first = i64::try_from(steps.len()).unwrap_or(0);
            let mxid = self.mxid_in(p, sender, &pair.room_id).await?;
            if let Some(picture) = picture {
                let call = MatrixCall::Upload {
                    room: pair.room_id.clone(),
                    sender: mxid.clone(),
                    login: p.login.clone(),
                    media: picture.clone(),
                };
                let step = self.matrix_step(p, first, pair.room_id.clone(), call);
                steps.push(NewStep { operation: "file".to_owned(), ..step });
            }
            let file = picture.map(|_| first);
            let number = first + i64::from(file.is_some());
            let relation =
                json!({ "rel_type": "m.annotation", "event_id": pair.event_id, "key": key });
            let tag = self.keys.step(p.row.seq, number);
            let mut content = json!({ "m.relates_to": relation, STEP_KEY: tag.as_str() });
            if file.is_some() {
                content["com.beeper.reaction.shortcode"] = json!(key);
            }
            let call = MatrixCall::Event {
                sender: mxid,
                room: pair.room_id.clone(),
                event_type: "m.reaction".to_owned(),
                content,
                ts: p.event.timestamp,
                effect: Effect::Reaction {
                    target: target.clone(),
                    sender: user.to_owned(),
                    key: key.to_owned(),
                },
                file,
            };
            steps.push(self.matrix_step(p, number, pair.room_id.clone(), call));
        }
        Ok(Some(match steps.is_empty() {
            true => Plan::ignored("this reaction is here already"),
            false => Plan::Steps(steps),
        }))
    }

    /// Plans the end of a reaction: the events that show it are taken back.
    pub(super) async fn plan_reaction_remove(
        &self,
        p: &Planning<'_>,
        target: &RemoteMessageId,
        key: &str,
    ) -> Result<Plan, PlanTrouble> {
        let Some(sender) = &p.event.sender else { return Ok(Plan::ignored("nobody's reaction")) };
        let user = sender.user.as_str();
        let standing = self.store.standing_reactions(p.portal.id, target, user, key).await?;
        let gone = (0_i64..).zip(standing).map(|(number, reaction)| {
            let effect = Effect::ReactionGone { event_id: reaction.event_id.clone() };
            self.redact_step(
                p,
                number,
                Redacted {
                    sender: reaction.mxid,
                    room: reaction.room_id,
                    event_id: reaction.event_id,
                    effect,
                },
            )
        });
        let steps: Vec<NewStep> = gone.collect();
        Ok(match steps.is_empty() {
            true => Plan::ignored("this reaction is not here"),
            false => Plan::Steps(steps),
        })
    }

    /// Plans the end of a message: all its parts, in every room.
    pub(super) async fn plan_redaction(
        &self,
        p: &Planning<'_>,
        target: &RemoteMessageId,
    ) -> Result<Plan, PlanTrouble> {
        let pairs = self.store.pairs_of_message(p.portal.id, target).await?;
        let gone = (0_i64..).zip(pairs).map(|(number, pair)| {
            let effect = Effect::MessageGone { event_id: pair.event_id.clone() };
            let sender = pair.sender_mxid.unwrap_or_default();
            let Pair { room_id: room, event_id, .. } = pair;
            self.redact_step(p, number, Redacted { sender, room, event_id, effect })
        });
        let steps: Vec<NewStep> = gone.collect();
        Ok(match steps.is_empty() {
            true => Plan::ignored("takes back what is not on Matrix"),
            false => Plan::Steps(steps),
        })
    }

    fn redact_step(&self, p: &Planning<'_>, number: i64, redacted: Redacted) -> NewStep {
        let Redacted { sender, room, event_id, effect } = redacted;
        let sender = match self.may_act_as(&sender) {
            true => sender,
            false => self.parts.matrix.bot().to_owned(),
        };
        // Known again by what it takes back: a redaction's content carries no tag.
        let takes_back = RemoteMessageId::new(event_id.as_str());
        let call = MatrixCall::Redact { sender, room: room.clone(), event_id, effect };
        NewStep {
            operation: "redact".to_owned(),
            remote_id: Some(takes_back),
            ..self.matrix_step(p, number, room, call)
        }
    }

    fn may_act_as(&self, mxid: &str) -> bool {
        match self.parts.matrix.kind_of(mxid) {
            Sender::Bot | Sender::Ghost(..) => true,
            Sender::Other => self.parts.matrix.can_puppet(mxid),
        }
    }

    /// Returns how remote people are found on Matrix: the owner of an account of ours, else a ghost.
    pub(super) fn mxids<'a>(
        &'a self,
        p: &'a Planning<'_>,
    ) -> impl Fn(&RemoteUserId) -> String + 'a {
        move |user| {
            let own = self.login_of(&p.network, user);
            let owner = own.and_then(|login| self.parts.logins.owner(&login));
            owner.unwrap_or_else(|| self.parts.ghosts.mxid(&p.network, user))
        }
    }
}

/// An event that is to be taken back.
struct Redacted {
    sender: String,
    room: String,
    event_id: String,
    effect: Effect,
}

/// Returns the first part in each room.
pub(super) fn first_parts(pairs: &[Pair]) -> Vec<&Pair> {
    let mut firsts: Vec<&Pair> = Vec::new();
    for pair in pairs {
        if firsts.last().is_none_or(|last| last.room_id != pair.room_id) {
            firsts.push(pair);
        }
    }
    firsts
}
