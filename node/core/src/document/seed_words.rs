//! What seeds sign: receipts, freshness answers, relayed answers.

use super::bounds::{check_distinct, check_pool, check_range, invalid};
use super::{Document, DocumentError, PapersDigest};
use crate::limits::{CANDIDATES_MAX, FALLBACKS_MAX};
use crate::{Fallback, Key, Lineage, ManifestId, Nonce, PeerId, Timestamp};
use serde::{Deserialize, Serialize};

/// "I hold this manifest and all its chunks, durably." Signed by the seed. Enough of them are a manifest's
/// certificate; a seed signs at most one per key and sequence, ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The pool.
    pub pool: String,
    /// Whose word this is.
    pub seed: PeerId,
    /// What it holds.
    pub manifest: ManifestId,
    /// The manifest's key.
    pub key: Key,
    /// The manifest's sequence, from 1.
    pub sequence: u64,
    /// When the seed signed, by its clock: the median of a certificate is when the manifest's signer is judged.
    pub time: Timestamp,
}

impl Document for Receipt {
    const TYPE: &'static str = "application/vnd.pollux.receipt.v1+json";
    const FIELDS: &'static [&'static str] = &["pool", "seed", "manifest", "key", "sequence", "time"];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        check_range("sequence", self.sequence, 1..=u64::MAX)
    }
}

/// "What is newest for this key, or else for one of these fallbacks?"
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Query {
    /// The exact key.
    pub key: Key,
    /// What else will do, best first; at most [`FALLBACKS_MAX`].
    pub fallbacks: Vec<Fallback>,
}

impl Query {
    /// Bounds, as [`Document::check`].
    ///
    /// # Errors
    /// If it names too many fallbacks.
    pub fn check(&self) -> Result<(), DocumentError> {
        check_range("fallbacks", self.fallbacks.len(), 0..=FALLBACKS_MAX)
    }
}

/// A candidate by name. The certified manifest itself travels beside the answer: its own signatures speak for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateRef {
    /// The manifest.
    pub manifest: ManifestId,
    /// Its key.
    pub key: Key,
    /// Its sequence, from 1.
    pub sequence: u64,
    /// Whether the seed has all its chunks at the moment.
    pub complete: bool,
}

/// A seed's reply to a query that carried a nonce: since the nonce was fresh, so is the reply. Signed by the seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshnessAnswer {
    /// The pool.
    pub pool: String,
    /// Whose word this is.
    pub seed: PeerId,
    /// The reader's nonce.
    pub nonce: Nonce,
    /// What was asked.
    pub query: Query,
    /// Version of the newest root that the seed knows.
    pub root_version: u64,
    /// Version of the newest policy that the seed knows.
    pub policy_version: u64,
    /// Certified manifests that answer the query, newest first; at most [`CANDIDATES_MAX`]. None: a miss.
    pub candidates: Vec<CandidateRef>,
    /// When the seed answered, by its clock.
    pub time: Timestamp,
    /// Which policy and which yanks the seed knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub papers: Option<PapersDigest>,
}

impl Document for FreshnessAnswer {
    const TYPE: &'static str = "application/vnd.pollux.freshness.v1+json";
    const FIELDS: &'static [&'static str] =
        &["pool", "seed", "nonce", "query", "root_version", "policy_version", "candidates", "time", "papers"];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        self.query.check()?;
        check_candidates(&self.candidates, |key| self.query.matched(key).is_some())
    }
}

/// A seed's word on one lineage without a nonce, for the members that serve it to hand on while seeds are away. It is
/// as old as its time says, and the policy bounds that age. Signed by the seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedAnswer {
    /// The pool.
    pub pool: String,
    /// Whose word this is.
    pub seed: PeerId,
    /// What it is about: all keys directly in this lineage.
    pub lineage: Lineage,
    /// Version of the newest policy that the seed knows.
    pub policy_version: u64,
    /// Certified manifests of keys in the lineage, newest first; at most [`CANDIDATES_MAX`].
    pub candidates: Vec<CandidateRef>,
    /// When the seed signed, by its clock.
    pub time: Timestamp,
    /// Which policy and which yanks the seed knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub papers: Option<PapersDigest>,
}

