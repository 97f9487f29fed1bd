//! Networks: which addresses may be dialled.

use super::DocumentError;
use super::bounds::{check_range, check_text};
use crate::limits::LABEL_BYTES_MAX;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A range of addresses, `10.0.0.0/8` or `2001:db8::/32`: those that have its first bits. In JSON it is that text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    /// The first address of the range; never an IPv6 form of an IPv4 address.
    base: IpAddr,
    /// Bits that decide: 0 to 32 or 128.
    prefix: u8,
}

/// Why a text is no [`Cidr`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// It has another form.
    #[error("not a network like 10.0.0.0/8 or 2001:db8::/32")]
    Form,
    /// The prefix is longer than an address.
    #[error("a prefix of {prefix} is longer than the {prefix_max} bits of such an address")]
    Prefix {
        /// What was given.
        prefix: u8,
        /// 32 or 128.
        prefix_max: u8,
    },
    /// Bits behind the prefix are set, so either the prefix or the address is not what was meant.
    #[error("{0} has bits set behind its prefix: did you mean {1}?")]
    HostBits(String, Cidr),
    /// `::ffff:a.b.c.d`: such addresses are IPv4 addresses here.
    #[error("IPv4 in an IPv6 form: write the network as an IPv4 one")]
    Mapped,
}

impl Cidr {
    /// A range known when this was compiled, or a single address; the caller keeps the rules.
    const fn new(base: IpAddr, prefix: u8) -> Self {
        Self { base, prefix }
    }

    /// Whether the address is in the range. An IPv6 form of an IPv4 address is that IPv4 address.
    #[must_use]
    pub fn contains(&self, address: &IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => masked_v4(address, self.prefix) == base,
            (IpAddr::V6(base), IpAddr::V6(address)) => masked_v6(address, self.prefix) == base,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Whether every address of the range is in `wider` too.
    #[must_use]
    pub fn lies_in(&self, wider: &Self) -> bool {
        self.prefix >= wider.prefix && wider.contains(&self.base)
    }
}

/// The address with only its first `prefix` bits.
fn masked_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let behind = 32_u32.saturating_sub(u32::from(prefix));
    Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(behind).unwrap_or(0))
}

/// See [`masked_v4`].
fn masked_v6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let behind = 128_u32.saturating_sub(u32::from(prefix));
    Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(behind).unwrap_or(0))
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = text.split_once('/').ok_or(CidrError::Form)?;
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CidrError::Form);
        }
        let address: IpAddr = address.parse().map_err(|_| CidrError::Form)?;
        let prefix: u8 = prefix.parse().map_err(|_| CidrError::Form)?;
        if address.to_canonical() != address {
            return Err(CidrError::Mapped);
        }
        let (prefix_max, base) = match address {
            IpAddr::V4(address) => (32, IpAddr::V4(masked_v4(address, prefix))),
            IpAddr::V6(address) => (128, IpAddr::V6(masked_v6(address, prefix))),
        };
        if prefix > prefix_max {
            return Err(CidrError::Prefix { prefix, prefix_max });
        }
        if base != address {
            return Err(CidrError::HostBits(text.to_owned(), Self { base, prefix }));
        }
        Ok(Self { base, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A network that nodes live in: its addresses may be dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its addresses.
    pub cidr: Cidr,
    /// Where it is, for choosing near peers: printable text of at most [`LABEL_BYTES_MAX`] bytes, may be empty.
    pub zone: String,
    /// How many members may share one address: 1, or more behind address translation.
    pub memberships: u32,
}

impl Network {
    /// Bounds; see [`super::Document::check`].
    pub(super) fn check(&self) -> Result<(), DocumentError> {
        check_text("networks", &self.zone, LABEL_BYTES_MAX)?;
        check_range("networks", self.memberships, 1..=u32::MAX)
    }

    /// Whether this network lets the address be dialled: it contains it, and where the address is special it is
    /// named on purpose, by a network that lies inside every special range that the address is in. So `0.0.0.0/0`
    /// does not open the loopback address, and `169.254.0.0/16` does not open the metadata service.
    pub(super) fn opens(&self, address: &IpAddr) -> bool {
        let mut special = SPECIAL.iter().filter(|range| range.contains(address));
        self.cidr.contains(address) && special.all(|range| self.cidr.lies_in(range))
    }

    /// For finding the narrowest of several.
    pub(super) const fn prefix(&self) -> u8 {
        self.cidr.prefix
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Cidr {
    Cidr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix)
}

const fn v6(bits: u128, prefix: u8) -> Cidr {
    Cidr::new(IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix)
}

/// Ranges that reach something else than another machine of a pool (RFC 6890), and the addresses at which clouds
/// hand out credentials.
const SPECIAL: [Cidr; 15] = [
    v4(0, 0, 0, 0, 8),                                  // unspecified: this machine itself
    v4(127, 0, 0, 0, 8),                                // loopback
    v4(169, 254, 0, 0, 16),                             // link-local
    v4(169, 254, 169, 254, 32),                         // metadata of most clouds
    v4(169, 254, 170, 2, 32),                           // metadata of Amazon's containers
    v4(168, 63, 129, 16, 32),                           // Azure's host
    v4(100, 100, 100, 200, 32),                         // metadata of Alibaba
    v4(192, 0, 0, 192, 32),                             // metadata of Oracle
    v4(224, 0, 0, 0, 3),                                // multicast, reserved, broadcast
    v6(0, 127),                                         // unspecified and loopback
    v6(0xfe80_0000_0000_0000_0000_0000_0000_0000, 10),  // link-local
    v6(0xfe80_0000_0000_0000_0000_0000_a9fe_a9fe, 128), // metadata of OpenStack
    v6(0xfd00_0ec2_0000_0000_0000_0000_0000_0254, 128), // metadata of Amazon
    v6(0xfd20_00ce_0000_0000_0000_0000_0000_0254, 128), // metadata of Google
    v6(0xff00_0000_0000_0000_0000_0000_0000_0000, 8),   // multicast
];

#[cfg(test)]
mod tests;
