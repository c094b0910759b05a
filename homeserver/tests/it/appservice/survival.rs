//! Nothing that was owed is lost by a restart, and what was tried once is tried again as it was.

use std::sync::Arc;

use serde_json::json;
use support_db::testing::test_locations;

use super::scripted::{Scripted, Turn, registration};
use crate::harness::{Ground, House};

async fn start(
    ground: &Ground,
    irc: &registration::Registration,
    scripted: &Arc<Scripted>,
) -> House {
    let house = ground.start().await;
    house.homeserver.attach_appservice(irc.clone(), scripted.clone()).await.unwrap();
    house
}

#[tokio::test]
async fn a_transaction_that_was_begun_is_repeated_after_a_restart() {
    for place in test_locations() {
        let ground = Ground::on(place);
        let irc = registration("irc");
        let token = irc.as_token.expose();
        let first = Scripted::new();
        first.usually(Turn::BreakOff);
        let house = start(&ground, &irc, &first).await;
        let room = house.room(token, json!({})).await;
        first.until(|one| !one.transactions().is_empty()).await;
        house.say(token, &room, "1", "queued behind it").await;
        let begun = first.transactions().remove(0);
        house.stop().await;

        let second = Scripted::new();
        let house = start(&ground, &irc, &second).await;
        second.until_body("queued behind it").await;
        assert_eq!(
            second.transactions()[0],
            begun,
            "the same id and body on {}",
            ground.place.name
        );
        house.say(token, &room, "2", "said later").await;
        second.until_body("said later").await;
        house.stop().await;

        // What was acknowledged does not come again.
        let third = Scripted::new();
        let house = start(&ground, &irc, &third).await;
        house.say(token, &room, "3", "said last").await;
        third.until_body("said last").await;
        assert_eq!(third.bodies(), ["said last"]);
        let ids: Vec<_> = [&second, &third]
            .iter()
            .flat_map(|one| one.transactions())
            .map(|one| one.txn_id().unwrap().to_owned())
            .collect();
        let mut unique = ids.clone();
        unique.dedup();
        assert_eq!(ids, unique, "no id is used twice");
        house.stop().await;
    }
}

#[tokio::test]
async fn what_was_never_tried_is_tried_after_a_restart() {
    let ground = Ground::new();
    let irc = registration("irc");
    let token = irc.as_token.expose();
    let first = Scripted::new();
    first.usually(Turn::Refuse);
    let house = start(&ground, &irc, &first).await;
    let room = house.room(token, json!({})).await;
    for number in 0..150 {
        house.say(token, &room, &number.to_string(), &number.to_string()).await;
    }
    let owed = house.homeserver.list_appservices().await.unwrap()[0].owed;
    assert!(owed > 150, "{owed}");
    house.stop().await;
    assert!(first.seen().is_empty());

    let second = Scripted::new();
    let house = start(&ground, &irc, &second).await;
    second.until_body("149").await;
    let expected: Vec<_> = (0..150).map(|number| number.to_string()).collect();
    assert_eq!(second.bodies(), expected);
    house.stop().await;
}

#[tokio::test]
async fn a_removed_appservice_that_comes_back_gets_nothing_old() {
    let ground = Ground::new();
    let house = ground.start().await;
    let mut irc = registration("irc");
    // A port nobody listens on: deliveries fail at once.
    irc.url = Some("http://127.0.0.1:1".to_owned());
    let token = irc.as_token.expose().to_owned();
    house.homeserver.add_appservice(irc.clone()).await.unwrap();
    let room = house.room(&token, json!({})).await;
    house.say(&token, &room, "1", "old").await;
    house.homeserver.remove_appservice("irc").await.unwrap();
    let scripted = Scripted::new();
    house.homeserver.attach_appservice(irc, scripted.clone()).await.unwrap();
    house.say(&token, &room, "2", "new").await;
    scripted.until_body("new").await;
    assert_eq!(scripted.bodies(), ["new"]);
}
