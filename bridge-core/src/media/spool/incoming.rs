//! A file that is still coming: written beside, hashed on the way, gone again if it is not kept.

use std::{
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncWriteExt as _},
};

use super::HEAD;

/// A file that is still coming.
pub(super) struct Incoming {
    file: File,
    hash: Sha256,
    size: u64,
    head: Vec<u8>,
    draft: Draft,
}

/// A file that has come and has no name yet.
pub(super) struct Finished {
    pub(super) sha256: String,
    pub(super) size: u64,
    pub(super) head: Vec<u8>,
    draft: Draft,
}

/// Removes what was not kept.
struct Draft {
    path: PathBuf,
    moved: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.moved {
            remove_quietly(&self.path);
        }
    }
}

impl Incoming {
    pub(super) async fn begin(path: PathBuf) -> io::Result<Self> {
        let file = File::create_new(&path).await?;
        Ok(Self::into_file(file, path))
    }

    fn into_file(file: File, path: PathBuf) -> Self {
        let draft = Draft { path, moved: false };
        Self { file, hash: Sha256::new(), size: 0, head: Vec::new(), draft }
    }

    /// Adds some bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        let missing = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        Ok(())
    }

    /// Returns how many bytes have come.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Makes the bytes durable.
    pub(super) async fn finish(mut self) -> io::Result<Finished> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let sha256 = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Finished { sha256, size: self.size, head: self.head, draft: self.draft })
    }
}

impl Finished {
    /// Gives the file its name.
    pub(super) fn move_to(mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.draft.path, path)?;
        self.draft.moved = true;
        Ok(())
    }
}

/// Reads the beginning of a file.
pub(super) async fn read_head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path).await?.take(HEAD as u64).read_to_end(&mut head).await?;
    Ok(head)
}

pub(super) fn remove_quietly(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(%error, "a file could not be removed from the spool");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::spool::SpoolTrouble;

    #[tokio::test]
    async fn a_full_disk_is_told_from_other_trouble() {
        // A device that answers every write as a full disk does.
        let file = File::options().write(true).open("/dev/full").await.expect("Linux has it");
        let place = tempfile::tempdir().expect("there is a folder for tests");
        let draft = place.path().join("draft");
        std::fs::write(&draft, b"").expect("the draft is there");
        let mut incoming = Incoming::into_file(file, draft.clone());
        let written = async {
            incoming.write(b"acqua alta").await?;
            incoming.finish().await.map(drop)
        };
        let error = written.await.expect_err("the disk is full");
        assert!(matches!(SpoolTrouble::from(error), SpoolTrouble::DiskFull));
        assert!(!draft.exists(), "nothing is left of it");
    }
}
