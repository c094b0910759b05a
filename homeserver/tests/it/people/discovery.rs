//! What a client finds before it logs in, and how unknown things are refused.

use bytes::Bytes;
use http::{Method, Request};

use crate::harness::Ground;

#[tokio::test]
async fn versions_are_told_to_anybody_and_an_invalid_token_is_noticed() {
    let ground = Ground::new();
    let house = ground.start().await;
    let versions = house.get_bare("/_matrix/client/versions").await.ok();
    let list = versions["versions"].as_array().unwrap();
    assert!(list.iter().any(|version| version == "v1.4"), "{versions}");
    assert_eq!(versions["unstable_features"]["fi.mau.msc2659.stable"], true);
    let answer = house.get("/_matrix/client/versions", "nonsense").await;
    answer.fails(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn well_known_names_the_address_the_client_used_or_the_configured_one() {
    let ground = Ground::new();
    let house = ground.start().await;
    let request = |host: &str| {
        Request::get("/.well-known/matrix/client").header("host", host).body(Bytes::new()).unwrap()
    };
    let found = house.send(request("chat.lan:8008")).await.ok();
    assert_eq!(found["m.homeserver"]["base_url"], "http://chat.lan:8008");
    house.send(request("evil\"host")).await.fails(404, "M_NOT_FOUND");
    house.stop().await;

    let url = "https://matrix.hs.test/".parse().unwrap();
    let house = ground.start_with(|builder| builder.public_url(Some(url))).await.unwrap();
    let found = house.send(request("chat.lan:8008")).await.ok();
    assert_eq!(found["m.homeserver"]["base_url"], "https://matrix.hs.test");
}

#[tokio::test]
async fn unknown_endpoints_and_methods_are_unrecognized() {
    let ground = Ground::new();
    let house = ground.start().await;
    let token = house.person("alice").await;
    house.get("/_matrix/client/v3/no/such/thing", &token).await.fails(404, "M_UNRECOGNIZED");
    let answer = house.ask(Method::DELETE, "/_matrix/client/v3/login", None, None).await;
    answer.fails(405, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn capabilities_need_a_token_and_name_room_versions() {
    let ground = Ground::new();
    let house = ground.start().await;
    let path = "/_matrix/client/v3/capabilities";
    house.get_bare(path).await.fails(401, "M_MISSING_TOKEN");
    let token = house.person("alice").await;
    let found = house.get(path, &token).await.ok();
    let versions = &found["capabilities"]["m.room_versions"];
    let default = versions["default"].as_str().unwrap();
    assert_eq!(versions["available"][default], "stable", "{found}");
}
