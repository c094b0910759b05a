//! Rows and steps as they are played with.

use super::super::super::OpenRow;
use super::super::outside::WINDOW;
use super::{LOGINS, login};
use crate::ids::{NetworkId, PortalKey, RemoteChatId, SendKey};
use crate::journal::row::{Direction, Row, RowState};
use crate::journal::step::{Effect, MatrixCall, Step, StepState, StepWork};
use crate::network::{LostAnswer, MessageKind, Operation, RemoteStep};

pub(super) fn is_open(open: &OpenRow) -> bool {
    matches!(open.row.state, RowState::Accepted | RowState::Planned)
}

pub(super) fn login_number(step: &Step) -> Option<usize> {
    let id = step.login_id.as_ref()?;
    (0..LOGINS).find(|number| login(*number) == *id)
}

pub(super) fn row(seq: i64, direction: Direction, event: Option<i64>, now: i64) -> Row {
    Row {
        seq,
        direction,
        network: None,
        portal_id: None,
        login_id: None,
        room_id: None,
        event_id: event.map(|event| format!("${event}")),
        sender: None,
        remote_id: None,
        kind: "message".to_owned(),
        payload: None,
        state: RowState::Accepted,
        next_at: None,
        attempts: 0,
        outcome: None,
        reason: None,
        accepted_at: now,
        again_of: None,
    }
}

/// Each lane's login finds lost answers out in its own ways.
pub(super) fn remote_step(seq: i64, number: i64, lane: usize) -> Step {
    let lost_answer = match seq % 5 {
        0 => LostAnswer::ClientKey { window_ms: WINDOW },
        1 => LostAnswer::Natural,
        2 => LostAnswer::EchoMatch,
        3 => LostAnswer::HistoryMatch,
        _ => LostAnswer::None,
    };
    let network = NetworkId::new("net");
    let portal = PortalKey { network, chat: RemoteChatId::new("#a"), receiver: None };
    let operation = Operation::Message(MessageKind::Text);
    let remote = RemoteStep { operation, lost_answer, payload: serde_json::Value::Null };
    let work = StepWork::Network { portal, step: remote, effect: Effect::Pair };
    let login = login((usize::try_from(seq).unwrap_or(0) / 2 + lane) % LOGINS);
    Step { login_id: Some(login), ..step(seq, number, work, lost_answer) }
}

pub(super) fn matrix_step(seq: i64, number: i64) -> Step {
    let call = MatrixCall::Event {
        sender: "@ghost:x".to_owned(),
        room: "!r:x".to_owned(),
        event_type: "m.room.message".to_owned(),
        content: serde_json::Value::Null,
        ts: None,
        effect: Effect::Pair,
        file: None,
    };
    step(seq, number, StepWork::Matrix(call), LostAnswer::HistoryMatch)
}

pub(super) fn step(seq: i64, number: i64, work: StepWork, lost_answer: LostAnswer) -> Step {
    Step {
        row_seq: seq,
        step: number,
        portal_id: None,
        network: None,
        login_id: None,
        room_id: None,
        operation: "message".to_owned(),
        work: Some(work),
        lost_answer,
        send_key: SendKey::new(format!("{seq}-{number}")),
        state: StepState::Queued,
        attempts: 0,
        first_sent_at: None,
        next_at: None,
        deadline: None,
        remote_id: None,
        part: 0,
        event_id: None,
        reason: None,
    }
}
