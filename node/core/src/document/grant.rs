//! The grant: a key that may sign manifests for some minutes.

use super::bounds::{check_life, check_pool, check_range, check_text, invalid};
use super::{Document, DocumentError, Provenance};
use crate::limits::{GRANT_LIFE_MAX, GRANT_MANIFESTS_MAX, LABEL_BYTES_MAX, PATTERNS_MAX};
use crate::{Pattern, PublicKey, Timestamp};
use serde::{Deserialize, Serialize};

/// "This key may sign manifests of these keys, until then." Signed by an issuer of the policy; it stands in each
/// manifest that is signed under it. Judged at the moment when the seeds took the manifest, so it may have ended
/// long before the manifest is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The pool.
    pub pool: String,
    /// Names it in logs and yanks: 1 to [`LABEL_BYTES_MAX`] bytes of printable text, different for every grant of the
    /// pool.
    pub serial: String,
    /// The key that may sign.
    pub key: PublicKey,
    /// What it may sign: 1 to [`PATTERNS_MAX`] patterns, each within one of the issuer's.
    pub patterns: Vec<Pattern>,
    /// Bytes that all its manifests together may stand for, and so each of them (see [`crate::Manifest::bytes`]).
    pub bytes_max: u64,
    /// Manifests that seeds take under it: 1 to [`GRANT_MANIFESTS_MAX`]. One that is signed again at a higher sequence
    /// counts again.
    pub manifests_max: u32,
    /// It signs nothing that seeds took before, by the issuer's clock; clocks may differ by
    /// [`crate::limits::CLOCK_SKEW_MAX`].
    pub not_before: Timestamp,
    /// It signs nothing that seeds take from then on: after `not_before`, by the issuer's `grant_life_max` and by 15
    /// minutes at most.
    pub expires: Timestamp,
    /// Where its manifests come from, as the issuer knows. A manifest under it must say the same in every field that
    /// is stated here.
    pub provenance: Provenance,
}

impl Document for Grant {
    const TYPE: &'static str = "application/vnd.pollux.grant.v1+json";
    const FIELDS: &'static [&'static str] = &[
        "pool",
        "serial",
        "key",
        "patterns",
        "bytes_max",
        "manifests_max",
        "not_before",
        "expires",
        "provenance",
    ];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        check_serial(&self.serial)?;
        check_range("patterns", self.patterns.len(), 1..=PATTERNS_MAX)?;
        check_range("manifests_max", self.manifests_max, 1..=GRANT_MANIFESTS_MAX)?;
        check_life(self.not_before, self.expires)?;
        let (life, longest) = (self.expires.since(self.not_before), GRANT_LIFE_MAX);
        if life > longest {
            let (life, longest) = (life.as_secs(), longest.as_secs());
            return invalid("expires", format!("it lives for {life} s, longer than {longest} s"));
        }
        self.provenance.check()
    }
}

/// A serial: 1 to 128 bytes of printable text.
pub(super) fn check_serial(serial: &str) -> Result<(), DocumentError> {
    if serial.is_empty() {
        return invalid("serial", "it is empty");
    }
    check_text("serial", serial, LABEL_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::{assert_golden, assert_refused, pair, time};
    use core::time::Duration;

    fn grant() -> Grant {
        Grant {
            pool: "ci".to_owned(),
            serial: "b1-7".to_owned(),
            key: pair(3).public(),
            patterns: vec!["core/main/**".parse().unwrap(), "docs/*".parse().unwrap()],
            bytes_max: 5_000_000_000,
            manifests_max: 12,
            not_before: time(),
            expires: time().after(GRANT_LIFE_MAX),
            provenance: Provenance { build: "b1".to_owned(), ..Provenance::default() },
        }
    }

    #[test]
    fn grant_is_written_so() {
        let json = concat!(
            r#"{"pool":"ci","serial":"b1-7","key":"KEY","patterns":["core/main/**","docs/*"],"#,
            r#""bytes_max":5000000000,"manifests_max":12,"not_before":"2026-11-03T09:05:00.250Z","#,
            r#""expires":"2026-11-03T09:20:00.250Z","provenance":{"build":"b1"}}"#,
        );
        assert_golden(&grant(), &json.replace("KEY", &pair(3).public().to_string()));
    }

    #[test]
    fn nonsense_is_refused() {
        let patterns = |count| vec!["a/*".parse().unwrap(); count];
        let long = Provenance { job: "j".repeat(513), ..Provenance::default() };
        let late = time().after(GRANT_LIFE_MAX).after(Duration::from_millis(1));
        assert_refused("pool", &Grant { pool: "a b".to_owned(), ..grant() });
        assert_refused("serial", &Grant { serial: String::new(), ..grant() });
        assert_refused("serial", &Grant { serial: "a\nb".to_owned(), ..grant() });
        assert_refused("serial", &Grant { serial: "s".repeat(129), ..grant() });
        assert_refused("patterns", &Grant { patterns: patterns(0), ..grant() });
        assert_refused("patterns", &Grant { patterns: patterns(65), ..grant() });
        assert_refused("manifests_max", &Grant { manifests_max: 0, ..grant() });
        assert_refused("manifests_max", &Grant { manifests_max: 1025, ..grant() });
        assert_refused("expires", &Grant { expires: Timestamp::default(), ..grant() });
        assert_refused("expires", &Grant { expires: late, ..grant() });
        assert_refused("provenance.job", &Grant { provenance: long, ..grant() });
    }
}
