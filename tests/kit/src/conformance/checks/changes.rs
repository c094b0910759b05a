//! What is done to messages that are there: answers, edits, redactions, reactions, threads, pins,
//! polls.

use bridge_core::network::{Level, Operation};
use serde_json::{Value, json};

pub(crate) use super::pictures::{
    own_picture_reaction_from_matrix, own_picture_reaction_to_matrix,
};
use super::room::promote;
use crate::conformance::harness::{Act, Done, Heard, Seen, Words};
use crate::conformance::stage::{Scene, Stage, carried, refused};
use crate::conformance::verdict::Shown;

fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

fn edit(target: &str, body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": format!("* {body}"),
        "m.new_content": { "msgtype": "m.text", "body": body },
        "m.relates_to": { "rel_type": "m.replace", "event_id": target } })
}

pub(super) fn reaction(target: &str, key: &str) -> Value {
    json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": target, "key": key } })
}

fn answer(target: &str, body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body,
        "m.relates_to": { "m.in_reply_to": { "event_id": target } } })
}

pub(super) fn id(event: &Value) -> String {
    event["event_id"].as_str().expect("an event has an id").to_owned()
}

/// What people there do to messages needs messages that have names.
fn cannot(scene: &Scene, operation: Operation, why: &'static str) -> Shown {
    let level = scene.level(operation);
    assert!(level < Level::Full, "{operation:?} is declared, but the harness cannot have it done");
    Shown::NotOffered(why)
}

/// Whether a redaction takes an event back, in any room version's spelling.
pub(super) fn takes_back(redaction: &Value, event: &str) -> bool {
    redaction["type"] == "m.room.redaction"
        && (redaction["redacts"] == event || redaction["content"]["redacts"] == event)
}

/// Finds something of alice's in words: all of the words stand in what she was heard to say.
pub(super) fn in_words<'w>(words: &'w [&'w str]) -> impl Fn(&Seen) -> Option<()> + 'w {
    move |seen| {
        let said = seen.said.iter().filter(|heard| heard.by == "alice");
        let said: Vec<&str> = said.map(|heard| heard.text.as_str()).collect();
        let all = said.join("\n");
        words.iter().all(|word| all.contains(word)).then_some(())
    }
}

pub(crate) async fn reply_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let asked = scene.is_said("bob", "shall we?").await;
    let event = id(&scene.sees("bob", "shall we?").await);
    // Only now: that messages have names there is seen by the first of them.
    let level = scene.level(Operation::Reply);
    let (_, status) = scene.sends("m.room.message", answer(&event, "yes, at six")).await;
    carried(&status);
    if level >= Level::Partial {
        let heard = scene.hears("yes, at six").await;
        assert_eq!(heard.reply_to, Some(asked), "it answers something else");
        return Shown::Carried;
    }
    scene.remote("the answer with a quote", in_words(&["shall we?", "yes, at six"])).await;
    let told = &status["com.rialto.carried_as_text"];
    assert_eq!(*told, json!(["reply"]), "nobody is told that it became text: {status}");
    Shown::AsText
}

pub(crate) async fn reply_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (event, heard) = scene.says("shall we?").await;
    let words = Words { reply_to: Some(heard.id), ..Words::plain("yes, at six") };
    if scene.does("bob", Act::Say(words)).await == Done::No {
        return cannot(&scene, Operation::Reply, "nobody answers there");
    }
    let seen = scene.sees("bob", "yes, at six").await;
    let answered = &seen["content"]["m.relates_to"]["m.in_reply_to"]["event_id"];
    assert_eq!(*answered, event.as_str(), "it answers something else: {seen}");
    Shown::Carried
}

pub(crate) async fn edit_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Edit);
    let (event, first) = scene.says("I like tee").await;
    let (_, status) = scene.sends("m.room.message", edit(&event, "I like tea")).await;
    match level {
        Level::Full | Level::Partial => {
            carried(&status);
            let changed = |seen: &Seen| {
                let mut said = seen.said.iter().filter(|heard| heard.id == first.id);
                said.find(|heard| heard.text == "I like tea").cloned()
            };
            let heard = scene.remote("the changed message", changed).await;
            assert!(heard.edited, "nobody there sees that it was changed: {heard:?}");
            let count = scene.heard_from("alice").await.len();
            assert_eq!(count, 1, "the edit came as a message of its own");
            Shown::Carried
        }
        Level::Degraded => {
            carried(&status);
            scene.remote("the edit in words", in_words(&["tee", "tea"])).await;
            Shown::AsText
        }
        Level::Rejected | Level::Dropped => {
            refused(&status);
            Shown::Refused
        }
    }
}

