//! What changes the chat itself: its facts and picture, for how long messages stay, who has another
//! id, whom a message has reached.

use serde_json::json;

use super::{LONGEST_WAIT, LOOK_AGAIN, Planning, content::Visible};
use crate::{
    ids::{RemoteMessageId, RemoteUserId},
    journal::{
        Journal,
        plan::{Plan, PlanTrouble},
        step::{Effect, MatrixCall, NewStep, STEPS_PER_TARGET},
        words_for::{Fallback, fallback},
    },
    matrix::{STEP_KEY, Sender},
    network::{ChatInfo, Disappearing, IdOf, Kind, MediaRef, MembershipChange, RemoteSender},
    portals::{RoomStep, RoomStepKind, picture_name},
};

impl Journal {
    /// Plans what facts about the chat change, its picture brought first.
    pub(super) async fn plan_facts(
        &self,
        p: &Planning<'_>,
        info: &ChatInfo,
    ) -> Result<Plan, PlanTrouble> {
        let room_steps = self.parts.portals.plan_info(&p.portal, info).await?;
        let off = |room: &str, kind| self.parts.switches.is_off(&p.network, Some(room), kind);
        let carried = |step: &RoomStep| !step.kind.fact().is_some_and(|kind| off(&step.room, kind));
        let mut steps: Vec<NewStep> = (0..STEPS_PER_TARGET)
            .zip(room_steps.into_iter().filter(carried))
            .map(|(number, step)| self.room_step(p, number, step, None))
            .collect();
        if let Some(picture) = &info.avatar {
            self.plan_picture(p, picture, &mut steps);
        }
        Ok(match steps.is_empty() {
            true => Plan::ignored("nothing new"),
            false => Plan::Steps(steps),
        })
    }

    fn plan_picture(&self, p: &Planning<'_>, picture: &MediaRef, steps: &mut Vec<NewStep>) {
        let name = picture_name(picture);
        if p.portal.avatar.as_deref().unwrap_or_default() == name {
            return;
        }
        for room in &p.portal.rooms {
            if self.parts.switches.is_off(&p.network, Some(room), Kind::Avatar) {
                continue;
            }
            let next = i64::try_from(steps.len()).unwrap_or(0);
            let file = (!picture.source.is_empty()).then_some(next);
            if file.is_some() {
                let call = MatrixCall::Upload {
                    room: room.clone(),
                    sender: self.parts.matrix.bot().to_owned(),
                    login: p.login.clone(),
                    media: picture.clone(),
                };
                let step = self.matrix_step(p, next, room.clone(), call);
                steps.push(NewStep { operation: "file".to_owned(), ..step });
            }
            let kind = RoomStepKind::Avatar { url: None, name: name.clone() };
            let step = RoomStep { room: room.clone(), kind };
            steps.push(self.room_step(p, next + i64::from(file.is_some()), step, file));
        }
    }

    /// Plans the state that says for how long messages stay, and says it in words: few clients show
    /// the state.
    pub(super) async fn plan_timer(
        &self,
        p: &Planning<'_>,
        timer: Disappearing,
    ) -> Result<Plan, PlanTrouble> {
        if p.portal.disappearing == timer {
            return Ok(Plan::ignored("nothing new"));
        }
        let Plan::Steps(mut steps) = self.plan_words(p).await? else {
            return Ok(Plan::ignored("no room yet"));
        };
        for (target, room) in (0_i64..).zip(&p.portal.rooms) {
            let kind = RoomStepKind::DisappearingTimer { timer };
            let step = RoomStep { room: room.clone(), kind };
            steps.push(self.room_step(p, target * STEPS_PER_TARGET + 1, step, None));
        }
        Ok(Plan::Steps(steps))
    }

