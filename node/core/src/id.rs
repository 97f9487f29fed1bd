//! Names of things: chunks, manifests, peers, keys. All are 32 bytes; none can be mistaken for another.

use core::fmt;
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::str::FromStr;

/// A name that does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {what} is 64 hexadecimal digits")]
pub struct IdError {
    what: &'static str,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The name made of these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes of the name.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first eight hexadecimal digits, for people.
            #[must_use]
            pub fn short(&self) -> String {
                self.to_string().chars().take(8).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER_PERMISSIVE.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
                let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                bytes.map(Self).ok_or(IdError { what: $what })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                    text.parse().map_err(de::Error::custom)
                } else {
                    <[u8; 32]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

id_type!(
    /// A chunk's name: the BLAKE3 hash of its plain bytes, whatever frame carries them.
    ChunkId,
    "chunk id"
);
id_type!(
    /// A manifest's name: the BLAKE3 hash of the bytes that its signature covers (DSSE's PAE).
    ManifestId,
    "manifest id"
);
id_type!(
    /// An Ed25519 public key.
    PublicKey,
    "public key"
);
id_type!(
    /// A reader's fresh random number, which an answer must repeat.
    Nonce,
    "nonce"
);
id_type!(
    /// What tells two documents, or two sets of documents, apart: a BLAKE3 hash. See [`crate::Envelope::digest`].
    Digest,
    "digest"
);

impl ChunkId {
    /// The name of these plain bytes.
    #[must_use]
    pub fn of(plain: &[u8]) -> Self {
        Self(*blake3::hash(plain).as_bytes())
    }
}

/// A node's name: its Ed25519 public key. Shown as the peer-to-peer world writes it (`12D3Koo…`: base58 of
/// the identity multihash of the key's protobuf form).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(PublicKey);

/// Multihash code and length, then protobuf tags of an Ed25519 key of 32 bytes.
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

impl PeerId {
    /// The node that proves itself with this key.
    #[must_use]
    pub const fn new(key: PublicKey) -> Self {
        Self(key)
    }

    /// The key that the node signs with.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.0
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = PEER_ID_PREFIX.iter().chain(self.0.as_bytes()).copied().collect();
        f.write_str(&bs58::encode(bytes).into_string())
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_string();
        write!(f, "PeerId(…{})", text.get(text.len().saturating_sub(6)..).unwrap_or_default())
    }
}

/// A peer id that does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a peer id is the base58 form of an Ed25519 key and begins with 12D3Koo")]
pub struct PeerIdError;

impl FromStr for PeerId {
    type Err = PeerIdError;

    fn from_str(text: &str) -> Result<Self, PeerIdError> {
        if text.len() > 64 {
            return Err(PeerIdError);
        }
        let bytes = bs58::decode(text).into_vec().map_err(|_| PeerIdError)?;
        let key = bytes.strip_prefix(&PEER_ID_PREFIX).ok_or(PeerIdError)?;
        let key = <[u8; 32]>::try_from(key).map_err(|_| PeerIdError)?;
        Ok(Self(PublicKey::from_bytes(key)))
    }
}

impl Serialize for PeerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for PeerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            PublicKey::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From the BLAKE3 test vectors: the hash of nothing.
    const NOTHING: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    /// The key that RFC 8032 derives from 32 ones, and its peer id as libp2p writes it.
    const KEY: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
    const PEER: &str = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5";

    #[test]
    fn a_chunk_is_named_by_its_hash() {
        assert_eq!(ChunkId::of(b"").to_string(), NOTHING);
        assert_eq!(ChunkId::of(b"").short(), "af1349b9");
        assert_eq!(format!("{:?}", ChunkId::of(b"")), "ChunkId(af1349b9)");
    }

    #[test]
    fn names_are_read_in_both_cases_and_written_in_one() {
        let id: ChunkId = NOTHING.to_uppercase().parse().unwrap();
        assert_eq!(id.to_string(), NOTHING);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in
            ["", "af", &NOTHING.replace('a', "g"), &format!("{NOTHING}00"), &format!("{NOTHING}0"), "é"]
        {
            let refused = text.parse::<ManifestId>().unwrap_err();
            assert_eq!(refused.to_string(), "a manifest id is 64 hexadecimal digits", "{text}");
        }
    }

    #[test]
    fn a_peer_id_is_written_as_libp2p_does() {
        let peer = PeerId::new(KEY.parse().unwrap());
        assert_eq!(peer.to_string(), PEER);
        assert_eq!(PEER.parse(), Ok(peer));
        assert_eq!(format!("{peer:?}"), "PeerId(…SUKPH5)");
        assert_eq!(peer.key().to_string(), KEY);
    }

    #[test]
    fn what_is_no_peer_id_is_refused() {
        let other_kind = bs58::encode([[0x12, 0x20].as_slice(), &[7; 32]].concat()).into_string();
        let cut = PEER.get(..PEER.len() - 1).unwrap();
        for text in ["", "12D3Koo", cut, &PEER.replace('K', "0"), &other_kind, &PEER.repeat(2), KEY] {
            assert_eq!(text.parse::<PeerId>(), Err(PeerIdError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(bytes: [u8; 32]) {
            let id = ChunkId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<ChunkId>(&json).unwrap(), id);
            let binary = postcard::to_allocvec(&id).unwrap();
            prop_assert_eq!(&binary, &bytes);
            prop_assert_eq!(postcard::from_bytes::<ChunkId>(&binary).unwrap(), id);

            let peer = PeerId::new(PublicKey::from_bytes(bytes));
            prop_assert_eq!(peer.to_string().parse(), Ok(peer));
            prop_assert_eq!(&serde_json::to_string(&peer).unwrap(), &format!("\"{peer}\""));
            let binary = postcard::to_allocvec(&peer).unwrap();
            prop_assert_eq!(&binary, &bytes);
            prop_assert_eq!(postcard::from_bytes::<PeerId>(&binary).unwrap(), peer);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<PeerId>();
            let _ = text.parse::<Nonce>();
        }
    }
}