pub(crate) async fn edit_of_an_edit_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Edit);
    let (event, _) = scene.says("one").await;
    for new in ["two", "three"] {
        let (_, status) = scene.sends("m.room.message", edit(&event, new)).await;
        match level {
            Level::Rejected | Level::Dropped => refused(&status),
            _ => carried(&status),
        }
    }
    if level <= Level::Dropped {
        return Shown::Refused;
    }
    scene.remote("the last version", in_words(&["three"])).await;
    match level {
        Level::Degraded => Shown::AsText,
        _ => {
            assert_eq!(scene.heard_from("alice").await.len(), 1, "edits came as messages");
            Shown::Carried
        }
    }
}

pub(crate) async fn edit_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let message = scene.is_said("bob", "helo").await;
    let event = id(&scene.sees("bob", "helo").await);
    let act = Act::Edit { message, text: "hello".to_owned() };
    if scene.does("bob", act).await == Done::No {
        return cannot(&scene, Operation::Edit, "nobody changes messages there");
    }
    let changed = scene
        .event("the changed message", |event| event["content"]["m.new_content"]["body"] == "hello")
        .await;
    let relation = &changed["content"]["m.relates_to"];
    assert_eq!(
        (&relation["rel_type"], &relation["event_id"]),
        (&json!("m.replace"), &json!(event))
    );
    Shown::Carried
}

pub(crate) async fn edit_of_something_unknown_is_told(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let unknown = edit("$nothing:house.test", "better words");
    let (_, status) = scene.sends("m.room.message", unknown).await;
    let shown = match status["status"] == "SUCCESS" {
        true => {
            scene.remote("the words nevertheless", in_words(&["better words"])).await;
            Shown::AsText
        }
        false => {
            refused(&status);
            Shown::Refused
        }
    };
    scene.says("and on it goes").await;
    shown
}

pub(crate) async fn redaction_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Redaction);
    let (event, first) = scene.says("forget this").await;
    let status = scene.takes_back(&event).await;
    match level {
        Level::Full | Level::Partial => {
            carried(&status);
            let gone = |seen: &Seen| {
                let there = seen.said.iter().any(|heard| heard.id == first.id);
                (!there).then_some(())
            };
            scene.remote("the message to be gone", gone).await;
            Shown::Carried
        }
        // What it becomes is the operator's choice: words there, or words here.
        _ if status["status"] == "SUCCESS" => Shown::AsText,
        _ => {
            refused(&status);
            Shown::Refused
        }
    }
}

pub(crate) async fn redaction_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let message = scene.is_said("bob", "forget this").await;
    let event = id(&scene.sees("bob", "forget this").await);
    if scene.does("bob", Act::TakeBack { message }).await == Done::No {
        return cannot(&scene, Operation::Redaction, "nobody takes messages back there");
    }
    scene.event("the redaction", |redaction| takes_back(redaction, &event)).await;
    Shown::Carried
}

pub(crate) async fn redaction_before_it_is_sent_sends_nothing(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.stage.watch.hold_chat(Some(scene.portal.chat.clone()));
    // The first one waits at the network's door; the second waits behind it.
    let first = scene.alice.send_event(&scene.room, "m.room.message", text("first")).await;
    let second = scene.alice.send_event(&scene.room, "m.room.message", text("secret")).await;
    let path = format!("rooms/{}/redact/{second}/t1", scene.room).replace('$', "%24");
    let gone = scene.alice.call(http::Method::PUT, &path, Some(json!({}))).await;
    gone.expect("one may take back one's own");
    let redaction = |event: &Value| takes_back(event, &second);
    scene.event("the redaction", redaction).await;
    // That the bridge knows of it is seen by what it does: a command is another lane.
    let pong = scene.alice.command(&scene.bot.clone(), "ping").await;
    assert!(pong.contains("Pong"), "{pong}");
    scene.stage.watch.hold_chat(None);
    carried(&scene.alice.status(&first).await);
    scene.says("last").await;
    let heard = scene.heard_from("alice").await;
    let leaked = heard.iter().any(|heard| heard.text == "secret");
    assert!(!leaked, "what was taken back was sent: {heard:#?}");
    Shown::Kept
}

