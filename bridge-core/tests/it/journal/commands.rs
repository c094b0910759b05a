//! Commands go through the journal, too: carried out once, answered once, wiped at once.

use crate::world::{ALICE, World};

#[tokio::test]
async fn command_is_answered_once_and_wiped() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.lose_every(Some(2));
    world.homeserver.say(&room, ALICE, "!rialto list-logins");
    world.settled().await;
    let answers = || {
        let said = world.homeserver.said(&room);
        said.into_iter().filter(|line| line.starts_with("rialtobot")).collect::<Vec<_>>()
    };
    assert_eq!(answers().len(), 1, "{:?}", answers());
    assert!(answers()[0].contains("test-1"), "{:?}", answers());
    assert!(world.network.texts("#a").is_empty());
    let kept = world.rows("SELECT seq FROM journal_row WHERE payload IS NOT NULL").await;
    assert!(kept.is_empty());
}

#[tokio::test]
async fn what_waits_for_a_login_that_logs_out_fails_in_words() {
    let mut world = World::new();
    world.start().await;
    let room = world.room("#a").await;
    world.network.disconnects("test-1").await;
    let event = world.homeserver.say(&room, ALICE, "waiting");
    world.homeserver.say(&room, ALICE, "!rialto logout test-1");
    world.settled().await;
    assert!(world.network.texts("#a").is_empty());
    assert_eq!(world.homeserver.statuses(&room, &event), ["failed"]);
    let said = world.homeserver.said(&room);
    assert!(said.iter().any(|line| line.contains("not delivered")), "{said:?}");
}
