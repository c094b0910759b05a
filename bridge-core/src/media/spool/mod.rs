//! The spool: where files lie while they cross, under the SHA-256 of their content, so that nothing
//! anybody says ever becomes a path. What enters is a stream, what leaves is another; a file is
//! written beside, made durable, and only then moved to its name.
//!
//! Room is taken before bytes are written and given back when the last holder of a file is gone. A
//! file that is *kept* outlives its holders and the process: an upload that was announced is made
//! good without asking the network again.

mod incoming;

use std::{
    collections::{HashMap, HashSet},
    fmt, io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use support_clock::{SharedClock, SharedRandom};
use thiserror::Error;
use tokio::{fs::File, io::AsyncRead};

use self::incoming::Incoming;
use crate::network::{FileBody, MediaStream, NetworkError};

/// How long one piece of a file may take.
const STALLED: Duration = Duration::from_secs(60);
/// Room is taken in shares of this size where nobody says how large a file is.
const SHARE: u64 = 64 * 1024;
/// The part of a file its kind is read from.
pub(crate) const HEAD: usize = 512;

/// Where files lie while they cross, and how much.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// The folder; made if it is not there. It belongs to this bridge alone.
    pub folder: PathBuf,
    /// The largest file that crosses, in bytes.
    pub largest: u64,
    /// How many bytes may lie there at once.
    pub room: u64,
}

impl SpoolOptions {
    /// Takes a folder, with files up to 100 MiB and room for 1 GiB.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), largest: 100 << 20, room: 1 << 30 }
    }
}

/// Why a file is not in the spool.
#[derive(Debug, Error)]
pub(crate) enum SpoolTrouble {
    /// It never will be.
    #[error("it is larger than the {} this bridge carries", in_words(*limit))]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Other files take the room now.
    #[error("there is no room in the spool for it now")]
    NoRoom,
    /// The disk is full.
    #[error("the disk of the bridge is full")]
    DiskFull,
    /// The disk is in other trouble.
    #[error("the bridge cannot write to its spool: {0}")]
    Disk(io::Error),
    /// Its owner does not hand it over.
    #[error("{0}")]
    Source(NetworkError),
    /// Its owner stopped in the middle.
    #[error("it stopped coming in the middle")]
    Stalled,
    /// Its owner ended before the end.
    #[error("it ended after {came} of {announced} bytes")]
    Cut {
        /// Bytes that came.
        came: u64,
        /// Bytes that were announced.
        announced: u64,
    },
}

impl From<io::Error> for SpoolTrouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Disk(error),
        }
    }
}

