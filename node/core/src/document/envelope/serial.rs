//! Bytes that are standard, padded base64 in JSON and themselves in binary formats (for `#[serde(with = …)]`), and
//! an envelope as it arrives, before its bounds were looked at.

use super::{Envelope, SignatureEntry};
use crate::bounded;
use crate::limits::SIGNATURES_MAX;
use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serializer, de};

pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&BASE64.encode(bytes))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    if !deserializer.is_human_readable() {
        return serde_bytes::ByteBuf::deserialize(deserializer).map(serde_bytes::ByteBuf::into_vec);
    }
    let text = String::deserialize(deserializer)?;
    let bytes = BASE64.decode(text.as_bytes());
    bytes.map_err(|_| de::Error::custom("not standard base64 with padding"))
}

/// The fields of an [`Envelope`], in its order.
#[derive(Deserialize)]
pub(super) struct Unchecked {
    #[serde(rename = "payloadType")]
    payload_type: String,
    #[serde(with = "self")]
    payload: Vec<u8>,
    #[serde(deserialize_with = "bounded::list::<_, _, SIGNATURES_MAX>")]
    signatures: Vec<SignatureEntry>,
}

impl TryFrom<Unchecked> for Envelope {
    type Error = &'static str;

    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        let Unchecked { payload_type, payload, signatures } = unchecked;
        let envelope = Self { payload_type, payload, signatures };
        envelope.within_bounds().map(|()| envelope)
    }
}
