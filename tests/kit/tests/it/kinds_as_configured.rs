//! The whole table: every kind that a network may lack, under everything an operator may choose, and
//! what its sender sees of that.

use bridge_testkit::{HouseOptions, TestHouse, TestUser};
use http::Method;
use serde_json::{Value, json};

use crate::files::picture;
use crate::logged_in;

const ABILITIES: [&str; 5] = ["replies", "edits", "reactions", "files", "redactions"];

/// Columns: the network carries it; lacks it, and it is told in words, stays with a notice, stays
/// silently; refuses it. What the network shows, and what the sender sees of that.
const TABLE: [(&str, [&str; 5]); 7] = [
    // A message is never held back because of what it refers to.
    ("answer", ["itself", "in words, marked", "without, marked", "without", "in words, marked"]),
    ("edit", ["itself", "in words, marked", NOTICE, SILENT, NOTICE]),
    ("reaction", ["itself", "in words, marked", NOTICE, SILENT, NOTICE]),
    ("picture", ["itself", "in words, marked", NOTICE, SILENT, NOTICE]),
    ("redaction", ["itself", "in words, marked", NOTICE, SILENT, NOTICE]),
    // Names and markup have a readable form in every text.
    ("mention", ["in words", "in words", "in words", "in words", "in words"]),
    ("markup", ["itself", "itself", "itself", "itself", "itself"]),
];
const NOTICE: &str = "nothing, refused, with a notice";
const SILENT: &str = "nothing, refused";

fn ways() -> [Value; 5] {
    let lacks = |degrade: &str| json!({ "lacks": ABILITIES, "degrade": degrade, "degrade_redactions": degrade });
    [json!({}), lacks("text"), lacks("notice"), lacks("drop"), json!({ "refuses": ABILITIES })]
}

struct Scene {
    house: TestHouse,
    alice: TestUser,
    lobby: String,
}

impl Scene {
    async fn open(demo: Value) -> Self {
        let house = TestHouse::with(HouseOptions { demo, ..HouseOptions::default() }).await;
        let (mut alice, bot) = logged_in(&house, "alice").await;
        let lobby = alice.join(&bot, "demo", "lobby").await;
        Self { house, alice, lobby }
    }

    /// Does something and returns what became of it: `shown` reads the chat as it is then, and as how
    /// many messages it was before.
    async fn outcome(
        &mut self,
        kind: &str,
        content: Value,
        shown: impl Fn(&Scene) -> &'static str,
    ) -> String {
        let notices = self.notices();
        let event = match kind {
            "redaction" => {
                self.take_back(content["redacts"].as_str().expect("it has a target")).await
            }
            kind => self.alice.send_event(&self.lobby, kind, content).await,
        };
        let status = self.alice.status(&event).await;
        let mut outcome = shown(self).to_owned();
        if status["status"] != "SUCCESS" {
            outcome.push_str(", refused");
        }
        if status.get("com.rialto.carried_as_text").is_some() {
            outcome.push_str(", marked");
        }
        if self.notices() > notices {
            outcome.push_str(", with a notice");
        }
        outcome
    }

    async fn take_back(&self, event: &str) -> String {
        let path = format!("rooms/{}/redact/{event}/t", self.lobby).replace('$', "%24");
        let answer = self.alice.call(Method::PUT, &path, Some(json!({}))).await;
        let answer = answer.expect("one's own may be taken back");
        answer["event_id"].as_str().expect("an event has an id").to_owned()
    }

    fn notices(&self) -> usize {
        let said = self.alice.said_in(&self.lobby);
        said.iter().filter(|(who, _)| who.starts_with("@rialtobot")).count()
    }

    fn last(&self) -> bridge_demo::Said {
        self.house.network().said_in("lobby").pop().expect("something was said")
    }

    fn has(&self, text: &str) -> bool {
        self.house.network().said_in("lobby").iter().any(|said| said.text == text)
    }
}

