//! The hostile table: inputs that somebody careless or malicious sends, as data, each with the exact answer it gets.
//!
//! Every row is asked twice, through the router and over a real socket, in a world that ordinary people live in
//! ([`world`]). After each row the database and the media folder have to be what they were before: what is refused leaves
//! nothing behind. `wire` holds what only a socket can carry, `everywhere` the same few inputs against every endpoint, and
//! `files` what becomes of uploads that lie about themselves.

mod accounts;
mod appservices;
mod attention;
mod events;
mod everywhere;
mod files;
mod finding;
mod media;
mod moving;
mod personal;
mod reading;
mod rooms;
mod row;
mod socket;
mod state;
mod table;
mod tokens;
mod trace;
mod wire;
mod world;
