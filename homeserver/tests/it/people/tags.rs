//! Tags, by which people sort their rooms.

use http::Method;
use serde_json::json;

use crate::harness::{Ground, escape};

#[tokio::test]
async fn rooms_are_tagged_and_every_device_hears_of_it() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({})).await;
    let tags = format!("/_matrix/client/v3/user/@alice:hs.test/rooms/{}/tags", escape(&room));
    assert_eq!(house.get(&tags, &alice).await.ok(), json!({ "tags": {} }));
    let first = house.get("/_matrix/client/v3/sync", &alice).await.ok();
    house.put(&format!("{tags}/m.favourite"), &alice, json!({ "order": 0.25 })).await.ok();
    house.put(&format!("{tags}/u.work"), &alice, json!({})).await.ok();
    let both = json!({ "tags": { "m.favourite": { "order": 0.25 }, "u.work": {} } });
    assert_eq!(house.get(&tags, &alice).await.ok(), both);
    let since = first["next_batch"].as_str().unwrap();
    let news = house.get(&format!("/_matrix/client/v3/sync?since={since}"), &alice).await.ok();
    let events = &news["rooms"]["join"][&room]["account_data"]["events"];
    assert_eq!(*events, json!([{ "type": "m.tag", "content": both }]));

    let one = format!("{tags}/u.work");
    house.ask(Method::DELETE, &one, Some(&alice), None).await.ok();
    house.ask(Method::DELETE, &one, Some(&alice), None).await.ok();
    let left = json!({ "tags": { "m.favourite": { "order": 0.25 } } });
    assert_eq!(house.get(&tags, &alice).await.ok(), left);

    house.get(&tags, &bob).await.fails(403, "M_FORBIDDEN");
    house.put(&one, &bob, json!({})).await.fails(403, "M_FORBIDDEN");
    house.ask(Method::DELETE, &one, Some(&bob), None).await.fails(403, "M_FORBIDDEN");
    let long = format!("{tags}/{}", "x".repeat(256));
    house.put(&long, &alice, json!({})).await.fails(400, "M_INVALID_PARAM");
    house.stop().await;
}

#[tokio::test]
async fn what_other_endpoints_write_is_not_written_as_account_data() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    let user = "/_matrix/client/v3/user/@alice:hs.test";
    for kind in ["m.fully_read", "m.push_rules"] {
        let of_room = format!("{user}/rooms/{}/account_data/{kind}", escape(&room));
        house.put(&of_room, &alice, json!({})).await.fails(405, "M_BAD_JSON");
        let of_account = format!("{user}/account_data/{kind}");
        house.put(&of_account, &alice, json!({})).await.fails(405, "M_BAD_JSON");
    }
    house.stop().await;
}
