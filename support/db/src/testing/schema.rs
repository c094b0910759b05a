//! A schema described so that both databases say the same, for tests that compare two migration
//! sets.

use crate::{Db, DbError, params};

const SQLITE_COLUMNS: &str = "SELECT t.name AS tbl, c.name AS col, c.type AS kind,
        c.\"notnull\" <> 0 OR c.pk > 0 AS required, c.pk AS key
    FROM sqlite_master AS t, pragma_table_info(t.name) AS c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
const POSTGRES_COLUMNS: &str = "SELECT c.table_name AS tbl, c.column_name AS col,
        c.data_type AS kind, c.is_nullable = 'NO' AS required, COALESCE(k.ordinal_position, 0) AS key
    FROM information_schema.columns AS c
    LEFT JOIN (
        SELECT u.table_name, u.column_name, u.ordinal_position
        FROM information_schema.key_column_usage AS u
        JOIN information_schema.table_constraints AS r
            ON r.constraint_schema = u.constraint_schema AND r.constraint_name = u.constraint_name
                AND r.table_name = u.table_name
        WHERE r.constraint_type = 'PRIMARY KEY' AND u.table_schema = current_schema()
    ) AS k ON k.table_name = c.table_name AND k.column_name = c.column_name
    WHERE c.table_schema = current_schema()";
const SQLITE_INDEXES: &str = "SELECT t.name AS tbl, i.name AS idx, i.\"unique\" <> 0 AS uniq,
        COALESCE(c.name, '(expression)') AS col
    FROM sqlite_master AS t, pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS c
    WHERE t.type = 'table' AND i.origin <> 'pk'
    ORDER BY i.name, c.seqno";
const POSTGRES_INDEXES: &str =
    "SELECT CAST(t.relname AS TEXT) AS tbl, CAST(i.relname AS TEXT) AS idx,
        x.indisunique AS uniq, COALESCE(CAST(a.attname AS TEXT), '(expression)') AS col
    FROM pg_index AS x
    JOIN pg_class AS i ON i.oid = x.indexrelid
    JOIN pg_class AS t ON t.oid = x.indrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS place (attnum, seqno)
    LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = place.attnum
    WHERE n.nspname = current_schema() AND NOT x.indisprimary
    ORDER BY i.relname, place.seqno";

/// Describes tables, columns, primary keys and indexes, one sorted line each, the same on both
/// databases when the schemas agree:
/// `account.name TEXT required key 1`, `index on account (server, name) unique`.
pub async fn schema_of(db: &Db) -> Result<Vec<String>, DbError> {
    let columns = if db.is_sqlite() { SQLITE_COLUMNS } else { POSTGRES_COLUMNS };
    let mut lines = Vec::new();
    for row in db.fetch_all(columns, params![]).await? {
        let (table, column) = (row.get::<&str>("tbl")?, row.get::<&str>("col")?);
        let kind = neutral(row.get("kind")?);
        let required = if row.get("required")? { " required" } else { "" };
        let key = match row.get::<i64>("key")? {
            0 => String::new(),
            place => format!(" key {place}"),
        };
        lines.push(format!("{table}.{column} {kind}{required}{key}"));
    }
    lines.extend(indexes(db).await?);
    lines.sort();
    Ok(lines)
}

async fn indexes(db: &Db) -> Result<Vec<String>, DbError> {
    let sql = if db.is_sqlite() { SQLITE_INDEXES } else { POSTGRES_INDEXES };
    let mut found: Vec<(String, String, bool, Vec<String>)> = Vec::new();
    for row in db.fetch_all(sql, params![]).await? {
        let (table, index) = (row.get::<String>("tbl")?, row.get::<String>("idx")?);
        let column = row.get::<String>("col")?;
        match found.last_mut() {
            Some((_, last, _, columns)) if *last == index => columns.push(column),
            _ => found.push((table, index, row.get("uniq")?, vec![column])),
        }
    }
    let line = |(table, _, unique, columns): (String, String, bool, Vec<String>)| {
        let unique = if unique { " unique" } else { "" };
        format!("index on {table} ({}){unique}", columns.join(", "))
    };
    Ok(found.into_iter().map(line).collect())
}

fn neutral(kind: &str) -> String {
    match kind.to_ascii_lowercase().as_str() {
        "bigint" | "integer" => "INTEGER".to_owned(),
        "text" => "TEXT".to_owned(),
        "blob" | "bytea" => "BYTES".to_owned(),
        "boolean" => "BOOLEAN".to_owned(),
        other => format!("{other}?"),
    }
}

/// Prepares every statement of a crate and returns those the database does not understand, each
/// with its reason. Empty is good.
pub async fn prepare_check(db: &Db, statements: &[&'static str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for statement in statements {
        if let Err(error) = db.prepare(statement).await {
            wrong.push(format!("{statement}: {error}"));
        }
    }
    wrong
}
