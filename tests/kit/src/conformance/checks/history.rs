//! What was said before somebody came: whole, once, in its order.

use std::time::{Duration, Instant};

use super::lanes::numbered;
use crate::BotRoom;
use crate::conformance::harness::{Act, Words};
use crate::conformance::stage::{Scene, Stage};
use crate::conformance::verdict::Shown;

const MANY: usize = 12;
const NO_HISTORY: Shown = Shown::NotOffered("the network does not show what was said before");
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Scene {
    /// Bob has said things before alice comes.
    async fn with_a_past(stage: Stage) -> Self {
        let chat = stage.harness.chat();
        for number in 0..MANY {
            let words = Words::plain(format!("then {number}"));
            stage.harness.does("bob", chat, Act::Say(words)).await;
        }
        Self::open(stage).await
    }

    async fn asks_for_history(&mut self) {
        let here = BotRoom(self.room.clone());
        let answer = self.alice.command(&here, "!rialto backfill 50").await;
        assert!(answer.contains("Up to 50"), "history is refused: {answer}");
    }

    /// Waits until the room has so many of both, and returns them, in the room's order.
    async fn reads(&self, earlier: usize, later: usize) -> (Vec<usize>, Vec<usize>) {
        let begun = Instant::now();
        loop {
            let texts = self.whole_room().await;
            let then = numbered(texts.iter().map(String::as_str), "then ");
            let now = numbered(texts.iter().map(String::as_str), "now ");
            if then.len() >= earlier && now.len() >= later {
                return (then, now);
            }
            assert!(begun.elapsed() < self.stage.patience, "it does not come: {texts:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

pub(crate) async fn earlier_messages_are_brought(stage: Stage) -> Shown {
    let mut scene = Scene::with_a_past(stage).await;
    if !scene.stage.watch.shows_history() {
        return NO_HISTORY;
    }
    scene.catches_up("bob", "now 0").await;
    scene.asks_for_history().await;
    let (then, _) = scene.reads(MANY, 1).await;
    assert_eq!(then, (0..MANY).collect::<Vec<_>>(), "lost, doubled or out of order");
    let texts = scene.whole_room().await;
    let place = |text: &str| texts.iter().position(|said| said == text);
    assert!(place("then 11") < place("now 0"), "the past stands behind the present: {texts:?}");
    let told = scene.seen_texts();
    assert!(numbered(told.iter().map(String::as_str), "then ").is_empty(), "it is told as news");
    Shown::Kept
}

pub(crate) async fn earlier_messages_and_news_are_there_once(stage: Stage) -> Shown {
    let mut scene = Scene::with_a_past(stage).await;
    if !scene.stage.watch.shows_history() {
        return NO_HISTORY;
    }
    scene.is_said("bob", "now 0").await;
    scene.asks_for_history().await;
    for number in 1..MANY {
        scene.is_said("bob", &format!("now {number}")).await;
    }
    scene.sees("bob", &format!("now {}", MANY - 1)).await;
    let (then, now) = scene.reads(MANY, MANY).await;
    let all: Vec<usize> = (0..MANY).collect();
    assert_eq!((then, now), (all.clone(), all), "lost, doubled or out of order");
    Shown::Kept
}

pub(crate) async fn earlier_messages_are_whole_over_a_crash(stage: Stage) -> Shown {
    let mut scene = Scene::with_a_past(stage).await;
    if !scene.stage.watch.shows_history() {
        return NO_HISTORY;
    }
    scene.catches_up("bob", "now 0").await;
    scene.asks_for_history().await;
    scene.stage.crash().await;
    scene.reads(MANY, 1).await;
    scene.asks_for_history().await;
    scene.stage.crash().await;
    scene.catches_up("bob", "now 1").await;
    let (then, now) = scene.reads(MANY, 2).await;
    assert_eq!(then, (0..MANY).collect::<Vec<_>>(), "lost, doubled or out of order");
    assert_eq!(now, [0, 1]);
    Shown::Kept
}
