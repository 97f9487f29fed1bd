//! What is believed: the only makers of witness types.
use crate::*;
use core::net::IpAddr;
/// A root and a policy that were verified. Everything else is judged by them.
#[derive(Clone, Debug)]
pub struct Trust { root: Root, policy: Policy }
/// Why something is not believed; closed list, each with what a person can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief { #[error("todo")] Todo }
/// A manifest whose signature, signer, pattern, times and bounds hold.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedManifest { id: ManifestId, manifest: Manifest, envelope: Envelope }
/// A verified manifest with `write` receipts: it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct CertifiedManifest { verified: VerifiedManifest, receipts: Vec<Envelope>, median: Timestamp }
/// As sent and stored: nothing checked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CertifiedEnvelope { pub manifest: Envelope, pub receipts: Vec<Envelope> }
/// A receipt whose seed's signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReceipt { receipt: Receipt, envelope: Envelope }
/// A freshness answer that counts, with its candidates certified.
#[derive(Clone, Debug)]
pub struct VerifiedAnswer { seed: PeerId, candidates: Vec<CertifiedManifest> }
/// A membership that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedMembership { membership: Membership, envelope: Envelope }
/// When a manifest is judged: by a seed that may sign a receipt now, or by a reader, at the receipts' median.
impl Trust {
    pub fn open(_pool: &PoolFile, _wall: Timestamp) -> Result<Self, Disbelief> { todo!() }
    pub fn root(&self) -> &Root { &self.root }
    pub fn policy(&self) -> &Policy { &self.policy }
    pub fn is_seed(&self, _peer: &PeerId) -> bool { todo!() }
    /// For publishing (seed, holder): signer judged at `wall`.
    pub fn verify_manifest(&self, _envelope: &Envelope, _wall: Timestamp) -> Result<VerifiedManifest, Disbelief> { todo!() }
    /// For reading: `write` receipts of distinct seeds, signer judged at their median time, not expired at `wall`.
    pub fn certify(&self, _certified: &CertifiedEnvelope, _wall: Timestamp) -> Result<CertifiedManifest, Disbelief> { todo!() }
    pub fn verify_receipt(&self, _envelope: &Envelope) -> Result<VerifiedReceipt, Disbelief> { todo!() }
    pub fn verify_answer(&self, _asked: &Asked, _answer: &Envelope, _beside: &[CertifiedEnvelope], _wall: Timestamp) -> Result<VerifiedAnswer, Disbelief> { todo!() }
    pub fn verify_relayed(&self, _query: &Query, _answer: &Envelope, _beside: &[CertifiedEnvelope], _wall: Timestamp) -> Result<VerifiedAnswer, Disbelief> { todo!() }
    pub fn verify_token(&self, _envelope: &Envelope, _wall: Timestamp) -> Result<Token, Disbelief> { todo!() }
    pub fn verify_membership(&self, _envelope: &Envelope, _peer: &PeerId, _address: Option<IpAddr>, _wall: Timestamp) -> Result<VerifiedMembership, Disbelief> { todo!() }
    /// Of what `read` seeds answered: exact key before fallbacks in the asked order; highest sequence; within a lineage the latest median time.
    pub fn choose(&self, _query: &Query, _answers: &[VerifiedAnswer]) -> Option<CertifiedManifest> { todo!() }
}
/// A question as asked: which seed, which nonce, what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked { pub seed: PeerId, pub nonce: Nonce, pub query: Query }
impl VerifiedManifest { pub fn id(&self) -> ManifestId { self.id } pub fn manifest(&self) -> &Manifest { &self.manifest } pub fn envelope(&self) -> &Envelope { &self.envelope } }
impl CertifiedManifest { pub fn verified(&self) -> &VerifiedManifest { &self.verified } pub fn id(&self) -> ManifestId { self.verified.id } pub fn manifest(&self) -> &Manifest { &self.verified.manifest } pub fn receipts(&self) -> &[Envelope] { &self.receipts } pub fn median(&self) -> Timestamp { self.median } pub fn to_envelope(&self) -> CertifiedEnvelope { todo!() } }
impl VerifiedReceipt { pub fn receipt(&self) -> &Receipt { &self.receipt } pub fn envelope(&self) -> &Envelope { &self.envelope } }
impl VerifiedAnswer { pub fn seed(&self) -> PeerId { self.seed } pub fn candidates(&self) -> &[CertifiedManifest] { &self.candidates } }
impl VerifiedMembership { pub fn membership(&self) -> &Membership { &self.membership } pub fn envelope(&self) -> &Envelope { &self.envelope } }
