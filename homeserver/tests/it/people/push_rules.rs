//! Push rules: those of the specification until somebody changes them, and what cannot be changed.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Ground, House, escape};

const RULES: &str = "/_matrix/client/v3/pushrules/global";

async fn ids(house: &House, token: &str, kind: &str) -> Vec<String> {
    let rules = house.get(&format!("{RULES}/"), token).await.ok();
    let rules = rules["global"][kind].as_array().or_else(|| rules[kind].as_array());
    let ids = rules.into_iter().flatten().map(|rule| rule["rule_id"].as_str().unwrap());
    ids.filter(|id| !id.starts_with('.')).map(str::to_owned).collect()
}

fn notify() -> Value {
    json!({ "actions": ["notify"], "pattern": "cake" })
}

#[tokio::test]
async fn rules_are_put_in_order_and_taken_out() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let put = |path: &'static str, body: Value| {
        let (house, alice) = (&house, &alice);
        async move { house.put(&format!("{RULES}/{path}"), alice, body).await }
    };
    put("content/one", notify()).await.ok();
    put("content/two?after=one", notify()).await.ok();
    put("content/three?before=two", notify()).await.ok();
    assert_eq!(ids(&house, &alice, "content").await, ["one", "three", "two"]);
    assert_eq!(ids(&house, &bob, "content").await, Vec::<String>::new());
    put("content/four?after=nowhere", notify()).await.fails(400, "M_UNKNOWN");
    assert_eq!(ids(&house, &alice, "content").await, ["one", "three", "two"]);

    let room = format!("room/{}", escape("!room:hs.test"));
    let path = format!("{RULES}/{room}");
    house.put(&path, &alice, json!({ "actions": [] })).await.ok();
    let rule = house.get(&path, &alice).await.ok();
    assert_eq!((&rule["rule_id"], &rule["default"]), (&json!("!room:hs.test"), &json!(false)));
    house.ask(Method::DELETE, &path, Some(&alice), None).await.ok();
    house.ask(Method::DELETE, &path, Some(&alice), None).await.fails(404, "M_NOT_FOUND");
    house.get(&path, &alice).await.fails(404, "M_NOT_FOUND");
    house.stop().await;
}

#[tokio::test]
async fn rules_are_enabled_and_given_other_actions_even_those_of_the_server() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let master = format!("{RULES}/override/.m.rule.master");
    assert_eq!(
        house.get(&format!("{master}/enabled"), &alice).await.ok(),
        json!({ "enabled": false })
    );
    house.put(&format!("{master}/enabled"), &alice, json!({ "enabled": true })).await.ok();
    assert_eq!(house.get(&master, &alice).await.ok()["enabled"], true);
    let actions = json!({ "actions": ["notify", { "set_tweak": "highlight" }] });
    house.put(&format!("{master}/actions"), &alice, actions.clone()).await.ok();
    let seen = house.get(&format!("{master}/actions"), &alice).await.ok();
    assert_eq!(seen["actions"][0], "notify");
    let nowhere = format!("{RULES}/override/nowhere");
    house.get(&format!("{nowhere}/enabled"), &alice).await.fails(404, "M_NOT_FOUND");
    let enabled = json!({ "enabled": true });
    house.put(&format!("{nowhere}/enabled"), &alice, enabled).await.fails(404, "M_NOT_FOUND");
    house.put(&format!("{nowhere}/actions"), &alice, actions).await.fails(404, "M_NOT_FOUND");
    house.stop().await;
}

#[tokio::test]
async fn the_servers_own_rules_are_neither_made_nor_deleted() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    for id in [".mine", "a%2Fb", "a%5Cb"] {
        let path = format!("{RULES}/content/{id}");
        house.put(&path, &alice, notify()).await.fails(400, "M_INVALID_PARAM");
    }
    let beside = format!("{RULES}/override/mine?before=.m.rule.master");
    let body = json!({ "actions": [], "conditions": [] });
    house.put(&beside, &alice, body).await.fails(400, "M_INVALID_PARAM");
    let master = format!("{RULES}/override/.m.rule.master");
    let gone = house.ask(Method::DELETE, &master, Some(&alice), None).await;
    gone.fails(400, "M_INVALID_PARAM");
    house.get(&master, &alice).await.ok();
    house.stop().await;
}

#[tokio::test]
async fn changed_rules_come_down_sync_and_survive_a_restart() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let data = "/_matrix/client/v3/user/@alice:hs.test/account_data/m.push_rules";
    let before = house.get(data, &alice).await.ok();
    assert_eq!(before["global"]["override"][0]["rule_id"], ".m.rule.master");
    let first = house.get("/_matrix/client/v3/sync", &alice).await.ok();
    house.put(&format!("{RULES}/content/cake"), &alice, notify()).await.ok();
    let since = first["next_batch"].as_str().unwrap();
    let news = house.get(&format!("/_matrix/client/v3/sync?since={since}"), &alice).await.ok();
    let event = &news["account_data"]["events"][0];
    assert_eq!(event["type"], "m.push_rules");
    assert_eq!(event["content"]["global"]["content"][0]["rule_id"], "cake");
    assert_eq!(house.get(data, &alice).await.ok(), event["content"]);
    house.stop().await;
    let house = ground.start().await;
    assert_eq!(ids(&house, &alice, "content").await, ["cake"]);
    house.stop().await;
}
