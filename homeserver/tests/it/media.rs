//! Files: uploaded, fetched, announced, made small, and what hostile ones come to.

use std::{io::Cursor, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use serde_json::Value;
use support_clock::{Clock as _, TestClock};
use support_matrix_http::HttpTransport as _;

use crate::harness::{Answer, Ground, House};

const UPLOAD: &str = "/_matrix/media/v3/upload";

/// A call with a body that is no JSON.
async fn call(
    house: &House,
    method: Method,
    path: &str,
    token: &str,
    kind: &str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, kind)
        .body(body.into());
    house.transport.call(request.unwrap()).await.unwrap()
}

fn read(response: &Response<Bytes>) -> Answer {
    let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    Answer { status: response.status(), body }
}

/// Uploads a file; returns `server/id`.
async fn upload(house: &House, token: &str, kind: &str, bytes: impl Into<Bytes>) -> String {
    let answer = call(house, Method::POST, UPLOAD, token, kind, bytes).await;
    let uri = read(&answer).ok()["content_uri"].as_str().unwrap().to_owned();
    uri.strip_prefix("mxc://").unwrap().to_owned()
}

async fn download(house: &House, token: &str, place: &str) -> Response<Bytes> {
    let path = format!("/_matrix/client/v1/media/download/{place}");
    call(house, Method::GET, &path, token, "", Bytes::new()).await
}

async fn thumbnail(house: &House, token: &str, place: &str, query: &str) -> Response<Bytes> {
    let path = format!("/_matrix/client/v1/media/thumbnail/{place}?{query}");
    call(house, Method::GET, &path, token, "", Bytes::new()).await
}

fn picture(width: u32, height: u32, alpha: u8) -> Bytes {
    let colour = image::Rgba([200, 30, 60, alpha]);
    let picture = image::RgbaImage::from_pixel(width, height, colour);
    let picture = if alpha == 255 {
        image::DynamicImage::ImageRgba8(picture).to_rgb8().into()
    } else {
        image::DynamicImage::ImageRgba8(picture)
    };
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

fn files_in(folder: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(files_in(&path));
        } else {
            names.push(path.display().to_string());
        }
    }
    names
}

fn header_of<'r>(response: &'r Response<Bytes>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_also_after_a_restart() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let bytes: Bytes = (0..300_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>().into();
    let path = format!("{UPLOAD}?filename=sp%C3%A4ter%20%22x%22.png");
    let answer = call(&house, Method::POST, &path, &alice, "image/png", bytes.clone()).await;
    let uri = read(&answer).ok()["content_uri"].as_str().unwrap().to_owned();
    let place = uri.strip_prefix("mxc://").unwrap();
    house.stop().await;

    let house = ground.start().await;
    let bob = house.person("bob").await;
    let found = download(&house, &bob, place).await;
    assert_eq!(found.status(), 200);
    assert!(found.body() == &bytes);
    assert_eq!(header_of(&found, "content-type"), "image/png");
    assert_eq!(header_of(&found, "content-length"), bytes.len().to_string());
    assert_eq!(
        header_of(&found, "content-disposition"),
        "inline; filename*=UTF-8''sp%C3%A4ter%20%22x%22.png"
    );
    let renamed = download(&house, &bob, &format!("{place}/other.png")).await;
    assert_eq!(header_of(&renamed, "content-disposition"), "inline; filename*=UTF-8''other.png");
    house.stop().await;
}

#[tokio::test]
async fn one_content_lies_on_disk_once_under_two_addresses() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let first = upload(&house, &alice, "text/plain", "the same").await;
    let second = upload(&house, &alice, "text/plain", "the same").await;
    assert_ne!(first, second);
    assert_eq!(files_in(&ground.folder.path().join("media")).len(), 1);
    house.stop().await;
}

