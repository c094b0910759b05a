//! Makes Matrix events of what was said before. Unlike news, a page is planned as a whole, and its
//! events have ids that are made of what they are: an answer can name what it answers before either
//! is sent, and a page that is planned twice is the same page.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    Planning,
    content::{self, Origin, Visible},
};
use crate::{
    ids::{LoginId, NetworkId, RemoteMessageId, SendKey},
    journal::{
        Journal,
        plan::PlanTrouble,
        row::{Direction, Row, RowState},
        step::{Effect, hex},
        store::PastStep,
    },
    matrix::{MatrixTrouble, STEP_KEY},
    media::NetworkFile,
    network::{PastEvent, RemoteEvent, RemoteEventKind, RemoteSender},
    portals::Portal,
};

/// Whose past it is, and where it goes.
pub(in crate::journal) struct Past<'a> {
    pub(in crate::journal) portal: &'a Portal,
    pub(in crate::journal) login: &'a LoginId,
    pub(in crate::journal) room: &'a str,
    /// Whether people of ours may appear under their own names. Where the homeserver tells us of
    /// what we send, we would take it for something they say now.
    pub(in crate::journal) in_own_names: bool,
}

/// A page under planning.
#[derive(Default)]
struct Page {
    steps: Vec<PastStep>,
    /// The first event of each message.
    events: HashMap<RemoteMessageId, String>,
}

impl Journal {
    /// Plans a page, oldest first. What cannot be shown of the past is left out.
    pub(in crate::journal) async fn plan_past(
        &self,
        past: &Past<'_>,
        events: Vec<PastEvent>,
    ) -> Result<Vec<PastStep>, PlanTrouble> {
        let mut page = Page::default();
        for PastEvent { event, .. } in events {
            let (network, kinds) = (&past.portal.key.network, event.kind.kinds());
            if self.parts.switches.any_off(network, Some(past.room), &kinds) {
                continue;
            }
            let row = past_row(past, &event);
            let planning = Planning {
                row: &row,
                event,
                network: past.portal.key.network.clone(),
                login: past.login.clone(),
                portal: past.portal.clone(),
            };
            self.add_past(past, &planning, &mut page).await?;
        }
        Ok(page.steps)
    }

