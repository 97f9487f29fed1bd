//! The yank: what must not be believed any more.

use super::bounds::{check_distinct, check_pool, check_range, check_text, invalid};
use super::grant::check_serial;
use super::{Document, DocumentError};
use crate::limits::{PROVENANCE_BYTES_MAX, YANK_MANIFESTS_MAX};
use crate::{ManifestId, Pattern, PublicKey, Timestamp};
use serde::{Deserialize, Serialize};

/// "Believe this no more." Signed by a yank key of the policy. Yanks are a set: readers take the union of what they
/// hear, order plays no part, and one of something unknown is kept all the same.
///
/// It lapses once nothing can be alive that it was meant for: the policy's longest manifest life after its time, and
/// twice [`crate::limits::CLOCK_SKEW_MAX`]. One whose `what` a reader does not know is no yank to that reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yank {
    /// The pool.
    pub pool: String,
    /// Names it in logs: 1 to [`crate::limits::LABEL_BYTES_MAX`] bytes of printable text, different for every yank.
    pub serial: String,
    /// What is taken back.
    pub what: Yanked,
    /// Why, for people: 1 to [`PROVENANCE_BYTES_MAX`] bytes of printable text.
    pub reason: String,
    /// Whether it takes along everything that was made from what is taken back: all manifests with such an ancestor.
    pub cascade: bool,
    /// When it was signed, by the signer's clock. Its end counts from there, its beginning from nothing: it counts at
    /// once also where a clock is slow.
    pub time: Timestamp,
    /// Manifests that were known to be taken back when it was signed: distinct, at most [`YANK_MANIFESTS_MAX`]; left out
    /// where there are none. They are taken back as if named. A manifest names its ancestors and nothing else of them,
    /// so only by these a reader knows the descendants of a build, publisher, grant or pattern.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<ManifestId>,
}

/// What a yank takes back. In JSON an object of one field: `{"manifest": id}`, `{"grant": serial}`,
/// `{"publisher": key}`, `{"build": {"ci": text, "build": text}}` or
/// `{"pattern": {"pattern": pattern, "before": time}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Yanked {
    /// One manifest.
    Manifest(ManifestId),
    /// All that was signed under grants of this serial: 1 to 128 bytes of printable text.
    Grant(String),
    /// All that this key signed, as a publisher or as the key of a grant, and all under grants that it issued.
    Publisher(PublicKey),
    /// All whose provenance states this.
    Build {
        /// The CI system; at most [`PROVENANCE_BYTES_MAX`] bytes.
        ci: String,
        /// The build's id: 1 to [`PROVENANCE_BYTES_MAX`] bytes.
        build: String,
    },
    /// All of these keys that seeds took before a moment, by the median time of their receipts.
    Pattern {
        /// The keys.
        pattern: Pattern,
        /// The first moment of what stays.
        before: Timestamp,
    },
}

impl Yanked {
    fn check(&self) -> Result<(), DocumentError> {
        match self {
            Self::Grant(serial) => check_serial(serial),
            Self::Build { ci, build } => {
                check_text("what", ci, PROVENANCE_BYTES_MAX)?;
                check_filled("what", build)
            }
            Self::Manifest(_) | Self::Publisher(_) | Self::Pattern { .. } => Ok(()),
        }
    }
}

impl Document for Yank {
    const TYPE: &'static str = "application/vnd.pollux.yank.v1+json";
    const FIELDS: &'static [&'static str] =
        &["pool", "serial", "what", "reason", "cascade", "time", "manifests"];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        check_serial(&self.serial)?;
        self.what.check()?;
        check_filled("reason", &self.reason)?;
        check_range("manifests", self.manifests.len(), 0..=YANK_MANIFESTS_MAX)?;
        check_distinct("manifests", self.manifests.iter())
    }
}