#[tokio::test]
async fn what_a_browser_could_run_is_only_ever_saved() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let lies = [
        ("text/html", "text/html"),
        ("image/svg+xml", "image/svg+xml"),
        ("not a type", "application/octet-stream"),
        ("text/ html", "application/octet-stream"),
    ];
    for (claimed, kept) in lies {
        let place = upload(&house, &alice, claimed, "<script>alert(1)</script>").await;
        let found = download(&house, &alice, &place).await;
        assert_eq!(header_of(&found, "content-type"), kept, "{claimed}");
        assert_eq!(header_of(&found, "content-disposition"), "attachment", "{claimed}");
        assert_eq!(header_of(&found, "x-content-type-options"), "nosniff");
        assert!(header_of(&found, "content-security-policy").starts_with("sandbox;"));
        assert_eq!(header_of(&found, "cross-origin-resource-policy"), "cross-origin");
    }
    house.stop().await;
}

#[tokio::test]
async fn files_are_for_those_who_are_logged_in_and_ids_are_no_paths() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let place = upload(&house, &alice, "text/plain", "hello").await;
    let path = format!("/_matrix/client/v1/media/download/{place}");
    house.get_bare(&path).await.fails(401, "M_MISSING_TOKEN");
    house.get(&path, "wrong").await.fails(401, "M_UNKNOWN_TOKEN");
    house.post_bare(UPLOAD, Value::Null).await.fails(401, "M_MISSING_TOKEN");
    let old = format!("/_matrix/media/v3/download/{place}");
    house.get_bare(&old).await.fails(404, "M_NOT_FOUND");

    let tricks =
        ["..", "%2e%2e%2f%2e%2e%2fsigning.key", "..%2f..%2fhomeserver.db", "%00", "nowhere"];
    for trick in tricks {
        let answer = download(&house, &alice, &format!("hs.test/{trick}")).await;
        assert_eq!(answer.status(), 404, "{trick}: {answer:?}");
    }
    let foreign = place.replace("hs.test", "elsewhere.test");
    read(&download(&house, &alice, &foreign).await).fails(404, "M_NOT_FOUND");
    house.stop().await;
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_and_leaves_nothing() {
    let ground = Ground::new();
    let house = ground.start_with(|one| one.largest_upload(1000)).await.unwrap();
    let alice = house.person("alice").await;
    let config = house.get("/_matrix/client/v1/media/config", &alice).await.ok();
    assert_eq!(config["m.upload.size"], 1000);
    upload(&house, &alice, "text/plain", vec![b'x'; 1000]).await;
    let answer = call(&house, Method::POST, UPLOAD, &alice, "text/plain", vec![b'x'; 1001]).await;
    read(&answer).fails(413, "M_TOO_LARGE");
    assert_eq!(files_in(&ground.folder.path().join("media")).len(), 1);
    house.stop().await;
}

#[tokio::test]
async fn what_was_announced_is_waited_for_filled_once_and_by_its_owner() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let made = house.post("/_matrix/media/v1/create", &alice, serde_json::json!({})).await.ok();
    let place = made["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap().to_owned();
    assert!(made["unused_expires_at"].is_i64());

    let early = download(&house, &bob, &format!("{place}?timeout_ms=1")).await;
    read(&early).fails(504, "M_NOT_YET_UPLOADED");
    let path = format!("/_matrix/media/v3/upload/{place}");
    let stranger = call(&house, Method::PUT, &path, &bob, "text/plain", "hello").await;
    read(&stranger).fails(403, "M_FORBIDDEN");

    let waiting = download(&house, &bob, &place);
    let filling = call(&house, Method::PUT, &path, &alice, "text/plain", "hello");
    let (found, filled) = tokio::join!(waiting, filling);
    read(&filled).ok();
    assert_eq!(found.body(), "hello");
    let again = call(&house, Method::PUT, &path, &alice, "text/plain", "other").await;
    read(&again).fails(409, "M_CANNOT_OVERWRITE_MEDIA");
    assert_eq!(download(&house, &bob, &place).await.body(), "hello");
    house.stop().await;
}

