//! Logging in and out, joining, and every way in which that goes wrong.

use crate::conformance::stage::{NETWORK, Scene, Stage};
use crate::conformance::verdict::Shown;

pub(crate) async fn login_names_the_account(stage: Stage) -> Shown {
    let mut person = stage.log_in("alice").await;
    let list = person.user.command(&person.bot, "list-logins").await;
    let login = format!("{NETWORK}-1");
    assert!(list.contains(&login), "the login has no number: {list}");
    assert!(list.contains("alice") && list.contains("connected"), "whose is it? {list}");
    Shown::Kept
}

pub(crate) async fn login_asks_for_what_is_missing(stage: Stage) -> Shown {
    let mut alice = stage.house.user("alice").await;
    let bot = alice.meet_bot().await;
    let mut answer = alice.command(&bot, &format!("login {NETWORK}")).await;
    if answer.contains("connected") {
        return Shown::NotOffered("there is nothing to be asked");
    }
    assert!(answer.contains('?'), "this is no question: {answer}");
    let given = stage.harness.login("alice");
    let mut given = given.iter();
    for _ in 0..10 {
        if answer.contains("connected") {
            return Shown::Kept;
        }
        // The questions come in the order of the fields; `-` leaves out what may be left out.
        let next = given.next().map_or("-", |(_, value)| value.as_str());
        answer = alice.command(&bot, next).await;
    }
    panic!("answering does not lead to a login: {answer}");
}

pub(crate) async fn wrong_login_is_refused_in_words(stage: Stage) -> Shown {
    let Some(wrong) = stage.harness.wrong_login() else {
        return Shown::NotOffered("every answer is right there");
    };
    let mut alice = stage.house.user("alice").await;
    let bot = alice.meet_bot().await;
    let answer = alice.command(&bot, &Stage::login_command(&wrong)).await;
    assert!(!answer.contains("connected"), "wrong answers log in: {answer}");
    assert!(answer.split_whitespace().count() > 2, "it is not said what is wrong: {answer}");
    let list = alice.command(&bot, "list-logins").await;
    assert!(!list.contains(&format!("{NETWORK}-1")), "something was stored: {list}");
    // A mistake is no end: the right answers still do.
    let right = Stage::login_command(&stage.harness.login("alice"));
    let answer = alice.command(&bot, &right).await;
    assert!(answer.contains("connected"), "after a mistake nobody gets in: {answer}");
    Shown::Kept
}

pub(crate) async fn unknown_login_field_is_named(stage: Stage) -> Shown {
    let mut alice = stage.house.user("alice").await;
    let bot = alice.meet_bot().await;
    let answer = alice.command(&bot, &format!("login {NETWORK} shoesize=42")).await;
    assert!(answer.contains("shoesize"), "the unknown field is not named: {answer}");
    for (field, _) in stage.harness.login("alice") {
        assert!(answer.contains(field), "the field {field} is not named: {answer}");
    }
    Shown::Kept
}

pub(crate) async fn login_can_be_cancelled(stage: Stage) -> Shown {
    let mut alice = stage.house.user("alice").await;
    let bot = alice.meet_bot().await;
    let answer = alice.command(&bot, &format!("login {NETWORK}")).await;
    if answer.contains("connected") {
        return Shown::NotOffered("there is nothing to be asked");
    }
    let answer = alice.command(&bot, "cancel").await;
    assert!(answer.contains("cancelled"), "{answer}");
    let list = alice.command(&bot, "list-logins").await;
    assert!(!list.contains(&format!("{NETWORK}-1")), "something was stored: {list}");
    let right = Stage::login_command(&stage.harness.login("alice"));
    let answer = alice.command(&bot, &right).await;
    assert!(answer.contains("connected"), "after a cancelled login nobody gets in: {answer}");
    Shown::Kept
}

pub(crate) async fn logging_in_again_is_the_same_login(stage: Stage) -> Shown {
    let mut person = stage.log_in("alice").await;
    let again = Stage::login_command(&stage.harness.login("alice"));
    let answer = person.user.command(&person.bot, &again).await;
    assert!(answer.contains("connected"), "{answer}");
    let list = person.user.command(&person.bot, "list-logins").await;
    let count = list.matches(&format!("{NETWORK}-")).count();
    assert_eq!(count, 1, "one account, {count} logins: {list}");
    Shown::Kept
}

pub(crate) async fn logout_ends_it(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    scene.says("all is well").await;
    let bot = scene.bot.clone();
    let answer = scene.alice.command(&bot, &format!("logout {NETWORK}-1")).await;
    assert!(answer.contains("logged out"), "{answer}");
    let list = scene.alice.command(&bot, "list-logins").await;
    assert!(!list.contains(&format!("{NETWORK}-1")), "it is still there: {list}");
    let count = scene.heard_from("alice").await.len();
    let sent = scene.alice.says(&scene.room, "is anybody there?").await;
    let pong = scene.alice.command(&bot, "ping").await;
    assert!(pong.contains("Pong"), "{pong}");
    drop(sent);
    assert_eq!(scene.heard_from("alice").await.len(), count, "a logged-out account speaks");
    Shown::Kept
}

pub(crate) async fn logging_in_after_logging_out_works(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let bot = scene.bot.clone();
    scene.alice.command(&bot, &format!("logout {NETWORK}-1")).await;
    let again = Stage::login_command(&scene.stage.harness.login("alice"));
    let answer = scene.alice.command(&bot, &again).await;
    assert!(answer.contains("connected"), "{answer}");
    let room = scene.alice.join(&bot, NETWORK, scene.chat).await;
    assert_eq!(room, scene.room, "the chat has another room now");
    scene.says("back again").await;
    Shown::Kept
}

pub(crate) async fn joining_again_is_the_same_room(stage: Stage) -> Shown {
    let mut scene = Scene::open(stage).await;
    let again = scene.alice.join(&scene.bot.clone(), NETWORK, scene.chat).await;
    assert_eq!(again, scene.room, "one chat has two rooms");
    Shown::Kept
}

pub(crate) async fn joining_without_a_login_says_so(stage: Stage) -> Shown {
    let mut alice = stage.house.user("alice").await;
    let bot = alice.meet_bot().await;
    let chat = stage.harness.chat();
    let answer = alice.command(&bot, &format!("join {NETWORK} {chat}")).await;
    assert!(!answer.contains('!'), "a room without a login: {answer}");
    assert!(answer.contains(&format!("login {NETWORK}")), "what is to be done? {answer}");
    Shown::Kept
}

pub(crate) async fn joining_nonsense_is_refused_in_words(stage: Stage) -> Shown {
    let mut person = stage.log_in("alice").await;
    let command = format!("join {NETWORK} \"no such chat, ever\"");
    let answer = person.user.command(&person.bot, &command).await;
    let room = answer.split_whitespace().any(|word| word.starts_with('!'));
    assert!(!room, "nonsense has a room: {answer}");
    assert!(answer.split_whitespace().count() > 2, "it is not said what is wrong: {answer}");
    Shown::Kept
}

pub(crate) async fn help_names_the_network(stage: Stage) -> Shown {
    let mut alice = stage.house.user("alice").await;
    let bot = alice.meet_bot().await;
    let help = alice.command(&bot, "help").await;
    assert!(help.contains(NETWORK), "help does not name {NETWORK}: {help}");
    Shown::Kept
}
