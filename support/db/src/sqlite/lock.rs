//! The lease on a SQLite file: an operating system's lock on `<file>.lock`, which also says who
//! holds it. The system takes it away from a process that dies, so it is free at once.

use std::{
    fs::{File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

/// The lock, held until dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
}

pub(crate) enum LockError {
    Held { holder: String },
    Io(std::io::Error),
}

impl FileLock {
    /// Takes the lock that belongs to the database file, without waiting.
    pub(crate) fn take(database: &Path, holder: &str) -> Result<Self, LockError> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut words = String::new();
                let read = file.read_to_string(&mut words);
                let holder = match read {
                    Ok(_) if !words.trim().is_empty() => words.trim().to_owned(),
                    _ => "another process".to_owned(),
                };
                return Err(LockError::Held { holder });
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        let mut lock = Self { file };
        lock.note(holder).map_err(LockError::Io)?;
        Ok(lock)
    }

    /// Writes down who holds the lock.
    pub(crate) fn note(&mut self, words: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{words}")
    }
}
