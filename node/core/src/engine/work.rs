//! What the engine lets its driver do off its thread: verifying and signing. Both are pure and may run anywhere.
use super::papers::JudgedPapers;
use crate::message::VoteEnvelope;
use crate::{
    Asked, CertifiedEnvelope, CertifiedManifest, Disbelief, Envelope, FreshnessAnswer, KeyPair, Membership,
    Papers, PeerId, Query, Receipt, RelayedAnswer, Timestamp, Token, Trust, VerifiedAnswer, VerifiedManifest,
    VerifiedMembership, VerifiedReceipt, Weighed,
};
use std::sync::Arc;

/// What verification is asked for. `wall` is the time of the input that asked; it is fixed once, here.
#[derive(Clone, Debug)]
pub enum Work {
    /// A manifest by itself, as a seed judges an offer and a node its own job's publish: see [`Trust::verify_manifest`].
    Manifest {
        /// As it came.
        envelope: Envelope,
        /// The time to judge it at.
        wall: Timestamp,
    },
    /// A manifest with its receipts: see [`Trust::certify`].
    Certified {
        /// As it came, or as the store remembers it.
        certified: CertifiedEnvelope,
        /// The time to judge it at.
        wall: Timestamp,
    },
    /// The same for a seed, where other seeds may have certified it: see [`Trust::weigh`].
    Weigh {
        /// As it came, or as the store remembers it.
        certified: CertifiedEnvelope,
        /// The time to judge it at.
        wall: Timestamp,
    },
    /// A seed's answer: see [`Trust::verify_answer`].
    Answer {
        /// What was asked of whom.
        asked: Asked,
        /// The seed's reply.
        answer: Envelope,
        /// The manifests that it names.
        beside: Vec<CertifiedEnvelope>,
        /// The time to judge it at.
        wall: Timestamp,
    },
    /// Seeds' answers that a peer handed on: see [`Trust::verify_relayed`].
    Relayed {
        /// What is looked for.
        query: Query,
        /// Each with the manifests that it names.
        answers: Vec<(Envelope, Vec<CertifiedEnvelope>)>,
        /// The time to judge them at.
        wall: Timestamp,
    },
    /// A seed's receipt: see [`Trust::verify_receipt`].
    Receipt {
        /// As it came.
        envelope: Envelope,
    },
    /// A seed's vote with what it voted for. The manifest is judged as by that seed: at the time of the receipt, which is
    /// that seed's word; it may have expired since.
    Vote {
        /// As it came.
        vote: VoteEnvelope,
    },
    /// A join token: see [`Trust::verify_token`].
    Token {
        /// As it came.
        envelope: Envelope,
        /// The time to judge it at.
        wall: Timestamp,
    },
    /// A membership that a peer shows, or that a seed gave: see [`Trust::verify_membership`]. Its address is not judged.
    Membership {
        /// As it came.
        envelope: Envelope,
        /// The peer that must be named by it.
        peer: PeerId,
        /// The time to judge it at.
        wall: Timestamp,
    },
    /// Roots, a policy and yanks: see [`Trust::follow`] and [`Trust::hear`].
    Papers {
        /// As they came.
        papers: Papers,
        /// With the newer policy that is kept and has not taken over.
        next: Option<Arc<Trust>>,
        /// The time to judge them at.
        wall: Timestamp,
    },
}

/// The outcome of a [`Work`] of the same name, with the witness.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Of [`Work::Manifest`].
    Manifest(Result<VerifiedManifest, Disbelief>),
    /// Of [`Work::Certified`].
    Certified(Result<CertifiedManifest, Disbelief>),
    /// Of [`Work::Weigh`].
    Weighed(Box<Result<Weighed, Disbelief>>),
    /// Of [`Work::Answer`].
    Answer(Result<VerifiedAnswer, Disbelief>),
    /// Of [`Work::Relayed`], in the order of its answers.
    Relayed(Vec<Result<VerifiedAnswer, Disbelief>>),
    /// Of [`Work::Receipt`].
    Receipt(Result<VerifiedReceipt, Disbelief>),
    /// Of [`Work::Vote`].
    Vote(Result<(VerifiedManifest, VerifiedReceipt), Disbelief>),
    /// Of [`Work::Token`].
    Token(Result<Token, Disbelief>),
    /// Of [`Work::Membership`].
    Membership(Result<VerifiedMembership, Disbelief>),
    /// Of [`Work::Papers`].
    Papers(Box<JudgedPapers>),
}

