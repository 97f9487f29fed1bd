//! Who may take part: join tokens and memberships.

use super::bounds::{check_life, check_pool, check_text, invalid};
use super::{Document, DocumentError};
use crate::limits::LABEL_BYTES_MAX;
use crate::{PeerId, PublicKey, Timestamp};
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

/// Lets whoever holds it ask a seed for a membership. Signed by an admission key of the policy; it is part of the
/// pool file, so it keeps outsiders out and is no secret among those who have the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The pool it lets in to.
    pub pool: String,
    /// Names the token in logs: 1 to 128 bytes of printable text, different for every token.
    pub serial: String,
    /// It lets nobody in from then on; memberships that it led to stay.
    pub expires: Timestamp,
}

impl Document for Token {
    const TYPE: &'static str = "application/vnd.pollux.token.v1+json";
    const FIELDS: &'static [&'static str] = &["pool", "serial", "expires"];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        check_label("serial", &self.serial)
    }
}

/// A name that is there, printable, and short.
fn check_label(field: &'static str, text: &str) -> Result<(), DocumentError> {
    if text.is_empty() {
        return invalid(field, "it is empty");
    }
    check_text(field, text, LABEL_BYTES_MAX)
}

/// What a member is: `"node"` or `"seed"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerRole {
    /// A daemon on a CI instance, gone within the hour.
    Node,
    /// A long-lived one, named by the policy.
    Seed,
}

/// "This peer at this address belongs to the pool." Signed by its `issuer`: a seed that saw the peer, or an
/// admission key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The pool.
    pub pool: String,
    /// The member, which proves itself by its key.
    pub peer: PeerId,
    /// What it is.
    pub role: PeerRole,
    /// What the instance is called, for people: 1 to 128 bytes of printable text. Nothing is decided by it, and no two
    /// members need differ. Left out where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The address that the issuer observed; never an IPv6 form of an IPv4 address.
    pub address: IpAddr,
    /// Whose signature this is.
    pub issuer: PublicKey,
    /// When it was issued, by the issuer's clock.
    pub issued: Timestamp,
    /// From then on it counts no more; it is renewed at half its life.
    pub expires: Timestamp,
}

impl Document for Membership {
    const TYPE: &'static str = "application/vnd.pollux.membership.v1+json";
    const FIELDS: &'static [&'static str] =
        &["pool", "peer", "role", "instance", "address", "issuer", "issued", "expires"];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        if self.address != self.address.to_canonical() {
            return invalid("address", format!("{} is an IPv4 address: write it so", self.address));
        }
        if let Some(instance) = &self.instance {
            check_label("instance", instance)?;
        }
        check_life(self.issued, self.expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyPair;
    use crate::document::testing::{assert_golden, assert_refused, expires, peer, time};

    fn token() -> Token {
        Token { pool: "ci".to_owned(), serial: "2026-11".to_owned(), expires: expires() }
    }

    fn membership() -> Membership {
        Membership {
            pool: "ci".to_owned(),
            peer: peer(1),
            role: PeerRole::Node,
            instance: Some("agent-1041".to_owned()),
            address: "10.0.0.7".parse().unwrap(),
            issuer: KeyPair::from_seed([2; 32]).public(),
            issued: time(),
            expires: expires(),
        }
    }

    #[test]
    fn token_is_written_so() {
        assert_golden(&token(), r#"{"pool":"ci","serial":"2026-11","expires":"2026-11-10T09:05:00.000Z"}"#);
    }

    #[test]
    fn membership_is_written_so() {
        assert_golden(
            &membership(),
            r#"{"pool":"ci","peer":"12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5","role":"node","instance":"agent-1041","address":"10.0.0.7","issuer":"8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394","issued":"2026-11-03T09:05:00.250Z","expires":"2026-11-10T09:05:00.000Z"}"#,
        );
        let seed =
            Membership { role: PeerRole::Seed, address: "2001:db8::1".parse().unwrap(), ..membership() };
        let json = serde_json::to_string(&seed).unwrap();
        assert!(json.contains(r#""role":"seed","instance":"agent-1041","address":"2001:db8::1""#), "{json}");
    }

    /// As before the field was there.
    #[test]
    fn membership_of_an_instance_without_a_name_is_written_so() {
        let unnamed = Membership { instance: None, ..membership() };
        let json = serde_json::to_string(&unnamed).unwrap();
        let named = serde_json::to_string(&membership()).unwrap();
        assert_eq!(json, named.replace(r#""instance":"agent-1041","#, ""));
        assert_eq!(serde_json::from_str::<Membership>(&json).unwrap(), unnamed);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_refused("pool", &Token { pool: "my pool".to_owned(), ..token() });
        assert_refused("pool", &Token { pool: String::new(), ..token() });
        assert_refused("pool", &Token { pool: "p".repeat(65), ..token() });
        assert_refused("serial", &Token { serial: String::new(), ..token() });
        assert_refused("serial", &Token { serial: "a\u{1b}[2J".to_owned(), ..token() });
        assert_refused("serial", &Token { serial: "s".repeat(129), ..token() });
        assert_refused("pool", &Membership { pool: "a/b".to_owned(), ..membership() });
        assert_refused(
            "address",
            &Membership { address: "::ffff:10.0.0.7".parse().unwrap(), ..membership() },
        );
        for instance in ["", "a\nb", &"i".repeat(129)] {
            let instance = Some(instance.to_owned());
            assert_refused("instance", &Membership { instance, ..membership() });
        }
        assert_refused("expires", &Membership { expires: Timestamp::default(), ..membership() });
    }
}