impl Document for RelayedAnswer {
    const TYPE: &'static str = "application/vnd.pollux.relayed.v1+json";
    const FIELDS: &'static [&'static str] =
        &["pool", "seed", "lineage", "policy_version", "candidates", "time", "papers"];

    fn check(&self) -> Result<(), DocumentError> {
        check_pool(&self.pool)?;
        check_candidates(&self.candidates, |key| key.lineage().as_ref() == Some(&self.lineage))
    }
}

/// Few, distinct, and each one an answer to what was asked.
fn check_candidates(
    candidates: &[CandidateRef],
    answers: impl Fn(&Key) -> bool,
) -> Result<(), DocumentError> {
    check_range("candidates", candidates.len(), 0..=CANDIDATES_MAX)?;
    check_distinct("candidates", candidates.iter().map(|candidate| candidate.manifest))?;
    for candidate in candidates {
        check_range("candidates", candidate.sequence, 1..=u64::MAX)?;
        if !answers(&candidate.key) {
            return invalid("candidates", format!("`{}` does not answer what was asked", candidate.key));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;
    use crate::document::testing::{assert_golden, assert_refused, peer, time};

    fn id(number: u8) -> ManifestId {
        ManifestId::from_bytes([number; 32])
    }

    fn candidate(number: u8, key: &str) -> CandidateRef {
        CandidateRef { manifest: id(number), key: key.parse().unwrap(), sequence: 42, complete: true }
    }

    fn receipt() -> Receipt {
        Receipt {
            pool: "ci".to_owned(),
            seed: peer(1),
            manifest: id(0xab),
            key: "core/npm/1".parse().unwrap(),
            sequence: 42,
            time: time(),
        }
    }

    fn query() -> Query {
        Query {
            key: "core/npm/1".parse().unwrap(),
            fallbacks: vec!["core/npm".parse().unwrap(), "core/yarn/v1-*".parse().unwrap()],
        }
    }

    fn answer() -> FreshnessAnswer {
        FreshnessAnswer {
            pool: "ci".to_owned(),
            seed: peer(1),
            nonce: Nonce::from_bytes([0xcd; 32]),
            query: query(),
            root_version: 1,
            policy_version: 3,
            candidates: vec![candidate(0xab, "core/npm/2"), candidate(0xef, "core/yarn/v1-7")],
            time: time(),
            papers: Some(papers()),
        }
    }

    fn papers() -> PapersDigest {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        PapersDigest { policy: digest(0xab), yanks: digest(0xcd), yanks_count: 2 }
    }

    fn relayed() -> RelayedAnswer {
        RelayedAnswer {
            pool: "ci".to_owned(),
            seed: peer(1),
            lineage: "core/npm".parse().unwrap(),
            policy_version: 3,
            candidates: vec![candidate(0xab, "core/npm/2")],
            time: time(),
            papers: Some(papers()),
        }
    }

    /// Long names in the expected text, written short.
    fn expand(json: &str) -> String {
        let peer = peer(1).to_string();
        json.replace("SEED", &peer)
            .replace("AB", &"ab".repeat(32))
            .replace("CD", &"cd".repeat(32))
            .replace("EF", &"ef".repeat(32))
            .replace("TIME", "2026-11-03T09:05:00.250Z")
    }

    #[test]
    fn receipt_is_written_so() {
        let json =
            r#"{"pool":"ci","seed":"SEED","manifest":"AB","key":"core/npm/1","sequence":42,"time":"TIME"}"#;
        assert_golden(&receipt(), &expand(json));
    }

    #[test]
    fn freshness_answer_is_written_so() {
        let json = concat!(
            r#"{"pool":"ci","seed":"SEED","nonce":"CD","#,
            r#""query":{"key":"core/npm/1","fallbacks":["core/npm","core/yarn/v1-*"]},"#,
            r#""root_version":1,"policy_version":3,"#,
            r#""candidates":[{"manifest":"AB","key":"core/npm/2","sequence":42,"complete":true},"#,
            r#"{"manifest":"EF","key":"core/yarn/v1-7","sequence":42,"complete":true}],"time":"TIME","#,
            r#""papers":{"policy":"AB","yanks":"CD","yanks_count":2}}"#,
        );
        assert_golden(&answer(), &expand(json));
    }

    #[test]
    fn relayed_answer_is_written_so() {
        let json = concat!(
            r#"{"pool":"ci","seed":"SEED","lineage":"core/npm","policy_version":3,"#,
            r#""candidates":[{"manifest":"AB","key":"core/npm/2","sequence":42,"complete":true}],"time":"TIME","#,
            r#""papers":{"policy":"AB","yanks":"CD","yanks_count":2}}"#,
        );
        assert_golden(&relayed(), &expand(json));
    }

    /// What seeds signed before there were yanks.
    #[test]
    fn answers_without_papers_are_read_and_written_as_ever() {
        let answer = FreshnessAnswer { papers: None, ..answer() };
        let json = serde_json::to_string(&answer).unwrap();
        assert!(json.ends_with(&expand(r#","time":"TIME"}"#)), "{json}");
        assert_eq!(serde_json::from_str::<FreshnessAnswer>(&json).unwrap(), answer);
        let relayed = RelayedAnswer { papers: None, ..relayed() };
        let json = serde_json::to_string(&relayed).unwrap();
        assert!(json.ends_with(&expand(r#","time":"TIME"}"#)), "{json}");
        assert_eq!(serde_json::from_str::<RelayedAnswer>(&json).unwrap(), relayed);
    }

    #[test]
    fn only_the_key_and_what_the_fallbacks_match_may_answer() {
        for (key, accepted) in [
            ("core/npm/1", true),
            ("core/npm/2", true),
            ("core/yarn/v1-7", true),
            ("core/yarn/v2-7", false),
            ("core/npm/2/x", false),
            ("core/npm", false),
        ] {
            assert_eq!(query().matched(&key.parse().unwrap()).is_some(), accepted, "{key}");
        }
        let exact = Query { fallbacks: Vec::new(), ..query() };
        assert!(
            exact.matched(&exact.key).is_some() && exact.matched(&"core/npm/2".parse().unwrap()).is_none()
        );
    }

    #[test]
    fn queries_are_bounded() {
        let many = |count| Query { fallbacks: vec!["a".parse().unwrap(); count], ..query() };
        assert_eq!(many(FALLBACKS_MAX).check(), Ok(()));
        assert!(many(FALLBACKS_MAX + 1).check().is_err());
        let candidates = Vec::new();
        assert_refused("fallbacks", &FreshnessAnswer { query: many(9), candidates, ..answer() });
    }

    #[test]
    fn queries_travel_in_binary_messages() {
        let bytes = postcard::to_allocvec(&query()).unwrap();
        assert_eq!(postcard::from_bytes::<Query>(&bytes), Ok(query()));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_refused("pool", &Receipt { pool: "\n".to_owned(), ..receipt() });
        assert_refused("sequence", &Receipt { sequence: 0, ..receipt() });
        assert_refused("pool", &FreshnessAnswer { pool: String::new(), ..answer() });
        assert_refused("pool", &RelayedAnswer { pool: String::new(), ..relayed() });
    }

    #[test]
    fn manifest_key_differs_from_request() {
        let with = |key: &str| vec![candidate(1, key)];
        assert_refused("candidates", &FreshnessAnswer { candidates: with("other/npm/1"), ..answer() });
        assert_refused("candidates", &FreshnessAnswer { candidates: with("core/npm/1/x"), ..answer() });
        assert_refused("candidates", &RelayedAnswer { candidates: with("core/yarn/1"), ..relayed() });
        assert_refused("candidates", &RelayedAnswer { candidates: with("core/npm"), ..relayed() });
    }

    #[test]
    fn candidates_are_few_and_distinct() {
        let many = |count: u8| (0..count).map(|number| candidate(number, "core/npm/1")).collect::<Vec<_>>();
        let twice = vec![candidate(1, "core/npm/1"); 2];
        let zero = vec![CandidateRef { sequence: 0, ..candidate(1, "core/npm/1") }];
        assert_eq!(FreshnessAnswer { candidates: many(8), ..answer() }.check(), Ok(()));
        assert_eq!(FreshnessAnswer { candidates: Vec::new(), ..answer() }.check(), Ok(()));
        for candidates in [many(9), twice, zero] {
            assert_refused("candidates", &FreshnessAnswer { candidates: candidates.clone(), ..answer() });
            assert_refused("candidates", &RelayedAnswer { candidates, ..relayed() });
        }
    }
}
