//! What a line says.
use crate::limits::PROVENANCE_BYTES_MAX;
use crate::message::{LogLine, OfferRefusal};
use crate::{
    CertifiedManifest, Digest, Envelope, Key, Manifest, ManifestId, PeerId, Provenance, PublicKey, Timestamp,
    VerifiedYank, Yank,
};
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

/// One line: `{"time": time, "what": kind, …}`, and the fields of its kind beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When the seed wrote it, by the seed's clock.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: Logged,
}

/// What happened, told apart by the field `what`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Logged {
    /// `published`: the seed heard of a certificate. A crash at that moment may make it write this twice.
    Published(Box<LoggedPublish>),
    /// `refused`: the seed gave no receipt for what it was offered. That it has too much to do is not written down.
    Refused(Box<LoggedRefusal>),
    /// `yanked`: the seed heard of a yank.
    Yanked(Box<LoggedYank>),
    /// `policy`: another root or policy came into force at the seed.
    Policy(LoggedPolicy),
    /// `more-refused`: so much was refused to one address that the rest was counted only.
    MoreRefused(LoggedMore),
}

/// A manifest that counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedPublish {
    /// Its name.
    pub manifest: ManifestId,
    /// Its key.
    pub key: Key,
    /// Its sequence.
    pub sequence: u64,
    /// When seeds took it: the lower median of the receipts' times.
    pub published: Timestamp,
    /// When it was made, by its signer's clock.
    pub created: Timestamp,
    /// Its end.
    pub expires: Timestamp,
    /// The policy's name of the publisher; under a grant that grant's serial.
    pub publisher: String,
    /// The key that signed it.
    pub signer: PublicKey,
    /// The grant under which it was signed; left out where its signer is a publisher itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<LoggedGrant>,
    /// Plain bytes of its files.
    pub bytes: u64,
    /// How many files.
    pub files: u64,
    /// How often a tree was made from a tree.
    pub generation: u32,
    /// All that it was made from, nearest first.
    pub ancestors: Vec<ManifestId>,
    /// Where it comes from, as its signer says.
    pub provenance: Provenance,
}

/// A grant, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedGrant {
    /// Its serial.
    pub serial: String,
    /// The key that issued it.
    pub issuer: PublicKey,
}

/// An offer without a receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedRefusal {
    /// What was offered.
    pub manifest: ManifestId,
    /// Who offered it: the member that holds its chunks.
    pub from: PeerId,
    /// The kind of refusal.
    pub why: OfferRefusal,
    /// The same in words.
    pub words: String,
    /// The key that it names, believed or not; left out, as all below, if it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// The sequence that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Where it says that it comes from; nobody has checked that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Refusals of the same member before this one that were not written down, since there were too many; left out if 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlogged: u64,
}

/// Refusals that were not written down one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedMore {
    /// Where the members were that offered, as the seed saw it; left out: at addresses beyond those that it counts apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// How many.
    pub count: u64,
    /// When the hour began in which they were refused, the first of them being written down.
    pub since: Timestamp,
}

/// A yank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedYank {
    /// Digest of its envelope.
    pub id: Digest,
    /// The whole statement.
    pub yank: Yank,
}

/// What everything is judged by from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedPolicy {
    /// Version of the root.
    pub root: u64,
    /// Version of the policy.
    pub policy: u64,
    /// Digest of the policy's envelope.
    pub digest: Digest,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl LogEntry {
    /// The entry of a certified manifest.
    #[must_use]
    pub fn published(time: Timestamp, certified: &CertifiedManifest) -> Self {
        Self { time, what: Logged::Published(Box::new(LoggedPublish::of(certified))) }
    }

    /// The entry of a yank.
    #[must_use]
    pub fn yanked(time: Timestamp, yank: &VerifiedYank) -> Self {
        let yank = LoggedYank { id: yank.id(), yank: yank.yank().clone() };
        Self { time, what: Logged::Yanked(Box::new(yank)) }
    }

    /// The entry as it is written. None if it were longer than a line may be, which nothing that was verified is.
    #[must_use]
    pub fn to_line(&self) -> Option<LogLine> {
        serde_json::to_string(self).ok().and_then(LogLine::new)
    }

    /// What a line says; none if it is damaged, or of a kind that this program does not know.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl LoggedPublish {
    fn of(certified: &CertifiedManifest) -> Self {
        let (manifest, verified) = (certified.manifest(), certified.verified());
        let granted = |grant: &crate::VerifiedGrant| LoggedGrant {
            serial: grant.grant().serial.clone(),
            issuer: grant.issuer(),
        };
        Self {
            manifest: certified.id(),
            key: manifest.key.clone(),
            sequence: manifest.sequence,
            published: certified.median(),
            created: manifest.created,
            expires: manifest.expires,
            publisher: verified.publisher().to_owned(),
            signer: verified.signer(),
            grant: verified.grant().map(granted),
            bytes: manifest.tree.totals.bytes,
            files: manifest.tree.totals.files,
            generation: manifest.generation,
            ancestors: manifest.ancestors.clone(),
            provenance: manifest.provenance.clone(),
        }
    }
}

impl LoggedRefusal {
    /// Of what a member offered; `doubt` says why, where that is known more exactly.
    #[must_use]
    pub fn of(from: PeerId, offered: &Envelope, why: OfferRefusal, doubt: Option<&str>) -> Self {
        let said = offered.body::<Manifest>().ok();
        let words = doubt.map_or_else(|| why.to_string(), str::to_owned);
        let (key, sequence, provenance) = match said {
            Some(said) => (Some(said.key), Some(said.sequence), Some(said.provenance)),
            None => (None, None, None),
        };
        let words = words.chars().filter(|c| !c.is_control()).take(PROVENANCE_BYTES_MAX).collect();
        Self { manifest: offered.id(), from, why, words, key, sequence, provenance, unlogged: 0 }
    }
}
