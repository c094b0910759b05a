//! Plans an event for each of its portals: who speaks, what it refers to there, and the bridge's
//! own steps. A target that cannot be carried is a step that has failed, with words, so that the
//! others go on and the sender is told.

use support_db::DbError;

use super::{Draft, Event};
use crate::{
    ids::{LoginId, RemoteMessageId},
    journal::{
        Journal,
        machine::OpenRow,
        plan::{Plan, PlanTrouble},
        row::{Outcome, Row},
        step::{NewStep, STEPS_PER_TARGET, StepState, StepWork},
        words_for::{degraded, operation_words},
    },
    matrix::Sender,
    network::{
        Capabilities, EventSource, Level, LostAnswer, Operation, Outgoing, OutgoingKind, Profile,
        RemoteStep, ReplyTo, Speaker,
    },
    permissions::Permission,
    portals::Portal,
};

/// What one target comes to.
enum Target {
    /// Steps of the bridge.
    Steps { login: LoginId, steps: Vec<RemoteStep> },
    /// Not carried, with words for the sender.
    Refused { login: Option<LoginId>, words: String },
    /// Left out by rule.
    Ignored(&'static str),
    /// The login is not connected; what it can do there is not known before.
    Wait(LoginId),
}

impl Journal {
    /// Plans an event for its portals, or for the one whose placeholder `only` is.
    pub(super) async fn plan_targets(
        &self,
        open: &OpenRow,
        event: &Event,
        draft: &Draft,
        mut portals: Vec<Portal>,
        only: Option<i64>,
    ) -> Result<Plan, PlanTrouble> {
        portals.sort_by_key(|portal| portal.id);
        if let Some(step) = only {
            return self.plan_held_back(open, event, draft, portals, step).await;
        }
        let mut planned = Vec::new();
        for portal in portals {
            let target = self.plan_target(event, draft, &portal).await?;
            planned.push((portal, target));
        }
        if let Some(login) = waits_as_a_whole(&planned) {
            return Ok(Plan::Wait(login));
        }
        let mut why = "no portal wants it";
        let mut steps = Vec::new();
        for (number, (portal, target)) in (0_i64..).zip(planned) {
            if let Target::Ignored(reason) = target {
                why = reason;
            }
            steps.extend(self.steps_of(&open.row, &portal, number * STEPS_PER_TARGET, target));
        }
        if steps.is_empty() {
            return Ok(Plan::Done {
                outcome: Outcome::Ignored,
                reason: Some(why.to_owned()),
                report: event.state_key.is_none(),
            });
        }
        Ok(Plan::Steps(steps))
    }

    async fn plan_held_back(
        &self,
        open: &OpenRow,
        event: &Event,
        draft: &Draft,
        portals: Vec<Portal>,
        step: i64,
    ) -> Result<Plan, PlanTrouble> {
        let held = open.steps.iter().find(|held| held.step == step);
        let portal = portals
            .into_iter()
            .find(|portal| held.is_some_and(|held| held.portal_id == Some(portal.id)));
        let target = match &portal {
            Some(portal) => self.plan_target(event, draft, portal).await?,
            None => Target::Refused { login: None, words: "The room was unlinked.".to_owned() },
        };
        if let Target::Wait(login) = target {
            return Ok(Plan::Wait(login));
        }
        let Some(portal) = portal else { return Ok(Plan::Steps(Vec::new())) };
        Ok(Plan::Steps(self.steps_of(&open.row, &portal, step, target)))
    }

