//! What encrypts connections, from the files of a certificate, also when these are renewed.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{ServiceError, TlsFiles};

/// How often it is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A certificate in use.
pub(super) struct Certificate {
    files: TlsFiles,
    used: Mutex<Used>,
}

struct Used {
    acceptor: TlsAcceptor,
    /// When the files were written that were read last.
    written: [Option<SystemTime>; 2],
    looked: Instant,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Tls`] with the file that cannot be used.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, ServiceError> {
        let written = written(files);
        let used = Used { acceptor: read(files)?, written, looked: Instant::now() };
        Ok(Self { files: files.clone(), used: Mutex::new(used) })
    }

    /// What encrypts the next connection: by the files as they are now, if they can be used.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.looked.elapsed() >= LOOK_EVERY {
            used.looked = Instant::now();
            let written = written(&self.files);
            if written != used.written {
                used.written = written;
                match read(&self.files) {
                    Ok(acceptor) => used.acceptor = acceptor,
                    Err(error) => tracing::error!("the certificate stays as it was: {error}"),
                }
            }
        }
        used.acceptor.clone()
    }
}

fn written(files: &TlsFiles) -> [Option<SystemTime>; 2] {
    [&files.cert, &files.key].map(|path| fs::metadata(path).and_then(|file| file.modified()).ok())
}

fn read(files: &TlsFiles) -> Result<TlsAcceptor, ServiceError> {
    let refuse =
        |path: &Path, problem: String| ServiceError::Tls { path: path.to_owned(), problem };
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refuse(&files.cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(refuse(&files.cert, "there is no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| refuse(&files.key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| refuse(&files.cert, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