/// Text for people that must be there.
fn check_filled(field: &'static str, text: &str) -> Result<(), DocumentError> {
    if text.is_empty() {
        return invalid(field, "it is empty");
    }
    check_text(field, text, PROVENANCE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Envelope;
    use crate::document::testing::{assert_golden, assert_refused, pair, time};

    fn id(number: u8) -> ManifestId {
        ManifestId::from_bytes([number; 32])
    }

    fn yank(what: Yanked) -> Yank {
        Yank {
            pool: "ci".to_owned(),
            serial: "y-1".to_owned(),
            what,
            reason: "left-pad was taken over".to_owned(),
            cascade: true,
            time: time(),
            manifests: vec![id(0xab)],
        }
    }

    fn build(ci: &str, build: &str) -> Yanked {
        Yanked::Build { ci: ci.to_owned(), build: build.to_owned() }
    }

    #[test]
    fn yank_is_written_so() {
        let pattern = Yanked::Pattern { pattern: "core/**".parse().unwrap(), before: time() };
        for (what, json) in [
            (Yanked::Manifest(id(0xcd)), r#"{"manifest":"CD"}"#),
            (Yanked::Grant("b1-7".to_owned()), r#"{"grant":"b1-7"}"#),
            (Yanked::Publisher(pair(3).public()), r#"{"publisher":"KEY"}"#),
            (build("zuul", "b1"), r#"{"build":{"ci":"zuul","build":"b1"}}"#),
            (pattern, r#"{"pattern":{"pattern":"core/**","before":"TIME"}}"#),
        ] {
            let json = format!(
                r#"{{"pool":"ci","serial":"y-1","what":{json},"reason":"left-pad was taken over","cascade":true,"time":"TIME","manifests":["AB"]}}"#
            );
            let json = json.replace("AB", &"ab".repeat(32)).replace("CD", &"cd".repeat(32));
            let json = json.replace("KEY", &pair(3).public().to_string());
            assert_golden(&yank(what), &json.replace("TIME", "2026-11-03T09:05:00.250Z"));
        }
    }

    #[test]
    fn manifests_are_left_out_where_there_are_none() {
        let bare = Yank { manifests: Vec::new(), ..yank(Yanked::Manifest(id(1))) };
        let envelope = Envelope::sign(&bare, &pair(1));
        assert!(!String::from_utf8_lossy(&envelope.payload).contains("manifests"));
        assert_eq!(envelope.body(), Ok(bare));
    }

    #[test]
    fn what_a_newer_yank_takes_back_is_not_guessed() {
        let envelope = Envelope::sign(&yank(Yanked::Manifest(id(1))), &pair(1));
        let body = String::from_utf8(envelope.payload.clone()).unwrap();
        let payload = body.replace(r#"{"manifest":"#, r#"{"weather":"#).into_bytes();
        let newer = Envelope { payload, ..envelope };
        assert!(matches!(newer.body::<Yank>(), Err(DocumentError::Malformed(_))));
    }

    #[test]
    fn nonsense_is_refused() {
        let good = || yank(Yanked::Manifest(id(1)));
        let (empty, bell, long) = (String::new(), "\u{7}".to_owned(), "r".repeat(513));
        assert_refused("pool", &Yank { pool: "a/b".to_owned(), ..good() });
        assert_refused("serial", &Yank { serial: empty.clone(), ..good() });
        assert_refused("serial", &Yank { serial: "s".repeat(129), ..good() });
        assert_refused("serial", &yank(Yanked::Grant(empty.clone())));
        for reason in [empty, bell, long] {
            assert_refused("what", &yank(build("zuul", &reason)));
            assert_refused("reason", &Yank { reason, ..good() });
        }
        assert_refused("what", &yank(build("\n", "b1")));
        assert_eq!(yank(build("", "b1")).check(), Ok(()), "a CI system may have no name");
        assert_refused("manifests", &Yank { manifests: vec![id(1), id(1)], ..good() });
        assert_refused("manifests", &Yank { manifests: (0..65).map(id).collect(), ..good() });
    }

    #[test]
    fn the_largest_yank_is_small() {
        let text = |bytes| "\"".repeat(bytes);
        let largest = Yank {
            pool: "p".repeat(64),
            serial: text(128),
            reason: text(512),
            manifests: (0..64).map(id).collect(),
            ..yank(build(&text(512), &text(512)))
        };
        assert_eq!(largest.check(), Ok(()));
        assert!(Envelope::sign(&largest, &pair(1)).to_json().len() < 16 * 1024);
    }
}
