//! Finding things: rooms in a space, words in rooms, pictures in the media repository.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::{Library, NewRoom, SERVER};
use serde_json::json;

use super::Two;

pub(super) async fn spaces(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let wish = NewRoom { name: Some("Harbour"), space: true, open: true, ..NewRoom::default() };
    let space = two.room(wish).await?;
    let wish = NewRoom { name: Some("Quay"), open: true, ..NewRoom::default() };
    let quay = two.alice.create_room(wish).await?;
    let via = json!({ "via": [SERVER] });
    two.alice.send_state(&space, "m.space.child", &quay, via.clone()).await?;
    two.alice.send_state(&quay, "m.space.parent", &space, via).await?;
    two.bob.expect_event(&space, "the child", |event| event["state_key"] == *quay).await?;
    two.bob.expect(&space, "a space", |seen| seen["is_space"] == true).await?;
    // Bob finds the room in the space, and walks in.
    let found = two.bob.ask("hierarchy", json!({ "room": space })).await?;
    let expected = json!([
        { "room": space, "name": "Harbour", "children": 1 },
        { "room": quay, "name": "Quay", "children": 0 },
    ]);
    ensure!(found == expected, "{found:#}");
    two.bob.join(&quay).await?;
    two.bob.expect_joined(&quay, 2).await?;
    two.end().await
}

pub(super) async fn search(library: Library) -> Result<()> {
    if !library.aggregates() {
        // nio has no search.
        return Ok(());
    }
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { name: Some("Records"), ..NewRoom::default() }).await?;
    two.alice.send(&room, "the granite is late").await?;
    let found = two.bob.send(&room, "the limestone is here").await?;
    two.alice.send(&room, "good").await?;
    let answer = two.alice.ask("search", json!({ "term": "limestone" })).await?;
    ensure!(answer == json!([found]), "{answer}");
    two.end().await
}

pub(super) async fn thumbnails(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { direct: true, ..NewRoom::default() }).await?;
    let alice = two.alice.user_id.clone();
    let picture = STANDARD.encode(picture());
    let upload = json!({ "data": picture, "type": "image/png", "name": "bridge.png" });
    let answer = two.alice.ask("upload", upload).await?;
    let mxc = answer["mxc"].as_str().context("no address")?.to_owned();
    let content = json!({
        "msgtype": "m.image", "body": "bridge.png", "url": mxc, "info": { "mimetype": "image/png" },
    });
    two.alice.send_event(&room, "m.room.message", content).await?;
    two.bob.expect_message(&room, &alice, "bridge.png").await?;

    let whole = two.bob.ask("fetch", json!({ "mxc": mxc })).await?;
    ensure!(whole["data"] == picture && whole["type"] == "image/png", "{}", whole["type"]);
    let small = two.bob.ask("fetch", json!({ "mxc": mxc, "width": 32, "height": 32 })).await?;
    let kind = small["type"].as_str().unwrap_or_default();
    let bytes = STANDARD.decode(small["data"].as_str().context("no bytes")?)?;
    ensure!(kind.starts_with("image/") && !bytes.is_empty(), "{kind}, {} bytes", bytes.len());
    ensure!(small["data"] != whole["data"], "the thumbnail is the picture");
    two.end().await
}

/// A PNG of 256 x 256 dots of one colour, written by hand: stored, not compressed.
fn picture() -> Vec<u8> {
    const SIDE: u32 = 256;
    let row = [&[0u8][..], &[0x40, 0x60, 0x80].repeat(SIDE as usize)].concat();
    let dots = row.repeat(SIDE as usize);
    let mut packed = vec![0x78, 0x01];
    let mut blocks = dots.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        packed.push(u8::from(blocks.peek().is_none()));
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    packed.extend(adler(&dots).to_be_bytes());
    let side = SIDE.to_be_bytes();
    let header = [&side[..], &side, &[8, 2, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", packed), (b"IEND", Vec::new())] {
        png.extend((data.len() as u32).to_be_bytes());
        let body = [&name[..], &data].concat();
        png.extend(&body);
        png.extend(crc(&body).to_be_bytes());
    }
    png
}

fn adler(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
