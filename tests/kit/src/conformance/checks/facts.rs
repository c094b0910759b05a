//! Facts the core and its users rely on: tables that are data, plans that are steady, events that say
//! where they come from.

use bridge_core::network::{
    Capabilities, Level, LostAnswer, MessageKind, Operation, RemoteEvent, RemoteStep,
};
use serde_json::json;

use crate::conformance::stage::{NETWORK, Scene, Stage, carried};
use crate::conformance::verdict::Shown;

pub(crate) async fn the_capability_table_is_data(stage: Stage) -> Shown {
    let scene = Scene::open(stage).await;
    let table = scene.capabilities();
    let written = serde_json::to_string(&table).expect("a table can be written");
    let read: Capabilities = serde_json::from_str(&written).expect("and read");
    assert_eq!(read, table, "the table does not come back as it was");
    assert!(table.delivery.max_inflight >= 1, "nothing may ever be under way");
    assert_eq!(scene.capabilities(), table, "the table is another one each time");
    Shown::Kept
}

pub(crate) async fn planning_again_gives_the_same_plan(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    for text in ["short", "two\nlines"] {
        let content = json!({ "msgtype": "m.text", "body": text });
        scene.sends("m.room.message", content).await;
    }
    let (event, _) = scene.says("to be changed").await;
    let edit = json!({ "msgtype": "m.text", "body": "* changed",
        "m.new_content": { "msgtype": "m.text", "body": "changed" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": event } });
    scene.sends("m.room.message", edit).await;
    let unsteady = scene.stage.watch.unsteady();
    assert!(unsteady.is_empty(), "planned anew, these came out differently: {unsteady:?}");
    Shown::Kept
}

pub(crate) async fn steps_are_data_and_say_how_lost_answers_are_found(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.says("hello").await;
    let steps = scene.stage.watch.steps();
    assert!(!steps.is_empty());
    for step in steps {
        let written = serde_json::to_string(&step).expect("a step can be written");
        let read: RemoteStep = serde_json::from_str(&written).expect("and read");
        assert_eq!(read, step, "a stored step is another one");
        if let LostAnswer::ClientKey { window_ms } = step.lost_answer {
            assert!(window_ms > 0, "a key that is never known again");
        }
    }
    Shown::Kept
}

pub(crate) async fn news_is_data_and_says_whose_it_is(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.catches_up("bob", "hello").await;
    let events = scene.stage.watch.events();
    let spoken = events.iter().filter(|event| event.kind.name() == "message");
    let mut count = 0;
    for event in spoken {
        count += 1;
        let written = serde_json::to_string(event).expect("news can be written");
        let read: RemoteEvent = serde_json::from_str(&written).expect("and read");
        assert_eq!(read, *event, "stored news is other news");
        assert!(event.sender.is_some(), "nobody said it: {event:?}");
        if scene.stage.harness.replays() {
            assert!(event.id.is_some(), "told again, it would be shown twice: {event:?}");
        }
    }
    assert!(count > 0);
    Shown::Kept
}

pub(crate) async fn every_message_has_a_status(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let content = json!({ "msgtype": "m.text", "body": "hello" });
    let (_, status) = scene.sends("m.room.message", content).await;
    carried(&status);
    assert_eq!(status["network"], NETWORK, "which network was that? {status}");
    assert_eq!(status["com.rialto.outcome"], "sent");
    Shown::Kept
}

pub(crate) async fn a_bridged_event_names_its_message(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let event = scene.catches_up("bob", "hello").await;
    let remote = &event["content"]["com.rialto.remote"];
    assert_eq!(remote["network"], NETWORK, "where does it come from? {event}");
    assert!(remote["id"].as_str().is_some_and(|id| !id.is_empty()), "which is it? {event}");
    assert_eq!(remote["part"], 0);
    Shown::Kept
}

pub(crate) async fn the_room_says_what_it_mirrors(stage: Stage) -> Shown {
    let scene = Scene::open(stage).await;
    let path = format!("rooms/{}/state", scene.room);
    let state = scene.alice.call(http::Method::GET, &path, None).await.expect("one sees it");
    let mut events = state.as_array().into_iter().flatten();
    let info = events.find(|event| event["type"] == "m.bridge").expect("it says so");
    let content = &info["content"];
    assert_eq!(content["network"]["id"], NETWORK, "{info}");
    assert!(content["protocol"]["id"].as_str().is_some_and(|kind| !kind.is_empty()), "{info}");
    assert!(content["channel"]["id"].as_str().is_some_and(|chat| !chat.is_empty()), "{info}");
    Shown::Kept
}

pub(crate) async fn the_room_says_what_its_chat_can_do(stage: Stage) -> Shown {
    let scene = Scene::open(stage).await;
    let path = format!("rooms/{}/state", scene.room);
    let state = scene.alice.call(http::Method::GET, &path, None).await.expect("one sees it");
    let mut events = state.as_array().into_iter().flatten();
    let features = events.find(|event| event["type"] == "com.beeper.room_features");
    let features = &features.expect("it says so")["content"];
    let number = |operation| match scene.level(operation) {
        Level::Rejected => -2,
        Level::Dropped => -1,
        Level::Degraded => 0,
        Level::Partial => 1,
        Level::Full => 2,
    };
    for (name, operation) in [
        ("edit", Operation::Edit),
        ("delete", Operation::Redaction),
        ("reaction", Operation::Reaction),
        ("reply", Operation::Reply),
        ("thread", Operation::Thread),
        ("poll", Operation::Poll),
    ] {
        assert_eq!(features[name], number(operation), "{name} in {features}");
    }
    let image = &features["file"]["m.image"]["mime_types"]["*/*"];
    assert_eq!(*image, number(Operation::Message(MessageKind::Image)), "{features}");
    Shown::Kept
}

pub(crate) async fn a_message_has_the_networks_time(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let event = scene.catches_up("bob", "hello").await;
    let at = event["origin_server_ts"].as_i64().unwrap_or_default();
    let events = scene.stage.watch.events();
    let told = events.iter().rev().find(|event| event.kind.name() == "message");
    match told.and_then(|event| event.timestamp) {
        Some(told) => {
            assert_eq!(at, told, "it has another time than the network gave");
            Shown::Kept
        }
        None => Shown::NotOffered("messages have no time there"),
    }
}
