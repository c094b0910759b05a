//! A room that was there before is linked to a chat: people with a login speak as themselves, the
//! others through somebody's, by name.

use bridge_testkit::{HouseOptions, TestHouse, TestUser};
use http::Method;
use serde_json::json;

use crate::logged_in;

/// A room of alice's with carol and the bot in it.
pub(crate) async fn a_room(alice: &mut TestUser, carol: &TestUser) -> String {
    let bot = "@rialtobot:house.test";
    let room = json!({ "preset": "public_chat", "name": "Salon", "invite": [bot],
        "power_level_content_override": { "users": { bot: 50, alice.id(): 100 } } });
    let made = alice.call(Method::POST, "createRoom", Some(room)).await.expect("a room is made");
    let room = made["room_id"].as_str().expect("a room has an id").to_owned();
    let joined = carol.call(Method::POST, &format!("rooms/{room}/join"), Some(json!({}))).await;
    joined.expect("it is open to all");
    for _ in 0..600 {
        if alice.members(&room).await.iter().any(|member| member == bot) {
            return room;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the bot did not come in");
}

pub(crate) async fn said_to_bot(user: &mut TestUser, room: &str, text: &str) -> String {
    let asked = user.says(room, text).await;
    user.waits_for(&format!("an answer to {text}"), |timeline| {
        let after = timeline.iter().skip_while(|event| event["event_id"] != asked.as_str());
        let mut answers = after.filter(|event| {
            event["sender"] == "@rialtobot:house.test" && event["type"] == "m.room.message"
        });
        answers.next().and_then(|answer| answer["content"]["body"].as_str().map(str::to_owned))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_room_and_its_chat_hear_each_other_once_and_by_name() {
    let house = TestHouse::with(HouseOptions::default()).await;
    let (mut alice, _) = logged_in(&house, "alice").await;
    let mut carol = house.user("carol").await;
    let path = format!("profile/{}/displayname", carol.id());
    let named = carol.call(Method::PUT, &path, Some(json!({ "displayname": "carol" }))).await;
    named.expect("one may be called what one likes");
    let room = a_room(&mut alice, &carol).await;
    house.network().ranks("bob", "bob", "lobby", 50);

    let refused = said_to_bot(&mut alice, &room, "!rialto plumb demo lobby").await;
    assert!(refused.contains("Only operators of lobby"), "{refused}");
    house.network().ranks("bob", "alice", "lobby", 50);
    let linked = said_to_bot(&mut alice, &room, "!rialto plumb demo lobby").await;
    assert!(linked.contains("is linked to this room"), "{linked}");

    house.network().says("bob", "lobby", "who is there?");
    carol.sees(&room, "bob", "who is there?").await;
    let sent = carol.says(&room, "I am").await;
    assert_eq!(carol.status(&sent).await["status"], "SUCCESS");
    let sent = alice.says(&room, "me too").await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    let said: Vec<String> = house.network().said_in("lobby").into_iter().map(|s| s.text).collect();
    assert_eq!(said, ["who is there?", "<c\u{200b}arol> I am", "me too"]);

    // A remote person with the same name: whose words they are is said in full.
    house.network().says("Carol", "lobby", "I am carol");
    carol.sees(&room, "Carol", "I am carol").await;
    let sent = carol.says(&room, "so am I").await;
    carol.status(&sent).await;
    let last = house.network().said_in("lobby").pop().expect("something was said").text;
    assert_eq!(last, "<c\u{200b}arol (@c\u{200b}arol:house.test)> so am I");

    // Only who may set the room's state may end it.
    let refused = said_to_bot(&mut carol, &room, "!rialto unplumb").await;
    assert!(refused.contains("power level"), "{refused}");
    let ended = said_to_bot(&mut alice, &room, "!rialto unplumb").await;
    assert!(ended.contains("no longer linked"), "{ended}");
    let before = house.network().said_in("lobby").len();
    carol.says(&room, "hello?").await;
    let answer = said_to_bot(&mut alice, &room, "!rialto ping").await;
    assert!(answer.contains("Pong"), "{answer}");
    assert_eq!(house.network().said_in("lobby").len(), before);
}
