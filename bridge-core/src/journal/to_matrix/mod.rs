//! From a network to Matrix: station 5 (plan) of the journey in ARCHITECTURE.md. The room is made if need be, the
//! sender is made ready, and everything the send needs is put into steps.

mod changes;
pub(crate) mod content;
mod facts;
mod past;

use std::time::Duration;

use self::content::{Origin, Visible};
pub(super) use self::past::Past;
use super::{
    Journal,
    plan::{Plan, PlanTrouble},
    row::Row,
    step::{Effect, MatrixCall, NewStep, STEPS_PER_TARGET, StepState, StepWork},
    words_for::{Fallback, fallback},
};
use crate::{
    ids::{LoginId, NetworkId, RemoteMessageId},
    network::{
        ChatInfo, Kind, LostAnswer, MembershipChange, RemoteEvent, RemoteEventKind,
        RemoteMembership, RemoteSender,
    },
    portals::{Portal, RoomStep, RoomStepKind},
    switches::SWITCHED_OFF,
};

/// How soon a row looks again whether a send of ours is still under way.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long it does so, in milliseconds, for a send whose login is not connected: longer would hold
/// up what others say.
const LONGEST_WAIT: i64 = 60_000;

/// One remote event under planning.
struct Planning<'a> {
    row: &'a Row,
    event: RemoteEvent,
    network: NetworkId,
    login: LoginId,
    portal: Portal,
}

