//! Values whose form people get wrong: refused with the form that is right.

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use std::fmt;
use std::net::SocketAddr;

const ADDRESS: &str = "ADDRESS:PORT in quotes, such as \"0.0.0.0:4480\"; names are not looked up";
const ADDRESSES: &str = "a list of ADDRESS:PORT, such as [\"0.0.0.0:4480\"]";
const BYTES: &str = "a number of bytes without quotes or unit, such as 10000000000";

/// An address of a flag or a variable.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write ADDRESS:PORT, such as 0.0.0.0:4480; names are not looked up".to_owned())
}

/// Bytes of a flag or a variable.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a number of bytes without unit, such as 10000000000".to_owned())
}

pub(super) fn addresses<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<SocketAddr>>, D::Error> {
    from.deserialize_seq(Addresses).map(Some)
}

pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    Address::deserialize(from).map(|Address(address)| Some(address))
}

pub(super) fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    from.deserialize_u64(Bytes).map(Some)
}

struct Addresses;

impl<'de> Visitor<'de> for Addresses {
    type Value = Vec<SocketAddr>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(ADDRESSES)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Address(one)) = all.next_element()? {
            found.push(one);
        }
        Ok(found)
    }
}

struct Address(SocketAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(OneAddress).map(Self)
    }
}

struct OneAddress;

impl Visitor<'_> for OneAddress {
    type Value = SocketAddr;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(ADDRESS)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SocketAddr, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = u64;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(BYTES)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ConfigFile;
    use super::*;

    fn refused(text: &str) -> String {
        toml::from_str::<ConfigFile>(text).unwrap_err().to_string()
    }

    #[test]
    fn an_address_of_the_wrong_form_is_told_the_right_one() {
        for text in ["listen = \"0.0.0.0:4480\"\n", "listen = 4480\n"] {
            assert!(refused(text).contains(ADDRESSES), "{}", refused(text));
        }
        for text in ["listen = [\"0.0.0.0\"]\n", "listen = [4480]\n", "[metrics]\nlisten = \"9480\"\n"] {
            assert!(refused(text).contains(ADDRESS), "{}", refused(text));
        }
        assert!(parse_address("0.0.0.0").unwrap_err().contains("ADDRESS:PORT"));
        assert_eq!(parse_address("[::]:1"), Ok("[::]:1".parse().unwrap()));
    }

    #[test]
    fn bytes_are_a_bare_number() {
        for value in ["\"10GB\"", "-1", "1.5", "\"10\""] {
            for field in
                ["[store]\nbytes_max", "[store]\nfree_bytes_min", "[limits]\nupload_bytes_per_second"]
            {
                let words = refused(&format!("{field} = {value}\n"));
                assert!(words.contains(BYTES), "{words}");
            }
        }
        assert!(parse_bytes("10GB").unwrap_err().contains("without unit"));
        assert_eq!(parse_bytes("0"), Ok(0));
    }
}
