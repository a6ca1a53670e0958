//! Which certificate does the Hub show? That of two files, which are read again on request and when they change. Connections
//! that are open go on; new ones get the new certificate; files that are no pair leave the old one in place.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file holds nothing of its kind.
    #[error("{} holds no {what} in PEM", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// Certificate and key do not belong together, or are of a kind that nobody knows.
    #[error("certificate and key cannot be used: {0}")]
    Pair(rustls::Error),
}

/// The certificate of the listener.
#[derive(Debug, Clone)]
pub struct Tls {
    acceptor: Acceptor,
    shown: Arc<Shown>,
}

#[derive(Clone)]
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

#[derive(Debug)]
struct Shown {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    pair: Arc<CertifiedKey>,
    /// What the files held, to tell a change whatever the clocks of file systems say.
    content: (Vec<u8>, zeroize::Zeroizing<Vec<u8>>),
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).pair))
    }
}

impl Tls {
    /// Reads the two files: a certificate with those that vouch for it, and its key, in PEM. Blocks on the disk.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let current = RwLock::new(Current::read(certificate, key)?);
        let shown = Arc::new(Shown { certificate: certificate.to_owned(), key: key.to_owned(), current });
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: Acceptor(TlsAcceptor::from(Arc::new(config))), shown })
    }

    /// Reads the files again; tells whether they had changed. After an error the old certificate stays. Blocks on the disk.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let read = Current::read(&self.shown.certificate, &self.shown.key)?;
        let mut current = self.shown.current.write().unwrap_or_else(PoisonError::into_inner);
        let has_changed = read.content != current.content;
        *current = read;
        Ok(has_changed)
    }

    /// Looks at the files again and again, for ever: whoever renews certificates often cannot tell anybody.
    pub async fn watch(self, every: Duration) {
        let mut last_fault = String::new();
        loop {
            tokio::time::sleep(every).await;
            let tls = self.clone();
            let reloaded = tokio::task::spawn_blocking(move || tls.reload()).await;
            match reloaded {
                Ok(Ok(true)) => tracing::info!("new connections get the new certificate"),
                Ok(Err(error)) if error.to_string() != last_fault => {
                    // While files are being replaced they do not fit; that is over at the next look.
                    last_fault = error.to_string();
                    tracing::warn!(%error, "cannot read the certificate again; the old one stays");
                }
                Ok(Ok(false)) => last_fault.clear(),
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor.0
    }
}

impl Current {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
        };
        let empty = |path: &Path, what| TlsError::Empty { path: path.to_owned(), what };
        let content = (read(certificate)?, zeroize::Zeroizing::new(read(key)?));
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&content.0)
            .collect::<Result<_, _>>()
            .map_err(|_| empty(certificate, "certificate"))?;
        if chain.is_empty() {
            return Err(empty(certificate, "certificate"));
        }
        let secret = PrivateKeyDer::from_pem_slice(&content.1).map_err(|_| empty(key, "private key"))?;
        let pair =
            CertifiedKey::from_der(chain, secret, &ring::default_provider()).map_err(TlsError::Pair)?;
        Ok(Self { pair: Arc::new(pair), content })
    }
}
