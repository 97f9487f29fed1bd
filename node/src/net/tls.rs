//! TLS 1.3 with libp2p's identities, and AES-128-GCM first.
//!
//! On the wire it is libp2p's `/tls/1.0.0`: each side shows one self-signed certificate with an extension in which
//! the peer's key signs the certificate's. libp2p's own upgrade prefers ChaCha20, which costs two to four times the
//! CPU where the processor knows AES, and writes the session's keys to a file that the environment names. This one
//! does neither, takes only Ed25519 peers, and keeps no sessions: a handshake per connection is cheap enough.

use super::address::from_libp2p;
use super::buffered::ReadAhead;
use futures::future::BoxFuture;
use futures::{AsyncRead, AsyncWrite, FutureExt};
use futures_rustls::rustls::client::Resumption;
use futures_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use futures_rustls::rustls::crypto::CryptoProvider;
use futures_rustls::rustls::crypto::aws_lc_rs::{self, cipher_suite};
use futures_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use futures_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use futures_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use futures_rustls::rustls::version::TLS13;
use futures_rustls::rustls::{
    CertificateError, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, Error,
    ServerConfig, SignatureScheme,
};
use futures_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use libp2p::PeerId;
use libp2p::core::UpgradeInfo;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::identity::Keypair;
use libp2p::tls::certificate::{self, GenError, ParseError};
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The upgrade's name in the negotiation.
const PROTOCOL: &str = "/tls/1.0.0";

/// What both sides name in the handshake itself.
const ALPN: &[u8] = b"libp2p";

/// The upgrade of a TCP connection to an encrypted one whose ends have proved who they are.
#[derive(Clone)]
pub(super) struct Tls {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

/// Why an upgrade cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// The identity cannot sign a certificate.
    #[error(transparent)]
    Certificate(#[from] GenError),
    /// The library refuses its own key or suites.
    #[error(transparent)]
    Setup(#[from] Error),
}

/// Why a connection is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    /// The handshake failed, or the connection broke.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[from] io::Error),
    /// The certificate is none of libp2p's.
    #[error("the peer's certificate proves no identity: {0}")]
    Certificate(#[from] ParseError),
    /// There is not exactly one.
    #[error("the peer shows not exactly one certificate")]
    CertificateCount,
}

impl Tls {
    /// Proves this identity.
    pub(super) fn new(identity: &Keypair) -> Result<Self, TlsError> {
        let (certificate, key) = certificate::generate(identity)?;
        let key = aws_lc_rs::sign::any_ecdsa_type(&key)?;
        let shown = Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key)));
        let provider = Arc::new(CryptoProvider {
            cipher_suites: vec![
                cipher_suite::TLS13_AES_128_GCM_SHA256,
                cipher_suite::TLS13_AES_256_GCM_SHA384,
                cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            ],
            ..aws_lc_rs::default_provider()
        });

        Ok(Self {
            server: Arc::new(server(Arc::clone(&provider), Arc::clone(&shown))?),
            client: Arc::new(client(provider, shown)?),
        })
    }
}

fn server(provider: Arc<CryptoProvider>, shown: Arc<SingleCertAndKey>) -> Result<ServerConfig, Error> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(Verifier))
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client(provider: Arc<CryptoProvider>, shown: Arc<SingleCertAndKey>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier))
        .with_client_cert_resolver(shown);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}

/// Believes a certificate that a peer's key vouches for, whoever the peer is: the swarm compares names.
#[derive(Debug)]
struct Verifier;

/// The curves and hashes that a certificate's key may use. RSA is left out: libp2p's
/// programs make certificates with curve keys, and a large RSA key costs CPU to verify.
const SCHEMES: [SignatureScheme; 3] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ED25519,
];

fn verify_certificate(certificate: &CertificateDer<'_>, more: &[CertificateDer<'_>]) -> Result<(), Error> {
    let refused = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
    if !more.is_empty() {
        return Err(refused);
    }
    let parsed = certificate::parse(certificate)?;
    from_libp2p(&parsed.peer_id()).map(drop).ok_or(refused)
}

fn verify_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    certificate::parse(certificate)?.verify_signature(signed.scheme, message, signed.signature())?;
    Ok(HandshakeSignatureValid::assertion())
}

/// TLS 1.2 is not spoken, so nobody asks.
fn refuse_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::PeerIncompatible(futures_rustls::rustls::PeerIncompatible::Tls12NotOffered))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        more: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_certificate(certificate, more).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        more: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        verify_certificate(certificate, more).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

/// Who the other end has proved to be.
fn peer_of(state: &CommonState) -> Result<PeerId, HandshakeError> {
    let Some([certificate]) = state.peer_certificates() else { return Err(HandshakeError::CertificateCount) };
    Ok(certificate::parse(certificate)?.peer_id())
}

impl UpgradeInfo for Tls {
    type Info = &'static str;
    type InfoIter = std::iter::Once<&'static str>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once(PROTOCOL)
    }
}

