//! Station 6: one attempt of one stored step, and finding out what became of one whose answer was
//! lost. What leaves here is what changes in the step; the worker makes it durable.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use super::{
    Journal,
    machine::{OpenRow, Reconcile, StepChange, after_matrix, after_resolve, after_send, reconcile},
    row::Row,
    step::{Effect, MatrixCall, NewStep, Step, StepState, StepWork},
    store::{Carried, Memory},
};
use crate::{
    bot::CommandRequest,
    ids::{LoginId, PortalKey},
    matrix::{MatrixOutcome, MatrixTrouble, STEP_KEY, Sender},
    network::{LostAnswer, RemoteEvent, RemoteStep, SendOutcome},
    portals::RoomStep,
};

/// What an attempt came to.
pub(crate) struct Delivered {
    /// What changes in the step.
    pub(crate) change: StepChange,
    /// Steps that follow from it: a command's answers.
    pub(crate) further: Vec<NewStep>,
    /// The change of a room that was carried out, for stored state to follow.
    pub(crate) room_step: Option<RoomStep>,
}

impl From<StepChange> for Delivered {
    fn from(change: StepChange) -> Self {
        Self { change, further: Vec::new(), room_step: None }
    }
}

impl Journal {
    /// Executes a step as it is stored.
    pub(crate) async fn deliver(&self, open: &OpenRow, step: &Step) -> Delivered {
        match &step.work {
            Some(StepWork::Network { portal, step: remote, .. }) => {
                self.send_to_network(step, portal, remote).await.into()
            }
            Some(StepWork::Matrix(call)) => self.call_matrix(open, step, call).await,
            Some(StepWork::Command) => self.carry_out(open).await,
            Some(StepWork::Nothing) | None => {
                StepChange::to(StepState::Failed).because("There is nothing left to send.").into()
            }
        }
    }

