//! The data folder: for its owner alone (0700), used by one process at a time, with the key that seals credentials.

use crate::failure::Failure;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use support_clock::{OsRandom, Random};

/// The key credentials are sealed with.
pub(crate) type SealingKey = [u8; 32];

const LOCK: &str = "instance.lock";
const SEALING_KEY: &str = "secrets.key";

/// A data folder that exists and can be written.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    path: PathBuf,
}

/// Held by the one process that uses the data folder; freed with it, however it ends.
#[derive(Debug)]
pub(crate) struct InstanceLock {
    _file: File,
}

/// Tells whether a process holds this data folder. Nothing is made or changed.
pub(crate) fn is_in_use(path: &Path) -> bool {
    let lock = OpenOptions::new().read(true).open(path.join(LOCK));
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The sealing key, and whether it was there before.
#[derive(Debug)]
pub(crate) enum FoundKey {
    /// Read from its file.
    Kept(SealingKey),
    /// Made just now, not yet written: the file may have been lost, and only the database knows whether rows were sealed with it.
    New(SealingKey),
}

impl FoundKey {
    pub(crate) fn key(&self) -> SealingKey {
        match self {
            FoundKey::Kept(key) | FoundKey::New(key) => *key,
        }
    }
}

impl DataDir {
    /// Opens the folder, creating it if needed.
    pub(crate) fn open(path: &Path) -> Result<DataDir, Failure> {
        const WHAT: &str = "cannot use the data folder";
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(
            |error| match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => Failure::new(
                    WHAT,
                    format!("{} or something above it is a file", path.display()),
                    "Set another data_dir",
                ),
                _ => Failure::file(WHAT, path, &error),
            },
        )?;
        let mode = fs::metadata(path)
            .map_err(|error| Failure::file(WHAT, path, &error))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "others may read the data folder; it should have mode 0700");
        }
        Ok(DataDir { path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Locks the folder for this process, or names the one that has it.
    pub(crate) fn lock(&self) -> Result<InstanceLock, Failure> {
        let path = self.file(LOCK);
        let wrong = |error: &io::Error| Failure::file("cannot use the data folder", &path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| wrong(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // An empty file is a holder that has not signed yet.
                let read = file.read_to_string(&mut holder).is_ok_and(|length| length > 0);
                let holder = if read { format!(" ({})", holder.trim()) } else { String::new() };
                return Err(Failure::new(
                    "cannot use the data folder",
                    format!("{} is in use by another Rialto{holder}", self.path.display()),
                    "Stop that one first, or set another data_dir",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(wrong(&error)),
        }
        file.set_len(0).map_err(|error| wrong(&error))?;
        file.write_all(holder().as_bytes()).map_err(|error| wrong(&error))?;
        Ok(InstanceLock { _file: file })
    }

    /// Reads the sealing key or makes one, which [`DataDir::keep_key`] writes once it is known that none was lost.
    pub(crate) fn sealing_key(&self) -> Result<FoundKey, Failure> {
        let path = self.sealing_key_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = SealingKey::default();
                OsRandom.fill(&mut key);
                return Ok(FoundKey::New(key));
            }
            Err(error) => return Err(Failure::file("cannot read the sealing key", &path, &error)),
        };
        parse_key(text.trim()).map(FoundKey::Kept).ok_or_else(|| {
            Failure::new(
                "cannot read the sealing key",
                format!("{} is damaged", path.display()),
                "Restore it from a backup; without it the logins have to be made anew",
            )
        })
    }

    /// Returns where the sealing key is.
    pub(crate) fn sealing_key_file(&self) -> PathBuf {
        self.file(SEALING_KEY)
    }

    /// Writes a new sealing key.
    pub(crate) fn keep_key(&self, key: &FoundKey) -> Result<(), Failure> {
        match key {
            FoundKey::Kept(_) => Ok(()),
            FoundKey::New(key) => {
                let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                self.write_private(SEALING_KEY, format!("{digits}\n").as_bytes())
            }
        }
    }

    /// Writes a file that only its owner may read, whole or not at all.
    pub(crate) fn write_private(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.file(name);
        let draft = self.file(&format!("{name}.new"));
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&draft)?;
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            // The name, too, has to survive a power cut.
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|error| Failure::file("cannot write a file", &path, &error))
    }
}

fn parse_key(digits: &str) -> Option<SealingKey> {
    let mut key = SealingKey::default();
    if digits.len() != key.len() * 2 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// How this process is called in messages to others.
pub(crate) fn holder() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default();
    let host = if host.trim().is_empty() { "this host" } else { host.trim() };
    format!("rialto pid {} on {host}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(&folder.path().join("a/b")).unwrap();
        (folder, data)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_is_made_for_its_owner_alone() {
        let (_keep, data) = folder();
        assert_eq!(mode(data.path()), 0o700);
    }

    #[test]
    fn second_process_is_told_who_holds_the_folder() {
        let (_keep, data) = folder();
        let lock = data.lock().unwrap();
        let failure = data.lock().unwrap_err();
        assert!(failure.why.contains(&format!("pid {}", std::process::id())), "{failure}");
        drop(lock);
        assert!(data.lock().is_ok());
    }

    #[test]
    fn sealing_key_is_kept_once_written_and_private() {
        let (_keep, data) = folder();
        let made = data.sealing_key().unwrap();
        assert!(matches!(made, FoundKey::New(_)));
        assert!(
            !data.file(SEALING_KEY).exists(),
            "nothing is written before it is known to be new"
        );
        data.keep_key(&made).unwrap();
        let kept = data.sealing_key().unwrap();
        assert!(matches!(kept, FoundKey::Kept(key) if key == made.key()));
        assert_eq!(mode(&data.file(SEALING_KEY)), 0o600);
    }

    #[test]
    fn damaged_sealing_key_is_not_replaced() {
        let (_keep, data) = folder();
        for damage in ["", "00", &"zz".repeat(32), &"ä".repeat(32)] {
            fs::write(data.file(SEALING_KEY), damage).unwrap();
            assert!(data.sealing_key().unwrap_err().why.contains("damaged"), "{damage}");
        }
    }

    #[test]
    fn file_in_the_place_of_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        for path in [path.clone(), path.join("below")] {
            let failure = DataDir::open(&path).unwrap_err();
            assert!(failure.why.contains("is a file"), "{failure}");
        }
    }
}
