//! The contract of the store, on every database.

use std::sync::{Arc, Mutex};

use support_clock::{OsRandom, SharedRandom};
use support_db::testing::{prepare_check, schema_of, test_locations};

use super::{settle::settle_by_key, *};
use crate::{
    Bridge,
    ids::{PortalKey, RemoteChatId, RemoteMessageId},
    journal::{
        machine::StepChange,
        row::{Outcome, RowState},
        step::{Effect, NewStep, StepState, StepWork},
    },
    network::{LostAnswer, MessageKind, Operation, RemoteStep},
};

async fn on_every_database<F>(story: impl Fn(Store) -> F)
where
    F: Future<Output = ()>,
{
    for place in test_locations() {
        let db = place.open(Bridge::migrations()).await;
        story(Store::new(db.clone())).await;
        db.close().await;
    }
}

fn event(id: &str) -> MatrixEvent {
    MatrixEvent {
        key: format!("mx:{id}"),
        lane: "m:!r:x".to_owned(),
        room_id: Some("!r:x".to_owned()),
        event_id: Some(id.to_owned()),
        sender: Some("@alice:x".to_owned()),
        kind: "m.room.message".to_owned(),
        payload: "{}".to_owned(),
        ours: Ours::No,
        tag: None,
        redacts: None,
        useless: None,
    }
}

async fn accept(store: &Store, events: Vec<MatrixEvent>) -> (usize, Woken) {
    let woken = Arc::new(Mutex::new(Woken::default()));
    let heard = woken.clone();
    let wake = move |news: Woken| *heard.lock().unwrap() = news;
    let job = AcceptMatrix { txn_id: "t".to_owned(), events, now: 10, wake };
    let new = store.db().run(job).await.unwrap();
    let woken = woken.lock().unwrap().clone();
    (new, woken)
}

fn new_step(step: i64, key: &str) -> NewStep {
    let portal = PortalKey {
        network: NetworkId::new("test"),
        chat: RemoteChatId::new("#a"),
        receiver: None,
    };
    let remote = RemoteStep {
        operation: Operation::Message(MessageKind::Text),
        lost_answer: LostAnswer::EchoMatch,
        payload: serde_json::json!({ "text": "hi" }),
    };
    NewStep {
        step,
        portal_id: Some(1),
        network: Some(NetworkId::new("test")),
        login_id: Some(LoginId::new("test-1")),
        room_id: None,
        operation: "message".to_owned(),
        work: StepWork::Network { portal, step: remote, effect: Effect::Pair },
        lost_answer: LostAnswer::EchoMatch,
        send_key: SendKey::new(key),
        state: StepState::Queued,
        remote_id: None,
        part: 0,
        reason: None,
    }
}

async fn apply(store: &Store, writes: Vec<Write>) -> Vec<u64> {
    store.apply(writes.into(), 20).await.unwrap()
}

async fn planned_row(store: &Store, steps: Vec<NewStep>) -> i64 {
    accept(store, vec![event("$1")]).await;
    let seq = store.page("m:!r:x", 0, 9).await.unwrap()[0].row.seq;
    apply(store, vec![Write::Plan { seq, steps, replaces: None }]).await;
    seq
}

async fn states(store: &Store, seq: i64) -> Vec<StepState> {
    let open = store.open_row(seq).await.unwrap().unwrap();
    open.steps.iter().map(|step| step.state).collect()
}

#[tokio::test]
async fn every_statement_is_understood_by_every_database() {
    on_every_database(|store| async move {
        let wrong = prepare_check(store.db(), &statements()).await;
        assert!(wrong.is_empty(), "{wrong:#?}");
    })
    .await;
}

#[tokio::test]
async fn schemas_of_all_databases_agree() {
    let mut schemas = Vec::new();
    for place in test_locations() {
        let db = place.open(Bridge::migrations()).await;
        schemas.push(schema_of(&db).await.unwrap());
        db.close().await;
    }
    assert!(schemas[0].iter().any(|line| line.starts_with("journal_row.seq INTEGER")));
    for schema in &schemas[1..] {
        assert_eq!(*schema, schemas[0]);
    }
}

