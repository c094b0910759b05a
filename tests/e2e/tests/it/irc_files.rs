//! Files: IRC has none, so a link is said.

use anyhow::{Context as _, Result, ensure};
use bridge_testkit::peers::InspIrcd;
use e2e::Setup;
use e2e::chat::UNPACED;
use serde_json::json;

use crate::support::modern::{CHANNEL, Modern};

#[tokio::test]
async fn a_picture_is_said_as_a_link_that_shows_it() -> Result<()> {
    let setup = Setup::new().section("[bridge]\npublic_url = \"https://matrix.story.test\"");
    let Modern { mut bob, mut story, program, irc: _irc } =
        Modern::begin_with(InspIrcd::start()?, UNPACED, setup).await?;
    let picture = b"\x89PNG\r\n\x1a\n and no more of it".to_vec();
    let mxc = story.alice.upload("image/png", "cat.png", picture.clone()).await?;
    let content = json!({
        "msgtype": "m.image", "body": "cat.png", "filename": "cat.png", "url": mxc,
        "info": { "mimetype": "image/png", "size": picture.len() },
    });
    let room = story.room.clone();
    story.alice.send_content(&room, content).await?;
    let line = bob
        .expect("the picture", |line| {
            line.is_message_to(CHANNEL) && line.text().contains("cat.png")
        })
        .await?;
    let mut words = line.text().split_whitespace();
    let link = words.find_map(|word| word.strip_prefix("https://matrix.story.test"));
    let link = link.with_context(|| format!("there is no link in {}", line.text()))?;
    let shown = program.http().get(format!("{}{link}", program.url())).send().await?;
    ensure!(shown.status().is_success(), "{link}: {}", shown.status());
    ensure!(shown.headers()["content-type"] == "image/png", "{:?}", shown.headers());
    ensure!(shown.bytes().await? == picture, "it shows something else");
    Ok(())
}
