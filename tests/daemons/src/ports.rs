//! Ports of the system's choice for programs that want to be told a number.
//!
//! A port that was asked for and released can be taken by somebody else before the daemon binds it. There is no way
//! round that with foreign programs, so starting is a loop: pick, start, look whether it is *our* daemon that answers,
//! else pick again.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// Says how one try to start a daemon ended when it did not succeed.
#[derive(Debug)]
pub enum StartFault {
    /// The port was taken in between: worth another port.
    PortTaken(String),
    /// Anything else: a second try would end the same.
    Broken(anyhow::Error),
}

impl From<anyhow::Error> for StartFault {
    fn from(error: anyhow::Error) -> Self {
        StartFault::Broken(error)
    }
}

/// How often a clash is answered with new ports before it counts as a fault of its own.
const TRIES: u32 = 8;

/// Returns `N` different ports that were free a moment ago.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All are held at once, so that the system cannot hand out the same one twice.
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        *port = listener.local_addr().context("a listener without address")?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Calls `start` with fresh ports until it does not clash.
pub fn start_on_free_ports<const N: usize, T>(
    what: &str,
    mut start: impl FnMut([u16; N]) -> Result<T, StartFault>,
) -> Result<T> {
    let mut last = String::new();
    for _ in 0..TRIES {
        match start(free_ports::<N>()?) {
            Ok(started) => return Ok(started),
            Err(StartFault::PortTaken(why)) => last = why,
            Err(StartFault::Broken(error)) => return Err(error),
        }
    }
    anyhow::bail!("{what}: no port could be had in {TRIES} tries; the last: {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clash_is_answered_with_another_port() {
        let mut seen = Vec::new();
        let port = start_on_free_ports::<1, u16>("daemon", |[port]| {
            seen.push(port);
            if seen.len() < 3 { Err(StartFault::PortTaken("taken".into())) } else { Ok(port) }
        })
        .unwrap();
        assert_eq!(seen.len(), 3);
        assert_eq!(seen[2], port);
    }

    #[test]
    fn ports_of_one_daemon_differ() {
        let [a, b, c] = free_ports::<3>().unwrap();
        assert!(a != b && b != c && a != c);
    }
}