    /// Plans that the sender of a message is told whom it has reached.
    pub(super) async fn plan_delivery(
        &self,
        p: &Planning<'_>,
        target: &RemoteMessageId,
    ) -> Result<Plan, PlanTrouble> {
        let Some(by) = p.event.sender.as_ref().filter(|sender| !sender.is_me) else {
            return Ok(Plan::ignored("nobody it could have reached"));
        };
        let pairs = self.store.pairs_of_message(p.portal.id, target).await?;
        // The message itself may still be on its way.
        if pairs.is_empty()
            && self.store.has_open_send(p.portal.id, &p.login).await?
            && self.now() < p.row.accepted_at + LONGEST_WAIT
        {
            return Ok(Plan::Soon(LOOK_AGAIN));
        }
        let mxid = self.parts.ghosts.mxid(&p.network, &by.user);
        let mut steps = Vec::new();
        for pair in super::changes::first_parts(&pairs) {
            let sender = pair.sender_mxid.as_deref().unwrap_or_default();
            if self.parts.matrix.kind_of(sender) != Sender::Other {
                continue;
            }
            let mut reached = self.store.delivered_to(p.portal.id, target, &pair.room_id).await?;
            if reached.contains(&mxid) {
                continue;
            }
            reached.push(mxid.clone());
            let number = i64::try_from(steps.len()).unwrap_or(0);
            let key = self.keys.step(p.row.seq, number);
            let content = json!({
                "network": p.network.as_str(),
                "m.relates_to": { "rel_type": "m.reference", "event_id": pair.event_id },
                "status": "SUCCESS",
                "delivered_to_users": reached,
                STEP_KEY: key.as_str(),
            });
            let call = MatrixCall::Event {
                sender: self.parts.matrix.bot().to_owned(),
                room: pair.room_id.clone(),
                event_type: "com.beeper.message_send_status".to_owned(),
                content,
                ts: None,
                effect: Effect::Delivered { target: target.clone(), mxid: mxid.clone() },
                file: None,
            };
            steps.push(self.matrix_step(p, number, pair.room_id.clone(), call));
        }
        Ok(match steps.is_empty() {
            true => Plan::ignored("of no message of ours, or told before"),
            false => Plan::Steps(steps),
        })
    }

    /// Plans what a new id changes.
    pub(super) async fn plan_new_id(
        &self,
        p: &Planning<'_>,
        (old, new): (&str, &str),
        of: IdOf,
    ) -> Result<Plan, PlanTrouble> {
        let portals = &self.parts.portals;
        let profile = p.event.sender.as_ref().and_then(|sender| sender.profile.as_ref());
        let (before, now) = (RemoteUserId::new(old), RemoteUserId::new(new));
        let steps = match of {
            IdOf::Name => portals.plan_id_change(&p.portal, &before, &now, profile).await?,
            IdOf::Person => portals.plan_new_identity(&p.portal, &now, profile).await?,
            IdOf::Chat => portals.plan_new_key(&p.portal, old),
        };
        Ok(self.room_steps(p, steps))
    }

    /// Somebody asks to come in: told in words, with the account to invite if they may.
    pub(super) async fn plan_knock(
        &self,
        p: &Planning<'_>,
        change: &MembershipChange,
    ) -> Result<Plan, PlanTrouble> {
        let profile = change.profile.as_ref();
        let mxid = self.parts.ghosts.ensure_registered(&p.network, &change.user, profile).await?;
        let asking = RemoteSender {
            user: change.user.clone(),
            is_me: change.is_me,
            profile: change.profile.clone(),
        };
        let words = match fallback(&p.event.kind, &super::sender_name(&asking)) {
            Fallback::Notice(words) => words,
            Fallback::Ignored(why) => return Ok(Plan::ignored(why)),
        };
        let why = change.reason.as_deref().filter(|why| !why.is_empty());
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let words = format!("{words}{why}. Who may invite lets them in: `/invite {mxid}`");
        self.plan_visible(p, &[Visible::notice(words)], false).await
    }

    /// Makes a step of a change in a room.
    pub(super) fn room_step(
        &self,
        p: &Planning<'_>,
        number: i64,
        step: RoomStep,
        file: Option<i64>,
    ) -> NewStep {
        let room = step.room.clone();
        let call = MatrixCall::Room { step, ts: p.event.timestamp, file };
        self.matrix_step(p, number, room, call)
    }
}
