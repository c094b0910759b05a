//! What the bot says, where it is more than a sentence.

use std::fmt::Write as _;

use super::BotReply;
use crate::ids::{LoginId, NetworkId};
use crate::logins::Logins;
use crate::network::{BridgeState, BridgeStateKind, LoginFlow};
use crate::networks::Networks;
use crate::permissions::Permission;

/// One command, for `help` and for finding what a mistyped one meant.
pub(super) struct CommandWords {
    pub(super) name: &'static str,
    usage: &'static str,
    does: &'static str,
    needs: Permission,
}

pub(super) const COMMANDS: [CommandWords; 17] = [
    CommandWords { name: "help", usage: "help", does: "shows this", needs: Permission::Relay },
    CommandWords {
        name: "login",
        usage: "login NETWORK [key=value ...]",
        does: "logs you into a network; what is missing is asked for",
        needs: Permission::User,
    },
    CommandWords {
        name: "logout",
        usage: "logout LOGIN",
        does: "ends a login",
        needs: Permission::User,
    },
    CommandWords {
        name: "list-logins",
        usage: "list-logins",
        does: "lists your logins and how they are",
        needs: Permission::User,
    },
    CommandWords {
        name: "join",
        usage: "join NETWORK CHAT",
        does: "joins a chat and opens its room",
        needs: Permission::User,
    },
    CommandWords {
        name: "plumb",
        usage: "plumb NETWORK CHAT",
        does: "links the room it is said in to a chat; your login speaks there for people without one",
        needs: Permission::User,
    },
    CommandWords {
        name: "unplumb",
        usage: "unplumb",
        does: "ends the link of the room it is said in",
        needs: Permission::User,
    },
    CommandWords {
        name: "set-relay",
        usage: "set-relay",
        does: "has your login speak for people without one, in the chat of the room it is said in",
        needs: Permission::User,
    },
    CommandWords {
        name: "unset-relay",
        usage: "unset-relay",
        does: "ends that",
        needs: Permission::User,
    },
    CommandWords {
        name: "login-matrix",
        usage: "login-matrix TOKEN",
        does: "lets the bridge act in your own name on Matrix; without TOKEN it says how",
        needs: Permission::User,
    },
    CommandWords {
        name: "logout-matrix",
        usage: "logout-matrix",
        does: "ends that",
        needs: Permission::User,
    },
    CommandWords {
        name: "journal",
        usage: "journal list | show ROW | retry ROW | drop ROW",
        does: "lists what is on its way or went wrong, tells about one row, runs it again, takes it out; `journal list state=failed network=N room=R after=ROW` narrows it down. You see your own messages, an admin everybody's; only an admin takes one out",
        needs: Permission::User,
    },
    CommandWords {
        name: "trace",
        usage: "trace ID",
        does: "tells the journey of one message, by its event id on Matrix or its id on the network",
        needs: Permission::User,
    },
    CommandWords {
        name: "carry",
        usage: "carry [KIND on|off|default]",
        does: "shows or chooses what is carried in the room it is said in",
        needs: Permission::User,
    },
    CommandWords {
        name: "backfill",
        usage: "backfill [COUNT]",
        does: "brings earlier messages into the room it is said in; `backfill status` says how far that is",
        needs: Permission::User,
    },
    CommandWords {
        name: "ping",
        usage: "ping",
        does: "says whether the bridge is there",
        needs: Permission::Relay,
    },
    CommandWords {
        name: "cancel",
        usage: "cancel",
        does: "gives up a login that is under way",
        needs: Permission::User,
    },
];

/// Returns what a command needs, if there is such a command.
pub(super) fn needs(command: &str) -> Option<Permission> {
    COMMANDS.iter().find(|known| known.name == command).map(|known| known.needs)
}

