//! The table, put together and asked.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;
use spec_check::Exchange;
use support_db::testing::{sqlite_place, test_locations};
use support_matrix_http::HttpTransport as _;

use super::{
    accounts, appservices, attention, events, finding, media, moving, personal, reading, rooms,
    row::{Answer, Row},
    socket::{Door, Heard},
    state, tokens,
    trace::Trace,
    world::World,
};

/// How many rows there have to be at least that are refused with a code of their own.
const FEWEST: usize = 300;

/// Every row, by what it is about.
fn table() -> Vec<Row> {
    [
        tokens::rows(),
        accounts::rows(),
        personal::rows(),
        rooms::rows(),
        events::rows(),
        state::rows(),
        reading::rows(),
        media::rows(),
        appservices::rows(),
        attention::rows(),
        finding::rows(),
        moving::rows(),
    ]
    .concat()
}

/// Returns what is wrong with an answer, in words.
pub(super) fn faults(row: &Row, path: &str, asked: &Bytes, heard: &Heard) -> Vec<String> {
    let (asked, answered) = (serde_json::from_slice::<Value>(asked).ok(), heard.json());
    let mut faults = match row.answer {
        Answer::Error(status, errcode) => {
            let found = answered.as_ref().map_or(&Value::Null, |body| &body["errcode"]);
            let fits = (heard.status, found.as_str()) == (status, Some(errcode));
            let words = || format!("{status} {errcode} expected, found {} {found}", heard.status);
            (!fits).then(words).into_iter().collect()
        }
        Answer::Harmless if (200..300).contains(&heard.status) => Vec::new(),
        Answer::Harmless => vec![format!("refused with {}", heard.status)],
    };
    let exchange = Exchange {
        method: row.method.as_str(),
        path: path.split('?').next().unwrap_or_default(),
        status: heard.status,
        request: asked.as_ref(),
        response: answered.as_ref(),
    };
    let is_file = answered.is_none() && heard.status == 200;
    if !is_file {
        faults.extend(exchange.faults());
    }
    if !heard.head.contains("access-control-allow-origin: *") {
        faults.push("a web client could not read this answer".to_owned());
    }
    if !faults.is_empty() {
        let body = String::from_utf8_lossy(&heard.body).chars().take(300).collect::<String>();
        faults.push(format!("{} {path}: {body}", row.method));
    }
    faults
}

/// Asks through the router.
pub(super) async fn ask_router(world: &World, row: &Row) -> Vec<String> {
    let request = world.request(row);
    let (path, body) = (request.uri().to_string(), request.body().clone());
    let response = world.house.transport.call(request).await.unwrap();
    let headers = response.headers().iter();
    let head = headers.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or("?")));
    let heard = Heard {
        status: response.status().as_u16(),
        head: head.collect(),
        body: response.body().to_vec(),
    };
    faults(row, &path, &body, &heard)
}

/// Asks over a socket.
async fn ask_socket(world: &World, door: &Door, row: &Row) -> Vec<String> {
    let request = world.request(row);
    let mut bytes = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    bytes.extend_from_slice(b"host: hs.test\r\nconnection: close\r\n");
    for (name, value) in request.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", request.body().len()).as_bytes());
    bytes.extend_from_slice(request.body());
    let heard = door.ask(&bytes).await;
    faults(row, &request.uri().to_string(), request.body(), &heard)
}

#[test]
fn the_table_is_long_and_no_two_rows_have_one_name() {
    let rows = table();
    let refused = rows.iter().filter(|row| matches!(row.answer, Answer::Error(..))).count();
    assert!(refused >= FEWEST, "{refused} rows are refused, {} rows", rows.len());
    let names: BTreeSet<_> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), rows.len());
    let statuses = rows.iter().filter_map(|row| match row.answer {
        Answer::Error(status, _) => Some(status),
        Answer::Harmless => None,
    });
    assert_eq!(statuses.filter(|status| *status >= 500 && *status != 504).count(), 0);
}

#[tokio::test]
async fn hostile_input_is_refused_by_its_name_and_leaves_nothing() {
    let world = World::on(sqlite_place()).await;
    let door = Door::open(&world.house).await;
    let mut faults = Vec::new();
    let mut before = Trace::of(&world.ground);
    for row in table() {
        let found = ask_router(&world, &row).await;
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", row.name)));
        let found = ask_socket(&world, &door, &row).await;
        faults.extend(found.into_iter().map(|fault| format!("{} (socket): {fault}", row.name)));
        let after = Trace::of(&world.ground);
        let changes = before.changes(&after);
        faults.extend(changes.into_iter().map(|change| format!("{}: {change}", row.name)));
        before = after;
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    world.is_well().await;
    door.close();
    world.house.stop().await;
}

/// The other database minds other things (NUL, long keys) than the one the trace is taken of.
#[tokio::test]
async fn hostile_input_gets_the_same_answers_on_every_database() {
    for place in test_locations().into_iter().skip(1) {
        let world = World::on(place).await;
        let mut faults = Vec::new();
        for row in table() {
            let found = ask_router(&world, &row).await;
            faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", row.name)));
        }
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
        world.is_well().await;
        world.house.stop().await;
    }
}
