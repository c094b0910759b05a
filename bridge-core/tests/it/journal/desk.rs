//! Asking after messages, running them again and taking them out: by the operator and by the bot,
//! beside the running bridge and while it does not run.

use std::{sync::Arc, time::Duration};

use bridge_core::{
    Bridge, DeskError, JournalAnswer, JournalDesk, JournalFilter, JournalLine, JournalOrder,
    JournalStory, JournalTrace, network::LostAnswer,
};
use tokio::sync::Semaphore;

use crate::world::{
    ALICE, BERT, CARL, World, eventually,
    network::{Nature, Script, message},
};

async fn ask(world: &World, order: JournalOrder) -> Result<JournalAnswer, DeskError> {
    world.bridge().desk().serve(order).await
}

async fn list(world: &World, filter: JournalFilter) -> Vec<JournalLine> {
    match ask(world, JournalOrder::List(filter)).await {
        Ok(JournalAnswer::Page(page)) => page.rows,
        other => panic!("no page: {other:?}"),
    }
}

async fn trace(world: &World, id: &str) -> JournalTrace {
    match ask(world, JournalOrder::Trace { id: id.to_owned() }).await {
        Ok(JournalAnswer::Trace(trace)) => trace,
        other => panic!("no trace: {other:?}"),
    }
}

async fn show(world: &World, id: i64) -> JournalStory {
    match ask(world, JournalOrder::Show { id }).await {
        Ok(JournalAnswer::Story(story)) => *story,
        other => panic!("no row: {other:?}"),
    }
}

/// Runs a row again and returns the row that is there then.
async fn retry(world: &World, id: i64) -> i64 {
    match ask(world, JournalOrder::Retry { id, even_if_doubled: false }).await {
        Ok(JournalAnswer::Done { id, .. }) => id,
        other => panic!("not run again: {other:?}"),
    }
}

fn words(outcome: Result<JournalAnswer, DeskError>) -> String {
    match outcome {
        Ok(answer) => answer.to_string(),
        Err(error) => error.to_string(),
    }
}

async fn wait_for_parked(world: &World, count: usize) {
    while world.rows("SELECT seq FROM journal_row WHERE state = 'parked'").await.len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_waits_is_listed_with_what_it_waits_for_page_by_page() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    assert!(list(&world, JournalFilter::default()).await.is_empty());
    world.network.disconnects("test-1").await;
    let events: Vec<String> =
        (0..5).map(|number| world.homeserver.say(&room, ALICE, &format!("{number}"))).collect();
    wait_for_parked(&world, 5).await;

    let rows = list(&world, JournalFilter::default()).await;
    let listed: Vec<_> = rows.iter().map(|row| row.event_id.clone().unwrap()).collect();
    assert_eq!(listed, events);
    assert!(rows.iter().all(|row| row.state == "parked" && row.networks == ["test"]));
    let waits = rows[0].waits_for.as_deref().unwrap();
    assert!(waits.contains("the login test-1 to be connected, which is not connected"), "{waits}");

    let page = |after, limit| JournalFilter { after, limit: Some(limit), ..Default::default() };
    let Ok(JournalAnswer::Page(first)) = ask(&world, JournalOrder::List(page(None, 3))).await
    else {
        panic!("no page")
    };
    assert_eq!((first.rows.len(), first.next), (3, Some(rows[2].id)));
    let Ok(JournalAnswer::Page(rest)) = ask(&world, JournalOrder::List(page(first.next, 3))).await
    else {
        panic!("no page")
    };
    let ids: Vec<i64> = rest.rows.iter().map(|row| row.id).collect();
    assert_eq!((ids, rest.next), (vec![rows[3].id, rows[4].id], None));

    let filter = |network: &str, state: &str, room: &str| {
        let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        JournalFilter {
            network: set(network),
            state: set(state),
            room: set(room),
            ..JournalFilter::default()
        }
    };
    for (filter, found) in [
        (filter("test", "parked", &room), 5),
        (filter("other", "", ""), 0),
        (filter("", "queued", ""), 0),
        (filter("", "", "!other:x"), 0),
    ] {
        assert_eq!(list(&world, filter.clone()).await.len(), found, "{filter:?}");
    }
    let wrong = ask(&world, JournalOrder::List(filter("", "blue", ""))).await;
    assert!(words(wrong).contains("there is no state `blue`"));
}

