//! The same few wrong bodies and tokens against every endpoint that reads one.

use http::Method;
use support_db::testing::sqlite_place;

use super::{
    row::{Row, Who, row},
    table::ask_router,
    trace::Trace,
    world::World,
};

/// Every endpoint that reads a body, and whether a body may be left out.
fn endpoints() -> Vec<(Method, &'static str, bool)> {
    let (post, put, delete) = (Method::POST, Method::PUT, Method::DELETE);
    vec![
        (post.clone(), "/account/deactivate", true),
        (post.clone(), "/account/password", false),
        (post.clone(), "/createRoom", true),
        (post.clone(), "/delete_devices", false),
        (post.clone(), "/join/{left}", true),
        (post.clone(), "/rooms/{room}/ban", false),
        (post.clone(), "/rooms/{room}/invite", false),
        (post.clone(), "/rooms/{left}/join", true),
        (post.clone(), "/rooms/{room}/kick", false),
        (post.clone(), "/rooms/{room}/leave", true),
        (post.clone(), "/rooms/{room}/read_markers", true),
        (post.clone(), "/rooms/{room}/receipt/m.read/{event}", true),
        (post.clone(), "/rooms/{room}/unban", false),
        (post.clone(), "/user/{alice}/filter", true),
        (post, "/_matrix/client/v1/appservice/irc/ping", true),
        (delete, "/devices/{device}", true),
        (put.clone(), "/devices/{device}", false),
        (put.clone(), "/directory/room/%23mine:hs.test", false),
        (put.clone(), "/presence/{alice}/status", false),
        (put.clone(), "/profile/{alice}/avatar_url", false),
        (put.clone(), "/profile/{alice}/displayname", false),
        (put.clone(), "/rooms/{room}/redact/{event}/t", false),
        (put.clone(), "/rooms/{room}/send/m.room.message/t", false),
        (put.clone(), "/rooms/{room}/state/test.state/", false),
        (put.clone(), "/rooms/{room}/state/test.state", false),
        (put.clone(), "/rooms/{room}/typing/{alice}", false),
        (put.clone(), "/user/{alice}/account_data/test.kind", false),
        (put, "/user/{alice}/rooms/{room}/account_data/test.kind", false),
    ]
}

/// Bodies that no endpoint takes.
const WRONG: [(&[u8], &str); 8] = [
    (b"{", "M_NOT_JSON"),
    (b"\xff", "M_NOT_JSON"),
    (b"not json", "M_NOT_JSON"),
    (b"[]", "M_BAD_JSON"),
    (b"[{}]", "M_BAD_JSON"),
    (b"\"{}\"", "M_BAD_JSON"),
    (b"null", "M_BAD_JSON"),
    (b"0", "M_BAD_JSON"),
];

#[tokio::test]
async fn no_endpoint_takes_what_is_no_object_or_comes_from_nobody() {
    let world = World::on(sqlite_place()).await;
    let before = Trace::of(&world.ground);
    let mut faults = Vec::new();
    let mut asked = 0;
    let mut ask = async |row: Row| {
        asked += 1;
        let found = ask_router(&world, &row).await;
        faults.extend(found.into_iter().map(|fault| format!("{:?}: {fault}", row.body)));
    };
    for (method, path, may_be_empty) in endpoints() {
        let row = |who| row("everywhere", who, method.clone(), path);
        for (body, errcode) in WRONG {
            ask(row(Who::Alice).raw(body).is(400, errcode)).await;
        }
        if !may_be_empty && method == Method::PUT {
            ask(row(Who::Alice).is(400, "M_NOT_JSON")).await;
        }
        ask(row(Who::Nobody).raw("{}").is(401, "M_MISSING_TOKEN")).await;
        ask(row(Who::Ended).raw("{}").is(401, "M_UNKNOWN_TOKEN")).await;
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(5_000_000));
        ask(row(Who::Alice).raw(large).is(413, "M_TOO_LARGE")).await;
    }
    assert!(asked > 250, "{asked}");
    faults.extend(before.changes(&Trace::of(&world.ground)));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    world.is_well().await;
    world.house.stop().await;
}
