//! Rialto beside a homeserver that is not its own: registered there, with a [`QuirkProxy`] on either way.
//!
//! The homeserver is a real Synapse; other homeservers' ways are put on by the proxies.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;

use crate::program::{Elsewhere, Program, Setup};
use crate::quirks::{Quirk, QuirkProxy};
use crate::synapse::Synapse;

/// What the homeserver keeps its rows in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Synapse,
    SynapseOnPostgres,
}

impl Kind {
    /// Returns what `RIALTO_TEST_HOMESERVER` asks for: `synapse` or `synapse-on-postgres`.
    pub fn asked_for() -> Result<Option<Kind>> {
        match std::env::var("RIALTO_TEST_HOMESERVER").ok().as_deref() {
            None | Some("") => Ok(None),
            Some("synapse") => Ok(Some(Kind::Synapse)),
            Some("synapse-on-postgres") => Ok(Some(Kind::SynapseOnPostgres)),
            Some(other) => bail!("RIALTO_TEST_HOMESERVER is `{other}`"),
        }
    }

    async fn start(self, registrations: &[PathBuf]) -> Result<Synapse> {
        match self {
            Kind::Synapse => Synapse::start(registrations).await,
            Kind::SynapseOnPostgres => Synapse::start_on_postgres(registrations).await,
        }
    }
}

/// Both, and what lies between them. Dropped in this order.
#[derive(Debug)]
pub struct Beside {
    pub program: Program,
    /// From Rialto to the homeserver.
    pub way_there: QuirkProxy,
    /// From the homeserver to Rialto.
    pub way_back: QuirkProxy,
    pub homeserver: Synapse,
}

impl Beside {
    /// Registers Rialto at a homeserver; Rialto itself is not started yet.
    pub async fn registered(
        kind: Kind,
        setup: Setup,
        quirks: &[Quirk],
        with_double_puppets: bool,
    ) -> Result<Beside> {
        let way_there = QuirkProxy::start(quirks).await?;
        let way_back = QuirkProxy::start(quirks).await?;
        let elsewhere = |for_people: String| Elsewhere {
            url: way_there.url().to_owned(),
            address: way_back.url().to_owned(),
            for_people,
        };
        let mut program = setup.elsewhere(elsewhere(String::new())).write()?;
        way_back.lead_to(&program.url());
        let mut verbs = vec![("registration.yaml", &[][..])];
        if with_double_puppets {
            verbs.push(("double-puppets.yaml", &["--double-puppets"][..]));
        }
        let mut files = Vec::new();
        for (file, flags) in verbs {
            let mut arguments = vec!["registration", "generate", "--out", file];
            arguments.extend(flags);
            program.cli(&arguments).await?;
            files.push(program.folder().join(file));
        }
        let homeserver = kind.start(&files).await.context("no homeserver")?;
        way_there.lead_to(&homeserver.url());
        let there = elsewhere(homeserver.url());
        program.configure(|setup| setup.elsewhere(there))?;
        Ok(Beside { program, way_there, way_back, homeserver })
    }

    /// Everything registered and running.
    pub async fn start(kind: Kind, setup: Setup, quirks: &[Quirk]) -> Result<Beside> {
        let mut beside = Beside::registered(kind, setup, quirks, false).await?;
        beside.program.up().await?;
        Ok(beside)
    }
}