#[tokio::test]
async fn dropped_message_is_not_sent_its_sender_is_told_and_the_next_ones_go() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.disconnects("test-1").await;
    let event = world.homeserver.say(&room, ALICE, "out of place");
    wait_for_parked(&world, 1).await;
    let row = list(&world, JournalFilter::default()).await[0].id;
    let done = ask(&world, JournalOrder::Drop { id: row }).await;
    assert!(words(done).contains("its content is wiped. Whoever wrote it is told."));
    world.settled().await;
    assert_eq!(world.homeserver.statuses(&room, &event), ["dropped"]);
    let said = world.homeserver.said(&room);
    let told = "rialtobot: Your message was not delivered: An operator took it out of the journal.";
    assert!(said.iter().any(|line| line == told), "{said:?}");
    let kept = world.rows("SELECT seq FROM journal_row WHERE payload IS NOT NULL").await;
    assert!(kept.is_empty());

    world.homeserver.say(&room, ALICE, "next");
    wait_for_parked(&world, 1).await;
    world.network.reconnects("test-1").await;
    world.settled().await;
    world.homeserver.say(&room, ALICE, "and next");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["next", "and next"]);
    let again = ask(&world, JournalOrder::Drop { id: row }).await;
    assert!(words(again).contains("it is settled: dropped"));

    // Taken out by mistake, it is asked for again.
    retry(&world, row).await;
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["next", "and next", "out of place"]);
    assert_eq!(world.homeserver.statuses(&room, &event), ["dropped", "sent"]);
}

#[tokio::test]
async fn nobody_waits_behind_a_parked_message_that_was_taken_out() {
    let mut world = World::new().with_bert();
    world.start().await;
    world.connected("test-2").await;
    let room = world.room("#a").await;
    world.homeserver.seat(&room, BERT);
    world.network.disconnects("test-1").await;
    world.homeserver.say(&room, ALICE, "out of place");
    wait_for_parked(&world, 1).await;
    // The lane stays busy with what Bert says.
    world.network.script("bert", Script::Retry(Duration::from_hours(1)));
    world.homeserver.say(&room, BERT, "bert");
    let rows = loop {
        let rows = list(&world, JournalFilter::default()).await;
        if rows.len() == 2 && rows[1].state == "retry" {
            break rows;
        }
        tokio::task::yield_now().await;
    };
    ask(&world, JournalOrder::Drop { id: rows[0].id }).await.unwrap();
    world.network.reconnects("test-1").await;
    world.homeserver.say(&room, ALICE, "next");
    retry(&world, rows[1].id).await;
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["bert", "next"]);
}

#[tokio::test]
async fn message_taken_out_while_it_is_sent_is_in_doubt_and_never_sent_twice() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let gate = Arc::new(Semaphore::new(0));
    world.network.script("two", Script::Gate(gate.clone()));
    let event = world.homeserver.say(&room, ALICE, "one\ntwo\nthree");
    eventually("two is under way", || world.network.attempts().len() == 2).await;
    let row = list(&world, JournalFilter::default()).await;
    assert_eq!(row[0].state, "sending");
    ask(&world, JournalOrder::Drop { id: row[0].id }).await.unwrap();
    gate.add_permits(1);
    world.homeserver.say(&room, ALICE, "after");
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["one", "two", "after"]);
    assert_eq!(world.homeserver.statuses(&room, &event), ["unknown"]);
    // It did arrive, and is known by what it is there.
    assert_eq!(trace(&world, &event).await.pairs.len(), 2);
}

