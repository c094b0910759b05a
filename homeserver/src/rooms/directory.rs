//! The directory: which rooms can be found by strangers, and the lists application services keep of theirs.

use std::sync::Arc;

use ruma::{
    RoomId,
    directory::{PublicRoomsChunk, RoomTypeFilter},
    events::StateEventType,
};
use support_db::Tx;
use support_matrix_http::MatrixError;

use super::{append::not_in_room, power, summary::Summary, tip::Tip};
use crate::{
    error::{Error, Result},
    events::Draft,
    house::{House, SharedHouse},
    requester::Requester,
    store::{self, directory::Network},
    users::fold,
};

/// The longest page.
const MOST: usize = 500;

/// What somebody looks for.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) network: Network,
    pub(crate) term: Option<String>,
    pub(crate) types: Vec<RoomTypeFilter>,
    pub(crate) limit: Option<usize>,
    pub(crate) since: Option<String>,
}

/// A part of a list.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) rooms: Vec<PublicRoomsChunk>,
    pub(crate) next: Option<String>,
    pub(crate) previous: Option<String>,
    /// How many rooms the whole list has.
    pub(crate) total: usize,
}

/// Lists rooms, the most populous first. A token names the room it was given with, so that rooms which come and go
/// meanwhile move no others.
pub(crate) async fn list(house: &House, wish: &Wish) -> Result<Page> {
    let since = wish.since.as_deref().map(Token::parse).transpose()?;
    let mut db = &house.db;
    let rooms = store::directory::rooms(&mut db, &wish.network).await?;
    let total = rooms.len();
    let summaries = Summary::of_all(&mut db, rooms).await?;
    let found: Vec<_> = summaries.into_iter().filter(|summary| wants(wish, summary)).collect();
    let limit = wish.limit.unwrap_or(MOST).clamp(1, MOST);
    let place = |of: Place| found.partition_point(|summary| Place::of(summary) < of);
    let start = match since {
        None => 0,
        // The room itself was shown already.
        Some(Token::After(at)) => {
            place(at) + usize::from(found.iter().any(|one| Place::of(one) == at))
        }
        Some(Token::Before(at)) => place(at).saturating_sub(limit),
    };
    let end = (start + limit).min(found.len());
    let start = start.min(end);
    let mut page = Page { total, ..Page::default() };
    if end < found.len() && end > 0 {
        page.next = Some(Token::After(Place::of(&found[end - 1])).write());
    }
    if start > 0 && start < found.len() {
        page.previous = Some(Token::Before(Place::of(&found[start])).write());
    }
    page.rooms =
        found.into_iter().skip(start).take(end - start).map(|one| one.told.into()).collect();
    Ok(page)
}

fn wants(wish: &Wish, summary: &Summary) -> bool {
    let told = &summary.told;
    let kind = RoomTypeFilter::from(told.room_type.as_ref().map(|kind| kind.as_str().to_owned()));
    if !wish.types.is_empty() && !wish.types.contains(&kind) {
        return false;
    }
    let Some(term) = wish.term.as_deref().map(fold).filter(|term| !term.is_empty()) else {
        return true;
    };
    let alias = told.canonical_alias.as_ref().map(|alias| alias.as_str());
    let texts = [told.name.as_deref(), told.topic.as_deref(), alias];
    texts.into_iter().flatten().any(|text| fold(text).contains(&term))
}

/// Where a room stands in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// Negative: many come first.
    fewer: i64,
    nid: i64,
}

impl Place {
    fn of(summary: &Summary) -> Self {
        Self { fewer: -summary.room.joined_count, nid: summary.room.nid }
    }
}

/// Where a page begins or ends.
enum Token {
    After(Place),
    Before(Place),
}

impl Token {
    fn parse(text: &str) -> Result<Self, MatrixError> {
        let read = || {
            let (way, rest) = text.split_at_checked(1)?;
            let (fewer, nid) = rest.split_once('_')?;
            let place = Place { fewer: fewer.parse().ok()?, nid: nid.parse().ok()? };
            match way {
                "a" => Some(Self::After(place)),
                "b" => Some(Self::Before(place)),
                _ => None,
            }
        };
        read().ok_or_else(|| MatrixError::invalid_param("This is not a token of this list."))
    }

