//! What a person did, in a portal's own terms: the messages it refers to are looked up there, and
//! what is to be remembered of it is decided.

use std::sync::Arc;

use super::{Draft, Event};
use crate::{
    ids::RemoteMessageId,
    journal::{
        Journal,
        degrade::Facts,
        plan::PlanTrouble,
        step::Effect,
        store::{Pair, Reaction},
    },
    network::{ChatInfo, Kind, MessageContent, MessageKind, NetworkClient, OutgoingKind},
    portals::Portal,
};

/// One thing to be carried.
pub(super) struct Intent {
    /// What.
    pub(super) kind: OutgoingKind,
    /// What is known beside it.
    pub(super) facts: Facts,
    /// What is remembered of it.
    pub(super) effect: Effect,
}

/// What a draft comes to in a portal.
pub(super) enum Intents {
    /// These things, in order.
    These(Vec<Intent>),
    /// Nothing, and the person is told why.
    Refused(String),
    /// Nothing, by rule.
    Ignored(&'static str),
}

impl Intent {
    fn plain(kind: OutgoingKind) -> Self {
        Self { kind, facts: Facts::default(), effect: Effect::Nothing }
    }
}

fn unknown_target() -> Intents {
    const WORDS: &str =
        "The message it refers to is not known on the network. Nothing was changed there.";
    Intents::Refused(WORDS.to_owned())
}

fn one(kind: OutgoingKind) -> Intents {
    Intents::These(vec![Intent::plain(kind)])
}

/// Sets a fact about the chat: what it is now is known once the network has it.
fn fact(kind: OutgoingKind, info: ChatInfo) -> Intents {
    let effect = Effect::Known { info: Box::new(info) };
    Intents::These(vec![Intent { effect, ..Intent::plain(kind) }])
}

/// Returns the command a text is, if the network takes one of this name.
fn command(
    content: &MessageContent,
    portal: &Portal,
    client: &Arc<dyn NetworkClient>,
) -> Option<OutgoingKind> {
    let said =
        content.text.plain.strip_prefix('/').filter(|_| content.kind == MessageKind::Text)?;
    let (name, arguments) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
    let table = client.capabilities(&portal.key);
    let known = table.limits.commands.iter().any(|command| command == name);
    let (name, arguments) = (name.to_owned(), arguments.trim().to_owned());
    known.then_some(OutgoingKind::Command { name, arguments })
}

impl Journal {
    /// Looks up what a draft refers to in a portal.
    pub(super) async fn intents(
        &self,
        event: &Event,
        draft: &Draft,
        portal: &Portal,
        client: &Arc<dyn NetworkClient>,
        relayed: bool,
    ) -> Result<Intents, PlanTrouble> {
        Ok(match draft {
            Draft::Message { content, .. } if command(content, portal, client).is_some() => {
                command(content, portal, client).map(one).unwrap_or_else(unknown_target)
            }
            Draft::Message { content, reply_to, thread } => {
                let content = self.content_for(event, content, portal, client).await?;
                let (network, room) = (&portal.key.network, Some(event.room.as_str()));
                let off = |kind| self.parts.switches.is_off(network, room, kind);
                let reply_to = reply_to.as_ref().filter(|_| !off(Kind::Reply));
                let thread = thread.as_ref().filter(|_| !off(Kind::Thread));
                let reply_to = match reply_to {
                    Some(target) => Some(self.answered(event, target, portal).await?),
                    None => None,
                };
                let thread = match thread {
                    Some(root) => self.first_pair(portal, root).await?.map(|pair| pair.remote_id),
                    None => None,
                };
                let kind = OutgoingKind::Message { content, reply_to, thread };
                Intents::These(vec![Intent {
                    kind,
                    facts: Facts { relayed, ..Facts::default() },
                    effect: Effect::Pair,
                }])
            }
            Draft::Edit { target, content } => {
                self.edit(event, target, content, portal, client, relayed).await?
            }
            Draft::Redaction { target } => self.redaction(target, portal).await?,
            Draft::Reaction { target, key } => {
                self.reaction(event, target, key, portal, client, relayed).await?
            }
            Draft::Poll { content } => Intents::These(vec![Intent {
                effect: Effect::Pair,
                ..Intent::plain(OutgoingKind::Poll { content: content.clone() })
            }]),
            Draft::Pins { now, before } => self.pins(event, now, before, portal).await?,
            Draft::Name(name) => {
                let info = ChatInfo { name: Some(name.clone()), ..ChatInfo::default() };
                fact(OutgoingKind::Name { name: name.clone() }, info)
            }
            Draft::Topic(topic) => {
                let info = ChatInfo { topic: Some(topic.clone()), ..ChatInfo::default() };
                fact(OutgoingKind::Topic { topic: topic.clone() }, info)
            }
            Draft::Avatar(avatar) => {
                let shown = avatar.clone().unwrap_or_default();
                let info = ChatInfo { avatar: Some(shown), ..ChatInfo::default() };
                fact(OutgoingKind::Avatar { avatar: avatar.clone() }, info)
            }
            Draft::DisappearingTimer(timer) => {
                let info = ChatInfo { disappearing: Some(*timer), ..ChatInfo::default() };
                fact(OutgoingKind::DisappearingTimer { timer: *timer }, info)
            }
            Draft::ChatDelete { for_everybody } => {
                one(OutgoingKind::ChatDelete { for_everybody: *for_everybody })
            }
            Draft::Call { video } => one(OutgoingKind::Call { video: *video }),
            Draft::Membership { member, membership, reason } => {
                match self.parts.ghosts.by_mxid(member).await? {
                    Some((network, user)) if network == portal.key.network => {
                        one(OutgoingKind::Membership {
                            user,
                            membership: *membership,
                            reason: reason.clone(),
                        })
                    }
                    _ => Intents::Refused(format!("{member} is nobody on this network.")),
                }
            }
            Draft::PowerLevels { now, before } => self.power_levels(now, before, portal).await?,
            Draft::Refused(words) => Intents::Refused(words.clone()),
            Draft::NotCarried(_) | Draft::Ignored(_) => Intents::Ignored("nothing to carry"),
        })
    }