    async fn plan_target(
        &self,
        event: &Event,
        draft: &Draft,
        portal: &Portal,
    ) -> Result<Target, PlanTrouble> {
        let network = &portal.key.network;
        let Some(facts) = self.parts.networks.facts(network) else {
            let words =
                format!("The network {network} is not configured any more. It was not sent.");
            return Ok(Target::Refused { login: None, words });
        };
        let name = facts.display_name.clone();
        if let Draft::Refused(words) = draft {
            return Ok(Target::Refused { login: None, words: words.clone() });
        }
        let speaker = match self.speaker(event, portal, &name).await? {
            Ok(speaker) => speaker,
            Err(words) => return Ok(Target::Refused { login: None, words }),
        };
        let Some(login) = speaker.login().cloned() else {
            return Ok(Target::Ignored("puppets are not carried yet"));
        };
        if !self.can_send(&login) {
            return Ok(Target::Wait(login));
        }
        let Some(client) = self.parts.logins.client(&login) else {
            let words = format!("Your account on {name} was logged out. It was not sent.");
            return Ok(Target::Refused { login: Some(login), words });
        };
        let capabilities = client.capabilities(&portal.key);
        let Some(operation) = operation_of(draft) else { return Ok(Target::Ignored("nothing")) };
        let level = level_of(&capabilities, operation);
        match level {
            Level::Rejected => {
                let words = operation_words(operation, &name);
                return Ok(Target::Refused { login: Some(login), words });
            }
            Level::Dropped => return Ok(Target::Ignored("left out where nobody misses it")),
            Level::Degraded | Level::Partial | Level::Full => {}
        }
        let kind = match self.outgoing_kind(draft, portal, level).await? {
            Ok(kind) => kind,
            Err(words) => return Ok(Target::Refused { login: Some(login), words }),
        };
        let outgoing = Outgoing {
            portal: portal.key.clone(),
            speaker,
            source: EventSource {
                room_id: event.room.clone(),
                event_id: event.id.clone(),
                sender: event.sender.clone(),
                timestamp: event.timestamp,
            },
            kind,
        };
        match client.plan(&outgoing, &capabilities) {
            Ok(steps) if steps.is_empty() => Ok(Target::Ignored("nothing to send")),
            Ok(steps) => Ok(Target::Steps { login, steps }),
            Err(refusal) => Ok(Target::Refused { login: Some(login), words: refusal.words }),
        }
    }

    /// Finds who speaks, or words why nobody does.
    async fn speaker(
        &self,
        event: &Event,
        portal: &Portal,
        name: &str,
    ) -> Result<Result<Speaker, String>, PlanTrouble> {
        let network = &portal.key.network;
        let is_ghost = matches!(self.parts.matrix.kind_of(&event.sender), Sender::Ghost(..));
        let permission = self.parts.permissions.of(&event.sender);
        if !is_ghost {
            if permission == Permission::Block {
                let words =
                    "You are not allowed to use this bridge. It was not sent; ask its operator.";
                return Ok(Err(words.to_owned()));
            }
            if permission >= Permission::User
                && let Some(login) = self.parts.portals.speaker(portal, &event.sender).await?
            {
                return Ok(Ok(Speaker::Login { login }));
            }
        }
        let Some(login) = portal.relay.clone() else {
            return Ok(Err(format!(
                "You are not logged in to {name}, and nobody relays for this room. It was not sent; log in with `login {network}` and send it again."
            )));
        };
        let profile = self.parts.matrix.profile(&event.sender).await?;
        let profile = Profile {
            mxid: event.sender.clone(),
            name: profile.name.unwrap_or_else(|| event.sender.clone()),
            avatar: None,
        };
        Ok(Ok(Speaker::Relay { login, profile }))
    }

    /// Looks up what the event refers to, and degrades it where the network knows no such thing.
    async fn outgoing_kind(
        &self,
        draft: &Draft,
        portal: &Portal,
        level: Level,
    ) -> Result<Result<OutgoingKind, String>, DbError> {
        let kind = match draft {
            Draft::Message { content, reply_to, thread } => OutgoingKind::Message {
                content: content.clone(),
                reply_to: self.remote(portal, reply_to.as_deref()).await?.map(ReplyTo::message),
                thread: self.remote(portal, thread.as_deref()).await?,
            },
            Draft::Name(name) => OutgoingKind::Name { name: name.clone() },
            Draft::Topic(topic) => OutgoingKind::Topic { topic: topic.clone() },
            Draft::Avatar(avatar) => OutgoingKind::Avatar { avatar: avatar.clone() },
            Draft::Membership { member, membership, reason } => {
                match self.parts.ghosts.by_mxid(member).await? {
                    Some((network, user)) if network == portal.key.network => {
                        OutgoingKind::Membership {
                            user,
                            membership: *membership,
                            reason: reason.clone(),
                        }
                    }
                    _ => return Ok(Err(format!("{member} is nobody on this network."))),
                }
            }
            Draft::Edit { target, .. }
            | Draft::Redaction { target }
            | Draft::Reaction { target, .. } => {
                let known = self.remote(portal, Some(target)).await?;
                match (draft, known) {
                    (Draft::Edit { content, .. }, Some(target)) => {
                        let parts = vec![target.clone()];
                        OutgoingKind::Edit { target, parts, content: content.clone() }
                    }
                    (Draft::Edit { content, .. }, None) if level == Level::Degraded => {
                        let content = content.clone();
                        OutgoingKind::Edit { target: nowhere(), parts: Vec::new(), content }
                    }
                    (Draft::Reaction { key, .. }, Some(target)) => {
                        OutgoingKind::Reaction { target, key: key.clone() }
                    }
                    (Draft::Reaction { key, .. }, None) if level == Level::Degraded => {
                        OutgoingKind::Reaction { target: nowhere(), key: key.clone() }
                    }
                    (_, Some(target)) => OutgoingKind::Redaction { target },
                    (_, None) => {
                        return Ok(Err(
                            "The message it refers to is not known on the network. Nothing was changed there."
                                .to_owned(),
                        ));
                    }
                }
            }
            Draft::Refused(words) => return Ok(Err(words.clone())),
            Draft::NotCarried(_) | Draft::Ignored(_) => {
                return Ok(Err("There is nothing to carry.".to_owned()));
            }
        };
        Ok(Ok(if level == Level::Degraded { degraded(kind) } else { kind }))
    }

