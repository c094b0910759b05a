//! Profiles, filters and account data.

use serde_json::json;

use crate::harness::Ground;

#[tokio::test]
async fn everybody_writes_their_own_profile_and_reads_all() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let path = "/_matrix/client/v3/profile/@alice:hs.test";
    assert_eq!(house.get_bare(path).await.ok(), json!({}));
    let name = json!({ "displayname": "Alice Liddell" });
    house.put(&format!("{path}/displayname"), &alice, name.clone()).await.ok();
    let picture = json!({ "avatar_url": "mxc://hs.test/cat" });
    house.put(&format!("{path}/avatar_url"), &alice, picture.clone()).await.ok();
    house
        .put(&format!("{path}/displayname"), &bob, json!({ "displayname": "Eve" }))
        .await
        .fails(403, "M_FORBIDDEN");
    assert_eq!(
        house.get_bare(path).await.ok(),
        json!({ "displayname": "Alice Liddell", "avatar_url": "mxc://hs.test/cat" })
    );
    assert_eq!(house.get_bare(&format!("{path}/displayname")).await.ok(), name);
    assert_eq!(house.get_bare(&format!("{path}/avatar_url")).await.ok(), picture);
    let nobody = house.get_bare("/_matrix/client/v3/profile/@nobody:hs.test").await;
    nobody.fails(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn an_empty_name_removes_the_name() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let path = "/_matrix/client/v3/profile/@alice:hs.test/displayname";
    house.put(path, &alice, json!({ "displayname": "Alice" })).await.ok();
    house.put(path, &alice, json!({ "displayname": "" })).await.ok();
    assert_eq!(house.get_bare(path).await.ok(), json!({}));
}

#[tokio::test]
async fn a_filter_is_stored_once_and_read_back() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let path = "/_matrix/client/v3/user/@alice:hs.test/filter";
    let filter = json!({ "room": { "timeline": { "limit": 10 } } });
    let first = house.post(path, &alice, filter.clone()).await.ok();
    let second = house.post(path, &alice, filter.clone()).await.ok();
    assert_eq!(first, second);
    let one = format!("{path}/{}", first["filter_id"].as_str().unwrap());
    assert_eq!(house.get(&one, &alice).await.ok(), filter);
    house.get(&one, &bob).await.fails(403, "M_FORBIDDEN");
    house.get(&format!("{path}/unknown"), &alice).await.fails(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn account_data_is_kept_for_the_account_and_for_rooms() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let user = "/_matrix/client/v3/user/@alice:hs.test";
    let global = format!("{user}/account_data/com.example.colour");
    let room = format!("{user}/rooms/!room:hs.test/account_data/com.example.colour");
    house.get(&global, &alice).await.fails(404, "M_NOT_FOUND");
    house.put(&global, &alice, json!({ "colour": "red" })).await.ok();
    house.put(&room, &alice, json!({ "colour": "green" })).await.ok();
    house.put(&room, &alice, json!({ "colour": "blue" })).await.ok();
    assert_eq!(house.get(&global, &alice).await.ok(), json!({ "colour": "red" }));
    assert_eq!(house.get(&room, &alice).await.ok(), json!({ "colour": "blue" }));
    house.get(&global, &bob).await.fails(403, "M_FORBIDDEN");
    house.put(&global, &bob, json!({})).await.fails(403, "M_FORBIDDEN");
    house.put(&global, &alice, json!([1])).await.fails(400, "M_BAD_JSON");
    let rules = format!("{user}/account_data/m.push_rules");
    house.put(&rules, &alice, json!({})).await.fails(405, "M_BAD_JSON");
}

#[tokio::test]
async fn account_data_shows_in_sync_once() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    let first = house.get("/_matrix/client/v3/sync", &alice).await.ok();
    let user = "/_matrix/client/v3/user/@alice:hs.test";
    let global = format!("{user}/account_data/com.example.colour");
    house.put(&global, &alice, json!({ "colour": "red" })).await.ok();
    let local = format!("{user}/rooms/{}/account_data/m.tag", crate::harness::escape(&room));
    house.put(&local, &alice, json!({ "tags": {} })).await.ok();
    let since = |answer: &serde_json::Value| {
        format!("/_matrix/client/v3/sync?since={}", answer["next_batch"].as_str().unwrap())
    };
    let second = house.get(&since(&first), &alice).await.ok();
    assert_eq!(
        second["account_data"]["events"],
        json!([{ "type": "com.example.colour", "content": { "colour": "red" } }])
    );
    let of_room = &second["rooms"]["join"][&room]["account_data"]["events"];
    assert_eq!(*of_room, json!([{ "type": "m.tag", "content": { "tags": {} } }]));
    let third = house.get(&since(&second), &alice).await.ok();
    assert!(third.get("account_data").is_none_or(|data| data["events"] == json!([])), "{third}");
}