impl Work {
    /// Verifies. Pure; costs some ten microseconds for each signature: at most a few hundred, or one for each key that may
    /// yank and each yank of papers.
    #[must_use]
    pub fn run(self, trust: &Trust) -> Verdict {
        match self {
            Self::Manifest { envelope, wall } => Verdict::Manifest(trust.verify_manifest(&envelope, wall)),
            Self::Certified { certified, wall } => Verdict::Certified(trust.certify(&certified, wall)),
            Self::Weigh { certified, wall } => Verdict::Weighed(Box::new(trust.weigh(&certified, wall))),
            Self::Answer { asked, answer, beside, wall } => {
                Verdict::Answer(trust.verify_answer(&asked, &answer, &beside, wall))
            }
            Self::Relayed { query, answers, wall } => {
                let judge = |(answer, beside): &(Envelope, Vec<CertifiedEnvelope>)| {
                    trust.verify_relayed(&query, answer, beside, wall)
                };
                Verdict::Relayed(answers.iter().map(judge).collect())
            }
            Self::Receipt { envelope } => Verdict::Receipt(trust.verify_receipt(&envelope)),
            Self::Vote { vote } => Verdict::Vote(judge_vote(trust, &vote)),
            Self::Token { envelope, wall } => Verdict::Token(trust.verify_token(&envelope, wall)),
            Self::Membership { envelope, peer, wall } => {
                Verdict::Membership(trust.verify_membership(&envelope, &peer, None, wall))
            }
            Self::Papers { papers, next, wall } => {
                Verdict::Papers(Box::new(JudgedPapers::of(trust, next.as_deref(), &papers, wall)))
            }
        }
    }
}

fn judge_vote(trust: &Trust, vote: &VoteEnvelope) -> Result<(VerifiedManifest, VerifiedReceipt), Disbelief> {
    let receipt = trust.verify_receipt(&vote.receipt)?;
    let manifest = trust.verify_manifest(&vote.manifest, receipt.receipt().time)?;
    let Receipt { pool: _, seed: _, manifest: id, key, sequence, time: _ } = receipt.receipt();
    let declared = manifest.manifest();
    if (*id, key, *sequence) != (manifest.id(), &declared.key, declared.sequence) {
        return Err(Disbelief::NotCertified { have: 0, need: 1 });
    }
    Ok((manifest, receipt))
}

/// What a seed signs with its identity key.
#[derive(Clone, Debug)]
pub enum Statement {
    /// That it holds a manifest and its chunks.
    Receipt(Receipt),
    /// What is newest, to one reader.
    Answer(FreshnessAnswer),
    /// What is newest in a lineage, to be handed on.
    Relayed(RelayedAnswer),
    /// That a peer belongs to the pool.
    Membership(Membership),
}

