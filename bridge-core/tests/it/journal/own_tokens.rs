//! People who let the bridge act in their own name, by a token of theirs.

use crate::world::{
    ALICE, World,
    network::{from_me, message},
};

/// Alice has handed her token in, in the room of `#a`.
async fn with_token() -> (World, String, String) {
    let mut world = World::new().without_puppets();
    world.start().await;
    let room = world.room("#a").await;
    world.homeserver.seat(&room, ALICE);
    let token = world.homeserver.log_in(ALICE);
    world.homeserver.say(&room, ALICE, &format!("!rialto login-matrix {token}"));
    world.settled().await;
    (world, room, token)
}

async fn from_her_phone(world: &World, id: &str) {
    let event = from_me(message("#a", "alice", Some(id), id));
    world.network.hears("test-1", event).await.unwrap();
    world.settled().await;
}

#[tokio::test]
async fn what_a_person_says_elsewhere_appears_under_their_own_name() {
    let (mut world, room, token) = with_token().await;
    let said = world.homeserver.said(&room);
    assert!(said.iter().any(|line| line.contains("I act in your name now")), "{said:?}");
    from_her_phone(&world, "before").await;
    world.crash().await;
    world.start().await;
    world.connected("test-1").await;
    from_her_phone(&world, "after").await;
    let said = world.homeserver.said(&room);
    assert!(said.ends_with(&["alice: before".to_owned(), "alice: after".to_owned()]), "{said:?}");
    assert!(world.network.texts("#a").is_empty(), "it went back where it came from");
    // The token is sealed, and the message with it is taken back.
    let sealed = world.rows("SELECT sealed FROM double_puppet").await;
    let sealed: Vec<u8> = sealed[0].get("sealed").unwrap();
    assert!(!sealed.windows(token.len()).any(|bytes| bytes == token.as_bytes()));
    let taken_back = world.homeserver.events(&room, "m.room.redaction");
    assert_eq!(taken_back.len(), 1);
    assert_eq!(taken_back[0]["sender"], ALICE);
    let kept = world.rows("SELECT payload FROM journal_row WHERE payload IS NOT NULL").await;
    assert!(kept.is_empty());
}

#[tokio::test]
async fn with_a_token_that_has_ended_the_ghost_stands_in_and_nothing_is_lost() {
    let (world, room, token) = with_token().await;
    world.homeserver.log_out(&token);
    from_her_phone(&world, "one").await;
    from_her_phone(&world, "two").await;
    let said = world.homeserver.said(&room);
    let ghost = |text: &str| format!("_rialto_test_alice: {text}");
    assert!(said.ends_with(&[ghost("one"), ghost("two")]), "{said:?}");
    let left = world.rows("SELECT mxid FROM double_puppet").await;
    assert!(left.is_empty(), "a token of no use is kept");
}

#[tokio::test]
async fn a_token_that_is_not_hers_is_refused() {
    let mut world = World::new().without_puppets();
    world.start().await;
    let room = world.room("#a").await;
    let berts = world.homeserver.log_in("@bert:x");
    for (token, words) in [(berts.as_str(), "belongs to @bert:x"), ("session-none", "not know")] {
        world.homeserver.say(&room, ALICE, &format!("!rialto login-matrix {token}"));
        world.settled().await;
        let said = world.homeserver.said(&room);
        let answer = said.last().unwrap();
        assert!(answer.contains(words) && answer.contains("Nothing was stored"), "{answer}");
    }
    assert!(world.rows("SELECT mxid FROM double_puppet").await.is_empty());
}

#[tokio::test]
async fn a_person_takes_their_token_away_again() {
    let (world, room, _) = with_token().await;
    world.homeserver.say(&room, ALICE, "!rialto logout-matrix");
    world.settled().await;
    from_her_phone(&world, "later").await;
    let said = world.homeserver.said(&room);
    assert_eq!(said.last().unwrap(), "_rialto_test_alice: later", "{said:?}");
}
