//! What a room carries: shown, and chosen by who rules the room.

use super::parse::Word;
use super::plumbing::not_now;
use super::{Bot, BotReply, CommandRequest};
use crate::network::Kind;
use crate::permissions::Permission;

/// Who may set this may choose what the room carries.
const RIGHTS: &str = "m.room.power_levels";

const USAGE: &str = "Usage, in a room of a chat: !rialto carry KIND on|off|default; `!rialto carry` shows what is switched off.";

impl Bot {
    /// Switches a kind on or off in a room, or shows what is.
    pub(super) async fn carry(
        &self,
        request: &CommandRequest,
        permission: Permission,
        rest: &[Word],
    ) -> BotReply {
        let portals = match self.0.portals.by_room(&request.room).await {
            Ok(portals) => portals,
            Err(error) => return not_now(&error.into()),
        };
        if portals.is_empty() {
            return BotReply::new("This room belongs to no chat; give this in one that does.");
        }
        let plain: Vec<&str> = rest
            .iter()
            .filter_map(|word| match word {
                Word::Plain(word) => Some(word.as_str()),
                Word::Pair(..) => None,
            })
            .collect();
        let (kind, how) = match plain.as_slice() {
            [] => {
                let networks = portals.iter().map(|portal| &portal.key.network);
                return self.what_is_off(&request.room, networks);
            }
            [kind, how] => (*kind, *how),
            _ => return BotReply::new(USAGE),
        };
        let kind: Kind = match kind.to_lowercase().parse() {
            Ok(kind) => kind,
            Err(unknown) => return BotReply::new(format!("Nothing was changed: {unknown}.")),
        };
        let carried = match how.to_lowercase().as_str() {
            "on" => Some(true),
            "off" => Some(false),
            "default" => None,
            _ => return BotReply::new(USAGE),
        };
        match self.may_set(request, permission, RIGHTS).await {
            Ok(None) => {}
            Ok(Some(words)) => return BotReply::new(words),
            Err(trouble) => return not_now(&trouble),
        }
        if let Err(error) = self.0.switches.set(&request.room, kind, carried).await {
            return not_now(&error.into());
        }
        BotReply::new(match carried {
            Some(true) => format!("From now on `{kind}` is carried in this room."),
            Some(false) => format!(
                "From now on `{kind}` stays where it is: it is carried neither from this room nor into it."
            ),
            None => format!("`{kind}` is carried as its network is configured."),
        })
    }

    fn what_is_off<'n>(
        &self,
        room: &str,
        networks: impl Iterator<Item = &'n crate::ids::NetworkId>,
    ) -> BotReply {
        let chosen = self.0.switches.of_room(room);
        let mut lines = Vec::new();
        for network in networks {
            let off = Kind::ALL
                .iter()
                .filter(|kind| self.0.switches.is_off(network, Some(room), **kind))
                .map(|kind| match chosen.contains_key(kind) {
                    true => format!("`{kind}` (here)"),
                    false => format!("`{kind}` (by the configuration)"),
                });
            let off: Vec<String> = off.collect();
            lines.push(match off.is_empty() {
                true => format!("- {network}: everything is carried that the network can."),
                false => format!("- {network}: not carried are {}.", off.join(", ")),
            });
        }
        lines.push("`!rialto carry KIND on|off|default` changes that for this room.".to_owned());
        BotReply::new(lines.join("\n"))
    }
}