pub(crate) async fn reaction_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let message = scene.is_said("bob", "look at that").await;
    let event = id(&scene.sees("bob", "look at that").await);
    let level = scene.level(Operation::Reaction);
    let (_, status) = scene.sends("m.reaction", reaction(&event, "👍")).await;
    match level {
        Level::Full | Level::Partial => {
            carried(&status);
            let find = |seen: &Seen| of(seen, &message).filter(|heard| !heard.reactions.is_empty());
            let heard = scene.remote("alice's reaction", find).await;
            assert_eq!(heard.reactions, [("alice".to_owned(), "👍".to_owned())]);
            Shown::Carried
        }
        Level::Degraded => {
            carried(&status);
            scene.remote("the reaction in words", in_words(&["👍", "look at that"])).await;
            Shown::AsText
        }
        Level::Rejected | Level::Dropped => {
            refused(&status);
            Shown::Refused
        }
    }
}

pub(super) fn of(seen: &Seen, message: &str) -> Option<Heard> {
    seen.said.iter().find(|heard| heard.id == message).cloned()
}

pub(crate) async fn reaction_removal_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let message = scene.is_said("bob", "look at that").await;
    let event = id(&scene.sees("bob", "look at that").await);
    let level = scene.level(Operation::Reaction);
    let (set, _) = scene.sends("m.reaction", reaction(&event, "👍")).await;
    let status = scene.takes_back(&set).await;
    match level {
        Level::Full | Level::Partial => {
            carried(&status);
            let find = |seen: &Seen| of(seen, &message).filter(|heard| heard.reactions.is_empty());
            scene.remote("the reaction to be gone", find).await;
            Shown::Carried
        }
        _ if status["status"] == "SUCCESS" => Shown::AsText,
        _ => {
            refused(&status);
            Shown::Refused
        }
    }
}

pub(crate) async fn reaction_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (event, heard) = scene.says("look at this").await;
    let react = |set| Act::React { message: heard.id.clone(), key: "🎉".to_owned(), set };
    if scene.does("bob", react(true)).await == Done::No {
        return cannot(&scene, Operation::Reaction, "nobody reacts there");
    }
    let shown = scene.event("bob's reaction", |event| event["type"] == "m.reaction").await;
    let relation = &shown["content"]["m.relates_to"];
    assert_eq!((&relation["event_id"], &relation["key"]), (&json!(event), &json!("🎉")));
    Shown::Carried
}

pub(crate) async fn reaction_removal_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (_, heard) = scene.says("look at this").await;
    let react = |set| Act::React { message: heard.id.clone(), key: "🎉".to_owned(), set };
    if scene.does("bob", react(true)).await == Done::No {
        return cannot(&scene, Operation::Reaction, "nobody reacts there");
    }
    let shown = id(&scene.event("bob's reaction", |event| event["type"] == "m.reaction").await);
    scene.does("bob", react(false)).await;
    scene.event("the reaction's end", |redaction| takes_back(redaction, &shown)).await;
    Shown::Carried
}

pub(crate) async fn same_reaction_again_is_shown_once(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (_, heard) = scene.says("look at this").await;
    let act = Act::React { message: heard.id, key: "🎉".to_owned(), set: true };
    if scene.does("bob", act.clone()).await == Done::No {
        return cannot(&scene, Operation::Reaction, "nobody reacts there");
    }
    scene.does("bob", act).await;
    scene.catches_up("bob", "and now").await;
    let shown = scene.alice.timeline_of(&scene.room, "m.reaction");
    assert_eq!(shown.len(), 1, "one reaction is shown twice: {shown:#?}");
    Shown::Kept
}

pub(crate) async fn command_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Command);
    let Some((command, words)) = scene.stage.harness.command() else {
        assert!(level < Level::Full, "commands are declared, but the harness names none");
        return Shown::NotOffered("the network takes no commands");
    };
    let (_, status) = scene.sends("m.room.message", text(command)).await;
    carried(&status);
    match level {
        Level::Full | Level::Partial => {
            scene.remote("what the command does", in_words(&[words])).await;
            // What only looks like one is a text.
            scene.says("/usr/bin is full").await;
            Shown::Carried
        }
        _ => {
            scene.hears(command).await;
            Shown::AsText
        }
    }
}

