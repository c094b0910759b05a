//! Who does too much at once is told when to go on.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::extract::ConnectInfo;
use bytes::Bytes;
use homeserver::{Rate, Rates, RegistrationMode};
use http::Request;
use registration::{Blueprint, Registration};
use serde_json::{Value, json};
use support_clock::TestClock;
use support_matrix_http::HttpTransport;

use crate::harness::{Answer, Ground, House, escape, login};

/// Three at once, then one in ten seconds, of everything but what the stories are not about.
fn few() -> Rates {
    let few = Rate { per_second: 0.1, burst: 3 };
    let mut rates = Rates::default();
    for rate in [
        &mut rates.messages,
        &mut rates.joins,
        &mut rates.invites,
        &mut rates.profiles,
        &mut rates.signals,
        &mut rates.uploads,
        &mut rates.searches,
        &mut rates.reports,
        &mut rates.logins,
        &mut rates.registrations,
    ] {
        *rate = few;
    }
    rates
}

async fn start(ground: &Ground, clock: &TestClock) -> House {
    start_with(ground, clock, None).await
}

async fn start_with(ground: &Ground, clock: &TestClock, irc: Option<Registration>) -> House {
    let clock = Arc::new(clock.clone());
    let change = |builder: homeserver::HomeserverBuilder| {
        let builder = builder.clock(clock).rate_limits(true).rates(few());
        let builder = builder.registration(RegistrationMode::Open);
        match irc {
            Some(irc) => builder.appservice(irc),
            None => builder,
        }
    };
    ground.start_with(change).await.unwrap()
}

async fn say(house: &House, token: &str, room: &str, txn: usize, query: &str) -> Answer {
    let path =
        format!("/_matrix/client/v3/rooms/{}/send/m.room.message/t{txn}{query}", escape(room));
    house.put(&path, token, json!({ "msgtype": "m.text", "body": "x" })).await
}

#[tokio::test]
async fn too_many_messages_have_to_wait_as_long_as_is_said() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    for txn in 0..3 {
        say(&house, &alice, &room, txn, "").await.ok();
    }
    let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.topic", escape(&room));
    let refused = house.put(&path, &alice, json!({ "topic": "x" })).await;
    let refused = refused.fails(429, "M_LIMIT_EXCEEDED");
    assert_eq!(refused["retry_after_ms"], 10_000);
    say(&house, &bob, &room, 3, "").await.ok();
    clock.advance(Duration::from_millis(9_999));
    say(&house, &alice, &room, 3, "").await.fails(429, "M_LIMIT_EXCEEDED");
    clock.advance(Duration::from_millis(1));
    say(&house, &alice, &room, 3, "").await.ok();
    assert_eq!(house.bodies(&bob, &room).await.len(), 5, "what was refused was not done");
}

#[tokio::test]
async fn the_header_says_when_to_come_again_and_a_browser_may_read_it() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let alice = house.person("alice").await;
    let request = || {
        Request::put("/_matrix/client/v3/profile/@alice:hs.test/displayname")
            .header("authorization", format!("Bearer {alice}"))
            .body(Bytes::from_static(b"{\"displayname\":\"A\"}"))
            .unwrap()
    };
    for _ in 0..3 {
        assert_eq!(house.transport.call(request()).await.unwrap().status(), 200);
    }
    clock.advance(Duration::from_millis(500));
    let refused = house.transport.call(request()).await.unwrap();
    let header = |name: &str| refused.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((refused.status().as_u16(), header("retry-after").as_str()), (429, "10"));
    assert_eq!(header("access-control-allow-origin"), "*");
    assert!(header("access-control-expose-headers").contains("Retry-After"));
}

