//! Alice on Matrix and Bob on InspIRCd in one channel: where most stories begin.

use anyhow::Result;
use bridge_testkit::peers::{InspIrcd, RawIrc};
use e2e::chat::{UNPACED, irc_network};
use e2e::{IrcStory, Program, Setup};

/// The instance id of the network in stories.
pub(crate) const NETWORK: &str = "story";
/// The channel of most stories.
pub(crate) const CHANNEL: &str = "#rialto";

/// Everybody in place, nothing said yet.
pub(crate) struct Modern {
    // Dropped in this order: people, program, server.
    pub(crate) bob: RawIrc,
    pub(crate) story: IrcStory,
    pub(crate) program: Program,
    pub(crate) irc: InspIrcd,
}

impl Modern {
    /// InspIRCd without limits, everything on SQLite.
    pub(crate) async fn begin() -> Result<Modern> {
        Modern::begin_with(InspIrcd::start()?, UNPACED, Setup::new()).await
    }

    /// Chooses the server, what stands in the network's section, and the rest of the configuration.
    pub(crate) async fn begin_with(irc: InspIrcd, section: &str, setup: Setup) -> Result<Modern> {
        let mut bob = irc.observer("bob").await?;
        bob.join(CHANNEL).await?;
        let network = irc_network(NETWORK, &irc.address(), section);
        let program = setup.section(&network).start().await?;
        let story = IrcStory::begin(&program, NETWORK, CHANNEL, &mut bob).await?;
        Ok(Modern { bob, story, program, irc })
    }
}
