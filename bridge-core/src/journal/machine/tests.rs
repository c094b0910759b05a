use std::{cell::RefCell, time::Duration};

use proptest::prelude::*;

use super::{super::row::Outcome, *};
use crate::{
    ids::{NetworkId, PortalKey, RemoteChatId, SendKey},
    journal::step::{Effect, STEPS_PER_TARGET, StepWork},
    matrix::MatrixOutcome,
    network::{LostAnswer, MessageKind, Operation, RemoteStep, SendOutcome},
};

const NOW: i64 = 1_000_000;

fn row(seq: i64, state: RowState) -> Row {
    Row {
        seq,
        direction: Direction::FromMatrix,
        network: None,
        portal_id: None,
        login_id: None,
        room_id: Some("!r:x".to_owned()),
        event_id: Some(format!("${seq}")),
        sender: Some("@alice:x".to_owned()),
        remote_id: None,
        kind: "m.room.message".to_owned(),
        payload: Some("{}".to_owned()),
        state,
        next_at: None,
        attempts: 0,
        outcome: None,
        reason: None,
        accepted_at: NOW,
        again_of: None,
    }
}

fn step(row_seq: i64, step: i64, login: &str, state: StepState) -> Step {
    let portal = PortalKey {
        network: NetworkId::new("test"),
        chat: RemoteChatId::new("#a"),
        receiver: None,
    };
    let remote = RemoteStep {
        operation: Operation::Message(MessageKind::Text),
        lost_answer: LostAnswer::HistoryMatch,
        payload: serde_json::Value::Null,
    };
    Step {
        row_seq,
        step,
        portal_id: Some(1),
        network: Some(NetworkId::new("test")),
        login_id: Some(LoginId::new(login)),
        room_id: None,
        operation: "message".to_owned(),
        work: Some(StepWork::Network { portal, step: remote, effect: Effect::Pair }),
        lost_answer: LostAnswer::HistoryMatch,
        send_key: SendKey::new(format!("{row_seq}-{step}")),
        state,
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

fn planned(seq: i64, steps: Vec<Step>) -> OpenRow {
    OpenRow { row: row(seq, RowState::Planned), steps }
}

fn next(rows: &[OpenRow], offline: &[&str]) -> Move {
    let world = World {
        now: NOW,
        expire_after: 1000,
        is_connected: &|step| {
            !offline.contains(&step.login_id.as_ref().map_or("", LoginId::as_str))
        },
        max_inflight: &|_| 2,
        parked: &HashSet::new(),
    };
    next_move(rows, &world)
}

fn moment() -> Moment {
    Moment { now: NOW, backoff: Duration::from_millis(500), connected: true }
}

#[test]
fn first_thing_undone_comes_next() {
    let rows = [
        planned(1, vec![step(1, 0, "a", StepState::Sent), step(1, 1, "a", StepState::Queued)]),
        OpenRow { row: row(2, RowState::Accepted), steps: vec![] },
    ];
    assert_eq!(next(&rows, &[]), Move::Send { seq: 1, step: 1 });
    assert_eq!(next(&rows[1..], &[]), Move::Plan(2));
    let done = [planned(1, vec![step(1, 0, "a", StepState::Sent)])];
    assert_eq!(next(&done, &[]), Move::Finish(1));
    assert_eq!(next(&[], &[]), Move::Wait(None));
}

#[test]
fn nothing_overtakes_what_is_tried_again() {
    let mut again = step(1, 0, "a", StepState::Retry);
    again.next_at = Some(NOW + 5);
    let rows = [planned(1, vec![again]), planned(2, vec![step(2, 0, "b", StepState::Queued)])];
    assert_eq!(next(&rows, &[]), Move::Wait(Some(NOW + 5)));
}

#[test]
fn lane_goes_on_while_a_confirmation_is_awaited_up_to_its_limit() {
    let mut awaited = step(1, 0, "a", StepState::Awaiting);
    awaited.deadline = Some(NOW + 30);
    let rows =
        [planned(1, vec![awaited.clone()]), planned(2, vec![step(2, 0, "a", StepState::Queued)])];
    assert_eq!(next(&rows, &[]), Move::Send { seq: 2, step: 0 });
    let mut second = step(1, 1, "a", StepState::Awaiting);
    second.deadline = Some(NOW + 20);
    let rows = [
        planned(1, vec![awaited.clone(), second]),
        planned(2, vec![step(2, 0, "a", StepState::Queued)]),
    ];
    assert_eq!(next(&rows, &[]), Move::Wait(Some(NOW + 20)));
    awaited.deadline = Some(NOW);
    let rows = [planned(1, vec![awaited])];
    assert_eq!(next(&rows, &[]), Move::Reconcile { seq: 1, step: 0 });
}

#[test]
fn row_of_an_offline_login_is_parked_and_others_go_on() {
    let rows = [
        planned(1, vec![step(1, 0, "a", StepState::Queued)]),
        planned(2, vec![step(2, 0, "b", StepState::Queued)]),
    ];
    assert_eq!(next(&rows, &["a"]), Move::Park { seq: 1, login: LoginId::new("a") });
    assert_eq!(next(&rows[1..], &["a"]), Move::Send { seq: 2, step: 0 });
}

#[test]
fn one_target_offline_does_not_keep_the_other_waiting() {
    let steps =
        vec![step(1, 0, "a", StepState::Queued), step(1, STEPS_PER_TARGET, "b", StepState::Queued)];
    let rows = [planned(1, steps)];
    assert_eq!(next(&rows, &["a"]), Move::Send { seq: 1, step: STEPS_PER_TARGET });
    let placeholder = [planned(1, vec![step(1, 0, "a", StepState::Unplanned)])];
    assert_eq!(next(&placeholder, &[]), Move::PlanTarget { seq: 1, step: 0 });
}

#[test]
fn parked_login_is_not_overtaken_even_if_it_came_back() {
    let parked = HashSet::from([LoginId::new("a")]);
    let world = World {
        now: NOW,
        expire_after: 1000,
        is_connected: &|_| true,
        max_inflight: &|_| 1,
        parked: &parked,
    };
    let rows = [planned(2, vec![step(2, 0, "a", StepState::Queued)])];
    assert_eq!(next_move(&rows, &world), Move::Park { seq: 2, login: LoginId::new("a") });
}

#[test]
fn hopeless_step_does_not_wait_for_its_login() {
    let mut lost = step(1, 0, "a", StepState::Lost);
    assert!(matches!(next(&[planned(1, vec![lost.clone()])], &["a"]), Move::Park { .. }));
    lost.lost_answer = LostAnswer::None;
    assert_eq!(next(&[planned(1, vec![lost])], &["a"]), Move::Reconcile { seq: 1, step: 0 });
}

#[test]
fn only_what_does_no_harm_twice_is_sent_again() {
    let key = LostAnswer::ClientKey { window_ms: 1000 };
    assert_eq!(reconcile(LostAnswer::Natural, Some(0), NOW), Reconcile::SendAgain);
    assert_eq!(reconcile(key, Some(NOW - 899), NOW), Reconcile::SendAgain);
    assert_eq!(reconcile(key, Some(NOW - 900), NOW), Reconcile::GiveUp);
    assert_eq!(reconcile(LostAnswer::None, Some(NOW), NOW), Reconcile::GiveUp);
    for asked in [LostAnswer::EchoMatch, LostAnswer::HistoryMatch, LostAnswer::Barrier] {
        assert_eq!(reconcile(asked, Some(NOW), NOW), Reconcile::Ask);
    }
}

#[test]
fn pause_is_what_the_network_asks_for_and_never_less_than_the_backoff() {
    let again = |after| {
        let outcome = SendOutcome::Retry { after, reason: String::new() };
        after_send(&step(1, 0, "a", StepState::Sending), outcome, moment()).next_at
    };
    assert_eq!(again(Duration::ZERO), Some(NOW + 500));
    assert_eq!(again(Duration::from_secs(7)), Some(NOW + 7000));
    assert_eq!(backoff(0), Duration::from_millis(500));
    assert_eq!(backoff(3), Duration::from_secs(4));
    assert_eq!(backoff(i64::MAX), Duration::from_secs(30));
}

#[test]
fn matrix_send_in_doubt_is_looked_up_unless_it_may_be_repeated() {
    let unknown = || MatrixOutcome::Unknown { reason: String::new() };
    assert_eq!(after_matrix(unknown(), true, moment()).state, StepState::Retry);
    assert_eq!(after_matrix(unknown(), false, moment()).state, StepState::Lost);
}

#[test]
fn row_ends_as_its_worst_step_and_says_how_much_went_through() {
    let mut failed = step(1, 1, "a", StepState::Failed);
    failed.reason = Some("No.".to_owned());
    let steps = [step(1, 0, "a", StepState::Sent), step(1, 2, "a", StepState::Unknown), failed];
    let (outcome, words) = row_outcome(&steps);
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(words.as_deref(), Some("No. (1 of 3 parts were carried.)"));
    assert_eq!(row_outcome(&steps[..1]), (Outcome::Sent, None));
    assert_eq!(row_outcome(&[]), (Outcome::Ignored, None));
}

#[test]
fn failure_ends_its_own_target_only() {
    let steps = vec![
        step(1, 0, "a", StepState::Failed),
        step(1, 1, "a", StepState::Queued),
        step(1, STEPS_PER_TARGET, "b", StepState::Queued),
    ];
    assert_eq!(dropped_with(&steps[0], &steps), [1]);
}

/// Answers a network may give, as a simulator draws them.
fn answer() -> impl Strategy<Value = SendOutcome> {
    prop_oneof![
        4 => Just(SendOutcome::Confirmed { remote_id: None, timestamp: None }),
        2 => Just(SendOutcome::AwaitEcho { within: Duration::from_secs(3) }),
        2 => Just(SendOutcome::Retry { after: Duration::from_secs(1), reason: "busy".to_owned() }),
        1 => Just(SendOutcome::Offline),
        1 => Just(SendOutcome::Failed { words: "no".to_owned() }),
        1 => Just(SendOutcome::Unknown { reason: "lost".to_owned() }),
    ]
}

proptest! {
    /// Whatever the network answers, the lane comes to its end, sends in order, and sends nothing
    /// again whose fate is open.
    #[test]
    fn every_lane_comes_to_its_end_in_order(
        answers in prop::collection::vec(answer(), 0..60),
        sizes in prop::collection::vec(1_i64..4, 1..6),
    ) {
        let mut rows: Vec<OpenRow> = (1..)
            .zip(&sizes)
            .map(|(seq, size)| {
                planned(seq, (0..*size).map(|n| step(seq, n, "a", StepState::Queued)).collect())
            })
            .collect();
        let mut answers = answers.into_iter();
        let mut now = NOW;
        let mut sent = Vec::new();
        let order = RefCell::new(Vec::new());
        for _ in 0..2000 {
            let world = World {
                now,
                expire_after: i64::MAX / 2,
                is_connected: &|_| true,
                max_inflight: &|_| 2,
                parked: &HashSet::new(),
            };
            let at = Moment { now, backoff: Duration::from_millis(500), connected: true };
            let sent_fine = SendOutcome::Confirmed { remote_id: None, timestamp: None };
            match next_move(&rows, &world) {
                Move::Send { seq, step } => {
                    let open = rows.iter_mut().find(|open| open.row.seq == seq).unwrap();
                    let held = open.steps.iter().position(|held| held.step == step).unwrap();
                    let answer = answers.next().unwrap_or(sent_fine);
                    let change = after_send(&open.steps[held], answer, at);
                    if matches!(change.state, StepState::Sent | StepState::Awaiting | StepState::Lost) {
                        prop_assert!(!sent.contains(&(seq, step)), "sent twice");
                        sent.push((seq, step));
                        order.borrow_mut().push((seq, step));
                    }
                    if change.state == StepState::Failed {
                        for dropped in dropped_with(&open.steps[held], &open.steps) {
                            let dropped = open.steps.iter().position(|s| s.step == dropped).unwrap();
                            open.steps[dropped].state = StepState::Failed;
                        }
                    }
                    change.apply_to(&mut open.steps[held]);
                }
                Move::Reconcile { seq, step } => {
                    let open = rows.iter_mut().find(|open| open.row.seq == seq).unwrap();
                    let held = open.steps.iter().position(|held| held.step == step).unwrap();
                    after_resolve(sent_fine, at).apply_to(&mut open.steps[held]);
                }
                Move::Finish(seq) => rows.retain(|open| open.row.seq != seq),
                Move::Wait(Some(until)) => {
                    prop_assert!(until > now, "waits for the past");
                    now = until;
                }
                Move::Wait(None) => {
                    prop_assert!(rows.is_empty(), "stuck: {rows:?}");
                    break;
                }
                other => prop_assert!(false, "unexpected: {other:?}"),
            }
        }
        prop_assert!(rows.is_empty(), "no end: {rows:?}");
        let order = order.into_inner();
        prop_assert!(order.is_sorted(), "{order:?}");
    }
}