#[tokio::test]
async fn every_kind_has_its_own_limit() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let of_room = |what: &str| format!("/_matrix/client/v3/rooms/{}/{what}", escape(&room));
    let search = json!({ "search_categories": { "room_events": { "search_term": "x" } } });
    let posts: [(String, Value); 6] = [
        (of_room("join"), json!({})),
        (of_room("read_markers"), json!({})),
        ("/_matrix/client/v3/search".to_owned(), search),
        (of_room("report"), json!({ "reason": "loud" })),
        ("/_matrix/media/v1/create".to_owned(), json!({})),
        (of_room("invite"), json!({ "user_id": "@alice:hs.test" })),
    ];
    for (path, body) in posts {
        for _ in 0..3 {
            let answer = house.post(&path, &alice, body.clone()).await;
            assert_ne!(answer.status, 429, "{path}");
        }
        house.post(&path, &alice, body).await.fails(429, "M_LIMIT_EXCEEDED");
    }
    clock.advance(Duration::from_secs(10));
    house.in_room(&alice, &room, "join", json!({})).await.ok();
}

#[tokio::test]
async fn application_services_keep_to_the_limits_unless_their_registration_says_no() {
    for (limited, refused) in [(Some(true), true), (None, true), (Some(false), false)] {
        let (ground, clock) = (Ground::new(), TestClock::new());
        let mut irc =
            Registration::generate(Blueprint::new("irc", "ircbot").users(r"@_irc_.*:hs\.test"));
        irc.rate_limited = limited;
        let as_token = irc.as_token.expose().to_owned();
        let house = start_with(&ground, &clock, Some(irc)).await;
        house.ghost(&as_token, "_irc_anna").await;
        let room = house.room(&as_token, json!({ "preset": "public_chat" })).await;
        house.join_as(&as_token, &room, "@_irc_anna:hs.test").await;
        // The service's own account is never held up.
        for txn in 0..10 {
            say(&house, &as_token, &room, txn, "").await.ok();
        }
        let login = json!({
            "type": "m.login.application_service",
            "identifier": { "type": "m.id.user", "user": "_irc_anna" },
        });
        let own = house.post("/_matrix/client/v3/login", &as_token, login).await.ok();
        let own = own["access_token"].as_str().unwrap();
        for (token, query) in [(as_token.as_str(), "?user_id=@_irc_anna:hs.test"), (own, "")] {
            for txn in 0..3 {
                say(&house, token, &room, txn, query).await;
            }
            let fourth = say(&house, token, &room, 3, query).await;
            assert_eq!(fourth.status == 429, refused, "{limited:?} {query}: {}", fourth.body);
        }
    }
}

/// Asks as through a socket.
async fn ask_from(house: &House, peer: &str, path: &str, body: Value) -> Answer {
    let mut request = Request::post(path).body(Bytes::from(body.to_string())).unwrap();
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    house.send(request).await
}

#[tokio::test]
async fn an_address_may_try_so_many_logins_and_make_so_many_accounts() {
    const LOGIN: &str = "/_matrix/client/v3/login";
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let alice = house.person("alice").await;
    for name in ["alice", "bob", "carol"] {
        ask_from(&house, "192.0.2.1:5", LOGIN, login(name, "guess"))
            .await
            .fails(403, "M_FORBIDDEN");
    }
    let right = || login("alice", "pass word");
    let refused = ask_from(&house, "192.0.2.1:6", LOGIN, right()).await;
    refused.fails(429, "M_LIMIT_EXCEEDED");
    ask_from(&house, "192.0.2.2:5", LOGIN, right()).await.ok();
    // One account may not be logged into without end either, wherever that comes from.
    ask_from(&house, "192.0.2.3:5", LOGIN, right()).await.ok();
    ask_from(&house, "192.0.2.4:5", LOGIN, right()).await.fails(429, "M_LIMIT_EXCEEDED");
    house.get("/_matrix/client/v3/account/whoami", &alice).await.ok();
    for (number, status) in [(0, 200), (1, 200), (2, 200), (3, 429)] {
        let body = json!({
            "username": format!("new{number}"), "password": "pass word", "inhibit_login": true,
            "auth": { "type": "m.login.dummy" },
        });
        let path = "/_matrix/client/v3/register";
        let answer = ask_from(&house, "198.51.100.7:5", path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    }
}