pub(crate) async fn thread_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Thread);
    let root = scene.is_said("bob", "the regatta").await;
    let event = id(&scene.sees("bob", "the regatta").await);
    let content = json!({ "msgtype": "m.text", "body": "in the thread", "m.relates_to": {
        "rel_type": "m.thread", "event_id": event, "is_falling_back": true,
        "m.in_reply_to": { "event_id": event } } });
    let (_, status) = scene.sends("m.room.message", content).await;
    carried(&status);
    if level >= Level::Partial {
        let heard = scene.hears("in the thread").await;
        assert_eq!(heard.thread, Some(root), "it is in another thread");
        return Shown::Carried;
    }
    scene.remote("the message outside of threads", in_words(&["in the thread"])).await;
    Shown::AsText
}

pub(crate) async fn thread_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (event, heard) = scene.says("the regatta").await;
    let words = Words { thread: Some(heard.id), ..Words::plain("in the thread") };
    if scene.does("bob", Act::Say(words)).await == Done::No {
        return cannot(&scene, Operation::Thread, "there are no threads there");
    }
    let seen = scene.sees("bob", "in the thread").await;
    let relation = &seen["content"]["m.relates_to"];
    assert_eq!((&relation["rel_type"], &relation["event_id"]), (&json!("m.thread"), &json!(event)));
    Shown::Carried
}

pub(crate) async fn poll_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let level = scene.level(Operation::Poll);
    let answers = ["gondola", "vaporetto"].map(|answer| {
        json!({ "m.id": answer, "id": answer, "m.text": [{ "body": answer }],
            "org.matrix.msc1767.text": answer })
    });
    let content = json!({
        "m.text": [{ "body": "How do we go?" }],
        "org.matrix.msc1767.text": "How do we go?",
        "org.matrix.msc3381.poll.start": { "kind": "org.matrix.msc3381.poll.disclosed",
            "max_selections": 1, "question": { "org.matrix.msc1767.text": "How do we go?" },
            "answers": answers },
    });
    let (_, status) = scene.sends("org.matrix.msc3381.poll.start", content).await;
    if level < Level::Degraded {
        refused(&status);
        return Shown::Refused;
    }
    carried(&status);
    scene.remote("the poll", in_words(&["How do we go?", "gondola", "vaporetto"])).await;
    if level == Level::Degraded { Shown::AsText } else { Shown::Carried }
}

pub(crate) async fn poll_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let answers = vec!["gondola".to_owned(), "vaporetto".to_owned()];
    let act = Act::Ask { question: "How do we go?".to_owned(), answers };
    if scene.does("bob", act).await == Done::No {
        return cannot(&scene, Operation::Poll, "nobody asks for a choice there");
    }
    let asked = |event: &Value| {
        let words = event["content"].to_string();
        ["How do we go?", "gondola", "vaporetto"].iter().all(|word| words.contains(word))
    };
    let shown = scene.event("the poll", asked).await;
    match shown["type"] == "m.room.message" {
        true => Shown::AsText,
        false => Shown::Carried,
    }
}

pub(crate) async fn pin_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    if !promote(&mut scene).await {
        return Shown::NotOffered("nobody on Matrix may pin messages");
    }
    let message = scene.is_said("bob", "remember this").await;
    let event = id(&scene.sees("bob", "remember this").await);
    let level = scene.level(Operation::Pin);
    let status = scene.sets("m.room.pinned_events", "", json!({ "pinned": [event] })).await;
    match level {
        Level::Full | Level::Partial => {
            carried(&status);
            let pinned = |seen: &Seen| seen.pinned.contains(&message).then_some(());
            scene.remote("the pinned message", pinned).await;
            let status = scene.sets("m.room.pinned_events", "", json!({ "pinned": [] })).await;
            carried(&status);
            let gone = |seen: &Seen| seen.pinned.is_empty().then_some(());
            scene.remote("nothing to be pinned", gone).await;
            Shown::Carried
        }
        Level::Degraded => {
            carried(&status);
            scene.remote("the pin in words", in_words(&["remember this"])).await;
            Shown::AsText
        }
        Level::Rejected | Level::Dropped => {
            refused(&status);
            Shown::Refused
        }
    }
}

pub(crate) async fn pin_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (_, heard) = scene.says("remember this").await;
    if scene.does("bob", Act::Pin { message: heard.id, pinned: true }).await == Done::No {
        return cannot(&scene, Operation::Pin, "nobody pins messages there");
    }
    let shown = scene
        .event("the pin", |event| {
            let body = event["content"]["body"].as_str().unwrap_or_default();
            event["type"] == "m.room.pinned_events" || body.contains("pinned a message")
        })
        .await;
    match shown["type"] == "m.room.pinned_events" {
        true => Shown::Carried,
        false => Shown::AsText,
    }
}