#[tokio::test]
async fn failed_message_goes_again_without_the_parts_that_were_carried() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("two", Script::Failed("You are muted."));
    let event = world.homeserver.say(&room, ALICE, "one\ntwo\nthree");
    world.settled().await;
    let rows = list(&world, JournalFilter::default()).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].state, "failed");
    assert!(rows[0].reason.as_deref().unwrap().contains("You are muted."));

    let again = retry(&world, rows[0].id).await;
    assert!(again > rows[0].id);
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["one", "two", "three"]);
    assert_eq!(world.homeserver.statuses(&room, &event), ["failed", "sent"]);
    assert!(list(&world, JournalFilter::default()).await.is_empty(), "it is mended");
    let twice = ask(&world, JournalOrder::Retry { id: rows[0].id, even_if_doubled: true }).await;
    assert!(words(twice).contains(&format!("as row {again}")));
    let carried = ask(&world, JournalOrder::Retry { id: again, even_if_doubled: true }).await;
    assert!(words(carried).contains("it was carried"));

    let story = trace(&world, &event).await;
    assert_eq!(story.stories.len(), 2);
    let told = story.to_string();
    for words in [
        "part 2 failed: You are muted.",
        "set going again by the operator",
        &format!("carried again as row {again}"),
        &format!("taken up again, since row {} ended badly", rows[0].id),
        "settled: sent",
    ] {
        assert!(told.contains(words), "no `{words}` in {told}");
    }
}

#[tokio::test]
async fn message_that_was_taken_back_meanwhile_does_not_go_again() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("regretted", Script::Failed("not now"));
    let event = world.homeserver.say(&room, ALICE, "regretted");
    world.settled().await;
    world.network.disconnects("test-1").await;
    let row = list(&world, JournalFilter::default()).await[0].id;
    retry(&world, row).await;
    wait_for_parked(&world, 1).await;
    world.homeserver.redact(&room, ALICE, &event);
    world.homeserver.forget_content(&room, &event);
    eventually("it is pushed", || world.homeserver.is_pushed()).await;
    world.network.reconnects("test-1").await;
    world.settled().await;
    assert!(world.network.texts("#a").is_empty());
}

#[tokio::test]
async fn doubtful_message_goes_again_only_where_that_is_said_in_so_many_words() {
    let mut world = World::new();
    world.network.set_nature(Nature { lost_answer: LostAnswer::None, ..Nature::default() });
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("maybe", Script::Unknown { applied: true });
    world.homeserver.say(&room, ALICE, "maybe");
    world.settled().await;
    let row = list(&world, JournalFilter::default()).await.remove(0);
    assert_eq!(row.state, "unknown");
    let refused = ask(&world, JournalOrder::Retry { id: row.id, even_if_doubled: false }).await;
    let refused = words(refused);
    assert!(refused.contains("would be there twice") && refused.contains("--even-if-doubled"));
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["maybe"]);

    ask(&world, JournalOrder::Retry { id: row.id, even_if_doubled: true }).await.unwrap();
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["maybe", "maybe"]);
}

#[tokio::test]
async fn attempt_that_is_put_off_is_made_at_once_when_somebody_asks() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.stop_time();
    world.network.script("first", Script::Retry(Duration::from_hours(1)));
    world.homeserver.say(&room, ALICE, "first");
    world.homeserver.say(&room, ALICE, "second");
    eventually("the first is tried", || world.network.attempts().len() == 1).await;
    world.clock.wait_for_sleepers(1).await;
    let rows = loop {
        let rows = list(&world, JournalFilter::default()).await;
        if rows.len() == 2 && rows[0].state == "retry" {
            break rows;
        }
        tokio::task::yield_now().await;
    };
    assert!(rows[0].waits_for.as_deref().unwrap().starts_with("the next attempt at "));
    assert_eq!(rows[0].reason.as_deref(), Some("busy"));
    assert_eq!(rows[0].attempts, 1);
    let behind = format!("its turn behind row {}", rows[0].id);
    assert_eq!(rows[1].waits_for.as_deref(), Some(behind.as_str()));
    let second = ask(&world, JournalOrder::Retry { id: rows[1].id, even_if_doubled: false }).await;
    assert!(words(second).contains(&behind));

    retry(&world, rows[0].id).await;
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["first", "second"]);
}

