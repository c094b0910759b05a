//! What somebody wishes a new room to be.

use ruma::{
    OwnedRoomAliasId, OwnedUserId, RoomAliasId, RoomVersionId, ServerName,
    api::client::room::{
        Visibility,
        create_room::v3::{Request, RoomPreset},
    },
    room_version_rules::RoomVersionRules,
};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use support_matrix_http::MatrixError;

use crate::{
    error::{Error, Result},
    rooms::DEFAULT_VERSION,
};

/// A request to create a room, understood.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) version: RoomVersionId,
    pub(crate) preset: RoomPreset,
    pub(crate) published: bool,
    pub(crate) is_direct: bool,
    pub(crate) name: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) alias: Option<OwnedRoomAliasId>,
    pub(crate) invite: Vec<OwnedUserId>,
    pub(crate) creation_content: Map<String, Value>,
    pub(crate) power_levels: Map<String, Value>,
    pub(crate) initial_state: Vec<InitialState>,
}

/// A piece of state a room starts with.
#[derive(Debug, Deserialize)]
pub(crate) struct InitialState {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) state_key: String,
    pub(crate) content: Map<String, Value>,
}

impl Wish {
    /// Reads a request.
    pub(crate) fn read(request: Request, server_name: &ServerName) -> Result<Self> {
        if !request.invite_3pid.is_empty() {
            let words = "Invitations by e-mail or telephone number need an identity server.";
            return Err(MatrixError::forbidden(words).into());
        }
        let published = match request.visibility {
            Visibility::Public => true,
            Visibility::Private => false,
            _ => return Err(unknown("visibility")),
        };
        match request.preset {
            None
            | Some(
                RoomPreset::PrivateChat | RoomPreset::PublicChat | RoomPreset::TrustedPrivateChat,
            ) => {}
            Some(_) => return Err(unknown("preset")),
        }
        let usual = if published { RoomPreset::PublicChat } else { RoomPreset::PrivateChat };
        let alias = request.room_alias_name.map(|name| make_alias(&name, server_name));
        let initial_state = request.initial_state.iter().map(|event| {
            serde_json::from_str(event.json().get()).map_err(|error| {
                MatrixError::bad_json(format!("An event of `initial_state` is not one: {error}."))
            })
        });
        let mut invite = request.invite;
        invite.sort();
        invite.dedup();
        Ok(Self {
            version: request.room_version.unwrap_or(DEFAULT_VERSION),
            preset: request.preset.unwrap_or(usual),
            published,
            is_direct: request.is_direct,
            name: request.name,
            topic: request.topic,
            alias: alias.transpose()?,
            invite,
            creation_content: object(request.creation_content.as_ref().map(|raw| raw.json()))?,
            power_levels: object(
                request.power_level_content_override.as_ref().map(|raw| raw.json()),
            )?,
            initial_state: initial_state.collect::<Result<_, MatrixError>>()?,
        })
    }

    /// Returns the rules of the version, if it is offered.
    pub(crate) fn rules(&self) -> Result<RoomVersionRules> {
        super::check_version(&self.version)
    }

    /// Returns whether the initial state sets something itself.
    pub(crate) fn sets(&self, kind: &str) -> bool {
        self.initial_state.iter().any(|state| state.kind == kind && state.state_key.is_empty())
    }

    /// Returns whether everybody who is invited is to have the creator's power.
    pub(crate) fn trusts_all(&self) -> bool {
        self.preset == RoomPreset::TrustedPrivateChat
    }
}

fn unknown(key: &str) -> Error {
    MatrixError::bad_json(format!("The `{key}` is none that the specification knows.")).into()
}

fn make_alias(name: &str, server_name: &ServerName) -> Result<OwnedRoomAliasId> {
    let valid =
        !name.is_empty() && !name.contains([':', '\0']) && !name.contains(char::is_whitespace);
    let alias = RoomAliasId::parse(format!("#{name}:{server_name}")).ok().filter(|_| valid);
    alias.ok_or_else(|| {
        MatrixError::invalid_param("`room_alias_name` is the part between # and : of an alias.")
            .into()
    })
}

fn object(raw: Option<&RawValue>) -> Result<Map<String, Value>> {
    let read = |raw: &RawValue| serde_json::from_str(raw.get());
    let object = raw.map(read).transpose();
    object
        .map(Option::unwrap_or_default)
        .map_err(|error| MatrixError::bad_json(format!("An object was expected: {error}.")).into())
}
