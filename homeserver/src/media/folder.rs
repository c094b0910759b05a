//! The bytes on disk: each file once, under the SHA-256 of its content, so that nothing a client says ever becomes a
//! path. A file is written beside, made durable, and only then moved to its name.

use std::{
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt as _,
};

/// The folder of all files.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

/// A file that is still coming; gone again if it is not kept.
#[derive(Debug)]
pub(super) struct Incoming {
    file: File,
    path: PathBuf,
    hash: Sha256,
    size: u64,
    kept: bool,
}

impl Folder {
    /// Opens the folder, made if it is not there; what an earlier run left half-written is removed.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        let folder = Self { root };
        let incoming = folder.incoming();
        match std::fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(incoming)?;
        std::fs::create_dir_all(folder.root.join("thumbnails"))?;
        Ok(folder)
    }

    fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Begins a file; the name is any that is not in use.
    pub(super) async fn begin(&self, name: &str) -> io::Result<Incoming> {
        let path = self.incoming().join(name);
        let file = File::create_new(&path).await?;
        Ok(Incoming { file, path, hash: Sha256::new(), size: 0, kept: false })
    }

    /// Makes a whole file durable under its hash.
    pub(super) async fn keep(&self, mut incoming: Incoming, hash: &str) -> io::Result<()> {
        incoming.file.flush().await?;
        incoming.file.sync_all().await?;
        let path = self.path_of(hash);
        let shelf = path.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&shelf).await?;
        fs::rename(&incoming.path, &path).await?;
        incoming.kept = true;
        // The name has to last as well as the bytes do.
        File::open(&shelf).await?.sync_all().await?;
        File::open(&self.root).await?.sync_all().await?;
        Ok(())
    }

    /// Returns the shelves files lie on.
    pub(super) async fn shelves(&self) -> io::Result<Vec<String>> {
        let is_shelf = |name: &String| is_hex(name, 2);
        Ok(names_in(&self.root).await?.into_iter().filter(is_shelf).collect())
    }

    /// Returns the hashes of the files of a shelf.
    pub(super) async fn files_of(&self, shelf: &str) -> io::Result<Vec<String>> {
        let names = names_in(&self.root.join(shelf)).await?;
        Ok(names
            .into_iter()
            .filter(|name| is_hex(name, 62))
            .map(|name| format!("{shelf}{name}"))
            .collect())
    }

    /// Removes a file, and what was made of it.
    pub(super) async fn remove(&self, hash: &str) -> io::Result<()> {
        for name in names_in(&self.root.join("thumbnails")).await? {
            if name.starts_with(hash) {
                fs::remove_file(self.thumbnail(&name)).await?;
            }
        }
        fs::remove_file(self.path_of(hash)).await
    }

    /// Opens a file and tells its length in bytes.
    pub(super) async fn read(&self, hash: &str) -> io::Result<(File, u64)> {
        let file = File::open(self.path_of(hash)).await?;
        let length = file.metadata().await?.len();
        Ok((file, length))
    }

    /// Returns where a file lies. The hash is one of ours, never a client's.
    pub(super) fn path_of(&self, hash: &str) -> PathBuf {
        let (shelf, rest) = hash.split_at(hash.len().min(2));
        self.root.join(shelf).join(rest)
    }

    /// Returns where a thumbnail lies, or will.
    pub(super) fn thumbnail(&self, name: &str) -> PathBuf {
        self.root.join("thumbnails").join(name)
    }

    /// Returns where a thumbnail is written before it has its name.
    pub(super) fn draft(&self, name: &str) -> PathBuf {
        self.incoming().join(name)
    }
}

async fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut entries = fs::read_dir(folder).await?;
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

/// Whether a name is one that a hash makes: whatever else lies here was not put here by us.
fn is_hex(name: &str, length: usize) -> bool {
    name.len() == length && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Incoming {
    /// Returns the hash of the bytes that have come, in hex.
    pub(super) fn hash(&self) -> String {
        self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Adds some bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Returns how many bytes have come.
    pub(super) fn size(&self) -> u64 {
        self.size
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            remove_quietly(&self.path);
        }
    }
}

pub(super) fn remove_quietly(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(%error, "a file that was not finished could not be removed");
    }
}
