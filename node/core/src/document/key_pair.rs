//! Ed25519 key pairs, kept as PKCS#8 PEM, which `openssl genpkey -algorithm ed25519` writes and `openssl pkey` reads.
//!
//! Signatures are checked strictly everywhere: keys and points of small order, and signatures with more than one
//! encoding, are refused, so that every verifier agrees on what is signed.

use crate::PublicKey;
use core::fmt;
use data_encoding::BASE64;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a PEM text at most: an Ed25519 key takes 120, so a longer text is another file.
const PEM_BYTES_MAX: usize = 16 * 1024;

/// What stands before an Ed25519 key in a SubjectPublicKeyInfo: a sequence (42 bytes) of a sequence (5) with the
/// algorithm's name 1.3.101.112, and of a bit string (33) with no unused bits.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before one in OpenSSH's form (RFC 8709): the type's length and text, and the key's length.
const SSH_PREFIX: [u8; 19] = *b"\0\0\0\x0bssh-ed25519\0\0\0\x20";

/// A secret key with its public half. The secret is zeroed when dropped and never shown by `Debug`.
#[derive(Clone)]
pub struct KeyPair {
    key: SigningKey,
}

/// Why a text is not a secret key that can be used here. No variant carries any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyPairError {
    /// Nothing in it says that it is a PKCS#8 private key. OpenSSH's own form is not.
    #[error(
        "not a PKCS#8 private key (BEGIN PRIVATE KEY): make one with `openssl genpkey -algorithm ed25519`"
    )]
    NotPkcs8,
    /// It is locked by a passphrase.
    #[error("the key is encrypted: decrypt it with `openssl pkey`")]
    Encrypted,
    /// It is the half that everybody may know.
    #[error("this is a public key: the secret one is needed")]
    PublicOnly,
    /// The wrapping is right, and what is inside is no Ed25519 key or is damaged.
    #[error("not an Ed25519 key, or damaged: make one with `openssl genpkey -algorithm ed25519`")]
    NotEd25519,
}

impl KeyPair {
    /// The key pair that RFC 8032 derives from 32 bytes of the caller's randomness.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self { key: SigningKey::from_bytes(&seed) }
    }

    /// The 32 secret bytes, for a transport that proves the same identity.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// Reads PKCS#8 PEM of at most 16 KiB.
    ///
    /// # Errors
    /// Says what the text is instead, and how to make it a key that can be used.
    pub fn from_pem(pem: &str) -> Result<Self, KeyPairError> {
        if pem.len() > PEM_BYTES_MAX || !pem.contains("-----BEGIN PRIVATE KEY-----") {
            return Err(what_else(pem));
        }
        let key = SigningKey::from_pkcs8_pem(pem).map_err(|_| KeyPairError::NotEd25519)?;
        Ok(Self { key })
    }

    /// Writes PKCS#8 PEM, version 1: the one without the public key, as older OpenSSL reads no other.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        let mut bytes = KeypairBytes { secret_key: self.key.to_bytes(), public_key: None };
        let pem = bytes.to_pkcs8_pem(LineEnding::LF);
        bytes.secret_key.zeroize();
        #[expect(clippy::expect_used, reason = "the encoding of 32 bytes has a fixed form and length")]
        pem.expect("32 bytes always encode")
    }

    /// The half that everybody may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::from_bytes(self.key.verifying_key().to_bytes())
    }

    /// The Ed25519 signature of these bytes. The same key and bytes always give the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}…)", self.public().short())
    }
}

impl PublicKey {
    /// Whether `signature` is this key's over `message`, by strict rules. False for a key that is no point of the
    /// curve or of small order, and for a signature that is not 64 bytes.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(self.as_bytes()) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        key.verify_strict(message, &signature).is_ok()
    }

    /// The key as SubjectPublicKeyInfo PEM (RFC 8410), as `openssl pkey -pubout` writes it and `openssl pkeyutl -verify
    /// -pubin` reads it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let bytes = [SPKI_PREFIX.as_slice(), self.as_bytes()].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(&bytes))
    }

    /// Reads what [`Self::to_pem`] writes, also with other line ends and with text around it, of at most 16 KiB; `None`
    /// for anything else. Whether the bytes are a point of the curve is seen when a signature is verified.
    #[must_use]
    pub fn from_pem(pem: &str) -> Option<Self> {
        let (_, rest) = pem.get(..pem.len().min(PEM_BYTES_MAX))?.split_once("-----BEGIN PUBLIC KEY-----")?;
        let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
        let body: String = body.split_ascii_whitespace().collect();
        let bytes = BASE64.decode(body.as_bytes()).ok()?;
        Self::after(&SPKI_PREFIX, &bytes)
    }

    /// The key as a line of OpenSSH, without a line end: `ssh-ed25519`, base64 of the type and the key, each with its
    /// length (u32 BE), and a name for people. Control characters of the name become spaces.
    #[must_use]
    pub fn to_openssh(&self, name: &str) -> String {
        let bytes = [SSH_PREFIX.as_slice(), self.as_bytes()].concat();
        let line = format!("ssh-ed25519 {} {name}", BASE64.encode(&bytes));
        line.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// Reads what [`Self::to_openssh`] writes, with or without a name; `None` for anything else.
    #[must_use]
    pub fn from_openssh(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("ssh-ed25519") {
            return None;
        }
        let bytes = BASE64.decode(words.next()?.as_bytes()).ok()?;
        Self::after(&SSH_PREFIX, &bytes)
    }

    /// The 32 bytes after a prefix, and nothing after them.
    fn after(prefix: &[u8], bytes: &[u8]) -> Option<Self> {
        let key = bytes.strip_prefix(prefix)?;
        <[u8; 32]>::try_from(key).ok().map(Self::from_bytes)
    }
}

