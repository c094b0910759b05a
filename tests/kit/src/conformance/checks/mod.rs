//! The checks. Each plays one story on a stage of its own and says what it has shown; it panics
//! where the bridge does not do what it promises or declares.

pub(super) mod changes;
pub(super) mod chat;
pub(super) mod crashes;
pub(super) mod facts;
pub(super) mod formatting;
pub(super) mod history;
pub(super) mod lanes;
pub(super) mod logins;
pub(super) mod messages;
pub(super) mod people;
mod pictures;
pub(super) mod room;
pub(super) mod trouble;