#[tokio::test]
async fn an_announcement_ends_and_nobody_has_too_many() {
    let ground = Ground::new();
    let clock = std::sync::Arc::new(TestClock::new());
    let house = ground.start_with(|one| one.clock(clock.clone())).await.unwrap();
    let alice = house.person("alice").await;
    let create = async || house.post("/_matrix/media/v1/create", &alice, Value::Null).await;
    let made = create().await.ok();
    let place = made["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap().to_owned();
    for _ in 1..100 {
        create().await.ok();
    }
    create().await.fails(429, "M_LIMIT_EXCEEDED");

    clock.advance(Duration::from_secs(25 * 60 * 60));
    assert!(made["unused_expires_at"].as_i64().unwrap() < clock.now_ms());
    read(&download(&house, &alice, &place).await).fails(404, "M_NOT_FOUND");
    let path = format!("/_matrix/media/v3/upload/{place}");
    let late = call(&house, Method::PUT, &path, &alice, "text/plain", "hello").await;
    read(&late).fails(404, "M_NOT_FOUND");
    create().await.ok();
    house.stop().await;
}

#[tokio::test]
async fn pictures_are_made_small_in_a_few_sizes() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let place = upload(&house, &alice, "image/png", picture(1600, 800, 255)).await;
    let size_of = |answer: &Response<Bytes>| {
        let small = image::load_from_memory(answer.body()).unwrap();
        (small.width(), small.height())
    };
    let scaled = thumbnail(&house, &alice, &place, "width=600&height=400&method=scale").await;
    assert_eq!(header_of(&scaled, "content-type"), "image/jpeg");
    assert_eq!(size_of(&scaled), (640, 320));
    let cropped = thumbnail(&house, &alice, &place, "width=90&height=90&method=crop").await;
    assert_eq!(size_of(&cropped), (96, 96));
    let again = thumbnail(&house, &alice, &place, "width=96&height=96&method=crop").await;
    assert_eq!(cropped.body(), again.body());
    assert_eq!(files_in(&ground.folder.path().join("media/thumbnails")).len(), 2);

    // What can be seen through stays so; what is small stays as it is.
    let glass = upload(&house, &alice, "image/png", picture(400, 400, 100)).await;
    let seen = thumbnail(&house, &alice, &glass, "width=320&height=240").await;
    assert_eq!(header_of(&seen, "content-type"), "image/png");
    let tiny = picture(20, 20, 255);
    let place = upload(&house, &alice, "image/png", tiny.clone()).await;
    assert_eq!(thumbnail(&house, &alice, &place, "width=96&height=96").await.body(), &tiny);
    house.stop().await;
}