#[tokio::test]
async fn event_is_accepted_once() {
    on_every_database(|store| async move {
        let (new, woken) = accept(&store, vec![event("$1"), event("$2"), event("$1")]).await;
        assert_eq!((new, woken.lanes.len()), (2, 2));
        let (new, woken) = accept(&store, vec![event("$2"), event("$3")]).await;
        assert_eq!((new, woken.lanes.len()), (1, 1));
        let page = store.page("m:!r:x", 0, 9).await.unwrap();
        let ids: Vec<_> = page.iter().map(|open| open.row.event_id.clone().unwrap()).collect();
        assert_eq!(ids, ["$1", "$2", "$3"]);
        assert!(page.windows(2).all(|pair| pair[0].row.seq < pair[1].row.seq));
        let second = store.page("m:!r:x", page[0].row.seq, 1).await.unwrap();
        assert_eq!(second[0].row.event_id.as_deref(), Some("$2"));
        assert_eq!(store.open_lanes().await.unwrap(), ["m:!r:x"]);
        assert_eq!(store.backlog().await.unwrap(), Backlog { rows: 3, oldest: Some(10) });
    })
    .await;
}

#[tokio::test]
async fn plan_is_stored_as_it_is_and_may_be_stored_again() {
    on_every_database(|store| async move {
        let steps = vec![new_step(0, "k0"), new_step(1, "k1")];
        let seq = planned_row(&store, steps.clone()).await;
        apply(&store, vec![Write::Plan { seq, steps: steps.clone(), replaces: None }]).await;
        let open = store.open_row(seq).await.unwrap().unwrap();
        assert_eq!(open.row.state, RowState::Planned);
        assert_eq!(open.steps.len(), 2);
        assert_eq!(open.steps[1].work.as_ref(), Some(&steps[1].work));
        assert_eq!(open.steps[1].send_key, SendKey::new("k1"));

        let placeholder = NewStep { state: StepState::Unplanned, ..new_step(10_000, "k9") };
        apply(&store, vec![Write::Plan { seq, steps: vec![placeholder], replaces: None }]).await;
        let real = new_step(10_000, "k9");
        apply(&store, vec![Write::Plan { seq, steps: vec![real], replaces: Some(10_000) }]).await;
        assert_eq!(states(&store, seq).await, [StepState::Queued; 3]);
    })
    .await;
}

