//! The verb's end of the socket.

use super::{Answer, LONGEST_LINE, Order, shorten, socket_path};
use crate::failure::Failure;
use std::{io, path::Path};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

/// Sends an order to the server that runs on this data folder. `None`: none does.
pub(crate) async fn send_to_running(
    data_dir: &Path,
    order: &Order,
) -> Option<Result<Answer, Failure>> {
    let path = socket_path(data_dir);
    let connected = match shorten(&path) {
        Ok(short) => UnixStream::connect(&short.path).await,
        Err(error) => Err(error),
    };
    match connected {
        Ok(stream) => Some(converse(stream, order).await.unwrap_or_else(|error| {
            Err(Failure::new(
                "cannot tell whether it was done",
                format!("the running server went away: {error}"),
                "Look whether it is done, and try again if not",
            ))
        })),
        Err(error) if is_absent(&error) => None,
        Err(error) => Some(Err(Failure::file("cannot reach the running server", &path, &error))),
    }
}

/// No file, or one that a crash left behind.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory
    )
}

async fn converse(mut stream: UnixStream, order: &Order) -> io::Result<Result<Answer, Failure>> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = String::new();
    let mut reader = BufReader::new(stream.take(LONGEST_LINE));
    reader.read_line(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&answer)?)
}
