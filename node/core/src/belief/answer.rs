//! Seeds' answers: to a reader's question, and those that members hand on while seeds are away.
use super::certificate::Claim;
use super::trust::{not_from_the_future, read};
use super::{CertifiedEnvelope, CertifiedManifest, Disbelief, Paper, Skipped, Trust, VerifiedAnswer};
use crate::limits::CANDIDATES_MAX;
use crate::{
    CandidateRef, Envelope, FreshnessAnswer, Lineage, Manifest, ManifestId, Nonce, PapersDigest, PeerId,
    Query, RelayedAnswer, Timestamp,
};
use core::time::Duration;
use std::collections::BTreeMap;

/// A question as asked: which seed, which nonce, what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The seed whose answer it must be.
    pub seed: PeerId,
    /// Fresh for this seed and question; 32 random bytes.
    pub nonce: Nonce,
    /// What is looked for.
    pub query: Query,
}

/// The manifests that came with an answer, by name.
type Beside<'a> = BTreeMap<ManifestId, &'a CertifiedEnvelope>;

/// Version of the policy that a seed knows, and more about what it knows if it says so.
type Knows = (u64, Option<PapersDigest>, Timestamp);

impl Trust {
    /// Judges a seed's answer to a question of this reader.
    ///
    /// It counts if the seed that was asked signed it, if pool, nonce and query are those of the question, and if
    /// every candidate (each answers the query, or the answer is no document) came `beside` with it, says what the
    /// answer says of it, and has a certificate. No clock is needed: the nonce says that the answer is new.
    ///
    /// A certified candidate that this reader may not use (expired by now, yanked, below a floor, its publisher gone from
    /// the policy, of a newer format) is skipped: an honest seed cannot know that, and what is left over decides. So is one whose own
    /// signature was tampered with: a seed that lies so gains what it gains by not naming it.
    ///
    /// # Errors
    /// The first thing for which the answer does not count.
    pub fn verify_answer(
        &self,
        asked: &Asked,
        answer: &Envelope,
        beside: &[CertifiedEnvelope],
        wall: Timestamp,
    ) -> Result<VerifiedAnswer, Disbelief> {
        self.in_force(wall)?;
        let what = Paper::Answer;
        self.signed_by_seed(what, answer, asked.seed)?;
        let body: FreshnessAnswer = read(answer, what)?;
        self.same_pool(what, &body.pool)?;
        same_question(asked, &body)?;
        let knows = (body.policy_version, body.papers, body.time);
        self.candidates((asked.seed, knows), &body.candidates, beside, wall)
    }

    /// Judges an answer that a peer handed on: a seed's word of what was newest in one lineage, some time ago.
    ///
    /// It counts if a seed of the policy signed it for the lineage of the query's key or of one of its fallbacks, at
    /// most the policy's `relayed_age_max` before `wall`, and each of its candidates is as [`Self::verify_answer`]
    /// wants it. Only candidates that answer the query are judged and kept.
    ///
    /// # Errors
    /// The first thing for which the answer does not count.
    pub fn verify_relayed(
        &self,
        query: &Query,
        answer: &Envelope,
        beside: &[CertifiedEnvelope],
        wall: Timestamp,
    ) -> Result<VerifiedAnswer, Disbelief> {
        self.in_force(wall)?;
        let what = Paper::RelayedAnswer;
        let mut body: RelayedAnswer = read(answer, what)?;
        self.same_pool(what, &body.pool)?;
        self.signed_by_seed(what, answer, body.seed)?;
        not_from_the_future(what, body.time, wall)?;
        self.recent(body.time, wall)?;
        in_lineage(query, &body.lineage)?;
        body.candidates.retain(|named| query.matched(&named.key).is_some());
        let knows = (body.policy_version, body.papers, body.time);
        self.candidates((body.seed, knows), &body.candidates, beside, wall)
    }

    fn recent(&self, time: Timestamp, wall: Timestamp) -> Result<(), Disbelief> {
        let longest = Duration::from_secs(self.policy().relayed_age_max);
        let age = wall.since(time);
        if age <= longest { Ok(()) } else { Err(Disbelief::TooOld { age, longest }) }
    }

    /// Judges each candidate by what came with the answer.
    /// The same answers without the candidates that yanks take which were not known when the answers were judged.
    #[must_use]
    pub fn sift(&self, answers: Vec<VerifiedAnswer>, wall: Timestamp) -> Vec<VerifiedAnswer> {
        let sift = |mut answer: VerifiedAnswer| {
            for candidate in core::mem::take(&mut answer.candidates) {
                match self.yanked(&candidate, wall) {
                    None => answer.candidates.push(candidate),
                    Some(why) => answer.skipped.push(Skipped { manifest: candidate.id(), why }),
                }
            }
            answer
        };
        answers.into_iter().map(sift).collect()
    }

    fn candidates(
        &self,
        (seed, (policy_version, papers, time)): (PeerId, Knows),
        named: &[CandidateRef],
        beside: &[CertifiedEnvelope],
        wall: Timestamp,
    ) -> Result<VerifiedAnswer, Disbelief> {
        if beside.len() > CANDIDATES_MAX {
            return Err(Disbelief::TooManyCandidates { found: beside.len() });
        }
        let beside: Beside<'_> = beside.iter().map(|one| (one.manifest.id(), one)).collect();
        let mut answer = VerifiedAnswer {
            seed,
            candidates: Vec::new(),
            skipped: Vec::new(),
            policy_version,
            papers,
            time,
        };
        for named in named {
            match self.candidate(named, &beside, wall)? {
                Ok(certified) => answer.candidates.push(certified),
                Err(why) => answer.skipped.push(Skipped { manifest: named.manifest, why }),
            }
        }
        Ok(answer)
    }

    /// The outer error is the seed's fault; the inner one only keeps this candidate from being used.
    fn candidate(
        &self,
        named: &CandidateRef,
        beside: &Beside<'_>,
        wall: Timestamp,
    ) -> Result<Result<CertifiedManifest, Disbelief>, Disbelief> {
        let id = named.manifest;
        let found = beside.get(&id).ok_or(Disbelief::CandidateMissing { manifest: id })?;
        let claim = Claim { manifest: id, key: &named.key, sequence: named.sequence };
        let certificate = self.certificate(&found.receipts, claim)?;
        let manifest: Manifest = match read(&found.manifest, Paper::Manifest) {
            Ok(manifest) => manifest,
            Err(why) => return Ok(Err(why)),
        };
        if manifest.key != named.key || manifest.sequence != named.sequence {
            return Err(Disbelief::CandidateDiffers { manifest: id });
        }
        Ok(self.judge_certified(&found.manifest, manifest, certificate, wall))
    }
}

fn same_question(asked: &Asked, answer: &FreshnessAnswer) -> Result<(), Disbelief> {
    if answer.seed != asked.seed {
        return Err(Disbelief::OtherSeed { asked: asked.seed, found: answer.seed });
    }
    if answer.nonce != asked.nonce {
        return Err(Disbelief::OtherNonce);
    }
    if answer.query == asked.query { Ok(()) } else { Err(Disbelief::OtherQuery) }
}

/// The answer's lineage is one of those that the query is about.
fn in_lineage(query: &Query, lineage: &Lineage) -> Result<(), Disbelief> {
    let of_key = query.key.lineage();
    let mut asked = query.fallbacks.iter().map(|fallback| fallback.lineage()).chain(of_key.as_ref());
    if asked.any(|asked| asked == lineage) {
        return Ok(());
    }
    Err(Disbelief::OtherLineage { lineage: lineage.clone() })
}