impl Journal {
    /// Plans a remote event.
    pub(super) async fn plan_to_matrix(&self, row: &Row) -> Result<Plan, PlanTrouble> {
        let (Some(network), Some(login)) = (row.network.clone(), row.login_id.clone()) else {
            return Ok(Plan::ignored("from nowhere"));
        };
        if !self.parts.networks.contains(&network) {
            tracing::warn!(%network, row = row.seq, "a row waits for a network that is not configured");
            return Ok(Plan::Wait(login));
        }
        let Some(payload) = &row.payload else {
            return Ok(Plan::ignored("taken back before it was carried"));
        };
        let event: RemoteEvent = match serde_json::from_str(payload) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(row = row.seq, %error, "a stored remote event cannot be read");
                return Ok(Plan::Done {
                    outcome: super::row::Outcome::Failed,
                    reason: Some(format!("not readable: {error}")),
                    report: false,
                });
            }
        };
        let portal = match row.portal_id {
            Some(id) => self.parts.portals.by_id(id).await?,
            None => None,
        };
        let Some(portal) = portal else { return Ok(Plan::ignored("no portal")) };
        let kinds = event.kind.kinds();
        let off = |room| self.parts.switches.any_off(&network, room, &kinds);
        let off_in: Vec<String> =
            portal.rooms.iter().filter(|room| off(Some(room))).cloned().collect();
        let nowhere = match portal.rooms.is_empty() {
            true => off(None),
            false => off_in.len() == portal.rooms.len(),
        };
        if nowhere {
            return Ok(Plan::ignored(SWITCHED_OFF));
        }
        let mut planning = Planning { row, event, network, login, portal };
        if let Some(plan) = self.settle_without_steps(&planning).await? {
            return Ok(plan);
        }
        if planning.portal.rooms.is_empty() || planning.event.creates.is_some() {
            if planning.event.creates.is_none() {
                return Ok(Plan::ignored("no room yet"));
            }
            self.ensure_room(&mut planning).await?;
        }
        if self.waits_for_history(row, planning.portal.id)
            && !matches!(planning.event.kind, RemoteEventKind::Gap(_))
        {
            return Ok(Plan::Soon(LOOK_AGAIN));
        }
        let plan = self.plan_kind(&planning).await?;
        Ok(without(plan, &off_in))
    }

    /// Ours coming back, and what is known already.
    async fn settle_without_steps(&self, p: &Planning<'_>) -> Result<Option<Plan>, PlanTrouble> {
        let is_change = match &p.event.kind {
            RemoteEventKind::Message(_) | RemoteEventKind::Poll { .. } => false,
            RemoteEventKind::Edit { .. }
            | RemoteEventKind::Redaction { .. }
            | RemoteEventKind::Reaction { .. }
            | RemoteEventKind::ReactionRemove { .. } => true,
            _ => return Ok(None),
        };
        // While a send of that account is under way, this may be it: its fate decides. Asked first:
        // once no send is open, what it made is stored.
        if let Some(speaker) = self.account_of(p)
            && self.store.has_open_send(p.portal.id, &speaker).await?
            && (self.can_send(&speaker) || self.now() < p.row.accepted_at + LONGEST_WAIT)
        {
            return Ok(Some(Plan::Soon(LOOK_AGAIN)));
        }
        if let Some(id) = p.event.id.as_ref().filter(|_| !is_change)
            && self.store.knows_message(p.portal.id, id).await?
        {
            return Ok(Some(Plan::ignored("already here")));
        }
        Ok(None)
    }

    async fn ensure_room(&self, p: &mut Planning<'_>) -> Result<(), PlanTrouble> {
        let info = match &p.event.kind {
            RemoteEventKind::ChatInfo(info) => info.clone(),
            _ => ChatInfo { kind: p.event.creates, ..ChatInfo::default() },
        };
        let room = self.parts.portals.ensure_room(&p.portal, &info, Some(&p.login)).await?;
        if let Some(portal) = self.parts.portals.by_id(p.portal.id).await? {
            p.portal = portal;
        }
        if p.portal.rooms.is_empty() {
            p.portal.rooms.push(room);
        }
        Ok(())
    }

    async fn plan_kind(&self, p: &Planning<'_>) -> Result<Plan, PlanTrouble> {
        let portals = &self.parts.portals;
        match &p.event.kind {
            RemoteEventKind::Message(message) => {
                let parts = content::message(message, &self.mxids(p));
                self.plan_visible(p, &parts, true).await
            }
            RemoteEventKind::Edit { target, part, content } => {
                match self.plan_edit(p, target, *part, content).await? {
                    Some(plan) => Ok(plan),
                    None => self.plan_words(p).await,
                }
            }
            RemoteEventKind::Reaction { target, key, picture } => {
                match self.plan_reaction(p, target, key, picture.as_ref()).await? {
                    Some(plan) => Ok(plan),
                    None => self.plan_words(p).await,
                }
            }
            RemoteEventKind::ReactionRemove { target, key } => {
                self.plan_reaction_remove(p, target, key).await
            }
            RemoteEventKind::Redaction { target } => self.plan_redaction(p, target).await,
            RemoteEventKind::PowerLevels { levels } => {
                let steps = portals.plan_power_levels(&p.portal, levels, &p.login);
                Ok(self.room_steps(p, steps))
            }
            RemoteEventKind::Pin { target, pinned } => {
                let steps = self.plan_pin(p, target, *pinned).await?;
                match steps.is_empty() {
                    // What is pinned is not here.
                    true => self.plan_words(p).await,
                    false => Ok(self.room_steps(p, steps)),
                }
            }
            RemoteEventKind::ChatInfo(info) => self.plan_facts(p, info).await,
            RemoteEventKind::DisappearingTimer { timer } => self.plan_timer(p, *timer).await,
            RemoteEventKind::Delivery { target } => self.plan_delivery(p, target).await,
            RemoteEventKind::Topic(change) => {
                let by = p.event.sender.as_ref();
                let steps = portals.plan_topic(&p.portal, &change.topic, by).await?;
                Ok(self.room_steps(p, steps))
            }
            RemoteEventKind::Membership(change) => self.plan_membership(p, change).await,
            RemoteEventKind::Gap(_) => match self.plan_gap(p.row, &p.portal, &p.login).await? {
                Some(plan) => Ok(plan),
                None => self.plan_words(p).await,
            },
            RemoteEventKind::IdChanged { old, new, of } => {
                self.plan_new_id(p, (old, new), *of).await
            }
            _ => self.plan_words(p).await,
        }
    }

    async fn plan_pin(
        &self,
        p: &Planning<'_>,
        target: &RemoteMessageId,
        pinned: bool,
    ) -> Result<Vec<RoomStep>, PlanTrouble> {
        let pairs = self.store.pairs_of_message(p.portal.id, target).await?;
        let step = |room: &String| {
            let pair = pairs.iter().find(|pair| pair.room_id == *room)?;
            let kind = RoomStepKind::Pin { event_id: pair.event_id.clone(), pinned };
            Some(RoomStep { room: room.clone(), kind })
        };
        Ok(p.portal.rooms.iter().filter_map(step).collect())
    }

    /// Tells in words what cannot be shown as what it is.
    async fn plan_words(&self, p: &Planning<'_>) -> Result<Plan, PlanTrouble> {
        match fallback(&p.event.kind, &self.name_of(p)) {
            Fallback::Notice(words) => self.plan_visible(p, &[Visible::notice(words)], false).await,
            Fallback::Ignored(why) => Ok(Plan::ignored(why)),
        }
    }

    async fn plan_membership(
        &self,
        p: &Planning<'_>,
        change: &MembershipChange,
    ) -> Result<Plan, PlanTrouble> {
        // An account of ours is on Matrix as the person it belongs to, who stays until they go.
        let is_ours = self.login_of(&p.network, &change.user).is_some_and(|own| own != p.login);
        if is_ours && !change.is_me {
            return Ok(Plan::ignored("an account of ours; its own login tells"));
        }
        if change.membership == RemoteMembership::Knock {
            return self.plan_knock(p, change).await;
        }
        let by = p.event.sender.as_ref();
        let steps = self.parts.portals.plan_membership(&p.portal, change, by, &p.login).await?;
        Ok(self.room_steps(p, steps))
    }

    fn room_steps(&self, p: &Planning<'_>, steps: Vec<RoomStep>) -> Plan {
        if steps.is_empty() {
            return Plan::ignored("nothing new");
        }
        let steps = (0..STEPS_PER_TARGET)
            .zip(steps)
            .map(|(number, step)| self.room_step(p, number, step, None));
        Plan::Steps(steps.collect())
    }

    /// Plans a timeline event in every room of the portal. `as_sender`: in the sender's name; else
    /// the bot says it.
    async fn plan_visible(
        &self,
        p: &Planning<'_>,
        parts: &[Visible],
        as_sender: bool,
    ) -> Result<Plan, PlanTrouble> {
        let mut steps = Vec::new();
        for (target, room) in (0_i64..).zip(&p.portal.rooms) {
            let sender = match p.event.sender.as_ref().filter(|_| as_sender) {
                Some(sender) => self.mxid_in(p, sender, room).await?,
                None => self.parts.matrix.bot().to_owned(),
            };
            let mut next = target * STEPS_PER_TARGET;
            for (part, visible) in (0_i64..).zip(parts) {
                let off = |kind| self.parts.switches.is_off(&p.network, Some(room), kind);
                let answered = visible.reply_to.as_ref().and_then(|reply| reply.target.as_ref());
                let answered = answered.filter(|_| !off(Kind::Reply));
                let reply_to = self.event_in(p, answered, room).await?;
                let root = visible.thread.as_ref().filter(|_| !off(Kind::Thread));
                let thread = self.event_in(p, root, room).await?;
                let file = self.upload_step(p, next, visible, &sender, room, &mut steps);
                let number = next + i64::from(file.is_some());
                next = number + 1;
                let key = self.keys.step(p.row.seq, number);
                let id = p.row.remote_id.as_deref().unwrap_or_default();
                let origin = Origin { network: &p.network, id, part, key: &key };
                let call = MatrixCall::Event {
                    sender: sender.clone(),
                    room: room.clone(),
                    event_type: visible.event_type.to_owned(),
                    content: visible.content(reply_to, thread, &origin),
                    ts: p.event.timestamp,
                    effect: Effect::Pair,
                    file,
                };
                steps.push(NewStep { part, ..self.matrix_step(p, number, room.clone(), call) });
            }
        }
        if steps.is_empty() {
            return Ok(Plan::ignored("no room yet"));
        }
        Ok(Plan::Steps(steps))
    }

    /// Plans the upload of something's file, if it has one; returns the step's number.
    fn upload_step(
        &self,
        p: &Planning<'_>,
        number: i64,
        visible: &Visible,
        sender: &str,
        room: &str,
        steps: &mut Vec<NewStep>,
    ) -> Option<i64> {
        let media = visible.media.clone()?;
        let call = MatrixCall::Upload {
            room: room.to_owned(),
            sender: sender.to_owned(),
            login: p.login.clone(),
            media,
        };
        let step = self.matrix_step(p, number, room.to_owned(), call);
        let operation = "file".to_owned();
        steps.push(NewStep { remote_id: None, operation, ..step });
        Some(number)
    }

    async fn event_in(
        &self,
        p: &Planning<'_>,
        message: Option<&RemoteMessageId>,
        room: &str,
    ) -> Result<Option<String>, PlanTrouble> {
        let Some(id) = message else { return Ok(None) };
        let pairs = self.store.pairs_of_message(p.portal.id, id).await?;
        Ok(pairs.into_iter().find(|pair| pair.room_id == room).map(|pair| pair.event_id))
    }

    fn matrix_step(&self, p: &Planning<'_>, step: i64, room: String, call: MatrixCall) -> NewStep {
        NewStep {
            step,
            portal_id: Some(p.portal.id),
            network: Some(p.network.clone()),
            login_id: None,
            room_id: Some(room),
            operation: p.row.kind.clone(),
            lost_answer: LostAnswer::HistoryMatch,
            work: StepWork::Matrix(call),
            send_key: self.keys.step(p.row.seq, step),
            state: StepState::Queued,
            // What the core called it is nothing the network would know again.
            remote_id: match p.event.kind {
                RemoteEventKind::Message(_) | RemoteEventKind::Poll { .. } => p.event.id.clone(),
                _ => None,
            },
            part: 0,
            reason: None,
        }
    }

    /// Returns the Matrix id a remote sender has in a room: the owner's own where it is an account
    /// of ours and we may act as them, else the ghost's, made ready.
    async fn mxid_in(
        &self,
        p: &Planning<'_>,
        sender: &RemoteSender,
        room: &str,
    ) -> Result<String, PlanTrouble> {
        if let Some(own) = self.account_of(p)
            && let Some(owner) = self.parts.logins.double_puppet(&own)
        {
            return Ok(owner);
        }
        let profile = sender.profile.as_ref();
        Ok(self.parts.ghosts.ensure_in_room(&p.network, &sender.user, profile, room).await?)
    }

    /// Returns the login whose account the sender is.
    fn account_of(&self, p: &Planning<'_>) -> Option<LoginId> {
        let sender = p.event.sender.as_ref()?;
        if sender.is_me {
            return Some(p.login.clone());
        }
        self.login_of(&p.network, &sender.user)
    }

    fn name_of(&self, p: &Planning<'_>) -> String {
        let Some(sender) = &p.event.sender else { return "somebody".to_owned() };
        sender_name(sender)
    }
}

/// Leaves rooms out of a plan.
fn without(plan: Plan, rooms: &[String]) -> Plan {
    let Plan::Steps(mut steps) = plan else { return plan };
    steps.retain(|step| step.room_id.as_ref().is_none_or(|room| !rooms.contains(room)));
    match steps.is_empty() {
        true => Plan::ignored(SWITCHED_OFF),
        false => Plan::Steps(steps),
    }
}

/// Returns how a remote sender is called in words.
pub(super) fn sender_name(sender: &RemoteSender) -> String {
    let profile = sender.profile.as_ref().and_then(|profile| profile.name.clone());
    profile.unwrap_or_else(|| sender.user.as_str().to_owned())
}

/// Returns the visible text of a remote event, for onlookers.
pub(super) fn visible_text(event: &RemoteEvent) -> Option<String> {
    match &event.kind {
        RemoteEventKind::Message(message) => {
            let parts = content::message(message, &|user| user.as_str().to_owned());
            Some(parts.first()?.text.plain.clone())
        }
        _ => None,
    }
}
