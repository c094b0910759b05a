//! Collecting what nobody can ask for: announcements whose time is over, files without an address, as a crash between a
//! file and its row leaves them, and what says that somebody has read everything. At the start, and every hour.

use std::{io, time::Duration};

use super::Media;
use crate::{
    error::Result,
    house::SharedHouse,
    store::{media as rows, notifications},
};

/// How long to wait between two collections.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How far behind the newest position a client may be and still hear what it has read elsewhere.
const AWAY: i64 = 100_000;
/// How many files are asked about in one statement.
const AT_ONCE: usize = 500;

/// Starts the task.
pub(crate) fn start(house: &SharedHouse) {
    let house_of_task = SharedHouse::clone(house);
    let closing = house.closing.clone();
    house.tasks.spawn(async move {
        closing.run_until_cancelled(collect_for_ever(&house_of_task)).await;
    });
}

async fn collect_for_ever(house: &SharedHouse) {
    loop {
        // What stays over is collected in an hour.
        if let Err(error) = house.media.collect().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "files without an address could not be collected");
        }
        if let Err(error) = forget_read(house).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what was read long ago could not be forgotten");
        }
        house.clock.sleep(EVERY).await;
    }
}

/// Forgets counts that came to zero long ago. Until then they tell clients that were away that there is nothing unread.
async fn forget_read(house: &SharedHouse) -> Result<()> {
    let before = house.db.committed("events") - AWAY;
    if before > 0 {
        house
            .db
            .write(move |tx| Box::pin(async move { notifications::forget_read(tx, before).await }))
            .await?;
    }
    Ok(())
}

impl Media {
    async fn collect(&self) -> Result<()> {
        let now = self.clock.now_ms();
        let forgotten = self
            .db
            .write(move |tx| Box::pin(async move { rows::forget_all(tx, now).await }))
            .await?;
        let mut removed = 0_u64;
        for shelf in self.folder.shelves().await.map_err(disk)? {
            let hashes = self.folder.files_of(&shelf).await.map_err(disk)?;
            for hashes in hashes.chunks(AT_ONCE) {
                for hash in rows::unknown(&self.db, hashes).await? {
                    removed += u64::from(self.remove(&hash).await?);
                }
            }
        }
        if forgotten + removed > 0 {
            tracing::info!(
                announcements = forgotten,
                files = removed,
                "collected what nobody can ask for"
            );
        }
        Ok(())
    }

    /// Removes a file if it still has no address.
    async fn remove(&self, hash: &str) -> Result<bool> {
        let Some(removing) = self.claims.remove(hash) else { return Ok(false) };
        // An upload may have given it one since it was asked about; another cannot now.
        if rows::unknown(&self.db, &[hash.to_owned()]).await?.is_empty() {
            return Ok(false);
        }
        self.folder.remove(hash).await.map_err(disk)?;
        drop(removing);
        Ok(true)
    }
}

fn disk(error: io::Error) -> crate::error::Error {
    crate::error::Error::internal(error)
}
