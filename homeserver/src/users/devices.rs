//! The devices of an account, as their owner sees them: one per login.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use ruma::{DeviceId, OwnedDeviceId, UserId};

use super::Users;
use crate::{
    error::Result,
    store::devices::{self, DeviceRow},
};

/// How often it is written down that a device was there, at most.
const SEEN_EVERY: Duration = Duration::from_secs(5 * 60);

/// When a device was last written down to be there.
#[derive(Debug)]
pub(crate) struct LastSeen(AtomicI64);

impl LastSeen {
    pub(super) fn new(at: Option<i64>) -> Self {
        Self(AtomicI64::new(at.unwrap_or(i64::MIN)))
    }

    /// Tells one caller among many that it is time to write it down again.
    pub(crate) fn is_due(&self, now_ms: i64) -> bool {
        let noted = self.0.load(Ordering::Relaxed);
        let every = i64::try_from(SEEN_EVERY.as_millis()).unwrap_or(i64::MAX);
        let is_recent = (noted..noted.saturating_add(every)).contains(&now_ms);
        !is_recent
            && self.0.compare_exchange(noted, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// One device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) device_id: OwnedDeviceId,
    pub(crate) display_name: Option<String>,
    /// When it last was there, to some minutes; unix milliseconds.
    pub(crate) last_seen_at: Option<i64>,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            device_id: row.device_id.into(),
            display_name: row.display_name,
            last_seen_at: row.last_seen_at,
        }
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

    /// Writes down that a device was there.
    pub(crate) async fn note_seen(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        now: i64,
    ) -> Result<()> {
        let (user_id, device_id) = (user_id.to_owned(), device_id.to_owned());
        let noted = self.db.write(move |tx| {
            let (user_id, device_id) = (user_id.clone(), device_id.clone());
            Box::pin(async move {
                devices::note_seen(tx, user_id.as_str(), device_id.as_str(), now).await
            })
        });
        Ok(noted.await?)
    }

    /// Tells whether the device is one of the user's.
    pub(crate) async fn has_device(&self, user_id: &UserId, device_id: &DeviceId) -> Result<bool> {
        Ok(devices::exists(&self.db, user_id.as_str(), device_id.as_str()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_written_down_once_in_some_minutes() {
        let seen = LastSeen::new(None);
        assert!(seen.is_due(1_000_000));
        assert!(!seen.is_due(1_000_001) && !seen.is_due(1_299_999));
        assert!(seen.is_due(1_300_000) && !seen.is_due(1_300_000));
        assert!(seen.is_due(5), "the wall clock was set back");
    }
}