impl Statement {
    /// The statement's envelope, with this key's signature.
    #[must_use]
    pub fn sign(&self, key: &KeyPair) -> Envelope {
        match self {
            Self::Receipt(receipt) => Envelope::sign(receipt, key),
            Self::Answer(answer) => Envelope::sign(answer, key),
            Self::Relayed(answer) => Envelope::sign(answer, key),
            Self::Membership(membership) => Envelope::sign(membership, key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::fixture::{Pool, WALL, node, query};

    /// What the work is said to be, and whether it was believed.
    fn run(pool: &Pool, work: Work) -> (&'static str, bool) {
        match work.run(&pool.trust()) {
            Verdict::Manifest(verdict) => ("manifest", verdict.is_ok()),
            Verdict::Certified(verdict) => ("certified", verdict.is_ok()),
            Verdict::Weighed(verdict) => ("weighed", verdict.is_ok()),
            Verdict::Answer(verdict) => ("answer", verdict.is_ok()),
            Verdict::Relayed(verdicts) => ("relayed", verdicts.iter().all(Result::is_ok)),
            Verdict::Receipt(verdict) => ("receipt", verdict.is_ok()),
            Verdict::Vote(verdict) => ("vote", verdict.is_ok()),
            Verdict::Token(verdict) => ("token", verdict.is_ok()),
            Verdict::Membership(verdict) => ("membership", verdict.is_ok()),
            Verdict::Papers(judged) => ("papers", judged.doubts.is_empty()),
        }
    }

    #[test]
    fn every_work_has_a_verdict_of_its_name() {
        let pool = Pool::new(1);
        let certified = pool.certified(&pool.manifest("core/main/npm/1", 1));
        let envelope = certified.manifest.clone();
        assert_eq!(run(&pool, Work::Manifest { envelope, wall: WALL }), ("manifest", true));
        let envelope = certified.receipts[0].clone();
        assert_eq!(run(&pool, Work::Receipt { envelope }), ("receipt", true));
        assert_eq!(run(&pool, Work::Weigh { certified: certified.clone(), wall: WALL }), ("weighed", true));
        assert_eq!(run(&pool, Work::Certified { certified, wall: WALL }), ("certified", true));
        let envelope = pool.file().token;
        assert_eq!(run(&pool, Work::Token { envelope, wall: WALL }), ("token", true));
    }

    #[test]
    fn a_vote_is_for_the_manifest_beside_it_and_judged_at_its_own_time() {
        let pool = Pool::new(4);
        let (one, other) = (pool.manifest("core/main/npm/1", 1), pool.manifest("core/main/npm/1", 2));
        let (manifest, later) = (pool.sign(&one), pool.sign(&other));
        let receipt = pool.receipt(2, &manifest, WALL);
        let judged = |manifest: &Envelope, receipt: &Envelope| {
            let vote = VoteEnvelope { manifest: manifest.clone(), receipt: receipt.clone() };
            run(&pool, Work::Vote { vote })
        };
        assert_eq!(judged(&manifest, &receipt), ("vote", true));
        assert_eq!(judged(&later, &receipt), ("vote", false), "a receipt for another manifest");
        assert_eq!(judged(&manifest, &manifest), ("vote", false), "no receipt at all");
        let after_its_end = pool.receipt(2, &manifest, one.expires);
        assert_eq!(judged(&manifest, &after_its_end), ("vote", false));
        let unsigned = Envelope::sign(&one, &pool.seeds[2]);
        let for_it = pool.receipt(2, &unsigned, WALL);
        assert_eq!(judged(&unsigned, &for_it), ("vote", false), "a seed is no publisher");
    }

    #[test]
    fn what_a_seed_signs_is_believed() {
        let pool = Pool::new(1);
        let key = &pool.seeds[0];
        let query = query("core/main/npm/1", &[]);
        let certified = pool.certified(&pool.manifest("core/main/npm/1", 1));

        let receipt = certified.receipts[0].body().unwrap();
        let envelope = Statement::Receipt(receipt).sign(key);
        assert_eq!(run(&pool, Work::Receipt { envelope }), ("receipt", true));

        let beside = vec![certified];
        let asked = pool.asked(0, &query);
        let answer = Statement::Answer(pool.answer(&asked, &beside)).sign(key);
        let work = Work::Answer { asked, answer, beside: beside.clone(), wall: WALL };
        assert_eq!(run(&pool, work), ("answer", true));

        let answer = Statement::Relayed(pool.relayed(0, "core/main/npm", &beside)).sign(key);
        let work = Work::Relayed { query, answers: vec![(answer, beside)], wall: WALL };
        assert_eq!(run(&pool, work), ("relayed", true));

        let envelope = Statement::Membership(pool.membership(0, node(0))).sign(key);
        let work = |peer| Work::Membership { envelope: envelope.clone(), peer, wall: WALL };
        assert_eq!(run(&pool, work(node(0))), ("membership", true));
        assert_eq!(run(&pool, work(node(1))), ("membership", false));
    }

    #[test]
    fn each_relayed_answer_has_a_verdict_of_its_own() {
        let pool = Pool::new(1);
        let good = Statement::Relayed(pool.relayed(0, "core/main/npm", &[])).sign(&pool.seeds[0]);
        let other = Statement::Relayed(pool.relayed(0, "core/main/npm", &[])).sign(&pool.publisher);
        let answers = vec![(other, vec![]), (good, vec![])];
        let work = Work::Relayed { query: query("core/main/npm/1", &[]), answers, wall: WALL };
        let Verdict::Relayed(verdicts) = work.run(&pool.trust()) else {
            panic!("the verdict of another work")
        };
        assert_eq!(verdicts.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true]);
    }
}
