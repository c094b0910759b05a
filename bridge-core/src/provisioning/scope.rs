//! Which networks a request is about: one, where the address names it, else all of them. Where they are
//! all there, a flow is called `NETWORK:FLOW`.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::shapes::{Flow, NetworkBody};
use super::{Provisioning, failure::Failure};
use crate::ids::{LoginId, NetworkId};
use crate::network::{LoginFlow, NetworkFacts};

/// The networks a request is about.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    one: Option<NetworkId>,
}

impl FromRequestParts<Provisioning> for Scope {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &Provisioning) -> Result<Self, Failure> {
        let path = Path::<BTreeMap<String, String>>::from_request_parts(parts, &()).await;
        let named = path.ok().and_then(|Path(mut path)| path.remove("network"));
        let one = named.map(NetworkId::new);
        match &one {
            Some(network) if !state.0.parts.networks.contains(network) => {
                Err(Failure::not_found(format!("There is no network `{network}` here.")))
            }
            _ => Ok(Self { one }),
        }
    }
}

impl Scope {
    fn has(&self, network: &NetworkId) -> bool {
        self.one.as_ref().is_none_or(|one| one == network)
    }

    /// Returns the ways to log in.
    pub(super) fn flows(&self, state: &Provisioning) -> Vec<Flow> {
        let networks = state.0.parts.networks.all().into_iter();
        networks
            .filter(|(network, _)| self.has(network))
            .flat_map(|(network, facts)| {
                let flows = state.flows_of(&network).into_iter();
                flows.map(|flow| self.write(&network, &facts, flow)).collect::<Vec<_>>()
            })
            .collect()
    }

    fn write(&self, network: &NetworkId, facts: &NetworkFacts, flow: LoginFlow) -> Flow {
        let LoginFlow { id, name, description } = flow;
        let (id, name) = match self.one {
            Some(_) => (id, name),
            None => (format!("{network}:{id}"), format!("{}: {name}", facts.display_name)),
        };
        Flow { id, name, description, network: network.as_str().to_owned() }
    }

    /// Finds a flow by the id that [`Scope::flows`] gave it. A network's name alone means its first.
    pub(super) fn flow(
        &self,
        state: &Provisioning,
        id: &str,
    ) -> Result<(NetworkId, String), Failure> {
        let (network, flow) = match (&self.one, id.split_once(':')) {
            (Some(one), _) => (one.clone(), Some(id)),
            (None, Some((network, flow))) => (NetworkId::new(network), Some(flow)),
            (None, None) => (NetworkId::new(id), None),
        };
        let flows = state.flows_of(&network);
        let found = match flow {
            Some(flow) => flows.into_iter().find(|known| known.id == flow),
            None => flows.into_iter().next(),
        };
        match found {
            Some(found) => Ok((network, found.id)),
            None => Err(Failure::not_found(format!("There is no way to log in called `{id}`."))),
        }
    }

    /// Returns somebody's logins.
    pub(super) fn logins(&self, state: &Provisioning, mxid: &str) -> Vec<LoginId> {
        state.0.parts.logins.of_owner(mxid, self.one.as_ref())
    }

    /// Returns the login a request goes through: the one it names, else a connected one, else any.
    pub(super) fn login(
        &self,
        state: &Provisioning,
        mxid: &str,
        named: Option<&str>,
    ) -> Result<LoginId, Failure> {
        let mine = self.logins(state, mxid);
        let found = match named {
            Some(named) => mine.into_iter().find(|login| login.as_str() == named),
            None => {
                let connected = mine.iter().find(|login| state.0.parts.logins.is_connected(login));
                connected.or_else(|| mine.first()).cloned()
            }
        };
        found.ok_or_else(|| {
            Failure::not_found(match named {
                Some(named) => format!("You have no login `{named}`."),
                None => "You are not logged in.".to_owned(),
            })
        })
    }

    /// Describes the network, or all of them as one.
    pub(super) fn describe(&self, state: &Provisioning) -> NetworkBody {
        let facts = self.one.as_ref().and_then(|one| state.0.parts.networks.facts(one));
        match (&self.one, facts) {
            (Some(network), Some(facts)) => NetworkBody {
                displayname: facts.display_name.clone(),
                network_url: facts.url.to_owned(),
                network_icon: String::new(),
                network_id: network.as_str().to_owned(),
                beeper_bridge_type: format!("com.rialto.{}", facts.kind),
            },
            _ => NetworkBody {
                displayname: "Rialto".to_owned(),
                network_url: env!("CARGO_PKG_REPOSITORY").to_owned(),
                network_icon: String::new(),
                network_id: "rialto".to_owned(),
                beeper_bridge_type: "com.rialto".to_owned(),
            },
        }
    }
}

impl Provisioning {
    fn flows_of(&self, network: &NetworkId) -> Vec<LoginFlow> {
        self.0.parts.networks.connector(network).map(|c| c.login_flows()).unwrap_or_default()
    }
}
