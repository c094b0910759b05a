//! `GET /_matrix/client/v3/capabilities`

use ruma::api::client::discovery::get_capabilities::v3::{
    Capabilities, ChangePasswordCapability, GetLoginTokenCapability, Request, Response,
    RoomVersionStability, RoomVersionsCapability, ThirdPartyIdChangesCapability,
};

use crate::{api::Authenticated, error::Error, rooms};

/// Says what this server lets its people do.
pub(super) async fn get_capabilities(
    _who: Authenticated,
    _request: Request,
) -> Result<Response, Error> {
    let mut capabilities = Capabilities::new();
    capabilities.change_password = ChangePasswordCapability::new(true);
    capabilities.get_login_token = GetLoginTokenCapability::new(true);
    capabilities.thirdparty_id_changes = ThirdPartyIdChangesCapability::new(false);
    capabilities.room_versions = RoomVersionsCapability::new(
        rooms::DEFAULT_VERSION,
        rooms::VERSIONS
            .iter()
            .map(|version| (version.clone(), RoomVersionStability::Stable))
            .collect(),
    );
    Ok(Response::new(capabilities))
}