    fn write(&self) -> String {
        let (way, Place { fewer, nid }) = match self {
            Self::After(place) => ("a", place),
            Self::Before(place) => ("b", place),
        };
        format!("{way}{fewer}_{nid}")
    }
}

/// Returns whether a room is in the directory of this server.
pub(crate) async fn is_published(house: &House, room_id: &RoomId) -> Result<bool> {
    let mut db = &house.db;
    let room = store::rooms::by_id(&mut db, room_id).await?.ok_or_else(no_room)?;
    Ok(store::rooms::is_published(&mut db, room.nid).await?)
}

/// Puts a room into the directory, or takes it out. Whoever may name its main alias may do that, who made it, and
/// administrators.
pub(crate) async fn publish(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    published: bool,
) -> Result<()> {
    let work = Arc::new((house.clone(), who.user_id.clone(), room_id.to_owned()));
    let may_anyway = who.admin;
    house
        .db
        .write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move {
                let (house, user_id, room_id) = &*work;
                let mut tip = Tip::take(tx, house, room_id).await?.ok_or_else(no_room)?;
                let nid = tip.room.nid;
                let kind = StateEventType::RoomCanonicalAlias;
                let may = power::may_set(tx, &mut tip, user_id, &kind).await;
                let creators = power::creators(tx, &mut tip).await;
                tip.put_back(house);
                let own = store::memberships::of_user_in(tx, user_id, nid).await?;
                let is_in = own.is_some_and(|own| own.membership == "join");
                if !may_anyway && !is_in {
                    return Err(not_in_room(user_id).into());
                }
                if !may_anyway && !may? && !creators?.contains(user_id) {
                    let words = "You do not have the power to publish this room.";
                    return Err(MatrixError::forbidden(words).into());
                }
                store::rooms::publish(tx, nid, published).await?;
                Ok::<_, Error>(())
            })
        })
        .await
}

/// Puts a room into the list an application service keeps of one of its networks, or takes it out.
pub(crate) async fn list_for(
    house: &SharedHouse,
    who: &Requester,
    network: String,
    room_id: &RoomId,
    is_listed: bool,
) -> Result<()> {
    let Some(appservice) = &who.appservice else {
        return Err(MatrixError::forbidden("Only application services keep such lists.").into());
    };
    let work = Arc::new((appservice.id.clone(), network, room_id.to_owned()));
    house
        .db
        .write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move {
                let (appservice, network, room_id) = &*work;
                let room = store::rooms::by_id(tx, room_id).await?.ok_or_else(no_room)?;
                store::directory::set_listed(tx, appservice, network, room.nid, is_listed).await?;
                Ok::<_, Error>(())
            })
        })
        .await
}

/// Follows a change of who may come in or read: the members of open rooms can be found by everybody.
pub(super) async fn keep_open(tx: &mut Tx, tip: &mut Tip, draft: &Draft) -> Result<()> {
    let (rules, sight) = (StateEventType::RoomJoinRules, StateEventType::RoomHistoryVisibility);
    let kind = draft.kind.to_string();
    if draft.state_key.as_deref() != Some("")
        || ![&rules, &sight].iter().any(|one| one.to_string() == kind)
    {
        return Ok(());
    }
    let rules = tip.state(tx, &rules, "").await?;
    let sight = tip.state(tx, &sight, "").await?;
    let is_public =
        rules.and_then(|rules| rules.content_str("join_rule")).as_deref() == Some("public");
    let sight = sight.and_then(|sight| sight.content_str("history_visibility"));
    let is_open = is_public || sight.as_deref() == Some("world_readable");
    Ok(store::rooms::set_open(tx, tip.room.nid, is_open).await?)
}

fn no_room() -> MatrixError {
    MatrixError::not_found("There is no such room on this server.")
}