    async fn remote(
        &self,
        portal: &Portal,
        event: Option<&str>,
    ) -> Result<Option<RemoteMessageId>, DbError> {
        let Some(event) = event else { return Ok(None) };
        Ok(self.store.message_of_event(portal.id, event).await?.map(|message| message.remote_id))
    }

    fn steps_of(&self, row: &Row, portal: &Portal, base: i64, target: Target) -> Vec<NewStep> {
        let new = |step: i64, login: Option<LoginId>, work, state| NewStep {
            step,
            portal_id: Some(portal.id),
            network: Some(portal.key.network.clone()),
            login_id: login,
            room_id: None,
            operation: "refused".to_owned(),
            work,
            lost_answer: LostAnswer::None,
            send_key: self.keys.step(row.seq, step),
            state,
            remote_id: None,
            part: 0,
            reason: None,
        };
        match target {
            Target::Ignored(_) => Vec::new(),
            Target::Refused { login, words } => {
                let step = new(base, login, StepWork::Nothing, StepState::Failed);
                vec![NewStep { reason: Some(words), ..step }]
            }
            Target::Wait(login) => {
                vec![new(base, Some(login), StepWork::Nothing, StepState::Unplanned)]
            }
            Target::Steps { login, steps } => (base..base + STEPS_PER_TARGET)
                .zip(steps)
                .map(|(number, step)| NewStep {
                    operation: operation_name(step.operation),
                    lost_answer: step.lost_answer,
                    work: StepWork::Network { portal: portal.key.clone(), step },
                    ..new(number, Some(login.clone()), StepWork::Nothing, StepState::Queued)
                })
                .collect(),
        }
    }
}

/// If nothing can be sent before a login is connected, the row waits as it is.
fn waits_as_a_whole(planned: &[(Portal, Target)]) -> Option<LoginId> {
    let mut waits = None;
    for (_, target) in planned {
        match target {
            Target::Wait(login) => waits = waits.or_else(|| Some(login.clone())),
            Target::Ignored(_) => {}
            Target::Steps { .. } | Target::Refused { .. } => return None,
        }
    }
    waits
}

/// Stands for a message the network does not know, where only words are made of it.
fn nowhere() -> RemoteMessageId {
    RemoteMessageId::new("")
}

fn operation_of(draft: &Draft) -> Option<Operation> {
    Some(match draft {
        Draft::Message { content, .. } => Operation::Message(content.kind),
        Draft::Edit { .. } => Operation::Edit,
        Draft::Redaction { .. } => Operation::Redaction,
        Draft::Reaction { .. } => Operation::Reaction,
        Draft::Name(_) => Operation::Name,
        Draft::Topic(_) => Operation::Topic,
        Draft::Avatar(_) => Operation::Avatar,
        Draft::Membership { .. } => Operation::Membership,
        Draft::Refused(_) | Draft::NotCarried(_) | Draft::Ignored(_) => return None,
    })
}

fn level_of(capabilities: &Capabilities, operation: Operation) -> Level {
    capabilities.level(operation)
}

/// Returns the operation's name for logs and words.
fn operation_name(operation: Operation) -> String {
    match operation {
        Operation::Message(_) => "message".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}
