//! The certificate the doors show, read from files.
//!
//! Promises that files which cannot be used are an error that names the file: whoever asked for TLS gets
//! TLS, or no door at all.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgwire::tokio::TlsAcceptor;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How a client asks for PostgreSQL right behind the TLS handshake.
const POSTGRESQL: &[u8] = b"postgresql";

/// A certificate with its key.
#[derive(Clone)]
pub struct Identity {
    certificate: Vec<u8>,
    key: Arc<[u8]>,
    server: Arc<ServerConfig>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// Why files are no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("the file {} cannot be read: {why}", .file.display())]
    Unread {
        /// Which.
        file: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("the file {} holds no {what} in PEM form", .file.display())]
    Empty {
        /// Which.
        file: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// They do not go together.
    #[error("the certificate and the key do not go together: {0}")]
    Unfit(#[from] rustls::Error),
}

impl Identity {
    /// Reads a certificate (with those that vouch for it behind it) and its key.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let read = |file: &Path| {
            std::fs::read(file).map_err(|why| IdentityError::Unread { file: file.to_owned(), why })
        };
        let (certificate_pem, key_pem) = (read(certificate)?, read(key)?);
        let empty = |file: &Path, what| IdentityError::Empty { file: file.to_owned(), what };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&certificate_pem)
            .collect::<Result<_, _>>()
            .map_err(|_| empty(certificate, "certificate"))?;
        if chain.is_empty() {
            return Err(empty(certificate, "certificate"));
        }
        let private =
            PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_| empty(key, "private key"))?;
        let mut server =
            ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private)?;
        server.alpn_protocols = vec![POSTGRESQL.to_vec()];
        Ok(Self { certificate: certificate_pem, key: key_pem.into(), server: Arc::new(server) })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.server))
    }

    pub(crate) fn tonic(&self) -> tonic::transport::Identity {
        tonic::transport::Identity::from_pem(&self.certificate, &self.key)
    }
}