#[tokio::test]
async fn final_step_stays_as_it_is() {
    on_every_database(|store| async move {
        let seq = planned_row(&store, vec![new_step(0, "k0")]).await;
        let mark = Write::Mark { seq, step: 0, now: 20 };
        assert_eq!(apply(&store, vec![mark.clone()]).await, [1]);
        let echo = StepChange {
            remote_id: Some(RemoteMessageId::new("m1")),
            ..StepChange::to(StepState::Sent)
        };
        let change = echo.clone();
        let settled = store
            .db()
            .write(move |tx| {
                let change = change.clone();
                Box::pin(async move { settle_by_key(tx, &SendKey::new("k0"), &change, 25).await })
            })
            .await
            .unwrap();
        assert_eq!(settled.unwrap().row_seq, seq);
        // The lane's own answer comes second, and changes nothing.
        let late = Write::Change {
            seq,
            step: 0,
            change: StepChange::to(StepState::Awaiting),
            attempts: 1,
            memory: None,
        };
        assert_eq!(apply(&store, vec![late, mark]).await, [0, 0]);
        assert_eq!(states(&store, seq).await, [StepState::Sent]);
        let pairs = store.pairs_of_event(1, "$1").await.unwrap();
        assert_eq!(pairs[0].remote_id, RemoteMessageId::new("m1"));
        let event = store.pairs_of_message(1, &RemoteMessageId::new("m1")).await.unwrap();
        assert_eq!(event[0].event_id, "$1");
        assert!(store.knows_message(1, &RemoteMessageId::new("m1")).await.unwrap());
        assert!(!store.knows_message(2, &RemoteMessageId::new("m1")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn redaction_wipes_what_is_not_sent_yet() {
    on_every_database(|store| async move {
        let seq = planned_row(&store, vec![new_step(0, "k0"), new_step(1, "k1")]).await;
        apply(&store, vec![Write::Mark { seq, step: 0, now: 20 }]).await;
        let redaction = MatrixEvent { redacts: Some("$1".to_owned()), ..event("$r") };
        let (_, woken) = accept(&store, vec![redaction]).await;
        assert_eq!(woken.settled.len(), 1);
        assert_eq!(states(&store, seq).await, [StepState::Sending, StepState::Ignored]);
        let open = store.open_row(seq).await.unwrap().unwrap();
        assert!(open.row.payload.is_none());
        assert!(open.steps[1].work.is_none());
        assert_eq!(apply(&store, vec![Write::Mark { seq, step: 1, now: 21 }]).await, [0]);
    })
    .await;
}

#[tokio::test]
async fn parked_rows_come_back_to_where_they_were() {
    on_every_database(|store| async move {
        accept(&store, vec![event("$1"), event("$2")]).await;
        let seqs: Vec<i64> =
            store.page("m:!r:x", 0, 9).await.unwrap().iter().map(|open| open.row.seq).collect();
        let login = LoginId::new("test-1");
        let plan = Write::Plan { seq: seqs[0], steps: vec![new_step(0, "k0")], replaces: None };
        let park = |seq| Write::Park { seq, login: login.clone() };
        apply(&store, vec![plan, park(seqs[0]), park(seqs[1])]).await;
        assert!(store.page("m:!r:x", 0, 9).await.unwrap().is_empty());
        assert!(store.open_lanes().await.unwrap().is_empty());
        assert_eq!(store.parked_logins().await.unwrap(), std::slice::from_ref(&login));
        assert_eq!(store.parked_in("m:!r:x").await.unwrap(), std::slice::from_ref(&login));
        assert_eq!(store.parked_lanes(&login).await.unwrap(), ["m:!r:x"]);
        assert!(store.parked_since(9).await.unwrap().is_empty());
        assert_eq!(store.parked_since(10).await.unwrap().len(), 1);

        apply(&store, vec![Write::Unpark { lane: "m:!r:x".to_owned(), login }]).await;
        let page = store.page("m:!r:x", 0, 9).await.unwrap();
        let back: Vec<_> = page.iter().map(|open| open.row.state).collect();
        assert_eq!(back, [RowState::Planned, RowState::Accepted]);
        assert_eq!(page[0].steps.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn attempts_under_way_have_lost_their_answers_at_the_next_start() {
    on_every_database(|store| async move {
        let steps = vec![new_step(0, "k0"), new_step(1, "k1"), new_step(2, "k2")];
        let seq = planned_row(&store, steps).await;
        let awaiting = StepChange { deadline: Some(99), ..StepChange::to(StepState::Awaiting) };
        let change = Write::Change { seq, step: 1, change: awaiting, attempts: 1, memory: None };
        let marks = [0, 1].map(|step| Write::Mark { seq, step, now: 20 });
        apply(&store, [marks.to_vec(), vec![change]].concat()).await;
        assert!(store.has_open_send(1, &LoginId::new("test-1")).await.unwrap());
        assert!(!store.has_open_send(1, &LoginId::new("test-2")).await.unwrap());
        assert_eq!(store.lose_answers().await.unwrap(), 2);
        let now = states(&store, seq).await;
        assert_eq!(now, [StepState::Lost, StepState::Lost, StepState::Queued]);
        let open = store.open_row(seq).await.unwrap().unwrap();
        assert_eq!(open.steps[0].first_sent_at, Some(20));
        assert_eq!(open.steps[1].deadline, None);
    })
    .await;
}

#[tokio::test]
async fn row_is_reported_settled_and_swept() {
    on_every_database(|store| async move {
        let seq = planned_row(&store, vec![new_step(0, "k0")]).await;
        let settle = |state| Write::Settle {
            seq,
            state,
            outcome: Outcome::Failed,
            reason: Some("no".to_owned()),
            now: 30,
        };
        apply(&store, vec![settle(RowState::Reporting)]).await;
        assert_eq!(store.reporting().await.unwrap(), [seq]);
        let open = store.open_row(seq).await.unwrap().unwrap();
        assert_eq!(open.row.outcome, Some(Outcome::Failed));
        assert!(open.row.payload.is_none());
        apply(&store, vec![Write::Reported { seq, now: 40 }]).await;
        // A settled row has its final state.
        assert_eq!(apply(&store, vec![settle(RowState::Settled)]).await, [0]);
        assert_eq!(store.backlog().await.unwrap().rows, 0);
        assert_eq!(store.sweep(39).await.unwrap(), 0);
        assert_eq!(store.sweep(40).await.unwrap(), 1);
        assert!(store.open_row(seq).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn remote_event_is_accepted_once_and_others_are_witnesses() {
    on_every_database(|store| async move {
        let hear = |login: &'static str, key: Option<&'static str>| {
            store.db().write(move |tx| {
                Box::pin(async move {
                    let (network, login) = (NetworkId::new("test"), LoginId::new(login));
                    let row = NewRemoteRow {
                        lane: "p:1",
                        event_key: key,
                        network: &network,
                        portal_id: Some(1),
                        login: &login,
                        sender: Some("bob"),
                        remote_id: "m1",
                        kind: "message",
                        payload: "{}",
                        done: None,
                        redacts: None,
                        now: 10,
                    };
                    accept_remote(tx, &row).await.map(|accepted| accepted.new)
                })
            })
        };
        assert!(hear("test-1", Some("k")).await.unwrap());
        assert!(!hear("test-2", Some("k")).await.unwrap());
        assert!(!hear("test-2", Some("k")).await.unwrap());
        assert!(!hear("test-1", Some("k")).await.unwrap());
        assert!(hear("test-1", None).await.unwrap());
        assert!(hear("test-1", None).await.unwrap());
        let sql = "SELECT login_id FROM journal_witness";
        let witnesses = store.db().fetch_all(sql, params![]).await.unwrap();
        assert_eq!(witnesses.len(), 1);
        assert_eq!(store.page("p:1", 0, 9).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn cursor_moves_forward_only() {
    on_every_database(|store| async move {
        let (network, login) = (NetworkId::new("test"), LoginId::new("test-1"));
        for order in [4, 2, 7, 7, 1] {
            let (network, login) = (network.clone(), login.clone());
            store
                .db()
                .write(move |tx| {
                    let (network, login) = (network.clone(), login.clone());
                    Box::pin(async move {
                        let value = format!("v{order}");
                        let cursor = Cursor { stream: "s".to_owned(), value, order };
                        move_cursor(tx, &network, &login, &cursor).await
                    })
                })
                .await
                .unwrap();
        }
        let cursor = store.cursor(&network, &login, "s").await.unwrap().unwrap();
        assert_eq!((cursor.order, cursor.value.as_str()), (7, "v7"));
    })
    .await;
}

#[tokio::test]
async fn keys_are_the_same_after_the_next_start() {
    on_every_database(|store| async move {
        let random: SharedRandom = Arc::new(OsRandom);
        let first = store.key_maker(&random).await.unwrap();
        let second = store.key_maker(&random).await.unwrap();
        assert_eq!(first.step(1, 0), second.step(1, 0));
    })
    .await;
}

#[tokio::test]
async fn row_is_kept_while_its_event_is_carried_again_and_notes_go_with_it() {
    on_every_database(|store| async move {
        let seq = planned_row(&store, vec![new_step(0, "k0")]).await;
        let settle = |seq, now| Write::Settle {
            seq,
            state: RowState::Settled,
            outcome: Outcome::Failed,
            reason: None,
            now,
        };
        let in_vain = StepChange::to(StepState::Failed).because("no");
        let change = Write::Change { seq, step: 0, change: in_vain, attempts: 1, memory: None };
        apply(&store, vec![change, settle(seq, 30)]).await;
        let decide = |_: &OpenRow, _| Change::Again;
        let act = Act { seq, decide, who: "a test".to_owned(), now: 31 };
        let acted = store.db().run(act).await.unwrap();
        let story = store.stories(&[seq, acted.seq], 40).await.unwrap();
        let whats: Vec<_> = story[0].story.notes.iter().map(|note| note.what.as_str()).collect();
        assert_eq!(whats, ["failed", "retried"]);
        assert_eq!(
            (story[0].story.again_as, story[1].story.again_of),
            (Some(acted.seq), Some(seq))
        );
        let again = store.open_row(acted.seq).await.unwrap().unwrap();
        assert_eq!((again.row.state, again.row.accepted_at), (RowState::Accepted, 31));

        assert_eq!(store.sweep(99).await.unwrap(), 0, "what was carried is looked up in it");
        apply(&store, vec![settle(acted.seq, 50)]).await;
        assert_eq!(store.sweep(99).await.unwrap(), 2);
        let notes = "SELECT row_seq FROM journal_note";
        assert!(store.db().fetch_all(notes, params![]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn newest_notes_of_a_row_are_kept() {
    on_every_database(|store| async move {
        let seq = planned_row(&store, vec![new_step(0, "k0")]).await;
        for number in 0..60 {
            let later = Write::Later { seq, next_at: number, reason: format!("try {number}") };
            apply(&store, vec![later]).await;
        }
        let story = store.stories(&[seq], 40).await.unwrap().remove(0).story;
        assert_eq!(story.notes.len(), 40);
        assert_eq!(story.notes[39].words, "try 59");
        assert_eq!(story.line.attempts, 60);
    })
    .await;
}

#[tokio::test]
async fn rows_are_listed_by_who_where_and_how_they_stand() {
    on_every_database(|store| async move {
        use crate::journal::desk::JournalFilter;

        let seq = planned_row(&store, vec![new_step(0, "k0")]).await;
        accept(&store, vec![event("$2")]).await;
        let listed = async |own: &'static str, change: fn(&mut JournalFilter)| {
            let mut filter = JournalFilter::default();
            change(&mut filter);
            let rows = store.list(&filter, own, 10, 0, 70).await.unwrap();
            rows.into_iter().map(|row| (row.story.line.id, row.head)).collect::<Vec<_>>()
        };
        let both = listed("", |_| {}).await;
        assert_eq!(both, [(seq, Some(seq)), (seq + 1, Some(seq))]);
        assert_eq!(listed("@alice:x", |_| {}).await, both);
        assert_eq!(listed("@bob:x", |_| {}).await, []);
        assert_eq!(listed("", |filter| filter.room = Some("!r:x".to_owned())).await, both);
        assert_eq!(listed("", |filter| filter.after = Some(1_000)).await, []);
        let queued = listed("", |filter| filter.state = Some("queued".to_owned()));
        assert_eq!(queued.await, both);
        let of_network = listed("", |filter| filter.network = Some("test".to_owned()));
        assert_eq!(of_network.await, both[..1]);

        apply(&store, vec![Write::Mark { seq, step: 0, now: 20 }]).await;
        let sending = listed("", |filter| filter.state = Some("sending".to_owned()));
        assert_eq!(sending.await, both[..1]);
        let settle = Write::Settle {
            seq,
            state: RowState::Settled,
            outcome: Outcome::Unknown,
            reason: None,
            now: 30,
        };
        apply(&store, vec![settle]).await;
        let unknown = listed("", |filter| filter.state = Some("unknown".to_owned()));
        assert_eq!(unknown.await, [(seq, Some(seq + 1))]);
        assert_eq!(store.concerned("$1").await.unwrap(), [seq]);
        assert!(store.known_pairs("$1").await.unwrap().is_empty());
    })
    .await;
}