pub(super) fn help(
    permission: Permission,
    networks: &Networks,
    flows: impl Fn(&NetworkId) -> Vec<LoginFlow>,
) -> BotReply {
    let mut text = String::from("Commands (in other rooms with `!rialto` in front):\n");
    for command in COMMANDS.iter().filter(|command| command.needs <= permission) {
        writeln!(text, "- {}: {}", command.usage, command.does).expect("a String takes it");
    }
    text.push_str("\nNetworks:\n");
    let all = networks.all();
    for (id, facts) in &all {
        let name = &facts.display_name;
        writeln!(text, "- {id}: {name} ({})", facts.protocol_name).expect("a String takes it");
        for flow in flows(id) {
            let LoginFlow { id: flow, name, description } = flow;
            writeln!(text, "  - login {id} {flow}: {name}. {description}")
                .expect("a String takes it");
        }
    }
    if all.is_empty() {
        text.push_str("none is configured; the operator adds them under `[networks.<name>]`\n");
    }
    BotReply::new(text.trim_end())
}

pub(super) fn greeting(permission: Permission, networks: &Networks) -> BotReply {
    let names = networks.names();
    let names = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
    let next = if permission >= Permission::User {
        "`login NETWORK` logs you in, `help` shows the rest."
    } else {
        "You may not log in here yourself; the operator decides who may."
    };
    BotReply::new(format!(
        "Hello! I connect this server to other networks: {names}. In this room every message is a command. {next}"
    ))
}

pub(super) fn greeting_in_group() -> BotReply {
    BotReply::new("Hello! In this room I listen to `!rialto COMMAND`; `!rialto help` shows which.")
}

pub(super) fn unknown_command(nearest: Option<&str>) -> BotReply {
    // The word itself is not repeated: it may have been an answer, even a secret one.
    BotReply::new(match nearest {
        Some(nearest) => {
            format!("There is no such command. Did you mean `{nearest}`? `help` shows them all.")
        }
        None => "There is no such command. `help` shows what there is.".to_owned(),
    })
}

pub(super) fn not_allowed() -> BotReply {
    BotReply::new("You may not do that here. The operator decides who may, under `[permissions]`.")
}

pub(super) fn unknown_network(name: &str, nearest: Option<&str>, networks: &Networks) -> BotReply {
    let names = networks.names();
    let known = if names.is_empty() {
        "None is configured here.".to_owned()
    } else {
        format!("There is: {}.", names.join(", "))
    };
    let hint = nearest.map(|nearest| format!(" Did you mean `{nearest}`?")).unwrap_or_default();
    BotReply::new(format!("There is no network `{name}`.{hint} {known}"))
}

pub(super) fn list_logins(logins: &Logins, mine: &[LoginId], networks: &Networks) -> BotReply {
    if mine.is_empty() {
        return BotReply::new(
            "You have no logins. `login NETWORK` makes one; `help` lists the networks.",
        );
    }
    let lines: Vec<String> = mine
        .iter()
        .map(|login| {
            let network = logins.network(login);
            let facts = network.as_ref().and_then(|network| networks.facts(network));
            let place = facts.as_ref().map_or("", |facts| facts.display_name.as_str());
            let name = logins.remote_name(login).unwrap_or_default();
            let state = logins.state(login);
            format!("- {login}: {name} on {place}, {}", state_words(state.as_ref()))
        })
        .collect();
    BotReply::new(lines.join("\n"))
}

/// Returns a state in words that continue a sentence.
pub(crate) fn state_words(state: Option<&BridgeState>) -> String {
    let Some(state) = state else { return "gone".to_owned() };
    let kind = match state.kind {
        BridgeStateKind::Connecting => "connecting",
        BridgeStateKind::Connected => return "connected".to_owned(),
        BridgeStateKind::TransientDisconnect => "not connected, tried again by itself",
        BridgeStateKind::BadCredentials => "refused by the network",
        BridgeStateKind::LoggedOut => "logged out",
        BridgeStateKind::UnknownError => "stopped",
    };
    match state.message.as_str() {
        "" => kind.to_owned(),
        why => format!("{kind}: {why}"),
    }
}
