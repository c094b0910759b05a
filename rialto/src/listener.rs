//! Ports, with and without TLS.

use crate::{
    config::{ListenAddress, Tls},
    failure::Failure,
};
use axum::Router;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};

/// Takes a port.
pub(crate) fn bind(address: &ListenAddress, key: &str) -> Result<TcpListener, Failure> {
    let what = "cannot start";
    let listener = TcpListener::bind(address.as_str()).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(
            what,
            format!("the address {address} is taken by another program"),
            format!("Stop that program, or set another {key}"),
        ),
        io::ErrorKind::PermissionDenied => Failure::new(
            what,
            format!("this user may not listen on {address}; ports below 1024 need a right"),
            format!("Set another {key}, or grant CAP_NET_BIND_SERVICE"),
        ),
        io::ErrorKind::AddrNotAvailable => Failure::new(
            what,
            format!("{address} is no address of this machine"),
            format!("Set another {key}; `0.0.0.0:PORT` listens on all addresses"),
        ),
        _ => Failure::new(what, format!("{address}: {error}"), format!("Check {key}")),
    })?;
    listener
        .set_nonblocking(true)
        .map_err(|error| Failure::new(what, format!("{address}: {error}"), "Try again"))?;
    Ok(listener)
}

/// Serves a router until the handle says stop.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
) -> io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        None => axum_server::from_tcp(listener)?.handle(handle).serve(service).await,
        Some(tls) => {
            axum_server::from_tcp_rustls(listener, tls)?.handle(handle).serve(service).await
        }
    }
}

/// Reads certificate and key, and checks that they belong together.
pub(crate) fn load_tls(files: &Tls) -> Result<Arc<ServerConfig>, Failure> {
    let chain = read_chain(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unusable("homeserver.tls.key", &files.key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| refused(files, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

const WHAT: &str = "cannot use TLS";

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unusable("homeserver.tls.certificate", file, &error))?;
    if chain.is_empty() {
        return Err(Failure::usage(
            WHAT,
            format!("{} holds no certificate in PEM", file.display()),
            "Set homeserver.tls.certificate to the full chain",
        ));
    }
    Ok(chain)
}

fn unusable(key: &str, file: &Path, error: &rustls::pki_types::pem::Error) -> Failure {
    Failure::usage(
        WHAT,
        format!("{} cannot be read: {error}", file.display()),
        format!("Check {key}"),
    )
}

fn refused(files: &Tls, error: &rustls::Error) -> Failure {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    match error {
        rustls::Error::InconsistentKeys(_) => Failure::usage(
            WHAT,
            format!("the certificate {certificate} and the key {key} do not match"),
            "Set homeserver.tls to a certificate and the key it was made for",
        ),
        error => Failure::usage(
            WHAT,
            format!("the certificate {certificate} or the key {key} is refused: {error}"),
            "Check both files",
        ),
    }
}