    /// Returns a message's content as a portal needs it: people by their ids there, files with links and their true size.
    async fn content_for(
        &self,
        event: &Event,
        content: &MessageContent,
        portal: &Portal,
        client: &Arc<dyn NetworkClient>,
    ) -> Result<MessageContent, PlanTrouble> {
        let mut content = content.clone();
        if !content.mentions.is_empty() {
            content.mentions = self.mentioned(&content.mentions, portal).await?;
        }
        self.describe_file(event, &mut content, portal, &**client).await?;
        Ok(content)
    }

    async fn edit(
        &self,
        event: &Event,
        target: &str,
        content: &MessageContent,
        portal: &Portal,
        client: &Arc<dyn NetworkClient>,
        relayed: bool,
    ) -> Result<Intents, PlanTrouble> {
        let pairs = self.store.pairs_of_event(portal.id, target).await?;
        let parts: Vec<RemoteMessageId> = pairs.iter().map(|pair| pair.remote_id.clone()).collect();
        // Taken back while it waited, it was never said; its changes must not be said in its place.
        if parts.is_empty() && self.is_taken_back(&event.room, target).await? {
            return Ok(Intents::Ignored("what it changes was taken back"));
        }
        let said = pairs.first().and_then(|pair| pair.ts);
        let facts = Facts {
            previous: self.text_before(event, target).await?,
            age_ms: said.map(|said| event.timestamp.saturating_sub(said)),
            relayed,
            unknown_target: parts.is_empty(),
            excerpt: None,
        };
        let content = self.content_for(event, content, portal, client).await?;
        let first = parts.first().cloned().unwrap_or_else(|| RemoteMessageId::new(""));
        let kind = OutgoingKind::Edit { target: first, parts, content };
        let effect = Effect::PartOf { event_id: target.to_owned() };
        Ok(Intents::These(vec![Intent { kind, facts, effect }]))
    }

