//! Adding, replacing and removing appservices while the homeserver runs.

use homeserver::{AppserviceError, Origin};
use serde_json::json;

use super::scripted::{Scripted, registration};
use crate::harness::Ground;

const WHOAMI: &str = "/_matrix/client/v3/account/whoami";

#[tokio::test]
async fn an_added_appservice_works_at_once_and_after_a_restart() {
    let ground = Ground::new();
    let house = ground.start().await;
    let irc = registration("irc");
    let token = irc.as_token.clone();
    house.homeserver.add_appservice(irc).await.unwrap();
    let bot = json!({ "user_id": "@ircbot:hs.test" });
    assert_eq!(house.get(WHOAMI, token.expose()).await.ok(), bot);
    house.stop().await;

    // The tokens are not readable in the database.
    let bytes = std::fs::read(ground.place.file()).unwrap();
    let secret = token.expose().as_bytes();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));

    let house = ground.start().await;
    assert_eq!(house.get(WHOAMI, token.expose()).await.ok(), bot);
    let list = house.homeserver.list_appservices().await.unwrap();
    assert_eq!((list.len(), list[0].id.as_str(), list[0].origin), (1, "irc", Origin::Added));
    assert_eq!(list[0].url.as_deref(), Some("http://irc.test"));
}

#[tokio::test]
async fn adding_again_replaces_the_tokens() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (old, new) = (registration("irc"), registration("irc"));
    house.homeserver.add_appservice(old.clone()).await.unwrap();
    house.homeserver.add_appservice(new.clone()).await.unwrap();
    house.get(WHOAMI, old.as_token.expose()).await.fails(401, "M_UNKNOWN_TOKEN");
    house.get(WHOAMI, new.as_token.expose()).await.ok();
    assert_eq!(house.homeserver.list_appservices().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_removed_appservice_is_gone_for_good_but_its_users_stay() {
    let ground = Ground::new();
    let house = ground.start().await;
    let irc = registration("irc");
    let token = irc.as_token.clone();
    house.homeserver.add_appservice(irc).await.unwrap();
    house.homeserver.remove_appservice("irc").await.unwrap();
    house.get(WHOAMI, token.expose()).await.fails(401, "M_UNKNOWN_TOKEN");
    let again = house.homeserver.remove_appservice("irc").await;
    assert!(matches!(again, Err(AppserviceError::Unknown(_))));
    house.stop().await;
    let house = ground.start().await;
    assert!(house.homeserver.list_appservices().await.unwrap().is_empty());
    let users = house.homeserver.list_users().await.unwrap();
    assert!(users.iter().any(|user| user.user_id == "@ircbot:hs.test"));
}

#[tokio::test]
async fn what_the_program_brought_along_is_not_removed_at_run_time() {
    let ground = Ground::new();
    let house = ground.start().await;
    house.homeserver.attach_appservice(registration("irc"), Scripted::new()).await.unwrap();
    let removed = house.homeserver.remove_appservice("irc").await;
    assert!(matches!(removed, Err(AppserviceError::Configured(_))));
    let clash = house.homeserver.add_appservice(registration("irc")).await;
    assert!(matches!(clash, Err(AppserviceError::Clash(_))), "{clash:?}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let ground = Ground::new();
    let house = ground.start().await;
    let mut irc = registration("irc");
    irc.url = Some("ftp://irc.test".to_owned());
    let refused = house.homeserver.add_appservice(irc).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(house.homeserver.list_appservices().await.unwrap().is_empty());
}
