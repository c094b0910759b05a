//! Talking to the bot.

use bridge_testkit::TestHouse;

use crate::logged_in;

#[tokio::test(flavor = "multi_thread")]
async fn help_names_the_commands_and_the_networks() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    let help = alice.command(&bot, "help").await;
    for word in ["login", "logout", "list-logins", "join", "ping", "cancel", "demo"] {
        assert!(help.contains(word), "{word} is missing in: {help}");
    }
    assert!(alice.command(&bot, "ping").await.contains("Pong"));
    let unknown = alice.command(&bot, "lgoin demo").await;
    assert!(unknown.contains("`login`"), "{unknown}");
    let unknown = alice.command(&bot, "login dmeo").await;
    assert!(unknown.contains("`demo`"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_a_login_is_asked_for() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    let question = alice.command(&bot, "login demo").await;
    assert!(question.contains("Name?"), "{question}");
    let answer = alice.command(&bot, "not a name").await;
    assert!(answer.contains("a name has"), "{answer}");
    let answer = alice.command(&bot, "allie").await;
    assert!(answer.contains("demo-1") && answer.contains("connected"), "{answer}");
    let list = alice.command(&bot, "list-logins").await;
    assert!(list.contains("demo-1: allie on Demo, connected"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_can_be_cancelled_and_ended() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    alice.command(&bot, "login demo").await;
    assert!(alice.command(&bot, "cancel").await.contains("cancelled"));
    assert!(alice.command(&bot, "cancel").await.contains("Nothing"));
    alice.command(&bot, "login demo name=alice").await;
    let answer = alice.command(&bot, "logout demo-7").await;
    assert!(answer.contains("demo-1"), "{answer}");
    let answer = alice.command(&bot, "logout demo-1").await;
    assert!(answer.contains("logged out"), "{answer}");
    assert!(alice.command(&bot, "list-logins").await.contains("no logins"));
    // A number is never given out again.
    let answer = alice.command(&bot, "login demo name=alice").await;
    assert!(answer.contains("demo-2"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_what_is_not_there_says_so() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    let answer = alice.command(&bot, "join demo lobby").await;
    assert!(answer.contains("login demo"), "{answer}");
    alice.command(&bot, "login demo name=alice").await;
    let answer = alice.command(&bot, "join demo nowhere").await;
    assert!(answer.contains("there is no such chat"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_commands_have_a_prefix() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    alice.says(&lobby, "!rialto ping").await;
    alice.sees(&lobby, "Rialto", "Pong! Rialto 0.1.0 is here; 1 of your 1 logins connected.").await;
    let sent = alice.says(&lobby, "ping").await;
    alice.status(&sent).await;
    let said = house.network().said_in("lobby");
    let texts: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(texts, ["ping"], "commands are not for the network");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_gone_is_told_to_its_owner() {
    let house = TestHouse::new().await;
    let (mut alice, _bot) = logged_in(&house, "alice").await;
    house.network().delete_account("alice");
    alice
        .waits_for("the bad news", |timeline| {
            let mut bodies = timeline.iter().filter_map(|event| event["content"]["body"].as_str());
            bodies.find(|body| body.contains("login demo") && body.contains("refused")).map(drop)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_come_back_after_a_restart() {
    let mut house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.stop().await;
    house.network().says("bob", "lobby", "while you were away");
    house.start().await;
    alice.sees(&lobby, "bob", "while you were away").await;
    let sent = alice.says(&lobby, "I am back").await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
}