    /// What is taken back is a message, part by part, or a reaction.
    async fn redaction(&self, target: &str, portal: &Portal) -> Result<Intents, PlanTrouble> {
        if self.store.was_redacted_by_us(target).await? {
            return Ok(Intents::Ignored("ours coming back"));
        }
        if let Some(reaction) = self.store.reaction_of_event(portal.id, target).await? {
            let Reaction { remote_id, key, .. } = reaction;
            return Ok(Intents::These(vec![Intent {
                effect: Effect::ReactionGone { event_id: target.to_owned() },
                ..Intent::plain(OutgoingKind::ReactionRemove { target: remote_id, key })
            }]));
        }
        let pairs = self.store.pairs_of_event(portal.id, target).await?;
        if pairs.is_empty() {
            return Ok(Intents::Ignored("what was taken back is not on the network"));
        }
        let gone = |pair: Pair| Intent {
            effect: Effect::MessageGone { event_id: target.to_owned() },
            ..Intent::plain(OutgoingKind::Redaction { target: pair.remote_id })
        };
        Ok(Intents::These(pairs.into_iter().map(gone).collect()))
    }

    async fn reaction(
        &self,
        event: &Event,
        target: &str,
        key: &str,
        portal: &Portal,
        client: &Arc<dyn NetworkClient>,
        relayed: bool,
    ) -> Result<Intents, PlanTrouble> {
        let Some(pair) = self.first_pair(portal, target).await? else {
            return Ok(unknown_target());
        };
        let own = client.own_user().map(|user| user.as_str().to_owned()).unwrap_or_default();
        let standing = self.store.standing_reactions(portal.id, &pair.remote_id, &own, key).await?;
        if !relayed && !standing.is_empty() {
            return Ok(Intents::Ignored("this reaction is there already"));
        }
        let facts = Facts {
            excerpt: self.excerpt_of(&event.room, target).await?,
            relayed,
            ..Facts::default()
        };
        let target = pair.remote_id;
        let effect = Effect::Reaction { target: target.clone(), sender: own, key: key.to_owned() };
        let kind = OutgoingKind::Reaction { target, key: key.to_owned() };
        Ok(Intents::These(vec![Intent { kind, facts, effect }]))
    }

    /// What was pinned since, and what no longer is; messages that are on Matrix only stay out of it.
    async fn pins(
        &self,
        event: &Event,
        now: &[String],
        before: &[String],
        portal: &Portal,
    ) -> Result<Intents, PlanTrouble> {
        let new = now.iter().filter(|event| !before.contains(event)).map(|event| (event, true));
        let gone = before.iter().filter(|event| !now.contains(event)).map(|event| (event, false));
        let mut changes = Vec::new();
        for (pinned_event, pinned) in new.chain(gone) {
            let Some(pair) = self.first_pair(portal, pinned_event).await? else { continue };
            let excerpt = self.excerpt_of(&event.room, pinned_event).await?;
            changes.push(Intent {
                facts: Facts { excerpt, ..Facts::default() },
                ..Intent::plain(OutgoingKind::Pin { target: pair.remote_id, pinned })
            });
        }
        Ok(match changes.is_empty() {
            true => Intents::Ignored("pins that stay on Matrix"),
            false => Intents::These(changes),
        })
    }

    async fn power_levels(
        &self,
        now: &std::collections::BTreeMap<String, i64>,
        before: &Option<std::collections::BTreeMap<String, i64>>,
        portal: &Portal,
    ) -> Result<Intents, PlanTrouble> {
        // Without what was before, nobody knows what was changed.
        let Some(before) = before else {
            return Ok(Intents::Ignored("rights that stay on Matrix"));
        };
        let mut changes = Vec::new();
        for mxid in now.keys().chain(before.keys().filter(|mxid| !now.contains_key(*mxid))) {
            let (level, was) = (now.get(mxid).copied(), before.get(mxid).copied());
            if level == was {
                continue;
            }
            if let Some((network, user)) = self.parts.ghosts.by_mxid(mxid).await?
                && network == portal.key.network
            {
                let level = level.unwrap_or(0);
                let kind = OutgoingKind::PowerLevels { user, level, before: was };
                changes.push(Intent::plain(kind));
            }
        }
        Ok(match changes.is_empty() {
            true => Intents::Ignored("rights that stay on Matrix"),
            false => Intents::These(changes),
        })
    }

    async fn first_pair(&self, portal: &Portal, event: &str) -> Result<Option<Pair>, PlanTrouble> {
        Ok(self.store.pairs_of_event(portal.id, event).await?.into_iter().next())
    }
}
