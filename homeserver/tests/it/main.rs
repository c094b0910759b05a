//! Stories told to a whole homeserver through its router, as clients and appservices would.

mod appservice;
mod harness;
mod people;
mod rooms;