#[tokio::test]
async fn journey_is_found_by_either_id_and_tells_every_station() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("hi", Script::Retry(Duration::from_secs(1)));
    let event = world.homeserver.say(&room, ALICE, "hi");
    world.settled().await;
    let remote = world.network.said()[0].id.clone();
    for id in [&event, &remote] {
        let trace = trace(&world, id).await;
        let story = &trace.stories[0];
        assert_eq!(story.line.event_id.as_deref(), Some(event.as_str()));
        assert_eq!(story.line.state, "sent");
        let step = &story.steps[0];
        assert_eq!((step.state.as_str(), step.attempts), ("sent", 2));
        assert_eq!(step.remote_id.as_deref(), Some(remote.as_str()));
        assert_eq!((step.chat.as_deref(), step.login.as_deref()), (Some("#a"), Some("test-1")));
        let times =
            [Some(story.line.accepted_at), story.planned_at, step.first_sent_at, step.answered_at];
        assert!(times.iter().all(Option::is_some) && times.is_sorted(), "{times:?}");
        assert!(step.last_sent_at > step.first_sent_at);
        let told = trace.to_string();
        assert!(told.contains("could not be sent, to be tried again: busy"), "{told}");
        assert!(told.contains(&format!("sent as {remote}, tried twice")), "{told}");
        assert!(told.contains(&format!("{event} in {room} is {remote} in #a on test")), "{told}");
        assert!(!told.contains("hi"), "a journey tells nothing of what was said: {told}");
    }

    world.network.hears("test-1", message("#a", "bob", Some("b7"), "hey")).await.unwrap();
    world.settled().await;
    let heard = trace(&world, "b7").await;
    assert_eq!(heard.stories[0].line.direction, "to_matrix");
    let shown = heard.stories[0].steps.iter().find_map(|step| step.event_id.clone()).unwrap();
    let rows: Vec<_> = trace(&world, &shown).await.stories.iter().map(|row| row.line.id).collect();
    assert!(rows.contains(&heard.stories[0].line.id));
    assert_eq!(show(&world, heard.stories[0].line.id).await.steps, heard.stories[0].steps);
    let nothing = ask(&world, JournalOrder::Trace { id: "$nothing".to_owned() }).await;
    assert!(words(nothing).contains("nothing is known of $nothing"));
}

/// Gives the bot a command and returns what it answers.
async fn command(world: &World, room: &str, who: &str, text: &str) -> String {
    let answers = || {
        let said = world.homeserver.said(room).into_iter();
        said.filter(|line| line.starts_with("rialtobot: ")).collect::<Vec<_>>()
    };
    let before = answers().len();
    world.homeserver.say(room, who, &format!("!rialto {text}"));
    eventually("the bot answers", || answers().len() > before).await;
    answers().remove(before)
}

#[tokio::test]
async fn people_ask_the_bot_after_their_own_messages_and_admins_after_all() {
    let mut world = World::new().with_bert().with_admin(CARL);
    world.start().await;
    world.connected("test-2").await;
    let (room, desk) = (world.room("#a").await, world.room("#desk").await);
    for who in [BERT, CARL] {
        world.homeserver.seat(&room, who);
        world.homeserver.seat(&desk, who);
    }
    world.network.disconnects("test-1").await;
    world.network.disconnects("test-2").await;
    let event = world.homeserver.say(&room, ALICE, "from Alice");
    world.homeserver.say(&room, BERT, "from Bert");
    wait_for_parked(&world, 2).await;
    let rows = list(&world, JournalFilter::default()).await;
    let (alices, berts) = (rows[0].id, rows[1].id);

    let hers = command(&world, &desk, ALICE, "journal list").await;
    assert!(hers.contains(&format!("{alices} parked")), "{hers}");
    assert!(!hers.contains(BERT), "{hers}");
    let foreign = command(&world, &desk, BERT, &format!("journal show {alices}")).await;
    assert!(foreign.contains(&format!("There is no row {alices}")), "{foreign}");
    let foreign = command(&world, &desk, BERT, &format!("trace {event}")).await;
    assert!(foreign.contains("Nothing is known of"), "{foreign}");
    let own = command(&world, &desk, ALICE, &format!("trace {event}")).await;
    assert!(own.contains("waits for the login test-1"), "{own}");
    let foreign = command(&world, &desk, BERT, &format!("journal retry {alices}")).await;
    assert!(foreign.contains("There is no row"), "{foreign}");
    let still = command(&world, &desk, ALICE, &format!("journal retry {alices}")).await;
    assert!(still.contains("still waits: the login test-1"), "{still}");
    let refused = command(&world, &desk, BERT, &format!("journal drop {berts}")).await;
    assert!(refused.contains("Only an admin"), "{refused}");
    let unclear = command(&world, &desk, ALICE, "journal lits").await;
    assert!(unclear.contains("Did you mean `journal list`?"), "{unclear}");

    let all = command(&world, &desk, CARL, "journal list").await;
    assert!(all.contains(ALICE) && all.contains(BERT), "{all}");
    let done = command(&world, &desk, CARL, &format!("journal drop {berts}")).await;
    assert!(done.contains("is out of the journal"), "{done}");
    let help = command(&world, &desk, ALICE, "help").await;
    assert!(help.contains("- journal list") && help.contains("- trace ID"), "{help}");

    world.network.reconnects("test-1").await;
    world.network.reconnects("test-2").await;
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["from Alice"]);
    let notes = show(&world, berts).await.notes;
    assert_eq!(notes.last().map(|note| note.words.as_str()), Some("by @carl:x"));
}

