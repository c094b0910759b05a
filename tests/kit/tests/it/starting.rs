//! A bridge that cannot be built says why.

use std::sync::Arc;

use bridge_core::ids::NetworkId;
use bridge_core::network::{NetworkContext, NetworkFactory};
use bridge_core::{Bridge, BuildError};
use bridge_demo::{DemoNetwork, factory_for};
use bridge_testkit::{HouseOptions, Place, TestHouse};
use registration::Registration;
use serde_json::json;
use support_clock::{OsRandom, SystemClock};
use support_db::testing::{options, sqlite_place};
use support_db::{Db, Location};
use support_matrix_http::InProcess;

use crate::vault;

async fn build(
    db: &Db,
    id: &str,
    factory: &NetworkFactory,
    key: Option<u8>,
) -> Result<Bridge, BuildError> {
    let (clock, id) = (SystemClock::shared(), NetworkId::new(id));
    let context = NetworkContext { id: id.clone(), clock, random: Arc::new(OsRandom) };
    let connector = factory(context, json!({})).expect("the section is right");
    let mut builder = Bridge::builder()
        .database(db.clone())
        .registration(Registration::generate(bridge_core::blueprint("rialto", "a.b", "bot")))
        .server_name("a.b")
        .transport(Arc::new(InProcess::new(axum::Router::new())))
        .network(id, connector);
    if let Some(key) = key {
        builder = builder.sealing_key([key; 32]);
    }
    builder.build().await
}

fn demo() -> NetworkFactory {
    factory_for(DemoNetwork::new(SystemClock::shared()))
}

#[tokio::test]
async fn a_network_that_changed_its_kind_is_refused() {
    let place = sqlite_place();
    let db = place.open(Bridge::migrations()).await;
    assert!(build(&db, "venice", &demo(), None).await.is_ok());
    let error = build(&db, "venice", &vault::factory(), None).await.expect_err("another kind");
    assert!(matches!(error, BuildError::KindChanged { .. }), "{error}");
    assert!(build(&db, "florence", &vault::factory(), None).await.is_ok(), "a new one is fine");
}

#[tokio::test]
async fn a_network_id_that_cannot_be_a_name_is_refused() {
    let place = sqlite_place();
    let db = place.open(Bridge::migrations()).await;
    let error = build(&db, "Venice", &demo(), None).await.expect_err("an upper-case letter");
    assert!(error.to_string().contains("`Venice`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_logins_need_their_key() {
    let networks = vec![("vault".to_owned(), vault::factory(), json!({}))];
    let place = Place::sqlite();
    let file = place.folder().join("bridges.db");
    let options_of_house = HouseOptions { place, networks, ..HouseOptions::default() };
    let mut house = TestHouse::with(options_of_house).await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    alice.command(&bot, "login vault name=alice password=\"hunter 2\"").await;
    house.stop().await;

    let db = Db::open(Location::sqlite(file), Bridge::migrations(), options("test")).await;
    let db = db.expect("the house has let go of it");
    assert!(Bridge::has_sealed_logins(&db).await.unwrap());
    let missing = build(&db, "vault", &vault::factory(), None).await.expect_err("no key");
    assert_eq!(missing, BuildError::SealingKeyMissing(1));
    let wrong = build(&db, "vault", &vault::factory(), Some(8)).await.expect_err("another key");
    assert!(matches!(wrong, BuildError::SealingKeyWrong(_)), "{wrong}");
    assert!(build(&db, "vault", &vault::factory(), Some(7)).await.is_ok());
    db.close().await;
}
