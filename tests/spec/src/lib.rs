//! The Matrix specification as data: what the body of each request and response must look like ([`Exchange::faults`]), and
//! the example of every event type ([`events::examples`]). Tests hold against it what was really said; how strict that is,
//! `exchange.rs` tells.

pub mod events;
mod exchange;
mod schemas;

pub use exchange::Exchange;
