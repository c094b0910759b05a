//! ruma on axum, and the transports a Matrix request travels by.
//!
//! Both halves of the house speak Matrix over HTTP, in both roles. This crate holds what they share: the error body every
//! endpoint answers with ([`MatrixError`]), the extractor and router glue that turn a ruma endpoint into an axum route
//! ([`Ruma`], [`route`]), the layers every router wears ([`harden`]), where a token stands in a request ([`client_token`],
//! [`homeserver_token`]), the one place that builds HTTP clients ([`shared_client`]) and the two ways a request travels
//! ([`SocketTransport`], [`InProcess`]).

mod body;
mod client;
mod error;
mod extract;
mod harden;
mod route;
mod token;
mod transport;

pub use client::{
    ClientError, ClientOptions, Trust, server_roots, shared_client, tls_client_config,
};
pub use error::MatrixError;
pub use extract::{Ruma, RumaResponse, parse_request};
pub use harden::{Limits, harden, shelter};
pub use route::{Endpoint, route};
pub use token::{client_token, homeserver_token};
pub use transport::{
    CallTimeout, HttpTransport, InProcess, MOST_HELD, SocketOptions, SocketTransport,
    TransportError,
};
