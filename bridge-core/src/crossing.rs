//! What an onlooker is told when a message has crossed.

use std::sync::Arc;

use crate::ids::{NetworkId, RemoteChatId};

/// Which way something goes, seen from Matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From Matrix to the network.
    FromMatrix,
    /// From the network to Matrix.
    ToMatrix,
}

/// One message that has crossed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Which way.
    pub direction: Direction,
    /// The network.
    pub network: NetworkId,
    /// The chat there.
    pub chat: RemoteChatId,
    /// Who said it, for people.
    pub sender: String,
    /// What was said.
    pub text: String,
    /// Its event on Matrix, where known.
    pub event_id: Option<String>,
    /// Its id on the network, where there is one.
    pub remote_id: Option<String>,
}

/// Watches messages cross. It is called when one has arrived, may be called again for the same
/// after a crash, and must not block.
pub type Observer = Arc<dyn Fn(&Crossing) + Send + Sync>;
