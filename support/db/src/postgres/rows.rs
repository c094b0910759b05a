//! Our values to PostgreSQL's and back.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::{
    Arguments as _, Column as _, Decode, Either, Executor as _, PgConnection, Postgres, Row as _,
    TypeInfo as _, ValueRef as _,
    postgres::{PgArguments, PgRow, PgValueRef},
};

use super::translate;
use crate::{
    DbError, Row,
    connection::Answer,
    value::{Kind, Value},
};

/// Runs a statement to its end and collects its rows.
pub(crate) async fn query_on(
    connection: &mut PgConnection,
    sql: &'static str,
    params: &[Value<'_>],
) -> Result<Answer, DbError> {
    let arguments = arguments(params)
        .map_err(|error| DbError::Statement { message: error.to_string(), sql: sql.to_owned() })?;
    let mut answer = Answer { rows: Vec::new(), affected: 0 };
    let mut columns: Option<Arc<[Box<str>]>> = None;
    let mut stream = connection.fetch_many(sqlx::query_with(sql, arguments));
    while let Some(step) = stream.try_next().await.map_err(|error| translate(&error, sql))? {
        match step {
            Either::Left(done) => answer.affected += done.rows_affected(),
            Either::Right(row) => {
                let columns = columns.get_or_insert_with(|| {
                    row.columns().iter().map(|column| Box::from(column.name())).collect()
                });
                answer.rows.push(read_row(&row, Arc::clone(columns), sql)?);
            }
        }
    }
    Ok(answer)
}

fn arguments(params: &[Value<'_>]) -> Result<PgArguments, sqlx::error::BoxDynError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(params.len(), params.len() * 16);
    for value in params {
        match value {
            Value::Null(Kind::Integer) => arguments.add(None::<i64>),
            Value::Null(Kind::Text) => arguments.add(None::<&str>),
            Value::Null(Kind::Bytes) => arguments.add(None::<&[u8]>),
            Value::Null(Kind::Bool) => arguments.add(None::<bool>),
            Value::Integer(integer) => arguments.add(*integer),
            Value::Text(text) => arguments.add(&**text),
            Value::Bytes(bytes) => arguments.add(&**bytes),
            Value::Bool(bool) => arguments.add(*bool),
        }?;
    }
    Ok(arguments)
}

fn read_row(row: &PgRow, columns: Arc<[Box<str>]>, sql: &str) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(columns.len());
    for index in 0..columns.len() {
        let value = row.try_get_raw(index).map_err(|error| translate(&error, sql))?;
        values.push(read(value).map_err(|problem| DbError::Column {
            column: columns[index].to_string(),
            problem: problem.to_string(),
        })?);
    }
    Ok(Row { columns, values })
}

fn read(value: PgValueRef<'_>) -> Result<Value<'static>, sqlx::error::BoxDynError> {
    if value.is_null() {
        return Ok(Value::Null(Kind::Text));
    }
    let info = value.type_info().into_owned();
    Ok(match info.name() {
        "INT8" => Value::Integer(<i64 as Decode<Postgres>>::decode(value)?),
        "INT4" => Value::Integer(<i32 as Decode<Postgres>>::decode(value)?.into()),
        "INT2" => Value::Integer(<i16 as Decode<Postgres>>::decode(value)?.into()),
        "BOOL" => Value::Bool(<bool as Decode<Postgres>>::decode(value)?),
        "BYTEA" => Value::Bytes(<Vec<u8> as Decode<Postgres>>::decode(value)?.into()),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" => {
            Value::Text(<String as Decode<Postgres>>::decode(value)?.into())
        }
        "FLOAT8" => Value::Text(<f64 as Decode<Postgres>>::decode(value)?.to_string().into()),
        "VOID" => Value::Null(Kind::Text),
        other => {
            let problem = format!("it is a {other}; cast it to BIGINT, TEXT, BOOLEAN or BYTEA");
            return Err(problem.into());
        }
    })
}