    async fn send_to_network(
        &self,
        step: &Step,
        portal: &PortalKey,
        remote: &RemoteStep,
    ) -> StepChange {
        let client = step.login_id.as_ref().and_then(|login| self.parts.logins.client(login));
        let Some(client) = client else {
            // Its network may just have been taken away, and may come back.
            let waits = step.login_id.as_ref().is_some_and(|login| !self.is_gone(login));
            return if waits { StepChange::to(StepState::Retry) } else { logged_out() };
        };
        // The chat may have another id by now than when this was planned.
        let portal = match self.parts.portals.current_key(portal).await {
            Ok(portal) => portal,
            Err(error) => {
                return StepChange::to(StepState::Retry).because(error.to_string());
            }
        };
        // A panic in a bridge leaves the fate of this send open; it must not end the lane.
        let sending = AssertUnwindSafe(client.send(&portal, remote, &step.send_key));
        let outcome = sending.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(
                row = step.row_seq,
                step = step.step,
                "a bridge panicked while sending"
            );
            SendOutcome::Unknown { reason: "the bridge failed while sending".to_owned() }
        });
        after_send(step, outcome, self.moment(step))
    }

    async fn call_matrix(&self, open: &OpenRow, step: &Step, call: &MatrixCall) -> Delivered {
        let moment = self.moment(step);
        match call {
            MatrixCall::Event { sender, room, .. } => {
                let call = match self.with_its_file(open, call).await {
                    Ok(Some(call)) => call,
                    Ok(None) => {
                        const WORDS: &str = "its file is not there";
                        return StepChange::to(StepState::Failed).because(WORDS).into();
                    }
                    Err(error) => {
                        let trouble = MatrixTrouble::from(error);
                        return after_matrix(trouble.outcome(), true, moment).into();
                    }
                };
                let mut outcome = self.send_event(step, &call).await;
                if is_forbidden(&outcome) && self.bring_in(sender, room).await {
                    outcome = self.send_event(step, &call).await;
                }
                if is_forbidden(&outcome)
                    && let Some(call) = self.with_stand_in(open, &call).await
                {
                    outcome = self.send_event(step, &call).await;
                }
                let repeatable = self.parts.matrix.idempotent_for_good();
                after_matrix(outcome, repeatable, moment).into()
            }
            MatrixCall::Redact { sender, room, event_id, .. } => {
                let matrix = &self.parts.matrix;
                let key = &step.send_key;
                let mut outcome = matrix.redact(sender, room, event_id, key, None).await;
                if is_forbidden(&outcome) && sender != matrix.bot() {
                    outcome = matrix.redact(matrix.bot(), room, event_id, key, None).await;
                }
                // A second redaction of the same event changes nothing.
                after_matrix(outcome, true, moment).into()
            }
            MatrixCall::Upload { sender, login, media, .. } => {
                let outcome = self.bring_file(step, sender, login, media).await;
                after_matrix(outcome, true, moment).into()
            }
            MatrixCall::Room { step: room_step, ts, file } => {
                let Some(room_step) = Self::with_its_picture(open, room_step, *file) else {
                    const WORDS: &str = "its picture is not there";
                    return StepChange::to(StepState::Failed).because(WORDS).into();
                };
                let outcome = self.parts.portals.apply(&room_step, &step.send_key, *ts).await;
                Delivered {
                    change: after_matrix(outcome, true, moment),
                    further: Vec::new(),
                    room_step: Some(room_step),
                }
            }
        }
    }

    async fn send_event(&self, step: &Step, call: &MatrixCall) -> MatrixOutcome {
        let MatrixCall::Event { sender, room, event_type, content, ts, .. } = call else {
            return MatrixOutcome::Refused {
                errcode: "M_UNKNOWN".to_owned(),
                words: "not a timeline event".to_owned(),
            };
        };
        let matrix = &self.parts.matrix;
        matrix.send_event(sender, room, event_type, &step.send_key, content, *ts).await
    }

    /// A person who does not let us act in their name any more is stood in for by their account's ghost: what they
    /// said elsewhere is not lost.
    async fn with_stand_in(&self, open: &OpenRow, call: &MatrixCall) -> Option<MatrixCall> {
        let MatrixCall::Event { sender, room, .. } = call else { return None };
        let matrix = &self.parts.matrix;
        if matrix.kind_of(sender) != Sender::Other || matrix.can_puppet(sender) {
            return None;
        }
        let network = open.row.network.as_ref()?;
        let event: RemoteEvent = serde_json::from_str(open.row.payload.as_deref()?).ok()?;
        let from = event.sender?;
        let brought =
            self.parts.ghosts.ensure_in_room(network, &from.user, from.profile.as_ref(), room);
        let ghost = match brought.await {
            Ok(ghost) => ghost,
            Err(trouble) => {
                tracing::warn!(%trouble, "nobody can stand in for a person");
                return None;
            }
        };
        let mut call = call.clone();
        if let MatrixCall::Event { sender, .. } = &mut call {
            *sender = ghost;
        }
        Some(call)
    }

    /// Somebody of ours is not in the room any more, against what we remembered: brings them back.
    async fn bring_in(&self, sender: &str, room: &str) -> bool {
        let matrix = &self.parts.matrix;
        let brought = match matrix.kind_of(sender) {
            Sender::Bot => return false,
            Sender::Ghost(..) => self.parts.ghosts.rejoin(sender, room).await,
            Sender::Other => match matrix.invite(matrix.bot(), room, sender).await {
                // Whoever is banned or has left for good is told apart by the join.
                Ok(()) | Err(_) => matrix.join(sender, room).await,
            },
        };
        if let Err(trouble) = &brought {
            tracing::debug!(%trouble, "a sender could not be brought into a room");
        }
        brought.is_ok()
    }

    async fn carry_out(&self, open: &OpenRow) -> Delivered {
        let row = &open.row;
        let (Some(room), Some(event_id), Some(sender)) = (&row.room_id, &row.event_id, &row.sender)
        else {
            return StepChange::to(StepState::Failed).because("a command from nowhere").into();
        };
        let request = CommandRequest {
            room: room.clone(),
            event_id: event_id.clone(),
            sender: sender.clone(),
            body: super::body_of(row).unwrap_or_default(),
        };
        // Boxed: a command may do anything, and its future would make that of every lane as large.
        let handling = AssertUnwindSafe(Box::pin(self.parts.bot.handle(request)));
        let replies = handling.catch_unwind().await;
        let texts = match replies {
            Ok(replies) => replies.into_iter().map(|reply| (reply.text, reply.html)).collect(),
            Err(_) => {
                tracing::error!(row = row.seq, "the bot panicked while carrying out a command");
                vec![(
                    "Something went wrong inside the bridge; its log says what.".to_owned(),
                    None,
                )]
            }
        };
        Delivered {
            change: StepChange::to(StepState::Sent),
            further: self.answers(row, room, texts),
            room_step: None,
        }
    }

    fn answers(&self, row: &Row, room: &str, texts: Vec<(String, Option<String>)>) -> Vec<NewStep> {
        (1_i64..)
            .zip(texts)
            .map(|(number, (text, html))| {
                let key = self.keys.step(row.seq, number);
                let mut content = serde_json::json!({ "msgtype": "m.notice", "body": text });
                if let Some(html) = html {
                    content["format"] = "org.matrix.custom.html".into();
                    content["formatted_body"] = html.into();
                }
                content[STEP_KEY] = key.as_str().into();
                let call = MatrixCall::Event {
                    sender: self.parts.matrix.bot().to_owned(),
                    room: room.to_owned(),
                    event_type: "m.room.message".to_owned(),
                    content,
                    ts: None,
                    effect: Effect::Nothing,
                    file: None,
                };
                NewStep {
                    step: number,
                    portal_id: None,
                    network: None,
                    login_id: None,
                    room_id: Some(room.to_owned()),
                    operation: "answer".to_owned(),
                    work: StepWork::Matrix(call),
                    lost_answer: LostAnswer::HistoryMatch,
                    send_key: key,
                    state: StepState::Queued,
                    remote_id: None,
                    part: 0,
                    reason: None,
                }
            })
            .collect()
    }

    /// Finds out what became of a step whose answer was lost.
    pub(crate) async fn find_out(&self, open: &OpenRow, step: &Step) -> Delivered {
        match &step.work {
            Some(StepWork::Network { portal, step: remote, .. }) => {
                self.ask_network(step, portal, remote).await.into()
            }
            Some(StepWork::Matrix(call)) => self.look_up(step, call).await.into(),
            Some(StepWork::Command) => {
                const WORDS: &str = "I was interrupted while carrying out your command; it may have been done or not. See what `list-logins` says, then give it again if it is still needed.";
                let room = open.row.room_id.clone().unwrap_or_default();
                let texts = vec![(WORDS.to_owned(), None)];
                Delivered {
                    change: StepChange::to(StepState::Unknown).because("interrupted"),
                    further: self.answers(&open.row, &room, texts),
                    room_step: None,
                }
            }
            Some(StepWork::Nothing) | None => {
                StepChange::to(StepState::Unknown).because("its content is gone").into()
            }
        }
    }

    async fn ask_network(
        &self,
        step: &Step,
        portal: &PortalKey,
        remote: &RemoteStep,
    ) -> StepChange {
        const LOST: &str = "the connection was lost while it was sent";
        match reconcile(step.lost_answer, step.first_sent_at, self.now()) {
            Reconcile::SendAgain => return StepChange::to(StepState::Retry).because(LOST),
            Reconcile::GiveUp => return StepChange::to(StepState::Unknown).because(LOST),
            Reconcile::Ask => {}
        }
        let client = step.login_id.as_ref().and_then(|login| self.parts.logins.client(login));
        let Some(client) = client else {
            return StepChange::to(StepState::Unknown).because(LOST);
        };
        let portal = match self.parts.portals.current_key(portal).await {
            Ok(portal) => portal,
            Err(error) => return StepChange::to(StepState::Unknown).because(error.to_string()),
        };
        let asking = AssertUnwindSafe(client.resolve(&portal, remote, &step.send_key));
        let outcome = asking.catch_unwind().await.unwrap_or_else(|_| SendOutcome::Unknown {
            reason: "the bridge failed while asking the network".to_owned(),
        });
        after_resolve(outcome, self.moment(step))
    }

    /// Looks into the room whether the homeserver has the event. If not, it never got it: nothing
    /// else of ours was sent there since.
    async fn look_up(&self, step: &Step, call: &MatrixCall) -> StepChange {
        if !call.is_timeline() || self.parts.matrix.idempotent_for_good() {
            return StepChange::to(StepState::Retry);
        }
        match self.parts.matrix.find_by_tag(call.room(), &step.send_key).await {
            Ok(Some(event_id)) => {
                StepChange { event_id: Some(event_id), ..StepChange::to(StepState::Sent) }
            }
            // Nobody of ours may look: then the send itself will say so.
            Ok(None) | Err(crate::matrix::MatrixTrouble::Refused { .. }) => {
                StepChange::to(StepState::Retry)
            }
            Err(trouble) => after_matrix(trouble.outcome(), false, self.moment(step)),
        }
    }

    /// Returns what is to be remembered of a step that was carried.
    pub(crate) fn memory(&self, row: &Row, step: &Step, change: &StepChange) -> Option<Memory> {
        if change.state != StepState::Sent {
            return None;
        }
        let carried = Carried {
            row_seq: row.seq,
            portal_id: step.portal_id?,
            network: step.network.clone()?,
            work: step.work.as_ref()?,
            remote_id: change.remote_id.clone().or_else(|| step.remote_id.clone()),
            part: step.part,
            remote_ts: change.remote_ts,
            row_room: row.room_id.clone(),
            row_event: row.event_id.clone(),
            row_sender: row.sender.clone(),
            event_id: change.event_id.clone(),
            own_user: step.login_id.as_ref().and_then(|login| self.own_user(login)),
        };
        carried.memory()
    }

    fn own_user(&self, login: &LoginId) -> Option<String> {
        let user = self.parts.logins.client(login)?.own_user()?;
        Some(user.as_str().to_owned())
    }
}

fn logged_out() -> StepChange {
    StepChange::to(StepState::Failed).because(
        "The account it was to be sent with was logged out before. It was not sent; log in again and send it once more.",
    )
}

fn is_forbidden(outcome: &MatrixOutcome) -> bool {
    matches!(outcome, MatrixOutcome::Refused { errcode, .. } if errcode == "M_FORBIDDEN")
}
