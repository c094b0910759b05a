//! Files: IRC has none, so a link is said.

use anyhow::{Result, ensure};
use bridge_testkit::peers::InspIrcd;
use e2e::Setup;
use e2e::chat::UNPACED;
use serde_json::json;

use crate::support::modern::{CHANNEL, Modern};

#[tokio::test]
async fn a_picture_is_said_as_a_link() -> Result<()> {
    let setup = Setup::new().section("[bridge]\npublic_url = \"https://matrix.story.test\"");
    let Modern { mut bob, mut story, program: _program, irc: _irc } =
        Modern::begin_with(InspIrcd::start()?, UNPACED, setup).await?;
    let content = json!({
        "msgtype": "m.image", "body": "cat.png", "filename": "cat.png", "url": "mxc://story.test/cat",
        "info": { "mimetype": "image/png", "size": 4711 },
    });
    let room = story.room.clone();
    story.alice.send_content(&room, content).await?;
    let line = bob
        .expect("the picture", |line| {
            line.is_message_to(CHANNEL) && line.text().contains("cat.png")
        })
        .await?;
    ensure!(line.text().contains("https://matrix.story.test/"), "it says {}", line.text());
    Ok(())
}