async fn column(demo: Value) -> [String; 7] {
    let mut scene = Scene::open(demo).await;
    scene.house.network().says("bob", "lobby", "shall we?");
    let lobby = scene.lobby.clone();
    let asked = scene.alice.sees(&lobby, "bob", "shall we?").await;
    let asked = asked["event_id"].as_str().expect("an event has an id").to_owned();
    let first = scene.alice.says(&lobby, "I like tee").await;
    scene.alice.status(&first).await;
    let message = "m.room.message";

    let content = json!({ "msgtype": "m.text", "body": "yes",
        "m.relates_to": { "m.in_reply_to": { "event_id": asked } } });
    let answer = scene.outcome(message, content, |scene| match scene.last() {
        said if said.reply_to.is_some() && said.text == "yes" => "itself",
        said if said.text == "> <bob> shall we?\nyes" => "in words",
        said if said.text == "yes" => "without",
        _ => "nothing",
    });
    let answer = answer.await;

    let content = json!({ "msgtype": "m.text", "body": "* I like tea",
        "m.new_content": { "msgtype": "m.text", "body": "I like tea" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": first } });
    let edit = scene.outcome(message, content, |scene| match scene {
        scene if scene.has("I like tea") => "itself",
        scene if scene.last().text == "s/tee/tea/" => "in words",
        _ => "nothing",
    });
    let edit = edit.await;

    let content = json!({ "m.relates_to": {
        "rel_type": "m.annotation", "event_id": asked, "key": "👍" } });
    let reaction = scene.outcome("m.reaction", content, |scene| match scene {
        scene if scene.house.network().said_in("lobby")[0].reactions.len() == 1 => "itself",
        scene if scene.last().text == "reacts with 👍 to “shall we?”" => "in words",
        _ => "nothing",
    });
    let reaction = reaction.await;

    let url = scene.alice.upload("image/png", &picture("dusk")).await;
    let content = json!({ "msgtype": "m.image", "body": "dusk.png", "url": url });
    let file = scene.outcome(message, content, |scene| match scene.last() {
        said if said.file.is_some() => "itself",
        said if said.text.starts_with("(a picture: dusk.png) https://") => "in words",
        _ => "nothing",
    });
    let file = file.await;

    let redaction = scene.outcome("redaction", json!({ "redacts": first }), |scene| match scene {
        scene if !scene.has("I like tee") && !scene.has("I like tea") => "itself",
        scene if scene.last().text == "has taken a message back" => "in words",
        _ => "nothing",
    });
    let redaction = redaction.await;

    let pill = "<a href=\"https://matrix.to/#/@_rialto_demo_bob:house.test\">bob</a>: look";
    let content = json!({ "msgtype": "m.text", "body": "bob: look",
        "format": "org.matrix.custom.html", "formatted_body": pill,
        "m.mentions": { "user_ids": ["@_rialto_demo_bob:house.test"] } });
    let mention = scene.outcome(message, content, |scene| match scene.last() {
        said if said.text == "bob: look" => "in words",
        _ => "nothing",
    });
    let mention = mention.await;

    let content = json!({ "msgtype": "m.text", "body": "very", "format": "org.matrix.custom.html",
        "formatted_body": "<b onclick=\"x()\">very</b>" });
    let markup = scene.outcome(message, content, |scene| match scene.last() {
        said if said.html.as_deref() == Some("<b>very</b>") => "itself",
        said if said.text == "very" => "in words",
        _ => "nothing",
    });
    let markup = markup.await;
    [answer, edit, reaction, file, redaction, mention, markup]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_becomes_what_was_chosen_and_its_sender_sees_that() {
    let mut columns = Vec::new();
    for demo in ways() {
        columns.push(column(demo).await);
    }
    for (row, (kind, expected)) in TABLE.iter().enumerate() {
        let became: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
        assert_eq!(became, expected, "{kind}");
    }
}