impl<S> InboundConnectionUpgrade<S> for Tls
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, TlsStream<ReadAhead<S>>);
    type Error = HandshakeError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, socket: S, _: &'static str) -> Self::Future {
        async move {
            let stream = TlsAcceptor::from(self.server).accept(ReadAhead::new(socket)).await?;
            Ok((peer_of(stream.get_ref().1)?, stream.into()))
        }
        .boxed()
    }
}

impl<S> OutboundConnectionUpgrade<S> for Tls
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, TlsStream<ReadAhead<S>>);
    type Error = HandshakeError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, socket: S, _: &'static str) -> Self::Future {
        async move {
            // A name is demanded, though none is sent and none is checked.
            let nobody = ServerName::from(std::net::IpAddr::from(Ipv4Addr::UNSPECIFIED));
            let stream = TlsConnector::from(self.client).connect(nobody, ReadAhead::new(socket)).await?;
            Ok((peer_of(stream.get_ref().1)?, stream.into()))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_rustls::rustls::{CipherSuite, ClientConnection, ServerConnection};

    fn identity(number: u8) -> Keypair {
        Keypair::ed25519_from_bytes([number; 32]).expect("a seed")
    }

    fn tls(number: u8) -> Tls {
        Tls::new(&identity(number)).expect("an identity")
    }

    /// Both ends after the handshake, without a network.
    fn shake(
        client: Arc<ClientConfig>,
        server: Arc<ServerConfig>,
    ) -> Result<(ClientConnection, ServerConnection), Error> {
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::UNSPECIFIED));
        let mut client = ClientConnection::new(client, name)?;
        let mut server = ServerConnection::new(server)?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).expect("memory");
            server.read_tls(&mut wire.as_slice()).expect("memory");
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).expect("memory");
            client.read_tls(&mut wire.as_slice()).expect("memory");
            client.process_new_packets()?;
        }
        Ok((client, server))
    }

    #[test]
    fn both_ends_learn_who_the_other_is_and_use_aes_128() {
        let (client, server) = shake(tls(1).client, tls(2).server).expect("a handshake");
        assert_eq!(peer_of(&client).expect("a peer"), identity(2).public().to_peer_id());
        assert_eq!(peer_of(&server).expect("a peer"), identity(1).public().to_peer_id());
        for suite in [client.negotiated_cipher_suite(), server.negotiated_cipher_suite()] {
            assert_eq!(suite.expect("agreed").suite(), CipherSuite::TLS13_AES_128_GCM_SHA256);
        }
        assert_eq!((client.alpn_protocol(), server.alpn_protocol()), (Some(ALPN), Some(ALPN)));
    }

    #[test]
    fn stock_libp2p_is_understood_both_ways() {
        let stock = libp2p::tls::make_server_config(&identity(2)).expect("an identity");
        let (client, _) = shake(tls(1).client, Arc::new(stock)).expect("a handshake");
        assert_eq!(peer_of(&client).expect("a peer"), identity(2).public().to_peer_id());
        let stock = libp2p::tls::make_client_config(&identity(3), None).expect("an identity");
        let (_, server) = shake(Arc::new(stock), tls(1).server).expect("a handshake");
        assert_eq!(peer_of(&server).expect("a peer"), identity(3).public().to_peer_id());
    }

    #[test]
    fn keys_are_never_logged() {
        let Tls { server, client } = tls(1);
        for log in [&server.key_log, &client.key_log] {
            assert!(!log.will_log("CLIENT_TRAFFIC_SECRET_0"));
        }
    }

    #[test]
    fn a_certificate_that_was_touched_proves_nobody_else() {
        let (certificate, _) = certificate::generate(&identity(1)).expect("an identity");
        assert_eq!(verify_certificate(&certificate, &[]), Ok(()));
        let mut refused = 0;
        for at in 0..certificate.len() {
            let mut bytes = certificate.to_vec();
            bytes[at] ^= 1;
            match certificate::parse(&CertificateDer::from(bytes)) {
                Ok(parsed) => assert_eq!(parsed.peer_id(), identity(1).public().to_peer_id(), "byte {at}"),
                Err(_) => refused += 1,
            }
        }
        // A byte or two carry nothing.
        assert!(refused + 4 > certificate.len(), "{refused} of {}", certificate.len());
    }

    #[test]
    fn a_chain_of_certificates_is_refused() {
        let (certificate, _) = certificate::generate(&identity(1)).expect("an identity");
        let (another, _) = certificate::generate(&identity(2)).expect("an identity");
        assert!(verify_certificate(&certificate, &[another]).is_err());
    }

    #[test]
    fn a_client_without_a_certificate_is_refused() {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        assert!(shake(Arc::new(config), tls(1).server).is_err());
    }

    #[test]
    fn a_certificate_with_a_key_that_is_not_its_own_is_refused() {
        let (certificate, _) = certificate::generate(&identity(1)).expect("an identity");
        let (_, another_key) = certificate::generate(&identity(2)).expect("an identity");
        let key = aws_lc_rs::sign::any_ecdsa_type(&another_key).expect("a key");
        let shown = Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key)));
        let thief = server(Arc::new(aws_lc_rs::default_provider()), shown).expect("a configuration");
        assert!(shake(tls(3).client, Arc::new(thief)).is_err());
    }
}