/// Names what a text without a plain PKCS#8 key is.
fn what_else(pem: &str) -> KeyPairError {
    if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        KeyPairError::Encrypted
    } else if pem.contains("BEGIN PUBLIC KEY") || pem.starts_with("ssh-") {
        KeyPairError::PublicOnly
    } else {
        KeyPairError::NotPkcs8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Written by `openssl genpkey -algorithm ed25519`; what else openssl says of it stands below.
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIEhBZ2V2AckwWshr7tKFyz/MoX6odMUmW+saONSOi0Q+\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "40ab33df30d05ca86ddd4b6e852190f0d67eae534815ffbff7bf5d1f022d914f";
    /// `openssl pkeyutl -sign -rawin` over the six bytes `pollux`.
    const SIGNATURE: &str = "97138342ba376c3cf86246ebccc0603e152b0e9f58aa328979747d53a20bf716\
        3968e2ab764c11b11e577822dade72feee4740779f2d8ced816766f46fb8da0a";
    const PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAQKsz3zDQXKht3UtuhSGQ8NZ+rlNIFf+/979dHwItkU8=\n\
        -----END PUBLIC KEY-----\n";
    /// What `ssh-keygen` reads as the same key, without a name.
    const OPENSSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIECrM98w0Fyobd1LboUhkPDWfq5TSBX/v/e/XR8CLZFP";
    const X25519_PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VuBCIEIBA+GvQ26bEhD3PrVGWMlKfC6gV38QzfvLsXfINwYfN5\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn openssl_and_we_agree() {
        let pair = KeyPair::from_pem(PEM).unwrap();
        assert_eq!(pair.public().to_string(), PUBLIC);
        assert_eq!(data_encoding::HEXLOWER.encode(&pair.sign(b"pollux")), SIGNATURE);
        assert!(pair.public().verifies(b"pollux", &pair.sign(b"pollux")));
        assert_eq!(pair.to_pem().as_str(), PEM);
    }

    #[test]
    fn public_keys_are_written_as_openssl_and_openssh_do() {
        let key: PublicKey = PUBLIC.parse().unwrap();
        assert_eq!(key.to_pem(), PUBLIC_PEM);
        assert_eq!(key.to_openssh("ci gate"), format!("{OPENSSH} ci gate"));
        assert_eq!(
            key.to_openssh("a\nssh-ed25519 b"),
            format!("{OPENSSH} a ssh-ed25519 b"),
            "it stays one line"
        );
        assert_eq!(key.to_openssh(""), OPENSSH);
        let around = format!("# mine\n{}\n", PUBLIC_PEM.replace('\n', "\r\n"));
        assert_eq!(PublicKey::from_pem(&around), Some(key));
        for line in [OPENSSH.to_owned(), format!("{OPENSSH} me@here, also there\n")] {
            assert_eq!(PublicKey::from_openssh(&line), Some(key));
        }
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        let x25519 = PUBLIC_PEM.replace("K2Vw", "K2Vu");
        let cut = PUBLIC_PEM.replace("ItkU8=", "");
        for text in
            ["", PEM, OPENSSH, &x25519, &cut, "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"]
        {
            assert_eq!(PublicKey::from_pem(text), None, "{text}");
        }
        let rsa = OPENSSH.replace("ssh-ed25519", "ssh-rsa");
        let damaged = OPENSSH.replace("AAAAC3", "AAAAC4");
        let longer = format!("{OPENSSH}AAAA");
        for line in ["", "ssh-ed25519", PUBLIC_PEM, &rsa, &damaged, &longer] {
            assert_eq!(PublicKey::from_openssh(line), None, "{line}");
        }
    }

    #[test]
    fn windows_line_ends_are_no_obstacle() {
        let pair = KeyPair::from_pem(&PEM.replace('\n', "\r\n")).unwrap();
        assert_eq!(pair.public().to_string(), PUBLIC);
    }

    #[test]
    fn what_is_no_key_is_refused_with_words() {
        let encrypted = PEM.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
        let openssh = PEM.replace("PRIVATE", "OPENSSH PRIVATE");
        let damaged = PEM.replace("MC4CAQ", "MC4CAA");
        let cut: String = PEM.chars().take(60).collect();
        let endless = format!("{PEM}{}", "x".repeat(PEM_BYTES_MAX));
        for (text, why) in [
            ("", KeyPairError::NotPkcs8),
            ("hunter2", KeyPairError::NotPkcs8),
            (&endless, KeyPairError::NotPkcs8),
            (&openssh, KeyPairError::NotPkcs8),
            (&encrypted, KeyPairError::Encrypted),
            (PUBLIC_PEM, KeyPairError::PublicOnly),
            ("ssh-ed25519 AAAA", KeyPairError::PublicOnly),
            (X25519_PEM, KeyPairError::NotEd25519),
            (&damaged, KeyPairError::NotEd25519),
            (&cut, KeyPairError::NotEd25519),
        ] {
            assert_eq!(KeyPair::from_pem(text).unwrap_err(), why, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let pair = KeyPair::from_pem(PEM).unwrap();
        assert_eq!(format!("{pair:?}"), "KeyPair(40ab33df…)");
    }

    /// All keys of small order: with them, some signatures hold for every message.
    #[test]
    fn low_order_keys_refused() {
        let orders = [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        ];
        let mut signature = [0; 64];
        signature[0] = 1;
        for order in orders {
            let key: PublicKey = order.parse().unwrap();
            assert!(!(0..64u8).any(|message| key.verifies(&[message], &signature)), "{order}");
        }
    }

    /// What implementations were caught at: we agree with every verdict.
    #[test]
    fn ed25519_wycheproof() {
        let bytes = |hex: &str| data_encoding::HEXLOWER.decode(hex.trim_matches('-').as_bytes()).unwrap();
        let vectors = include_str!("key_pair/wycheproof.txt").lines().filter(|line| !line.starts_with('#'));
        let mut tried = 0;
        for vector in vectors {
            let [_, verdict, key, message, signature] = vector.splitn(6, ' ').take(5).collect::<Vec<_>>()[..]
            else {
                panic!("{vector}")
            };
            let key: PublicKey = key.parse().unwrap();
            assert_eq!(key.verifies(&bytes(message), &bytes(signature)), verdict == "valid", "{vector}");
            tried += 1;
        }
        assert_eq!(tried, 151);
    }

    /// Adding the group's order to `s` gives a second signature that lax verifiers accept.
    #[test]
    fn second_encoding_of_a_signature_is_refused() {
        let order = data_encoding::HEXLOWER
            .decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
            .unwrap();
        let pair = KeyPair::from_seed([7; 32]);
        let mut signature = pair.sign(b"m");
        let mut carry = 0u16;
        for (byte, add) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        assert!(!pair.public().verifies(b"m", &signature));
    }

    proptest! {
        #[test]
        fn pem_round_trip(seed: [u8; 32]) {
            let pair = KeyPair::from_seed(seed);
            let again = KeyPair::from_pem(&pair.to_pem()).unwrap();
            prop_assert_eq!(*again.seed(), seed);
            prop_assert_eq!(again.public(), pair.public());
            prop_assert_eq!(PublicKey::from_pem(&pair.public().to_pem()), Some(pair.public()));
            prop_assert_eq!(PublicKey::from_openssh(&pair.public().to_openssh("name")), Some(pair.public()));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = KeyPair::from_pem(&text);
            let _ = PublicKey::from_pem(&text);
            let _ = PublicKey::from_openssh(&format!("ssh-ed25519 {text}"));
            let _ = KeyPair::from_pem(&format!("-----BEGIN PRIVATE KEY-----{text}-----END PRIVATE KEY-----"));
        }

        #[test]
        fn a_flipped_bit_is_noticed(seed: [u8; 32], message: Vec<u8>, at in 0usize..64, bit in 0u8..8) {
            let pair = KeyPair::from_seed(seed);
            let mut signature = pair.sign(&message);
            prop_assert!(pair.public().verifies(&message, &signature));
            signature[at] ^= 1 << bit;
            prop_assert!(!pair.public().verifies(&message, &signature));
        }

        #[test]
        fn no_bytes_panic(key: [u8; 32], signature: Vec<u8>) {
            prop_assert!(!PublicKey::from_bytes(key).verifies(b"m", &signature));
        }
    }
}
