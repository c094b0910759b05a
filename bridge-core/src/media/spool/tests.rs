use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use support_clock::{OsRandom, SystemClock, TestClock};
use tokio::io::AsyncReadExt as _;

use super::*;

struct Place {
    folder: tempfile::TempDir,
    room: u64,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("there is a folder for tests"), room: 1 << 20 }
    }

    fn open(&self, kept: &[&str]) -> Spool {
        self.open_at(SystemClock::shared(), kept)
    }

    fn open_at(&self, clock: SharedClock, kept: &[&str]) -> Spool {
        let folder = self.folder.path().join("spool");
        let options = SpoolOptions { folder, largest: 1 << 20, room: self.room };
        let kept = kept.iter().map(|name| (*name).to_owned()).collect();
        Spool::open(options, clock, Arc::new(OsRandom), &kept).expect("the spool opens")
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("spool")).expect("it is there");
        let name = |entry: io::Result<std::fs::DirEntry>| {
            entry.expect("it is read").file_name().to_string_lossy().into_owned()
        };
        entries.map(name).collect()
    }
}

fn stream_of(pieces: &[&'static str]) -> MediaStream {
    let pieces: Vec<_> =
        pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
    MediaStream::new(stream::iter(pieces))
}

async fn read(file: &Spooled) -> String {
    let mut text = String::new();
    let mut opened = file.file().await.expect("it is there");
    opened.read_to_string(&mut text).await.expect("it is text");
    text
}

#[tokio::test]
async fn a_file_lies_there_once_and_as_long_as_it_is_held() {
    let place = Place::new();
    let spool = place.open(&[]);
    let first = spool.take_in(stream_of(&["acqua ", "alta"]), false).await.expect("it is taken in");
    let second = spool.take_in(stream_of(&["acqua alta"]), false).await.expect("so is this");
    assert_eq!(first.sha256(), second.sha256());
    assert_eq!(place.names(), [first.sha256()]);
    assert_eq!((spool.taken(), first.size()), (10, 10), "room for one of them");
    assert_eq!(read(&second).await, "acqua alta");
    drop(first);
    assert_eq!(read(&second).await, "acqua alta", "somebody still holds it");
    drop(second);
    assert!(place.names().is_empty());
    assert_eq!(spool.taken(), 0);
}

#[tokio::test]
async fn what_is_kept_outlives_the_process_and_the_rest_does_not() {
    let place = Place::new();
    let spool = place.open(&[]);
    let kept = spool.take_in(stream_of(&["kept"]), false).await.expect("it is taken in");
    let other = spool.take_in(stream_of(&["other"]), false).await.expect("it is taken in");
    let name = kept.sha256().to_owned();
    spool.set_kept(&name, true);
    drop(kept);
    // As after a crash: nobody let go of it.
    std::mem::forget(other);
    std::fs::write(place.folder.path().join("spool/incoming-1"), b"half").expect("it is written");
    let spool = place.open(&[&name]);
    assert_eq!(place.names(), [name.as_str()]);
    assert_eq!(spool.taken(), 4);
    let found = spool.find(&name).await.expect("it was kept");
    assert_eq!((read(&found).await.as_str(), found.head()), ("kept", &b"kept"[..]));
    spool.set_kept(&name, false);
    assert_eq!(place.names().len(), 1, "it is still held");
    drop(found);
    assert!(place.names().is_empty());
    assert!(spool.find(&name).await.is_none());
}

#[tokio::test]
async fn what_is_too_large_is_told_from_what_finds_no_room_now() {
    let place = Place { room: 2 << 20, ..Place::new() };
    let spool = place.open(&[]);
    let of = |byte: u8, size: usize| MediaStream::bytes(vec![byte; size]);
    let largest = spool.take_in(of(1, 1 << 20), false).await.expect("it just fits");
    let unsaid = MediaStream { size: None, ..of(1, (1 << 20) + 1) };
    for large in [of(1, (1 << 20) + 1), unsaid] {
        let refused = spool.take_in(large, false).await.expect_err("it is too large");
        assert!(matches!(refused, SpoolTrouble::TooLarge { limit: 1_048_576 }), "{refused}");
    }
    let other = spool.take_in(of(2, 1 << 20), false).await.expect("there is room for two");
    let refused = spool.take_in(of(3, 1), false).await.expect_err("and not for three");
    assert!(matches!(refused, SpoolTrouble::NoRoom), "{refused}");
    drop(other);
    spool.take_in(of(3, 1), false).await.expect("now there is room");
    drop(largest);
    assert_eq!(spool.taken(), 0);
    assert!(place.names().is_empty());
}

#[tokio::test]
async fn what_breaks_off_leaves_nothing() {
    let place = Place::new();
    let spool = place.open(&[]);
    let pieces =
        [Ok(Bytes::from_static(b"half")), Err(NetworkError::Unreachable("gone".to_owned()))];
    let refused = spool.take_in(MediaStream::new(stream::iter(pieces)), false).await;
    assert!(matches!(refused, Err(SpoolTrouble::Source(NetworkError::Unreachable(_)))));
    let short = || MediaStream { size: Some(9), ..stream_of(&["half"]) };
    let refused = spool.take_in(short(), true).await.expect_err("less came than was announced");
    assert!(matches!(refused, SpoolTrouble::Cut { came: 4, announced: 9 }), "{refused}");
    spool.take_in(short(), false).await.expect("a claim is only a claim");
    assert!(place.names().is_empty());
    assert_eq!(spool.taken(), 0);
}

#[tokio::test]
async fn who_stops_in_the_middle_is_not_waited_for_for_ever() {
    let place = Place::new();
    let clock = TestClock::new();
    let spool = place.open_at(Arc::new(clock.clone()), &[]);
    let endless = MediaStream::new(stream::pending());
    let time_passes = async {
        loop {
            clock.advance(STALLED);
            tokio::task::yield_now().await;
        }
    };
    let taken = tokio::select! {
        taken = spool.take_in(endless, false) => taken,
        () = time_passes => unreachable!("time does not end"),
    };
    assert!(matches!(taken, Err(SpoolTrouble::Stalled)));
    assert!(place.names().is_empty());
}
