//! The one place that builds HTTP clients.
//!
//! TLS is rustls with ring, handed in: nothing process-wide is installed, so that two configurations live side by side. Roots are
//! Mozilla's plus the system's CA file, where there is one. No redirects (a Matrix API does not redirect, and a token must not
//! follow one) and no proxy from the environment.

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The whole call, answer included. `None` is for streams.
    pub timeout: Option<Duration>,
    /// Name look-up, connection and TLS. Shorter than `timeout`, so that an unreachable host is known as such.
    pub connect_timeout: Duration,
    /// Believes any certificate. For peers with private certificates that the operator vouches for.
    pub accept_invalid_certificates: bool,
}

impl Default for ClientOptions {
    fn default() -> ClientOptions {
        ClientOptions {
            timeout: Some(Duration::from_secs(60)),
            connect_timeout: Duration::from_secs(10),
            accept_invalid_certificates: false,
        }
    }
}

/// Why no client could be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// rustls refused the configuration.
    #[error("the TLS configuration is not usable: {0}")]
    Tls(#[from] rustls::Error),
    /// reqwest refused the configuration.
    #[error("the HTTP client could not be built: {0}")]
    Client(#[from] reqwest::Error),
}

/// Builds a client. It is cheap to clone and keeps a pool of connections: make one and share it.
pub fn shared_client(options: &ClientOptions) -> Result<reqwest::Client, ClientError> {
    let trust = if options.accept_invalid_certificates { Trust::Anybody } else { Trust::Web };
    let mut tls = tls_client_config(trust)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(options.connect_timeout)
        .user_agent(concat!("Rialto/", env!("CARGO_PKG_VERSION")));
    if let Some(timeout) = options.timeout {
        builder = builder.timeout(timeout);
    }
    Ok(builder.build()?)
}

/// Whose certificates a client believes.
#[derive(Debug, Clone)]
pub enum Trust {
    /// What the web believes: [`server_roots`].
    Web,
    /// These authorities and no others.
    Only(RootCertStore),
    /// Anybody. For peers with private certificates that the operator vouches for.
    Anybody,
}

/// Makes the TLS configuration of a client, for raw sockets too.
pub fn tls_client_config(trust: Trust) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match trust {
        Trust::Web => builder.with_root_certificates(server_roots()),
        Trust::Only(roots) => builder.with_root_certificates(roots),
        Trust::Anybody => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAny { provider }))
        }
    };
    Ok(builder.with_no_client_auth())
}

/// Collects the certificates that are trusted: Mozilla's, and those of the system's CA file.
///
/// The file is `SSL_CERT_FILE`, else the first of the usual places; one that cannot be read counts as absent, because Mozilla's
/// roots are enough for the public internet.
pub fn server_roots() -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = system_ca_file() {
        match CertificateDer::pem_file_iter(&file) {
            Ok(certificates) => {
                roots.add_parsable_certificates(certificates.filter_map(Result::ok));
            }
            Err(error) => tracing::warn!(
                file = %file.display(),
                error = &error as &dyn std::error::Error,
                "the system's CA file could not be read"
            ),
        }
    }
    roots
}

fn system_ca_file() -> Option<PathBuf> {
    const PLACES: [&str; 3] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];
    if let Some(named) = std::env::var_os("SSL_CERT_FILE").filter(|name| !name.is_empty()) {
        return Some(PathBuf::from(named));
    }
    PLACES.iter().map(PathBuf::from).find(|place| place.is_file())
}

/// Believes every certificate, but still checks that the peer holds its key.
#[derive(Debug)]
struct AcceptAny {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
