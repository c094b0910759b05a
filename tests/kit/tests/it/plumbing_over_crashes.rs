//! A linked room while the house crashes at every call it makes: what people with and without a login
//! say, and what they answer, is there once and in order.

use bridge_testkit::{HouseOptions, TestHouse, TestUser};
use serde_json::json;

use crate::logged_in;
use crate::plumbing::{a_room, said_to_bot};

/// More than one message each way needs of calls.
const MOST_CALLS: u64 = 24;

/// A room of alice's that is linked to the lobby, with carol, who has no login.
async fn linked(house: &TestHouse) -> (TestUser, TestUser, String) {
    let (mut alice, _) = logged_in(house, "alice").await;
    let carol = house.user("carol").await;
    let room = a_room(&mut alice, &carol).await;
    house.network().ranks("bob", "alice", "lobby", 50);
    let linked = said_to_bot(&mut alice, &room, "!rialto plumb demo lobby").await;
    assert!(linked.contains("is linked to this room"), "{linked}");
    (alice, carol, room)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_and_answered_in_a_linked_room_is_there_once_over_crashes() {
    let mut house = TestHouse::with(HouseOptions::default()).await;
    let (mut alice, mut carol, room) = linked(&house).await;
    house.network().says("bob", "lobby", "bob 0");
    let first = carol.sees(&room, "bob", "bob 0").await;
    let first = first["event_id"].as_str().expect("an event has an id").to_owned();
    let (mut mine, mut theirs, mut bobs) = (Vec::new(), Vec::new(), vec!["bob 0".to_owned()]);
    let mut survived = false;
    for calls in 1..MOST_CALLS {
        house.to_homeserver().cut_after(calls);
        let answer = json!({ "msgtype": "m.text", "body": format!("carol {calls}"),
            "m.relates_to": { "m.in_reply_to": { "event_id": first } } });
        let by_carol = carol.send_event(&room, "m.room.message", answer).await;
        let by_alice = alice.says(&room, &format!("alice {calls}")).await;
        let text = format!("bob {calls}");
        house.network().says("bob", "lobby", &text);
        survived = tokio::select! {
            () = house.to_homeserver().cut() => false,
            () = async {
                carol.status(&by_carol).await;
                alice.status(&by_alice).await;
                carol.sees(&room, "bob", &text).await;
            } => true,
        };
        house.crash().await;
        assert_eq!(carol.status(&by_carol).await["status"], "SUCCESS", "{calls}");
        assert_eq!(alice.status(&by_alice).await["status"], "SUCCESS", "{calls}");
        carol.sees(&room, "bob", &text).await;
        theirs.push(format!("carol {calls}"));
        mine.push(format!("alice {calls}"));
        bobs.push(text);
        if survived {
            break;
        }
    }
    assert!(survived, "every call was the last one once");
    let said = house.network().said_in("lobby");
    let by_alice = said.iter().filter(|said| said.by == "alice");
    let (relayed, own): (Vec<_>, Vec<_>) = by_alice.partition(|said| said.text.starts_with('<'));
    let texts: Vec<&str> = own.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(texts, mine, "alice's words");
    let texts: Vec<&str> = relayed
        .iter()
        .filter_map(|said| said.text.split_once("> ").map(|(_, text)| text))
        .collect();
    assert_eq!(texts, theirs, "carol's words");
    let answered = relayed[0].reply_to;
    assert!(answered.is_some() && relayed.iter().all(|said| said.reply_to == answered));
    let seen = carol.said_in(&room);
    let ghost = "@_rialto_demo_bob:house.test";
    let texts: Vec<&str> =
        seen.iter().filter(|(who, _)| who == ghost).map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, bobs, "bob's words");
    let echoed = seen.iter().filter(|(who, text)| who == ghost && !text.starts_with("bob "));
    assert_eq!(echoed.count(), 0, "nothing came back as somebody else's");
    house.stop().await;
}
