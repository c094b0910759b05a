//! Everyday life of two people, told once and lived with each client library: matrix-nio, matrix-js-sdk in Node, and
//! matrix-js-sdk in Chromium. Everything they say passes a witness who knows the specification.

mod chat;
mod day;
mod finding;
mod offline;
mod presence;
mod relations;
mod table;

use anyhow::{Result, ensure};
use e2e::{ForeignClient, Library, NewRoom, Program, Setup, Witness};
use serde_json::json;

/// Alice and Bob, each with a client of the library, and what stands between them.
struct Two {
    alice: ForeignClient,
    bob: ForeignClient,
    program: Program,
    witness: Witness,
}

impl Two {
    async fn on(library: Library) -> Result<Two> {
        let program = Setup::new().start().await?;
        program.create_user("alice").await?;
        program.create_user("bob").await?;
        let witness = Witness::before(&program).await?;
        let alice = ForeignClient::log_in(library, witness.url(), "alice").await?;
        // The other one need not be in a browser too: what they see of each other is the same.
        let other = if library == Library::Browser { Library::JsSdk } else { library };
        let bob = ForeignClient::log_in(other, witness.url(), "bob").await?;
        Ok(Two { alice, bob, program, witness })
    }

    /// Makes a room of Alice's where both are, in both clients' eyes.
    async fn room(&mut self, wish: NewRoom<'_>) -> Result<String> {
        let invite = [&*self.bob.user_id];
        let room = self.alice.create_room(NewRoom { invite: &invite, ..wish }).await?;
        self.alice.expect_joined(&room, 2).await?;
        self.bob.expect_joined(&room, 2).await?;
        Ok(room)
    }

    /// What has to hold in the end, whatever was told.
    async fn end(mut self) -> Result<()> {
        if self.alice.library == Library::Browser {
            let refused = self.alice.ask("refused", json!({})).await?;
            ensure!(refused == json!([]), "the browser refused: {refused:#}");
        }
        self.witness.testify(10)
    }
}
