//! TLS 1.3 with AES-128-GCM, and no protocol: what encrypting and verifying alone cost.

use super::chunks::Chunks;
use super::line::{Gave, Listening, Took};
use super::streams::{self, BUFFER_BYTES};
use crate::BenchError;
use rcgen::generate_simple_self_signed;
use std::sync::Arc;
use tokio::io::BufReader;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::aws_lc_rs::{self, cipher_suite};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Whom the certificate names.
const NAME: &str = "localhost";

/// Gives until the taker has everything.
pub(super) async fn give(
    chunks: &Arc<Chunks>,
    count: u64,
    tell: impl FnOnce(Listening),
) -> Result<Gave, BenchError> {
    let (config, proof) = server()?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = streams::listen().await?;
    tell(Listening { address: listener.local_addr()?.to_string(), proof });
    let mut streams = Vec::new();
    for socket in streams::accept(listener).await? {
        streams.push(acceptor.accept(BufReader::with_capacity(BUFFER_BYTES, socket)).await?);
    }
    streams::give(streams, chunks, count).await
}

/// Takes everything.
pub(super) async fn take(
    chunks: &Arc<Chunks>,
    count: u64,
    listening: &Listening,
) -> Result<Took, BenchError> {
    let connector = TlsConnector::from(Arc::new(client(&listening.proof)?));
    let mut streams = Vec::new();
    for socket in streams::connect(&listening.address).await? {
        let name = ServerName::try_from(NAME).map_err(failed)?;
        streams.push(connector.connect(name, BufReader::with_capacity(BUFFER_BYTES, socket)).await?);
    }
    streams::take(streams, chunks, count).await
}

/// The node's provider with the suite that its connections agree on.
fn provider() -> Arc<CryptoProvider> {
    let cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
    Arc::new(CryptoProvider { cipher_suites, ..aws_lc_rs::default_provider() })
}

/// Shows a new certificate, which comes with it as PEM.
fn server() -> Result<(ServerConfig, String), BenchError> {
    let made = generate_simple_self_signed([NAME.to_owned()]).map_err(failed)?;
    let key = PrivateKeyDer::try_from(made.key_pair.serialize_der()).map_err(failed)?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(failed)?;
    Ok((config, made.cert.pem()))
}

/// Believes this certificate only.
fn client(proof: &str) -> Result<ClientConfig, BenchError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(proof.as_bytes()).map_err(failed)?).map_err(failed)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(failed)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn failed(why: impl ToString) -> BenchError {
    BenchError::step("TLS", why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_rustls::rustls::CipherSuite;

    #[tokio::test]
    async fn both_ends_agree_on_aes_128() {
        let (config, proof) = server().unwrap();
        let (near, far) = tokio::io::duplex(BUFFER_BYTES);
        let (acceptor, connector) =
            (TlsAcceptor::from(Arc::new(config)), TlsConnector::from(Arc::new(client(&proof).unwrap())));
        let name = ServerName::try_from(NAME).unwrap();
        let (served, connected) = tokio::join!(acceptor.accept(near), connector.connect(name, far));
        let suites = [
            served.unwrap().get_ref().1.negotiated_cipher_suite(),
            connected.unwrap().get_ref().1.negotiated_cipher_suite(),
        ];
        assert!(suites.iter().all(|suite| suite.unwrap().suite() == CipherSuite::TLS13_AES_128_GCM_SHA256));
    }
}
