//! The bridge against real servers: InspIRCd, which has every capability, and ngIRCd, which has
//! none. They have to be installed (`cargo xtask peers --install`); where they are not, these
//! stories say so, and with `RIALTO_TEST_REQUIRE_ALL=1` they fail.

mod account;
mod crossing;
mod refusals;
mod trouble;

use bridge_testkit::peers::{InspIrcd, NgIrcd, RawIrc};
use test_daemons::process::find_program;

/// A server with its witness, who came first into [`CHANNEL`] and is its operator where there are
/// operators.
pub(crate) enum Peer {
    Modern(InspIrcd),
    Legacy(NgIrcd),
}

pub(crate) const CHANNEL: &str = "#Room";

impl Peer {
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Modern(server) => server.address(),
            Self::Legacy(server) => server.address(),
        }
    }

    pub(crate) async fn witness(&self) -> RawIrc {
        let witness = match self {
            Self::Modern(server) => server.observer("bob").await,
            Self::Legacy(server) => server.observer("bob").await,
        };
        let mut bob = witness.expect("the server takes a witness");
        bob.join(CHANNEL).await.expect("the channel is open");
        bob
    }

    /// Whether messages have ids there.
    pub(crate) fn has_ids(&self) -> bool {
        matches!(self, Self::Modern(_))
    }
}

/// Starts both servers, or says what is missing.
pub(crate) fn both() -> Vec<Peer> {
    let modern =
        installed("inspircd").then(|| Peer::Modern(InspIrcd::start().expect("InspIRCd starts")));
    let legacy = installed("ngircd").then(|| Peer::Legacy(NgIrcd::start().expect("ngIRCd starts")));
    modern.into_iter().chain(legacy).collect()
}

/// Says whether a program is there.
#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
pub(crate) fn installed(program: &str) -> bool {
    if find_program(program).is_some() {
        return true;
    }
    let all = std::env::var("RIALTO_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!all, "{program} is not installed, but everything is required");
    eprintln!("not run: {program} is not installed (`cargo xtask peers --install` does it)");
    false
}
