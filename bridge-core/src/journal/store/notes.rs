//! Notes about what did not go straight, for those who ask after a message. What goes straight costs
//! none: its times stand in the row and its steps.

use support_db::{DbError, Row, Tx, params};

use crate::journal::desk::JournalNote;

/// The note of a row that could not be planned.
pub(crate) const PLANNING: &str = "planning";
/// The note of a row that a person set going again.
pub(crate) const RETRIED: &str = "retried";
/// The note of a row that a person took out.
pub(crate) const DROPPED: &str = "dropped";

/// How many notes of a row are kept: the newest.
const KEPT: i64 = 40;

const NOTE: &str = "INSERT INTO journal_note (row_seq, number, step, at, what, words)
    SELECT CAST($1 AS BIGINT), COALESCE(MAX(number), 0) + 1, CAST($2 AS BIGINT),
        CAST($3 AS BIGINT), CAST($4 AS TEXT), CAST($5 AS TEXT)
    FROM journal_note
    WHERE row_seq = $1
    RETURNING number";
const TRIM: &str = "DELETE FROM journal_note WHERE row_seq = $1 AND number <= $2";
pub(super) const NOTES: &str = "SELECT row_seq, step, at, what, words
    FROM journal_note
    WHERE row_seq IN (SELECT CAST(value AS BIGINT) FROM json_each($1))
    ORDER BY row_seq, number";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[NOTE, TRIM, NOTES];

/// Writes a note about a row, or about one of its steps.
pub(super) async fn note(
    tx: &mut Tx,
    row_seq: i64,
    step: Option<i64>,
    now: i64,
    what: &str,
    words: &str,
) -> Result<(), DbError> {
    let noted = tx.fetch_one(NOTE, params![row_seq, step, now, what, words]).await?;
    let number: i64 = noted.get("number")?;
    if number > KEPT {
        tx.execute(TRIM, params![row_seq, number - KEPT]).await?;
    }
    Ok(())
}

/// Reads a note.
pub(super) fn read(row: &Row) -> Result<JournalNote, DbError> {
    Ok(JournalNote {
        at: row.get("at")?,
        step: row.get("step")?,
        what: row.get("what")?,
        words: row.get("words")?,
    })
}
