//! Streams of positions: the writer numbers what is committed, readers learn how far it got. A
//! position is never given out twice, so one whose job failed leaves a hole.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

/// How far each stream has been committed.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    committed: Mutex<HashMap<String, watch::Sender<i64>>>,
}

impl Streams {
    pub(crate) fn committed(&self, stream: &str) -> i64 {
        self.with(stream, |sender| *sender.borrow())
    }

    pub(crate) fn watch(&self, stream: &str) -> watch::Receiver<i64> {
        self.with(stream, watch::Sender::subscribe)
    }

    pub(crate) fn publish(&self, stream: &str, position: i64) {
        self.with(stream, |sender| {
            sender.send_if_modified(|known| {
                let news = position > *known;
                *known = position.max(*known);
                news
            });
        });
    }

    fn with<T>(&self, stream: &str, look: impl FnOnce(&watch::Sender<i64>) -> T) -> T {
        let mut streams = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = streams.get(stream) {
            return look(sender);
        }
        look(streams.entry(stream.to_owned()).or_insert_with(|| watch::Sender::new(0)))
    }
}

/// The writer's side: the last position given out, and what the batch and the job at hand took.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    last: HashMap<String, i64>,
    job: Vec<(&'static str, i64)>,
    batch: Vec<(&'static str, i64)>,
}

impl Positions {
    pub(crate) fn start_at(&mut self, stream: String, position: i64) {
        self.last.insert(stream, position);
    }

    /// Returns the last position of each stream.
    pub(crate) fn known(&self) -> impl Iterator<Item = (&str, i64)> {
        self.last.iter().map(|(stream, position)| (stream.as_str(), *position))
    }

    pub(crate) fn next(&mut self, stream: &'static str) -> i64 {
        let position = match self.last.get_mut(stream) {
            Some(last) => {
                *last += 1;
                *last
            }
            None => {
                self.last.insert(stream.to_owned(), 1);
                1
            }
        };
        note(&mut self.job, stream, position);
        position
    }

    pub(crate) fn begin_batch(&mut self) {
        self.job.clear();
        self.batch.clear();
    }

    pub(crate) fn begin_job(&mut self) {
        self.job.clear();
    }

    pub(crate) fn keep_job(&mut self) {
        for (stream, position) in self.job.drain(..) {
            note(&mut self.batch, stream, position);
        }
    }

    /// Returns the highest position of each stream that the batch moved.
    pub(crate) fn of_batch(&self) -> &[(&'static str, i64)] {
        &self.batch
    }
}

fn note(taken: &mut Vec<(&'static str, i64)>, stream: &'static str, position: i64) {
    match taken.iter_mut().find(|(known, _)| *known == stream) {
        Some((_, highest)) => *highest = position,
        None => taken.push((stream, position)),
    }
}
