//! Plans an event for each of its portals: who speaks, what it refers to there, and the bridge's
//! own steps. A target that cannot be carried is a step that has failed, with words, so that the
//! others go on and the sender is told.

use super::{
    Draft, Event,
    intents::{Intent, Intents},
};
use crate::{
    ids::LoginId,
    journal::{
        Journal,
        degrade::{Carriage, carriage},
        machine::OpenRow,
        plan::{Plan, PlanTrouble},
        row::{Outcome, Row},
        step::{Effect, IN_WORDS, NewStep, STEPS_PER_TARGET, StepState, StepWork},
    },
    network::{
        Capabilities, EventSource, LostAnswer, Operation, Outgoing, OutgoingKind, Refusal,
        RemoteStep, Speaker,
    },
    portals::Portal,
    switches::SWITCHED_OFF,
};

/// What one target comes to.
enum Target {
    /// Steps of the bridge.
    Steps { login: LoginId, steps: Vec<ReadyStep> },
    /// Not carried, with words for the sender.
    Refused { login: Option<LoginId>, words: String },
    /// Left out by rule.
    Ignored(&'static str),
    /// The login is not connected; what it can do there is not known before.
    Wait(LoginId),
}

/// One step of a target, with what is remembered of it and what it carries in words.
struct ReadyStep {
    step: RemoteStep,
    effect: Effect,
    in_words: Option<Operation>,
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

    /// Has a portal's rooms say what it can do, if that is news. Nobody waits for it.
    fn show_features(&self, portal: &Portal, login: &LoginId, capabilities: &Capabilities) {
        if self.parts.portals.has_new_features(portal, login, capabilities) {
            let (portals, stop) = (self.parts.portals.clone(), self.parts.stop.clone());
            let (portal, capabilities) = (portal.clone(), capabilities.clone());
            self.parts.tasks.spawn(async move {
                let told = portals.tell_features(&portal, &capabilities);
                stop.run_until_cancelled(told).await;
            });
        }
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
        let switches = &self.parts.switches;
        if switches.any_off(network, Some(&event.room), &draft.kinds()) {
            return Ok(Target::Ignored(SWITCHED_OFF));
        }
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
        let relayed = matches!(speaker, Speaker::Relay { .. });
        let mut capabilities = client.capabilities(&portal.key);
        self.show_features(portal, &login, &capabilities);
        let largest = self.parts.media.largest();
        let limit = capabilities.limits.media_bytes.get_or_insert(largest);
        *limit = largest.min(*limit);
        let intents = match self.intents(event, draft, portal, &client, relayed).await? {
            Intents::These(intents) => intents,
            Intents::Refused(words) => return Ok(Target::Refused { login: Some(login), words }),
            Intents::Ignored(why) => return Ok(Target::Ignored(why)),
        };
        let policy = self.parts.networks.policy(network);
        let source = EventSource {
            room_id: event.room.clone(),
            event_id: event.id.clone(),
            sender: event.sender.clone(),
            timestamp: event.timestamp,
        };
        let mut ready = Vec::new();
        for Intent { kind, facts, effect } in intents {
            if switches.any_off(network, Some(&event.room), &kind.kinds()) {
                return Ok(Target::Ignored(SWITCHED_OFF));
            }
            let (kind, in_words) = match carriage(kind, &facts, &capabilities, &policy, &name) {
                Carriage::Carried { kind, in_words } => (kind, in_words),
                Carriage::Refused(words) => {
                    return Ok(Target::Refused { login: Some(login), words });
                }
                Carriage::Dropped(why) => return Ok(Target::Ignored(why)),
            };
            let (portal, speaker, source) = (portal.key.clone(), speaker.clone(), source.clone());
            let outgoing = Outgoing { portal, speaker, source, kind };
            let steps = match client.plan(&outgoing, &capabilities) {
                Ok(steps) => steps,
                Err(Refusal { words }) => {
                    return Ok(Target::Refused { login: Some(login), words });
                }
            };
            ready.extend(steps.into_iter().map(|step| ReadyStep {
                effect: effect_of(&step, &outgoing.kind, &effect),
                in_words,
                step,
            }));
        }
        if ready.is_empty() {
            return Ok(Target::Ignored("nothing to send"));
        }
        Ok(Target::Steps { login, steps: ready })
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
                .map(|(number, ReadyStep { step, effect, in_words })| NewStep {
                    operation: operation_name(step.operation, in_words),
                    lost_answer: step.lost_answer,
                    work: StepWork::Network { portal: portal.key.clone(), step, effect },
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

/// Returns what is remembered of a step: what it says is a message like any other; what it changes
/// is as the core has decided.
fn effect_of(step: &RemoteStep, kind: &OutgoingKind, effect: &Effect) -> Effect {
    match (kind, step.operation) {
        (OutgoingKind::Message { .. } | OutgoingKind::Poll { .. }, _) => Effect::Pair,
        // An edit made the message longer: the new part belongs to it.
        (OutgoingKind::Edit { .. }, Operation::Message(_)) => effect.clone(),
        (OutgoingKind::Edit { .. }, _) => Effect::Nothing,
        _ => effect.clone(),
    }
}

/// Returns the operation's name for logs and words, and what is carried in words if anything is.
fn operation_name(operation: Operation, in_words: Option<Operation>) -> String {
    let name = match operation {
        Operation::Message(_) => "message".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    match in_words {
        None => name,
        Some(Operation::Message(kind)) => format!("{name}{IN_WORDS}{kind:?}").to_lowercase(),
        Some(lost) => format!("{name}{IN_WORDS}{lost:?}").to_lowercase(),
    }
}
