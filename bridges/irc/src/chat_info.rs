//! What a channel looks like to the core.

use bridge_core::{
    ids::LoginId,
    network::{ChatInfo, ChatKind, Member, MemberList, UserInfo},
};

use crate::{
    connection::Session,
    habits::MemberSync,
    ids::make_user_id,
    own_nicks::OwnNicks,
    ranks::level_of,
    roster::{Channel, Person},
    wire::Source,
};

/// Describes a channel with its people. Other logins of ours are left out: each tells of itself.
pub(crate) fn channel_info(
    session: &Session,
    channel: &Channel,
    login: &LoginId,
    own: &OwnNicks,
    now_ms: i64,
    members_shown: MemberSync,
) -> ChatInfo {
    let everybody = members_shown.shows_everybody();
    let members = channel
        .people
        .values()
        .filter(|person| everybody || session.is_me(&person.nick))
        .filter(|person| !own.is_sibling(&source(person), login, session, now_ms))
        .map(|person| member(session, person))
        .collect();
    ChatInfo {
        kind: Some(ChatKind::Group),
        name: Some(channel.name.clone()),
        topic: channel.complete.then(|| channel.topic.clone()),
        avatar: None,
        disappearing: None,
        members: Some(MemberList { complete: channel.complete && everybody, members }),
    }
}

fn member(session: &Session, person: &Person) -> Member {
    Member {
        user: make_user_id(session, &person.nick),
        is_me: session.is_me(&person.nick),
        profile: Some(UserInfo { name: Some(person.nick.clone()), avatar: None, is_bot: false }),
        power_level: Some(level_of(&session.rules, &person.ranks)),
    }
}

fn source(person: &Person) -> Source {
    let (user, host) = person.mask.clone().unzip();
    Source { nick: person.nick.clone(), user, host }
}
