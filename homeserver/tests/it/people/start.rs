//! What a start refuses, in words for the operator.

use homeserver::{BuildError, Homeserver};
use registration::{Blueprint, Registration};
use support_db::OpenError;

use crate::harness::Ground;

fn irc(id: &str, bot: &str) -> Registration {
    Registration::generate(Blueprint::new(id, bot).users(r"@_irc_.*:hs\.test"))
}

#[tokio::test]
async fn another_server_name_on_the_same_data_is_refused() {
    let ground = Ground::new();
    ground.start().await.stop().await;
    let error = Homeserver::builder("other.test")
        .database(ground.place.location.clone())
        .data_dir(ground.folder.path())
        .build()
        .await
        .unwrap_err();
    assert!(
        matches!(&error, BuildError::ServerNameChanged { was, now } if was == "hs.test" && now == "other.test")
    );
    assert!(error.to_string().contains("can never change"), "{error}");
}

#[tokio::test]
async fn a_second_homeserver_on_one_database_names_the_first() {
    let ground = Ground::new();
    let house = ground.start_with(|one| one.holder("rialto pid 7")).await.unwrap();
    let Err(error) = ground.start_with(|one| one).await else { panic!("it started") };
    assert!(
        matches!(&error, BuildError::Open(OpenError::Held { holder, .. }) if holder == "rialto pid 7"),
        "{error}"
    );
    house.stop().await;
}

#[tokio::test]
async fn a_name_that_is_no_server_name_is_refused() {
    let ground = Ground::new();
    let error = Homeserver::builder("not a name")
        .database(ground.place.location.clone())
        .data_dir(ground.folder.path())
        .build()
        .await
        .unwrap_err();
    assert!(matches!(error, BuildError::ServerName { .. }), "{error}");
}

#[tokio::test]
async fn registrations_in_each_others_way_are_refused_at_load() {
    let ground = Ground::new();
    for (one, other, words) in [
        (irc("irc", "ircbot"), irc("irc", "otherbot"), "id"),
        (irc("irc", "ircbot"), irc("irc2", "otherbot"), "exclusively"),
        (irc("irc", "ircbot"), irc("irc2", "ircbot"), "account"),
    ] {
        let start = ground.start_with(|builder| builder.appservice(one).appservice(other)).await;
        let Err(error) = start else { panic!("it started") };
        assert!(matches!(error, BuildError::Appservice(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}
