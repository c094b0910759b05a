//! Reactions with pictures of the network's own.

use bridge_core::network::{Level, Operation};
use serde_json::json;

use super::changes::{id, in_words, of, reaction};
use super::messages::PIXEL;
use crate::conformance::harness::{Act, Done, File, Seen};
use crate::conformance::stage::{Scene, Stage, carried, refused};
use crate::conformance::verdict::Shown;

pub(crate) async fn own_picture_reaction_from_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let message = scene.is_said("bob", "look at that").await;
    let event = id(&scene.sees("bob", "look at that").await);
    let level = scene.level(Operation::Reaction);
    let url = scene.alice.upload("image/png", PIXEL).await;
    let mut content = reaction(&event, &url);
    content["com.beeper.reaction.shortcode"] = json!(":gondola:");
    let (_, status) = scene.sends("m.reaction", content).await;
    match level {
        Level::Full | Level::Partial => {
            carried(&status);
            let find = |seen: &Seen| of(seen, &message).filter(|heard| !heard.reactions.is_empty());
            let heard = scene.remote("alice's reaction", find).await;
            assert_eq!(heard.reactions, [("alice".to_owned(), ":gondola:".to_owned())]);
            Shown::Carried
        }
        Level::Degraded => {
            carried(&status);
            scene.remote("the reaction in words", in_words(&[":gondola:"])).await;
            Shown::AsText
        }
        Level::Rejected | Level::Dropped => {
            refused(&status);
            Shown::Refused
        }
    }
}

pub(crate) async fn own_picture_reaction_to_matrix(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let (event, heard) = scene.says("look at this").await;
    let (name, content_type) = ("gondola.png".to_owned(), "image/png".to_owned());
    let picture = File { name, content_type, bytes: PIXEL.to_vec() };
    let act = Act::ReactWith { message: heard.id, name: ":gondola:".to_owned(), picture };
    if scene.does("bob", act).await == Done::No {
        return Shown::NotOffered("there are no pictures to react with");
    }
    let shown = scene.event("bob's reaction", |event| event["type"] == "m.reaction").await;
    let content = &shown["content"];
    assert_eq!(content["m.relates_to"]["event_id"], event.as_str());
    assert_eq!(content["com.beeper.reaction.shortcode"], ":gondola:", "it has no name: {shown}");
    let key = content["m.relates_to"]["key"].as_str().unwrap_or_default();
    assert_eq!(scene.alice.download(key).await, PIXEL, "another picture came");
    Shown::Carried
}