/// A PNG whose head promises more pixels than anybody has memory for.
fn bomb() -> Bytes {
    let mut png = picture(1, 1, 255).to_vec();
    png[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let mut crc = 0xffff_ffff_u32;
    for byte in &png[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    png[29..33].copy_from_slice(&(!crc).to_be_bytes());
    png.into()
}

#[tokio::test]
async fn no_thumbnail_of_what_is_no_picture_or_a_bomb() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let query = "width=96&height=96";
    let text = upload(&house, &alice, "image/png", "not a picture").await;
    read(&thumbnail(&house, &alice, &text, query).await).fails(400, "M_UNKNOWN");
    let half = picture(900, 900, 255).slice(..200);
    let broken = upload(&house, &alice, "image/png", half).await;
    read(&thumbnail(&house, &alice, &broken, query).await).fails(400, "M_UNKNOWN");
    let empty = upload(&house, &alice, "image/png", "").await;
    read(&thumbnail(&house, &alice, &empty, query).await).fails(400, "M_UNKNOWN");
    let bomb = upload(&house, &alice, "image/png", bomb()).await;
    read(&thumbnail(&house, &alice, &bomb, query).await).fails(413, "M_TOO_LARGE");
    for (wrong, errcode) in [
        ("height=96", "M_MISSING_PARAM"),
        ("width=0&height=96", "M_INVALID_PARAM"),
        ("width=-1&height=96", "M_INVALID_PARAM"),
        ("width=96&height=96&method=melt", "M_INVALID_PARAM"),
    ] {
        read(&thumbnail(&house, &alice, &text, wrong).await).fails(400, errcode);
    }
    house.stop().await;
}

#[tokio::test]
async fn a_part_of_a_file_is_sent_to_who_asks_for_it() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let place = upload(&house, &alice, "text/plain", "0123456789").await;
    let ask = async |range: &str, condition: Option<&str>| {
        let request = Request::builder()
            .uri(format!("/_matrix/client/v1/media/download/{place}"))
            .header(header::AUTHORIZATION, format!("Bearer {alice}"))
            .header(header::RANGE, range);
        let request =
            condition.into_iter().fold(request, |one, mark| one.header(header::IF_RANGE, mark));
        house.transport.call(request.body(Bytes::new()).unwrap()).await.unwrap()
    };
    for (range, body, told) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-1", "9", "bytes 9-9/10"),
        ("bytes=0-99", "0123456789", "bytes 0-9/10"),
    ] {
        let found = ask(range, None).await;
        assert_eq!((found.status().as_u16(), &found.body()[..]), (206, body.as_bytes()), "{range}");
        assert_eq!(header_of(&found, "content-range"), told);
        assert_eq!(header_of(&found, "content-length"), body.len().to_string());
    }
    for (range, condition) in [("bytes=1-2,4-5", None), ("bytes=2-4", Some("\"mark\""))] {
        let found = ask(range, condition).await;
        assert_eq!((found.status().as_u16(), &found.body()[..]), (200, &b"0123456789"[..]));
        assert_eq!(header_of(&found, "accept-ranges"), "bytes");
    }
    let beyond = ask("bytes=10-", None).await;
    assert_eq!(header_of(&beyond, "content-range"), "bytes */10");
    read(&beyond).fails(416, "M_UNKNOWN");
    house.stop().await;
}

/// Waits for something that another task does.
async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
}

#[tokio::test]
async fn what_nobody_can_ask_for_is_collected_at_the_start_and_every_hour() {
    let ground = Ground::new();
    let clock = std::sync::Arc::new(TestClock::new());
    let shelf = ground.folder.path().join("media/ab");
    let (lost, thumbnail) = (
        shelf.join("cd".repeat(31)),
        ground.folder.path().join(format!("media/thumbnails/ab{}-96x96-crop", "cd".repeat(31))),
    );
    let foreign = shelf.join("notes.txt");
    let lose = || {
        std::fs::create_dir_all(&shelf).unwrap();
        std::fs::create_dir_all(thumbnail.parent().unwrap()).unwrap();
        for path in [&lost, &thumbnail, &foreign] {
            std::fs::write(path, "x").unwrap();
        }
    };
    lose();
    let house = ground.start_with(|one| one.clock(clock.clone())).await.unwrap();
    until(|| !lost.exists() && !thumbnail.exists() && clock.sleepers() > 0).await;
    let alice = house.person("alice").await;
    let place = upload(&house, &alice, "text/plain", "kept").await;
    house.post("/_matrix/media/v1/create", &alice, Value::Null).await.ok();
    lose();
    clock.advance(Duration::from_secs(60 * 60));
    until(|| !lost.exists() && clock.sleepers() > 0).await;
    assert_eq!(download(&house, &alice, &place).await.body(), "kept");
    // What is not ours is not touched.
    assert!(foreign.exists());
    // The announcement goes when its day is over; a lost file shows that the round was made.
    lose();
    clock.advance(Duration::from_secs(25 * 60 * 60));
    until(|| !lost.exists()).await;
    house.stop().await;
    let db = ground.place.open(homeserver::Homeserver::migrations()).await;
    let rows = db.fetch_all("SELECT media_id FROM media", support_db::params![]).await.unwrap();
    assert_eq!(rows.len(), 1);
    db.close().await;
}
