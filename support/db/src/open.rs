//! Opening a database: take the lease, bring the schema up to date, start the writer.

use std::{path::Path, sync::Arc, time::Duration};

use support_clock::{SharedClock, SharedRandom};
use tokio::{runtime::Handle, time::Instant};

use crate::{
    Db, DbError, Location, Migration, OpenError, Tx,
    connection::Connection,
    db::Reads,
    location::Place,
    migration::{self, Failure},
    params, postgres,
    sqlite::{FileLock, LockError, SqliteConnection, SqliteReaders},
    stats::Counters,
    streams::{Positions, Streams},
};

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub(crate) holder: String,
    pub(crate) clock: SharedClock,
    pub(crate) random: SharedRandom,
    pub(crate) readers: usize,
    pub(crate) wait: Duration,
}

impl OpenOptions {
    /// Begins with the defaults. `holder` is what others are told about us while we hold the
    /// database: "rialto pid 12 on host".
    #[must_use]
    pub fn new(holder: impl Into<String>, clock: SharedClock, random: SharedRandom) -> Self {
        let wait = Duration::from_secs(1);
        Self { holder: holder.into(), clock, random, readers: 4, wait }
    }

    /// Sets how many reads may run at once (4 if not set).
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Sets how long to wait for another holder before [`OpenError::Held`] (one second if not
    /// set: one that was just killed is gone by then).
    #[must_use]
    pub fn wait_for_holder(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

const TAKE_LEASE: &str = "UPDATE support_lease
    SET owner = $1, epoch = epoch + 1
    WHERE id = 1
    RETURNING epoch";
const POSITIONS: &str = "SELECT stream, position FROM support_position";

pub(crate) async fn open(
    location: Location,
    migrations: &'static [Migration],
    options: OpenOptions,
) -> Result<Db, OpenError> {
    let place = location.to_string();
    let ordered = migrations.windows(2).all(|pair| pair[0].number < pair[1].number);
    if !ordered {
        let why = "its migrations are not in ascending order; please report this".to_owned();
        return Err(OpenError::Unusable { place, why });
    }
    match &location.0 {
        Place::Postgres { url, schema } => {
            let (connection, readers) = postgres::open(url, schema, migrations, &options).await?;
            let tx = sign(connection, &options).await.map_err(|error| words(error, &place))?;
            Ok(Db::start(location, tx, Reads::Postgres(readers), options))
        }
        Place::Sqlite { path } => {
            let path = resolve(path);
            let lock = take_file_lock(&path, &options).await?;
            let (file, seen) = (path.clone(), options.clone());
            let runtime = Handle::current();
            let work = move || runtime.block_on(open_file(&file, lock, migrations, &seen));
            let tx = tokio::task::spawn_blocking(work).await.map_err(|_| OpenError::Other {
                place,
                why: "the program is shutting down".to_owned(),
            })??;
            let readers = SqliteReaders::new(path, options.readers);
            Ok(Db::start(location, tx, Reads::Sqlite(readers, options.readers), options))
        }
    }
}

/// Follows links, so that one file has one lock.
fn resolve(path: &Path) -> std::path::PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent().and_then(|folder| folder.canonicalize().ok()), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

async fn take_file_lock(path: &Path, options: &OpenOptions) -> Result<FileLock, OpenError> {
    let place = path.display().to_string();
    let until = Instant::now() + options.wait;
    loop {
        match FileLock::take(path, &options.holder) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held { .. }) if Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(LockError::Held { holder }) => return Err(OpenError::Held { place, holder }),
            Err(LockError::Io(error)) if error.kind() == std::io::ErrorKind::StorageFull => {
                return Err(OpenError::DiskFull { place });
            }
            Err(LockError::Io(error)) => {
                return Err(OpenError::NotWritable { place, why: error.to_string() });
            }
        }
    }
}

async fn open_file(
    path: &Path,
    lock: FileLock,
    migrations: &'static [Migration],
    options: &OpenOptions,
) -> Result<Tx, OpenError> {
    let place = path.display().to_string();
    make_private(path)
        .map_err(|error| OpenError::NotWritable { place: place.clone(), why: error.to_string() })?;
    let connection = SqliteConnection::open_writer(path).map_err(|error| words(error, &place))?;
    let mut connection = Connection::Sqlite { connection, lock };
    let migrated =
        migration::migrate(&mut connection, migrations, &place, options.clock.now_ms()).await;
    migrated.map_err(|failure| match failure {
        Failure::Known(error) => error,
        Failure::Database(error) => words(error, &place),
    })?;
    sign(connection, options).await.map_err(|error| words(error, &place))
}

/// Makes the file readable for its owner only: it holds tokens. SQLite gives the files beside it
/// the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Signs the lease with our name and the next epoch, and learns how far each stream got.
async fn sign(mut connection: Connection, options: &OpenOptions) -> Result<Tx, DbError> {
    let signed = connection.query(TAKE_LEASE, &params![&options.holder].0).await?;
    let epoch = signed.rows.first().ok_or(DbError::NoRow)?.get("epoch")?;
    let mut positions = Positions::default();
    for row in connection.query(POSITIONS, &[]).await?.rows {
        positions.start_at(row.get("stream")?, row.get("position")?);
    }
    Ok(Tx::new(connection, positions, epoch, Arc::new(Counters::default())))
}

fn words(error: DbError, place: &str) -> OpenError {
    let place = place.to_owned();
    match error {
        DbError::Full => OpenError::DiskFull { place },
        DbError::Damaged(why) => OpenError::Damaged { place, why },
        DbError::Disk(why) => OpenError::NotWritable { place, why },
        DbError::Lost(why) => OpenError::Unreachable { place, why },
        DbError::Busy => {
            let holder = "another program that keeps it locked".to_owned();
            OpenError::Held { place, holder }
        }
        other => OpenError::Other { place, why: other.to_string() },
    }
}

/// Tells the streams how far they had got when the database was opened.
pub(crate) fn publish_known(positions: &Positions, streams: &Streams) {
    for (stream, position) in positions.known() {
        streams.publish(stream, position);
    }
}
