//! Databases for tests, of this crate and of others (feature `testing`). A store's tests run on
//! every place of [`test_locations`]: a fresh SQLite file always, a fresh PostgreSQL schema when
//! `RIALTO_TEST_POSTGRES` holds the URL of a server where schemas may be made. Without it the test
//! says so; with `RIALTO_TEST_REQUIRE_ALL=1` it fails instead, so that nothing is skipped quietly.

mod place;
mod schema;

pub use self::{
    place::{TestPlace, options, postgres_place, postgres_url, sqlite_place, test_locations},
    schema::{prepare_check, schema_of},
};
