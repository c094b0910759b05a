//! The extractors of the limits: somebody who may do one more of something now, and where a request comes from. They
//! read only the head of a request, so what has to wait is never read.

use std::{
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::{HeaderMap, request::Parts};
use support_matrix_http::MatrixError;

use super::Authenticated;
use crate::{
    error::{Error, Result},
    house::{House, SharedHouse},
    limits::Kind,
    presence,
    requester::Requester,
};

/// Somebody with a valid token who has room left for one more of `K`; who has not is told how long to wait.
#[derive(Debug)]
pub(crate) struct Paced<K>(pub(crate) Requester, pub(crate) PhantomData<K>);

/// What is counted.
pub(crate) trait Counted: Send {
    const KIND: Kind;
}

/// From `Messages Joins` this makes a type for each kind.
macro_rules! counted {
    ($($kind:ident)*) => {$(
        #[doc = concat!("Counts as [`Kind::", stringify!($kind), "`].")]
        #[derive(Debug)]
        pub(crate) struct $kind;

        impl Counted for $kind {
            const KIND: Kind = Kind::$kind;
        }
    )*};
}
counted! { Messages Joins Invites Rooms Profiles Signals Uploads Searches Reports }

impl<K: Counted> FromRequestParts<SharedHouse> for Paced<K> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, house: &SharedHouse) -> Result<Self> {
        let Authenticated(who) = Authenticated::from_request_parts(parts, house).await?;
        pace(house, K::KIND, &who)?;
        if matches!(K::KIND, Kind::Messages) {
            presence::acted(house, &who);
        }
        Ok(Self(who, PhantomData))
    }
}

/// Counts something somebody does, or refuses it. Those who need not keep to the limits are asked for last: that costs
/// a look at every namespace.
fn pace(house: &House, kind: Kind, who: &Requester) -> Result<()> {
    if who.appservice.as_deref().is_some_and(|one| !one.is_rate_limited()) {
        return Ok(());
    }
    match house.limits.before(kind, &who.user_id, house.clock.monotonic()) {
        Some(wait) if !house.appservices.is_unlimited(who) => {
            Err(MatrixError::limit_exceeded(wait).into())
        }
        _ => Ok(()),
    }
}

/// Where a request comes from, if it came through a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) Option<IpAddr>);

impl FromRequestParts<SharedHouse> for Address {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _house: &SharedHouse) -> Result<Self> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical());
        Ok(Self(peer.map(|peer| behind(peer, &parts.headers))))
    }
}

/// Looks through a reverse proxy: a neighbour may say for whom it asks, as the last entry of `X-Forwarded-For`. What
/// somebody from the internet writes there is not believed.
fn behind(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !is_neighbour(peer) {
        return peer;
    }
    let last = headers.get_all("x-forwarded-for").iter().next_back();
    let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    last.unwrap_or(peer)
}

fn is_neighbour(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_neighbour_may_say_for_whom_it_asks() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "198.51.100.1, 203.0.113.7".parse().unwrap());
        let seen = |peer: &str| behind(peer.parse().unwrap(), &headers).to_string();
        assert_eq!(seen("127.0.0.1"), "203.0.113.7");
        assert_eq!(seen("172.17.0.1"), "203.0.113.7");
        assert_eq!(seen("192.0.2.9"), "192.0.2.9");
        assert_eq!(behind("::1".parse().unwrap(), &HeaderMap::new()).to_string(), "::1");
        headers.insert("x-forwarded-for", "unknown".parse().unwrap());
        assert_eq!(behind("127.0.0.1".parse().unwrap(), &headers).to_string(), "127.0.0.1");
    }
}
