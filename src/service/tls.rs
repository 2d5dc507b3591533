//! From the files of a certificate to what encrypts connections.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{ServiceError, TlsFiles};

/// Reads the files.
///
/// # Errors
///
/// [`ServiceError::Tls`] with the file that cannot be used.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServiceError> {
    let refuse =
        |path: &Path, problem: String| ServiceError::Tls { path: path.to_owned(), problem };
    let read = |error: &dyn std::fmt::Display| error.to_string();
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refuse(&files.cert, read(&error)))?;
    if chain.is_empty() {
        return Err(refuse(&files.cert, "there is no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| refuse(&files.key, read(&error)))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| refuse(&files.cert, read(&error)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