#[tokio::test]
async fn what_is_ordered_while_the_bridge_does_not_run_happens_at_the_next_start() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.script("failing", Script::Failed("not now"));
    world.homeserver.say(&room, ALICE, "failing");
    world.settled().await;
    world.network.disconnects("test-1").await;
    let unwanted = world.homeserver.say(&room, ALICE, "unwanted");
    wait_for_parked(&world, 1).await;
    world.crash().await;

    let db = world.place.open(Bridge::migrations()).await;
    let desk = JournalDesk::of_stopped(db.clone(), Arc::new(world.clock.clone()));
    let Ok(JournalAnswer::Page(page)) =
        desk.serve(JournalOrder::List(JournalFilter::default())).await
    else {
        panic!("no page")
    };
    let [failed, parked] = &page.rows[..] else { panic!("{page:?}") };
    assert_eq!((failed.state.as_str(), parked.state.as_str()), ("failed", "parked"));
    assert!(parked.waits_for.as_deref().unwrap().contains("Rialto does not run"));
    let again = desk.serve(JournalOrder::Retry { id: failed.id, even_if_doubled: false }).await;
    assert!(words(again).contains("carried again at the next start"));
    let dropped = desk.serve(JournalOrder::Drop { id: parked.id }).await;
    assert!(words(dropped).contains("is told at the next start"));
    db.close().await;

    world.network.reconnects("test-1").await;
    world.start().await;
    world.settled().await;
    assert_eq!(world.network.texts("#a"), ["failing"]);
    assert_eq!(world.homeserver.statuses(&room, &unwanted), ["dropped"]);
}

#[tokio::test]
async fn what_a_network_said_and_what_was_carried_cannot_be_run_again() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    let event = world.homeserver.say(&room, ALICE, "hi");
    world.homeserver.say(&room, ALICE, "!rialto ping");
    world.settled().await;
    let sent = trace(&world, &event).await.stories[0].line.id;
    let heard = trace(&world, "first #a").await.stories[0].line.id;
    for (id, reason) in [(sent, "it was carried"), (heard, "it was carried"), (9999, "no row 9999")]
    {
        let refused = ask(&world, JournalOrder::Retry { id, even_if_doubled: true }).await;
        let refused = words(refused);
        assert!(refused.contains(reason), "{refused}");
    }
}

#[tokio::test]
async fn what_could_not_be_planned_is_planned_at_once_after_a_restart() {
    let mut world = World::new();
    world.start().await;
    world.connected("test-1").await;
    world.homeserver.refuse_connections("createRoom", usize::MAX);
    world.network.hears("test-1", message("#new", "bob", Some("1"), "hello")).await.unwrap();
    // So often that the next attempt is half a minute away.
    while world.rows("SELECT seq FROM journal_row WHERE attempts > 6").await.is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    world.stop_time();
    let told = trace(&world, "1").await.to_string();
    assert!(told.contains("could not be planned: "), "{told}");
    world.crash().await;

    world.homeserver.mend();
    world.start().await;
    world.settled().await;
    let rooms = world.rows("SELECT room_id FROM portal_room").await;
    let room: &str = rooms[0].get("room_id").unwrap();
    assert_eq!(world.homeserver.said(room), ["_rialto_test_bob: hello"]);
}