/// Spells a number of bytes for people.
pub(crate) fn in_words(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

/// The spool. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Spool(Arc<Inner>);

struct Inner {
    options: SpoolOptions,
    clock: SharedClock,
    random: SharedRandom,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes of room that are taken.
    taken: u64,
    files: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    size: u64,
    holders: usize,
    kept: bool,
}

impl Spool {
    /// Opens the spool. What an earlier process left is removed, but for the files that are `kept`.
    pub(crate) fn open(
        options: SpoolOptions,
        clock: SharedClock,
        random: SharedRandom,
        kept: &HashSet<String>,
    ) -> io::Result<Self> {
        make_private(&options.folder)?;
        let mut state = State::default();
        for entry in std::fs::read_dir(&options.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let size = entry.metadata()?.len();
            if kept.contains(&name) {
                state.taken += size;
                state.files.insert(name, Entry { size, holders: 0, kept: true });
            } else if entry.file_type()?.is_file() {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self(Arc::new(Inner { options, clock, random, state: Mutex::new(state) })))
    }

    /// Takes a file in. `whole`: what its owner says of its size is true, so less is not all of it.
    pub(crate) async fn take_in(
        &self,
        mut stream: MediaStream,
        whole: bool,
    ) -> Result<Spooled, SpoolTrouble> {
        let largest = self.0.options.largest;
        let announced = stream.size;
        if announced.is_some_and(|size| size > largest) {
            return Err(SpoolTrouble::TooLarge { limit: largest });
        }
        let mut room = Room { spool: self.clone(), bytes: 0 };
        room.grow_to(announced.unwrap_or(0))?;
        let name = format!("incoming-{}", self.0.random.hex(16));
        let mut incoming = Incoming::begin(self.0.options.folder.join(name)).await?;
        loop {
            let piece = tokio::select! {
                piece = stream.body.next() => piece,
                () = self.0.clock.sleep(STALLED) => return Err(SpoolTrouble::Stalled),
            };
            let Some(piece) = piece else { break };
            let piece = piece.map_err(SpoolTrouble::Source)?;
            let size = incoming.size() + piece.len() as u64;
            if size > largest {
                return Err(SpoolTrouble::TooLarge { limit: largest });
            }
            if size > room.bytes {
                room.grow_to(size.next_multiple_of(SHARE).min(largest))?;
            }
            incoming.write(&piece).await?;
        }
        let came = incoming.size();
        if let Some(announced) = announced.filter(|announced| whole && *announced != came) {
            return Err(SpoolTrouble::Cut { came, announced });
        }
        self.keep(incoming, room).await
    }

    async fn keep(&self, incoming: Incoming, mut room: Room) -> Result<Spooled, SpoolTrouble> {
        let finished = incoming.finish().await?;
        let (sha256, head) = (finished.sha256.clone(), finished.head.clone());
        let size = finished.size;
        let path = self.path(&sha256);
        // Under the lock, so that no holder who is the last one removes it in between.
        let mut state = self.lock();
        match state.files.get_mut(&sha256) {
            Some(entry) => entry.holders += 1,
            None => {
                finished.move_to(&path)?;
                // What was taken for it beyond its size is given back with `room`.
                room.bytes -= size.min(room.bytes);
                state.files.insert(sha256.clone(), Entry { size, holders: 1, kept: false });
            }
        }
        drop(state);
        Ok(Spooled(Arc::new(Held { spool: self.clone(), sha256, size, head })))
    }

    /// Returns a file that is here.
    pub(crate) async fn find(&self, sha256: &str) -> Option<Spooled> {
        let size = {
            let mut state = self.lock();
            let entry = state.files.get_mut(sha256)?;
            entry.holders += 1;
            entry.size
        };
        let (spool, sha256) = (self.clone(), sha256.to_owned());
        let mut held = Held { spool, sha256, size, head: Vec::new() };
        held.head = incoming::read_head(&held.path()).await.ok()?;
        Some(Spooled(Arc::new(held)))
    }

    /// Lets a file outlive its holders, or no longer.
    pub(crate) fn set_kept(&self, sha256: &str, kept: bool) {
        let mut state = self.lock();
        let Some(entry) = state.files.get_mut(sha256) else { return };
        entry.kept = kept;
        if !kept && entry.holders == 0 {
            self.remove(&mut state, sha256);
        }
    }

    /// Returns how many bytes of room are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> u64 {
        self.lock().taken
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.0.options.folder.join(sha256)
    }

    fn let_go(&self, sha256: &str) {
        let mut state = self.lock();
        let Some(entry) = state.files.get_mut(sha256) else { return };
        entry.holders -= 1;
        if entry.holders == 0 && !entry.kept {
            self.remove(&mut state, sha256);
        }
    }

    fn remove(&self, state: &mut State, sha256: &str) {
        if let Some(entry) = state.files.remove(sha256) {
            state.taken -= entry.size.min(state.taken);
            incoming::remove_quietly(&self.path(sha256));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that is taken for a file that is still coming.
struct Room {
    spool: Spool,
    bytes: u64,
}

impl Room {
    fn grow_to(&mut self, bytes: u64) -> Result<(), SpoolTrouble> {
        let more = bytes.saturating_sub(self.bytes);
        let room = self.spool.0.options.room;
        let mut state = self.spool.lock();
        if state.taken.saturating_add(more) > room {
            return Err(match bytes > room {
                true => SpoolTrouble::TooLarge { limit: room },
                false => SpoolTrouble::NoRoom,
            });
        }
        state.taken += more;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut state = self.spool.lock();
        state.taken -= self.bytes.min(state.taken);
    }
}

/// A file in the spool; clones hold the same one.
#[derive(Clone)]
pub(crate) struct Spooled(Arc<Held>);

struct Held {
    spool: Spool,
    sha256: String,
    size: u64,
    head: Vec<u8>,
}

impl Spooled {
    /// Returns its content's hash, which is its name.
    pub(crate) fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// Returns how many bytes it has.
    pub(crate) fn size(&self) -> u64 {
        self.0.size
    }

    /// Returns its beginning, [`HEAD`] bytes at most.
    pub(crate) fn head(&self) -> &[u8] {
        &self.0.head
    }

    /// Opens it.
    pub(crate) async fn file(&self) -> io::Result<File> {
        File::open(self.0.path()).await
    }
}

impl Held {
    fn path(&self) -> PathBuf {
        self.spool.path(&self.sha256)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.spool.let_go(&self.sha256);
    }
}

#[async_trait]
impl FileBody for Spooled {
    async fn open(&self) -> io::Result<Pin<Box<dyn AsyncRead + Send>>> {
        Ok(Box::pin(self.file().await?))
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for Spooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spooled").field("sha256", &self.sha256()).finish_non_exhaustive()
    }
}

/// Makes a folder nobody else may read: what lies there was said in private.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests;
