//! One total order per appservice, whoever speaks wherever.

use std::{collections::HashMap, sync::Arc};

use serde_json::json;
use tokio_util::task::TaskTracker;

use super::scripted::{Scripted, registration};
use crate::harness::Ground;

const SENDERS: usize = 8;
const EACH: usize = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_people_in_three_rooms_are_heard_in_one_order_and_once() {
    let ground = Ground::new();
    let (house, scripted) = (Arc::new(ground.start().await), Scripted::new());
    let irc = registration("irc");
    let token = irc.as_token.expose().to_owned();
    house.homeserver.attach_appservice(irc, scripted.clone()).await.unwrap();
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(house.room(&token, json!({ "preset": "public_chat" })).await);
    }
    let mut people = Vec::new();
    for number in 0..SENDERS {
        let person = house.person(&format!("person{number}")).await;
        for room in &rooms {
            house.in_room(&person, room, "join", json!({})).await.ok();
        }
        people.push(person);
    }
    let tasks = TaskTracker::new();
    for (number, person) in people.iter().cloned().enumerate() {
        let (house, rooms) = (Arc::clone(&house), rooms.clone());
        tasks.spawn(async move {
            for step in 0..EACH {
                let room = &rooms[(number + step) % rooms.len()];
                house.say(&person, room, &format!("t{step}"), &format!("{number}:{step}")).await;
            }
        });
    }
    tasks.close();
    tasks.wait().await;
    scripted.until(|one| one.bodies().len() >= SENDERS * EACH).await;

    let bodies = scripted.bodies();
    assert_eq!(bodies.len(), SENDERS * EACH, "each message once");
    // What one person said, in whatever rooms, comes in the order it was said: each step was answered before the next.
    let mut next: HashMap<&str, usize> = HashMap::new();
    for body in &bodies {
        let (number, step) = body.split_once(':').unwrap();
        let expected = next.entry(number).or_default();
        assert_eq!(step.parse::<usize>().unwrap(), *expected, "{bodies:?}");
        *expected += 1;
    }
    // In each room the appservice's order is the one everybody else reads.
    for room in &rooms {
        let events = scripted.events();
        let pushed = events.iter().filter(|event| event["room_id"] == *room);
        let pushed: Vec<_> = pushed
            .filter(|event| event["type"] == "m.room.message")
            .map(|event| event["content"]["body"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(pushed, house.bodies(&people[0], room).await);
    }
    assert_eq!(scripted.most_in_flight(), 1);
}
