//! Receipts, and the certificates that `write` of them make.
use super::manifest::Judged;
use super::trust::read;
use super::{
    CertifiedEnvelope, CertifiedManifest, Disbelief, Paper, ShortManifest, Trust, VerifiedManifest,
    VerifiedReceipt, Weighed,
};
use crate::limits::SEEDS_MAX;
use crate::{Envelope, Key, Manifest, ManifestId, PeerId, Receipt, Timestamp};
use std::collections::BTreeMap;

/// What receipts must be for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) manifest: ManifestId,
    pub(super) key: &'a Key,
    pub(super) sequence: u64,
}

/// The good receipts of enough seeds.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) receipts: Vec<Envelope>,
    pub(super) median: Timestamp,
}

impl Trust {
    /// Judges a seed's receipt: of this pool, by a seed of the policy, signed by it. What manifest it is for, and
    /// whether that holds, is not looked at; nor is its time, which is the seed's word.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn verify_receipt(&self, envelope: &Envelope) -> Result<VerifiedReceipt, Disbelief> {
        let receipt: Receipt = read(envelope, Paper::Receipt)?;
        self.same_pool(Paper::Receipt, &receipt.pool)?;
        self.signed_by_seed(Paper::Receipt, envelope, receipt.seed)?;
        Ok(VerifiedReceipt { receipt, envelope: envelope.clone() })
    }

    /// Judges a manifest for reading: it counts once `write` distinct seeds of the policy have signed receipts for it
    /// (same id, key and sequence). The signer, and when it was made, are judged at the median time of those receipts; its end at `wall`.
    ///
    /// A receipt that does not hold is ignored (a policy changes its seeds, and the receipts of those that left stay
    /// behind), and so is a seed's second one. Of an even number of receipts the lower of the two middle times is the
    /// median: `write` is more than twice `faulty`, so there are honest seeds' times on both sides of it, or it is one.
    ///
    /// # Errors
    /// More receipts than [`SEEDS_MAX`], too few good ones, what [`Self::verify_manifest`] says, or that it is below a
    /// floor ([`Self::with_floors`]).
    pub fn certify(
        &self,
        certified: &CertifiedEnvelope,
        wall: Timestamp,
    ) -> Result<CertifiedManifest, Disbelief> {
        self.in_force(wall)?;
        let manifest: Manifest = read(&certified.manifest, Paper::Manifest)?;
        let id = certified.manifest.id();
        let claim = Claim { manifest: id, key: &manifest.key, sequence: manifest.sequence };
        let certificate = self.certificate(&certified.receipts, claim)?;
        self.judge_certified(&certified.manifest, manifest, certificate, wall)
    }

    /// The same for a seed, when other seeds are in force than those that certified it: receipts of more seeds than may be
    /// faulty say that an honest one took it, though they are no certificate. Nobody reads it by that; seeds give it the
    /// receipts that it lacks.
    ///
    /// # Errors
    /// As [`Self::certify`]; too few are no more than `faulty`.
    pub fn weigh(&self, certified: &CertifiedEnvelope, wall: Timestamp) -> Result<Weighed, Disbelief> {
        self.in_force(wall)?;
        let manifest: Manifest = read(&certified.manifest, Paper::Manifest)?;
        let id = certified.manifest.id();
        let claim = Claim { manifest: id, key: &manifest.key, sequence: manifest.sequence };
        let by_seed = self.good_receipts(&certified.receipts, claim)?;
        let (have, policy) = (by_seed.len(), self.policy());
        if at_least(have, policy.write) {
            let certificate = self.enough(by_seed, policy.write)?;
            let counts = self.judge_certified(&certified.manifest, manifest, certificate, wall)?;
            return Ok(Weighed::Certified(counts));
        }
        let need = policy.faulty.saturating_add(1);
        let times: Vec<Timestamp> = by_seed.values().map(|verified| verified.receipt.time).collect();
        let Certificate { receipts, median } = self.enough(by_seed, need)?;
        let verified = self.judge_at_any(&certified.manifest, &manifest, &times, wall)?;
        let stated = stated_median(&certified.receipts).unwrap_or(median);
        Ok(Weighed::Short(ShortManifest { verified, receipts, median, stated, need: policy.write }))
    }

    /// One of the seeds that took it is honest and judged it at its own time; the others may have said any time.
    fn judge_at_any(
        &self,
        envelope: &Envelope,
        manifest: &Manifest,
        times: &[Timestamp],
        wall: Timestamp,
    ) -> Result<VerifiedManifest, Disbelief> {
        let mut last = Disbelief::NotCertified { have: 0, need: self.policy().write };
        for published in times {
            match self.judge(envelope, manifest.clone(), Judged { published: *published, wall }) {
                Ok(verified) => return Ok(verified),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// Judges a manifest that has a certificate.
    pub(super) fn judge_certified(
        &self,
        envelope: &Envelope,
        manifest: Manifest,
        certificate: Certificate,
        wall: Timestamp,
    ) -> Result<CertifiedManifest, Disbelief> {
        let Certificate { receipts, median } = certificate;
        let verified = self.judge(envelope, manifest, Judged { published: median, wall })?;
        self.above_floors(verified.manifest(), median)?;
        Ok(CertifiedManifest { verified, receipts, median })
    }

    /// The good receipts among these, if they are enough.
    pub(super) fn certificate(
        &self,
        receipts: &[Envelope],
        claim: Claim<'_>,
    ) -> Result<Certificate, Disbelief> {
        self.enough(self.good_receipts(receipts, claim)?, self.policy().write)
    }

    fn good_receipts(
        &self,
        receipts: &[Envelope],
        claim: Claim<'_>,
    ) -> Result<BTreeMap<PeerId, VerifiedReceipt>, Disbelief> {
        if receipts.len() > SEEDS_MAX {
            return Err(Disbelief::TooManyReceipts { found: receipts.len() });
        }
        let mut by_seed: BTreeMap<PeerId, VerifiedReceipt> = BTreeMap::new();
        let verified = receipts.iter().filter_map(|receipt| self.verify_receipt(receipt).ok());
        for verified in verified.filter(|verified| claim.is_of(verified.receipt())) {
            by_seed.entry(verified.receipt.seed).or_insert(verified);
        }
        Ok(by_seed)
    }

    fn enough(
        &self,
        by_seed: BTreeMap<PeerId, VerifiedReceipt>,
        need: u32,
    ) -> Result<Certificate, Disbelief> {
        let have = by_seed.len();
        let mut times: Vec<Timestamp> = by_seed.values().map(|verified| verified.receipt.time).collect();
        times.sort_unstable();
        let median = times.get(have.saturating_sub(1) / 2).copied();
        match median {
            Some(median) if at_least(have, need) => {
                let receipts = by_seed.into_values().map(|verified| verified.envelope).collect();
                Ok(Certificate { receipts, median })
            }
            _ => Err(Disbelief::NotCertified { have, need: self.policy().write }),
        }
    }
}

/// The lower median of the times that receipts state, whoever signed them.
fn stated_median(receipts: &[Envelope]) -> Option<Timestamp> {
    let times = receipts.iter().filter_map(|receipt| receipt.body::<Receipt>().ok());
    let mut times: Vec<Timestamp> = times.map(|receipt| receipt.time).collect();
    times.sort_unstable();
    times.get(times.len().saturating_sub(1) / 2).copied()
}

fn at_least(have: usize, need: u32) -> bool {
    usize::try_from(need).is_ok_and(|need| have >= need)
}

impl Claim<'_> {
    fn is_of(&self, receipt: &Receipt) -> bool {
        let Receipt { pool: _, seed: _, manifest, key, sequence, time: _ } = receipt;
        *manifest == self.manifest && key == self.key && *sequence == self.sequence
    }
}
