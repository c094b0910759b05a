//! The table `reports`.

use support_db::{DbError, Tx, params};

const ADD: &str =
    "INSERT INTO reports (report_id, reporter, user_id, room_id, event_id, reason, created_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Every statement of this file, for the test that shows them to both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[&str] = &[ADD];

/// One complaint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub(crate) user_id: Option<String>,
    pub(crate) room_id: Option<String>,
    pub(crate) event_id: Option<String>,
    pub(crate) reason: Option<String>,
}

/// Keeps a complaint.
pub(crate) async fn add(
    tx: &mut Tx,
    id: i64,
    reporter: &str,
    report: &Report,
    now_ms: i64,
) -> Result<(), DbError> {
    let values = params![
        id,
        reporter,
        report.user_id.as_deref(),
        report.room_id.as_deref(),
        report.event_id.as_deref(),
        report.reason.as_deref(),
        now_ms
    ];
    tx.execute(ADD, values).await.map(drop)
}