    async fn add_past(
        &self,
        past: &Past<'_>,
        p: &Planning<'_>,
        page: &mut Page,
    ) -> Result<(), PlanTrouble> {
        match &p.event.kind {
            RemoteEventKind::Message(message) => {
                let Some(id) = &p.event.id else { return Ok(()) };
                let parts = content::message(message, &self.mxids(p));
                self.add_message(past, p, page, id, parts).await
            }
            RemoteEventKind::Poll { text } => {
                let Some(id) = &p.event.id else { return Ok(()) };
                let words = format!("* {} started a poll: {}", self.name_of(p), text.plain);
                self.add_message(past, p, page, id, vec![Visible::notice(words)]).await
            }
            RemoteEventKind::Edit { target, part, content } => {
                let shown = page.steps.iter().find(|step| {
                    step.remote_id.as_ref() == Some(target)
                        && step.part == *part
                        && step.effect == Effect::Pair
                });
                let Some(shown) = shown.filter(|_| !content.kind.is_media()).cloned() else {
                    return Ok(());
                };
                let stamp = p.event.timestamp.unwrap_or_default();
                let what = format!("edit\0{}\0{part}\0{stamp}", target.as_str());
                let (event_id, key) = names_of(past, &what);
                let origin = origin(p, target, *part, &key);
                let visible = Visible::of(content, &self.mxids(p));
                let replacement = visible.replacement(&shown.event_id, &origin);
                page.steps.push(PastStep {
                    event_id,
                    key,
                    content: replacement,
                    ts: p.event.timestamp,
                    effect: Effect::Nothing,
                    ..shown
                });
                Ok(())
            }
            RemoteEventKind::Reaction { target, key, .. } => {
                self.add_reaction(past, p, page, target, key).await
            }
            RemoteEventKind::ReactionRemove { target, key } => {
                let who = p.event.sender.as_ref().map(|sender| sender.user.as_str());
                page.steps.retain(|step| {
                    !matches!(&step.effect, Effect::Reaction { target: of, sender, key: with }
                        if of == target && with == key && Some(sender.as_str()) == who)
                });
                Ok(())
            }
            RemoteEventKind::Redaction { target } => {
                page.events.remove(target);
                page.steps.retain(|step| step.named() != Some(target.as_str()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn add_message(
        &self,
        past: &Past<'_>,
        p: &Planning<'_>,
        page: &mut Page,
        id: &RemoteMessageId,
        parts: Vec<Visible>,
    ) -> Result<(), PlanTrouble> {
        let sender = self.past_sender(past, p, p.event.sender.as_ref()).await?;
        for (part, visible) in (0_i64..).zip(parts) {
            let (event_id, key) = names_of(past, &format!("message\0{}\0{part}", id.as_str()));
            let answered = visible.reply_to.as_ref().and_then(|reply| reply.target.as_ref());
            let reply_to = self.past_event(past, p, page, answered).await?;
            let thread = self.past_event(past, p, page, visible.thread.as_ref()).await?;
            let mut event_type = visible.event_type.to_owned();
            let mut content = visible.content(reply_to, thread, &origin(p, id, part, &key));
            if let Some(media) = &visible.media {
                match self.past_file(p, media, &sender).await? {
                    Ok(address) => {
                        let known = self.parts.media.brought(&address).await?;
                        content::show_file(&mut content, &address, known.as_ref());
                    }
                    Err(words) => {
                        content::tell_of_file(&mut content, &words);
                        event_type = "m.room.message".to_owned();
                    }
                }
            }
            page.events.entry(id.clone()).or_insert_with(|| event_id.clone());
            page.steps.push(PastStep {
                event_id,
                key,
                sender: sender.clone(),
                remote_sender: remote_sender(p),
                room: past.room.to_owned(),
                event_type,
                content,
                ts: p.event.timestamp,
                effect: Effect::Pair,
                remote_id: Some(id.clone()),
                part,
            });
        }
        Ok(())
    }

    async fn add_reaction(
        &self,
        past: &Past<'_>,
        p: &Planning<'_>,
        page: &mut Page,
        target: &RemoteMessageId,
        with: &str,
    ) -> Result<(), PlanTrouble> {
        let (Some(sender), Some(shown)) = (&p.event.sender, page.events.get(target)) else {
            return Ok(());
        };
        let user = sender.user.as_str().to_owned();
        let what = format!("reaction\0{}\0{user}\0{with}", target.as_str());
        let (event_id, key) = names_of(past, &what);
        let relation = json!({ "rel_type": "m.annotation", "event_id": shown, "key": with });
        page.steps.push(PastStep {
            event_id,
            sender: self.past_sender(past, p, Some(sender)).await?,
            remote_sender: remote_sender(p),
            room: past.room.to_owned(),
            event_type: "m.reaction".to_owned(),
            content: json!({ "m.relates_to": relation, STEP_KEY: key.as_str() }),
            key,
            ts: p.event.timestamp,
            effect: Effect::Reaction { target: target.clone(), sender: user, key: with.to_owned() },
            remote_id: None,
            part: 0,
        });
        Ok(())
    }

    async fn past_sender(
        &self,
        past: &Past<'_>,
        p: &Planning<'_>,
        sender: Option<&RemoteSender>,
    ) -> Result<String, PlanTrouble> {
        let Some(sender) = sender else { return Ok(self.parts.matrix.bot().to_owned()) };
        if past.in_own_names {
            return self.mxid_in(p, sender, past.room).await;
        }
        let (network, profile) = (&p.network, sender.profile.as_ref());
        let ghosts = &self.parts.ghosts;
        Ok(ghosts.ensure_in_room(network, &sender.user, profile, past.room).await?)
    }

    /// Returns the event a message is, in this page or before it.
    async fn past_event(
        &self,
        past: &Past<'_>,
        p: &Planning<'_>,
        page: &Page,
        message: Option<&RemoteMessageId>,
    ) -> Result<Option<String>, PlanTrouble> {
        match message.map(|id| (id, page.events.get(id))) {
            None => Ok(None),
            Some((_, Some(event_id))) => Ok(Some(event_id.clone())),
            Some((id, None)) => self.event_in(p, Some(id), past.room).await,
        }
    }

    /// Brings a file, or says why it is not there. Only what may pass by itself is waited for.
    async fn past_file(
        &self,
        p: &Planning<'_>,
        media: &crate::network::MediaRef,
        sender: &str,
    ) -> Result<Result<String, String>, PlanTrouble> {
        let Some(client) = self.parts.logins.client(&p.login) else {
            return Ok(Err("the account that knows it was logged out".to_owned()));
        };
        let network = &p.network;
        let file = NetworkFile { network, client: &*client, media, sender, last_attempt: true };
        match self.parts.media.bring(&file).await {
            Ok(address) => Ok(Ok(address)),
            Err(MatrixTrouble::Refused { words, .. }) => Ok(Err(words)),
            Err(trouble) => Err(trouble.into()),
        }
    }
}

fn remote_sender(p: &Planning<'_>) -> Option<String> {
    p.event.sender.as_ref().map(|sender| sender.user.as_str().to_owned())
}

fn origin<'a>(
    p: &'a Planning<'_>,
    id: &'a RemoteMessageId,
    part: i64,
    key: &'a SendKey,
) -> Origin<'a> {
    Origin { network: &p.network, id: id.as_str(), part, key }
}

/// Makes the id and the key of something that was said: the same whenever it is planned.
fn names_of(past: &Past<'_>, what: &str) -> (String, SendKey) {
    let key = &past.portal.key;
    let receiver = key.receiver.as_ref().map_or("", LoginId::as_str);
    let mut hash = Sha256::new();
    for field in [past.room, key.network.as_str(), key.chat.as_str(), receiver, what] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    let hash = hash.finalize();
    (format!("${}", URL_SAFE_NO_PAD.encode(hash)), SendKey::new(hex(&hash[..16])))
}

/// The row such an event would have, had it been heard.
fn past_row(past: &Past<'_>, event: &RemoteEvent) -> Row {
    Row {
        seq: 0,
        direction: Direction::ToMatrix,
        network: Some(NetworkId::new(past.portal.key.network.as_str())),
        portal_id: Some(past.portal.id),
        login_id: Some(past.login.clone()),
        room_id: None,
        event_id: None,
        sender: None,
        remote_id: event.id.as_ref().map(|id| id.as_str().to_owned()),
        kind: event.kind.name().to_owned(),
        payload: None,
        state: RowState::Accepted,
        next_at: None,
        attempts: 0,
        outcome: None,
        reason: None,
        accepted_at: 0,
        again_of: None,
    }
}
