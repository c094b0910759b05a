//! The servers: how each is started, and how it goes away and comes back.

use anyhow::Result;
use bridge_testkit::async_trait;
use bridge_testkit::peers::{InspIrcd, NgIrcd, RawIrc};

/// A real server of its own.
#[async_trait]
pub(crate) trait Server: Sized + Send + 'static {
    /// What it is called in the feature table.
    const NAME: &'static str;
    /// The program that has to be there.
    const PROGRAM: &'static str;
    /// Whether it names messages and hands on what clients say in tags.
    const TAGS: bool;

    fn start() -> Result<Self>;
    fn address(&self) -> String;
    async fn observer(&self, nick: &str) -> Result<RawIrc>;
    fn kill(&mut self) -> Result<()>;
    fn resume(&mut self) -> Result<()>;
}

#[async_trait]
impl Server for NgIrcd {
    const NAME: &'static str = "ngIRCd";
    const PROGRAM: &'static str = "ngircd";
    const TAGS: bool = false;

    fn start() -> Result<Self> {
        NgIrcd::start()
    }

    fn address(&self) -> String {
        self.address()
    }

    async fn observer(&self, nick: &str) -> Result<RawIrc> {
        self.observer(nick).await
    }

    fn kill(&mut self) -> Result<()> {
        self.kill()
    }

    fn resume(&mut self) -> Result<()> {
        self.resume()
    }
}

#[async_trait]
impl Server for InspIrcd {
    const NAME: &'static str = "InspIRCd";
    const PROGRAM: &'static str = "inspircd";
    const TAGS: bool = true;

    fn start() -> Result<Self> {
        InspIrcd::start()
    }

    fn address(&self) -> String {
        self.address()
    }

    async fn observer(&self, nick: &str) -> Result<RawIrc> {
        self.observer(nick).await
    }

    fn kill(&mut self) -> Result<()> {
        self.kill()
    }

    fn resume(&mut self) -> Result<()> {
        self.resume()
    }
}
