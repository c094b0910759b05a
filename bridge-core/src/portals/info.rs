//! What a portal's room says about itself: the bridge info state (MSC2346), so that clients and
//! people know what they look at.

use serde_json::{Value, json};

use super::Portal;
use crate::matrix::Matrix;
use crate::network::NetworkFacts;

/// The event types the bridge info is written under: the proposed name and its unstable prefix,
/// which some clients still read.
pub(super) const BRIDGE_INFO: [&str; 2] = ["m.bridge", "uk.half-shot.bridge"];

/// Returns the state key: unique per portal, so that several bridges can share a room.
pub(super) fn bridge_info_key(portal: &Portal, facts: &NetworkFacts) -> String {
    let network = &portal.key.network;
    let mut key = format!("com.rialto://{}/{network}/{}", facts.kind, portal.key.chat);
    if let Some(receiver) = &portal.key.receiver {
        key = format!("{key}?login={receiver}");
    }
    key
}

/// Returns the content.
pub(super) fn bridge_info(portal: &Portal, facts: &NetworkFacts, matrix: &Matrix) -> Value {
    let mut channel = json!({ "id": portal.key.chat });
    if let Some(name) = &portal.name {
        channel["displayname"] = json!(name);
    }
    let mut protocol = json!({ "id": facts.kind, "displayname": facts.protocol_name });
    if !facts.url.is_empty() {
        protocol["external_url"] = json!(facts.url);
    }
    let mut info = json!({
        "bridgebot": matrix.bot(),
        "protocol": protocol,
        "network": { "id": portal.key.network, "displayname": facts.display_name },
        "channel": channel,
    });
    if let Some(receiver) = &portal.key.receiver {
        info["com.rialto.login"] = json!(receiver);
    }
    info
}
