//! What a house has stored: every row of every table, and every file. Two traces are equal when nothing was kept.

use std::{collections::BTreeMap, path::Path};

use rusqlite::{Connection, OpenFlags, types::ValueRef};

use crate::harness::Ground;

/// A line for each row of each table, and for each file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trace(BTreeMap<String, Vec<String>>);

impl Trace {
    pub(super) fn of(ground: &Ground) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(ground.place.file(), flags).unwrap();
        let mut trace = BTreeMap::new();
        for table in tables(&database) {
            let lines = lines_of(&database, &table);
            trace.insert(table, lines);
        }
        assert!(trace.len() > 15, "{:?}", trace.keys());
        let mut files = Vec::new();
        list(ground.folder.path(), &mut files);
        files.sort();
        trace.insert("files".to_owned(), files);
        Self(trace)
    }

    /// Says in which tables something changed, and what.
    pub(super) fn changes(&self, later: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (table, after) in &later.0 {
            let before = self.0.get(table).map_or(&[][..], Vec::as_slice);
            let new = after.iter().filter(|line| !before.contains(line));
            changes.extend(new.map(|line| format!("{table} has {}", shorten(line))));
            let gone = before.iter().filter(|line| !after.contains(line));
            changes.extend(gone.map(|line| format!("{table} lost {}", shorten(line))));
        }
        changes
    }
}

fn tables(database: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let mut statement = database.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

fn lines_of(database: &Connection, table: &str) -> Vec<String> {
    let mut statement = database.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
    // Who was there is written down also when what they asked for is refused.
    let kept = |column: &usize| statement.column_name(*column) != Ok("last_seen_at");
    let columns: Vec<_> = (0..statement.column_count()).filter(kept).collect();
    let mut rows = statement.query([]).unwrap();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut line = String::new();
        for &column in &columns {
            line.push_str(&match row.get_ref(column).unwrap() {
                ValueRef::Null => "- ".to_owned(),
                ValueRef::Integer(number) => format!("{number} "),
                ValueRef::Real(number) => format!("{number} "),
                ValueRef::Text(text) => format!("{} ", String::from_utf8_lossy(text)),
                ValueRef::Blob(bytes) => format!("{bytes:?} "),
            });
        }
        lines.push(line);
    }
    lines.sort();
    lines
}

fn list(folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path.display().to_string());
        }
    }
}

fn shorten(line: &str) -> String {
    line.chars().take(300).collect()
}
