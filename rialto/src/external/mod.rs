//! An external homeserver at start: is it there, is it new enough, does it know us, does it reach us?
//!
//! [`External::connect`] asks what can be asked before we listen, [`External::ping`] what needs our listener. Each finding says what is
//! wrong and what to change. What single servers do in ways of their own lies in [`quirks`].

mod findings;
mod nudge;
mod ping;
mod quirks;

use crate::{config::Config, failure::Failure, house::outgoing};
use bytes::Bytes;
use findings::WHAT;
use http::{Request, Response, header};
use registration::Registration;
use std::{sync::Arc, time::Duration};
use support_clock::Clock;
use support_matrix_http::{CallTimeout, HttpTransport, SocketTransport, TransportError};

/// A homeserver that works at all answers these questions quickly.
const PATIENCE: Duration = Duration::from_secs(15);

/// An account that belongs to no network: asking for it shows whether the homeserver lets us have names.
const PROBE: &str = "_rialto_check";

/// The way to an external homeserver that knows our registration.
pub(crate) struct External {
    transport: Arc<dyn HttpTransport>,
    /// For people.
    url: String,
    /// How the homeserver reaches us, for people.
    address: String,
    bearer: String,
    server_name: String,
    id: String,
}

impl External {
    /// Makes the way, once the homeserver has proven to be one that knows our registration.
    pub(crate) async fn connect(
        config: &Config,
        registration: &Registration,
        clock: &dyn Clock,
    ) -> Result<External, Failure> {
        let Some(url) = &config.homeserver.url else {
            return Err(Failure::usage(WHAT, "homeserver.url is missing", "Set it"));
        };
        let transport = SocketTransport::new(url, outgoing(config))
            .map_err(|error| Failure::new(WHAT, error.to_string(), "Check homeserver.url"))?;
        let bot = format!("@{}:{}", config.bridge.bot, config.homeserver.server_name);
        let external = External {
            transport: quirks::around(Arc::new(transport), &bot, &registration.as_token),
            url: url.as_str().trim_end_matches('/').to_owned(),
            address: config.appservice.address.as_str().trim_end_matches('/').to_owned(),
            bearer: bearer(registration),
            server_name: config.homeserver.server_name.to_string(),
            id: registration.id.clone(),
        };
        let versions = external.ask(Request::get("/_matrix/client/versions")).await?;
        findings::check_versions(&external.url, &versions)?;
        findings::tell_clock(&versions, clock.now_ms());
        external.check_identity(config).await?;
        external.check_namespaces().await?;
        Ok(external)
    }

    /// Returns how requests reach the homeserver.
    pub(crate) fn transport(&self) -> Arc<dyn HttpTransport> {
        Arc::clone(&self.transport)
    }

    /// Tells whether the homeserver knows a second registration of ours.
    pub(crate) async fn knows(&self, other: &Registration) -> Result<bool, Failure> {
        let whoami = Request::get("/_matrix/client/v3/account/whoami")
            .header(header::AUTHORIZATION, bearer(other));
        Ok(self.ask(whoami).await?.status().is_success())
    }

    /// Who the token says we are. Asked without a name, because the answer carries the server's own.
    async fn check_identity(&self, config: &Config) -> Result<(), Failure> {
        let whoami = Request::get("/_matrix/client/v3/account/whoami").extension(quirks::AsIs);
        let answer = self.ask(self.as_bot(whoami)).await?;
        findings::check_token(&self.url, &answer)?;
        let server_name = config.homeserver.server_name.as_str();
        findings::check_identity(&self.url, &answer, &config.bridge.bot, server_name)
    }

    /// Whether the homeserver's copy of the registration gives us the names we use.
    async fn check_namespaces(&self) -> Result<(), Failure> {
        let body = serde_json::json!({
            "type": "m.login.application_service", "username": PROBE, "inhibit_login": true,
        });
        let register = Request::post("/_matrix/client/v3/register")
            .header(header::CONTENT_TYPE, "application/json");
        let answer = self.tell(self.as_bot(register), &body).await?;
        findings::check_namespaces(&self.url, &answer)
    }

    fn as_bot(&self, request: http::request::Builder) -> http::request::Builder {
        request.header(header::AUTHORIZATION, &self.bearer)
    }

    async fn ask(&self, request: http::request::Builder) -> Result<Response<Bytes>, Failure> {
        self.call(request, Bytes::new()).await
    }

    async fn tell(
        &self,
        request: http::request::Builder,
        body: &serde_json::Value,
    ) -> Result<Response<Bytes>, Failure> {
        self.call(request, Bytes::from(body.to_string())).await
    }

    async fn call(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Response<Bytes>, Failure> {
        let request = request.extension(CallTimeout(PATIENCE)).body(body).map_err(|error| {
            Failure::new(WHAT, error.to_string(), "Check the kept registration")
        })?;
        self.transport.call(request).await.map_err(|error| {
            let (TransportError::NotSent(why) | TransportError::Unanswered(why)) = error;
            Failure::new(
                WHAT,
                format!("{} cannot be reached: {why}", self.url),
                "Start it first, or check homeserver.url",
            )
        })
    }
}

fn bearer(registration: &Registration) -> String {
    format!("Bearer {}", registration.as_token.expose())
}
