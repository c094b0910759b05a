//! The devices of an account, as their owner sees them: one per login.

use ruma::{DeviceId, OwnedDeviceId, UserId};

use super::Users;
use crate::{
    error::Result,
    store::devices::{self, DeviceRow},
};

/// One device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) device_id: OwnedDeviceId,
    pub(crate) display_name: Option<String>,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self { device_id: row.device_id.into(), display_name: row.display_name }
    }
}

impl Users {
    /// Lists a user's devices, the oldest first.
    pub(crate) async fn devices(&self, user_id: &UserId) -> Result<Vec<Device>> {
        let rows = devices::list(&self.db, user_id.as_str()).await?;
        Ok(rows.into_iter().map(Device::from).collect())
    }

    /// Finds one device of a user.
    pub(crate) async fn device(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
    ) -> Result<Option<Device>> {
        let row = devices::get(&self.db, user_id.as_str(), device_id.as_str()).await?;
        Ok(row.map(Device::from))
    }

    /// Names a device; false when the user has no such one.
    pub(crate) async fn name_device(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        name: Option<String>,
    ) -> Result<bool> {
        let (user_id, device_id) = (user_id.to_owned(), device_id.to_owned());
        let named = self.db.write(move |tx| {
            let (user_id, device_id, name) = (user_id.clone(), device_id.clone(), name.clone());
            Box::pin(async move {
                devices::rename(tx, user_id.as_str(), device_id.as_str(), name.as_deref()).await
            })
        });
        Ok(named.await?)
    }

    /// Tells whether the device is one of the user's.
    pub(crate) async fn has_device(&self, user_id: &UserId, device_id: &DeviceId) -> Result<bool> {
        Ok(devices::exists(&self.db, user_id.as_str(), device_id.as_str()).await?)
    }
}
