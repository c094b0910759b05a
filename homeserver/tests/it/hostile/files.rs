//! Files that lie about what they are: each comes back so that no browser runs it.

use std::io::Cursor;

use bytes::Bytes;
use http::{Request, Response};
use support_db::testing::sqlite_place;
use support_matrix_http::HttpTransport as _;

use super::{row::Who, world::World};

fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([200, 30, 60]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn gif(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbaImage::from_pixel(width, height, image::Rgba([200, 30, 60, 255]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Gif).unwrap();
    bytes.into_inner()
}

/// A small PNG whose head promises another size, with the right checksum.
fn promising(width: u32, height: u32) -> Vec<u8> {
    let mut png = png(1, 1);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = u32::MAX;
    for byte in &png[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    png[29..33].copy_from_slice(&(!crc).to_be_bytes());
    png
}

/// The files of the world, by the word that stands for their address.
pub(super) fn pictures() -> Vec<(&'static str, Bytes)> {
    let mut checksum = png(600, 600);
    checksum[30] ^= 0xff;
    let mut gif_bomb = gif(1, 1);
    // The screen and the one frame are as large as the format can say.
    gif_bomb[6..10].fill(0xff);
    let frame = gif_bomb.iter().rposition(|byte| *byte == 0x2c).unwrap();
    gif_bomb[frame + 5..frame + 9].fill(0xff);
    let pictures = [
        ("picture", png(20, 20)),
        ("bomb", promising(60_000, 60_000)),
        ("line", promising(0x7fff_ffff, 1)),
        ("half", png(900, 900)[..200].to_vec()),
        ("half_gif", gif(300, 300)[..40].to_vec()),
        ("gif_bomb", gif_bomb),
        ("page", b"<html><script>alert(1)</script></html>".to_vec()),
        (
            "svg",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec(),
        ),
        ("empty", Vec::new()),
        ("head", png(1, 1)[..8].to_vec()),
        ("checksum", checksum),
    ];
    pictures.map(|(name, bytes)| (name, Bytes::from(bytes))).to_vec()
}

/// An upload: what it says it is, its name (escaped), its bytes; and what it is sent back as.
struct Lie {
    claimed: &'static str,
    name: &'static str,
    bytes: Vec<u8>,
    kind: &'static str,
    disposition: &'static str,
}

fn lies() -> Vec<Lie> {
    let lie = |claimed, name, bytes: &[u8], kind, disposition| Lie {
        claimed,
        name,
        bytes: bytes.to_vec(),
        kind,
        disposition,
    };
    let script = b"<html><script>alert(document.cookie)</script></html>";
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
    let polyglot = [&b"GIF89a/*"[..], &[0; 20], b"*/=1;alert(1)"].concat();
    let mut appended = png(20, 20);
    appended.extend_from_slice(script);
    vec![
        lie("text/html", "a.html", script, "text/html", "attachment; filename*=UTF-8''a.html"),
        // Shown in place, but as the picture it says it is: `nosniff` keeps a browser from looking inside.
        lie("image/png", "a.html", script, "image/png", "inline; filename*=UTF-8''a.html"),
        lie("text/html", "a.png", &appended, "text/html", "attachment; filename*=UTF-8''a.png"),
        lie("image/svg+xml", "a.svg", svg, "image/svg+xml", "attachment; filename*=UTF-8''a.svg"),
        lie(
            "application/xhtml+xml",
            "a",
            svg,
            "application/xhtml+xml",
            "attachment; filename*=UTF-8''a",
        ),
        lie(
            "application/javascript",
            "a.js",
            b"alert(1)",
            "application/javascript",
            "attachment; filename*=UTF-8''a.js",
        ),
        lie(
            "application/javascript",
            "a.gif",
            &polyglot,
            "application/javascript",
            "attachment; filename*=UTF-8''a.gif",
        ),
        lie(
            "application/pdf",
            "a.pdf",
            b"%PDF-1.4",
            "application/pdf",
            "attachment; filename*=UTF-8''a.pdf",
        ),
        lie(
            "TEXT/HTML; charset=utf-7",
            "a",
            script,
            "TEXT/HTML; charset=utf-7",
            "attachment; filename*=UTF-8''a",
        ),
        lie(
            "image/png, text/html",
            "a",
            script,
            "application/octet-stream",
            "attachment; filename*=UTF-8''a",
        ),
        lie(
            "image/png\ttext/html",
            "a",
            script,
            "application/octet-stream",
            "attachment; filename*=UTF-8''a",
        ),
        lie("nothing", "a", script, "application/octet-stream", "attachment; filename*=UTF-8''a"),
        lie("", "a", script, "application/octet-stream", "attachment; filename*=UTF-8''a"),
        lie(
            "multipart/form-data; boundary=x",
            "a",
            script,
            "multipart/form-data; boundary=x",
            "attachment; filename*=UTF-8''a",
        ),
        lie(
            "image/png",
            "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
            b"x",
            "image/png",
            "inline; filename*=UTF-8''%22%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E",
        ),
        lie(
            "image/png",
            "..%2F..%2Fetc%2Fpasswd",
            b"x",
            "image/png",
            "inline; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd",
        ),
        lie(
            "image/png",
            "a%22%3B%20filename%3Db.exe",
            b"x",
            "image/png",
            "inline; filename*=UTF-8''a%22%3B%20filename%3Db.exe",
        ),
        // Names that hold control characters, or are too long, are not kept.
        lie("image/png", "a%0D%0ASet-Cookie%3A%20b", b"x", "image/png", "inline"),
        lie("image/png", "a%00.html", b"x", "image/png", "inline"),
        // Right to left: what reads as `exe.png` ends in `.exe`; the header says it byte by byte.
        lie(
            "image/png",
            "a%E2%80%AEgnp.exe",
            b"x",
            "image/png",
            "inline; filename*=UTF-8''a%E2%80%AEgnp.exe",
        ),
    ]
}

fn header<'r>(response: &'r Response<Bytes>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_file_that_lies_is_never_run() {
    let world = World::on(sqlite_place()).await;
    let authorization = format!("Bearer {}", world.token_of(Who::Bob).unwrap());
    let call = async |request: http::request::Builder, body: Vec<u8>| {
        let request = request.header("authorization", &authorization).body(Bytes::from(body));
        world.house.transport.call(request.unwrap()).await.unwrap()
    };
    for lie in lies() {
        let path = format!("/_matrix/media/v3/upload?filename={}", lie.name);
        let upload = Request::post(path).header("content-type", lie.claimed);
        let answer = call(upload, lie.bytes.clone()).await;
        let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        let place = answer["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap();
        let path = format!("/_matrix/client/v1/media/download/{place}");
        let found = call(Request::get(path), Vec::new()).await;
        let what = format!("{} as {}", lie.name, lie.claimed);
        assert_eq!(found.body(), &lie.bytes, "{what}");
        assert_eq!(header(&found, "content-type"), lie.kind, "{what}");
        assert_eq!(header(&found, "content-disposition"), lie.disposition, "{what}");
        assert_eq!(header(&found, "x-content-type-options"), "nosniff", "{what}");
        assert!(header(&found, "content-security-policy").starts_with("sandbox;"), "{what}");
        assert_eq!(header(&found, "set-cookie"), "", "{what}");
    }
    world.house.stop().await;
}

#[tokio::test]
async fn a_name_in_the_path_of_a_download_breaks_out_of_no_header() {
    let world = World::on(sqlite_place()).await;
    let authorization = format!("Bearer {}", world.token_of(Who::Bob).unwrap());
    for (name, kept) in [
        ("%0D%0ASet-Cookie:%20a=b", "%0D%0ASet-Cookie%3A%20a%3Db"),
        ("%22%3Bb", "%22%3Bb"),
        ("..%2f..%2fa", "..%2F..%2Fa"),
        ("%00", "%00"),
    ] {
        let path = world.path(&format!("/_matrix/client/v1/media/download/{{picture}}/{name}"));
        let request = Request::get(path).header("authorization", &authorization);
        let found = world.house.transport.call(request.body(Bytes::new()).unwrap()).await.unwrap();
        assert_eq!(found.status(), 200, "{name}");
        let disposition = header(&found, "content-disposition");
        assert_eq!(disposition, format!("inline; filename*=UTF-8''{kept}"), "{name}");
        assert_eq!(header(&found, "set-cookie"), "", "{name}");
    }
    world.house.stop().await;
}
