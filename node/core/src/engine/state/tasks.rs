//! Work that the driver was given, and what each answer is for.
use super::ballots::Ballot;
use super::courses::Turn;
use super::logs::LogReader;
use super::peers::Contact;
use crate::engine::{JobId, Share, TaskId};
use crate::message::PeerAddress;
use crate::{
    CertifiedEnvelope, CertifiedManifest, Envelope, Lineage, ManifestId, Membership, PeerId, Receipt,
    RelayedAnswer,
};
use std::collections::BTreeMap;

/// One request of a job; the serial tells it from an earlier one of the same job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Who asked.
    pub job: JobId,
    /// Which of its requests.
    pub serial: u64,
}

/// An offer that this seed works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OfferId(pub u64);

/// What a verdict is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AfterVerify {
    /// A peer's membership.
    Hello(Contact),
    /// A membership that an operator handed this node.
    Handed,
    /// The membership that a seed gave us, with peers to be neighbours.
    Welcome { contact: Contact, peers: Vec<PeerAddress> },
    /// A join token.
    Join(Contact),
    /// A seed's answer.
    Answer { ticket: Ticket, seed: PeerId },
    /// Relayed answers, our own if no peer is named; what each claims to be stands in `heads`.
    Relayed { ticket: Ticket, peer: Option<PeerId>, heads: Vec<Option<RelayedAnswer>> },
    /// A job's manifest.
    Publish(Ticket),
    /// A seed's receipt for it.
    Receipt { ticket: Ticket, seed: PeerId },
    /// Its certificate.
    Certificate(Ticket),
    /// A manifest that is offered to this seed.
    Offer(OfferId),
    /// The same once more, before the vote.
    Vote(OfferId),
    /// A certificate for this seed to keep.
    Certify(Contact),
    /// What the store remembers.
    Recovered(ManifestId),
    /// A vote that the store remembers, for this manifest.
    RecoveredVote(Box<Envelope>),
    /// A row of a listing.
    Row { ticket: Ticket, row: Box<CertifiedEnvelope> },
    /// A certified manifest that a seed brings; `complete`: it holds every chunk.
    Caught { turn: Turn, complete: bool },
    /// A vote that a seed brings.
    CaughtVote(Turn),
    /// Another seed's vote that the store remembers.
    RecoveredBallot,
    /// Papers.
    Papers,
    /// What is known, after what it is judged by has changed; in which pass.
    Rejudged { manifest: ManifestId, pass: u64 },
    /// What this seed voted for a short while ago, under a grant.
    RecoveredGrant,
    /// What lacked receipts, with one more.
    Renewed(ManifestId),
}

/// What a signature is for.
#[derive(Clone, Debug)]
pub(crate) enum AfterSign {
    /// A peer is let in.
    Membership { contact: Contact, membership: Box<Membership> },
    /// A question is answered.
    Answer { contact: Contact, ask: u32, beside: Vec<CertifiedEnvelope> },
    /// A relayed answer is handed out.
    Relayed { lineage: Lineage, beside: Vec<CertifiedEnvelope> },
    /// A vote.
    Receipt { offer: OfferId, receipt: Box<Receipt> },
    /// A receipt for what lacks some.
    Short(Box<Receipt>),
}

/// What a record is for.
#[derive(Clone, Debug)]
pub(crate) enum AfterRecord {
    /// Nobody waits for it.
    Nothing,
    /// A certificate that counts from now on; its bringer is told.
    Certify { contact: Contact, certified: Box<CertifiedManifest> },
    /// The publisher's own copy of the certificate.
    Publish(Ticket),
    /// A vote that may now be sent.
    Vote { offer: OfferId, ballot: Box<Ballot> },
    /// A certified manifest that a seed has brought.
    Caught { turn: Turn, certified: Box<CertifiedManifest>, complete: bool },
    /// A vote that a seed has brought.
    CaughtVote { turn: Turn, ballot: Box<Ballot> },
    /// This seed's marker.
    Marker,
    /// What everything is judged by.
    Papers,
    /// This seed's receipt for what lacked some.
    Short(Box<Ballot>),
    /// What a publisher's caches take; an offer may wait for it.
    Share { offer: Option<OfferId>, share: Share },
}

impl AfterRecord {
    /// Whether what was recorded raises the epoch of a seed's store, as far as is known here: others are never told more
    /// than the disk has.
    pub(crate) const fn raises_epoch(&self) -> bool {
        match self {
            Self::Certify { .. }
            | Self::Vote { .. }
            | Self::Caught { .. }
            | Self::CaughtVote { .. }
            | Self::Short(_) => true,
            Self::Nothing | Self::Publish(_) | Self::Marker | Self::Papers | Self::Share { .. } => false,
        }
    }
}

/// What a sync is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterSync {
    /// A publisher's chunks.
    Publish(Ticket),
    /// A seed's chunks.
    Offer(OfferId),
    /// The chunks of what lacks receipts.
    Short(ManifestId),
}

/// Which part of a swarm was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AfterLook {
    /// The swarm.
    pub manifest: ManifestId,
    /// Its serial: a swarm that was closed and opened again is another one.
    pub serial: u64,
    /// Index of the first chunk asked about, in the part that is being looked for.
    pub start: usize,
    /// How many chunks were asked about.
    pub count: usize,
}

/// Whose tree was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AfterOpen {
    /// The swarm.
    pub manifest: ManifestId,
    /// Its serial.
    pub serial: u64,
}

/// Work of one kind that is under way.
#[derive(Debug)]
struct Waiting<T> {
    by_task: BTreeMap<TaskId, (Option<PeerId>, T)>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { by_task: BTreeMap::new() }
    }
}

/// All work under way. An answer that nobody waits for is ignored.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    next: u64,
    load: BTreeMap<PeerId, u32>,
    verify: Waiting<AfterVerify>,
    sign: Waiting<AfterSign>,
    record: Waiting<AfterRecord>,
    sync: Waiting<AfterSync>,
    look: Waiting<AfterLook>,
    open: Waiting<AfterOpen>,
    read_log: Waiting<LogReader>,
}

macro_rules! kind {
    ($start:ident, $take:ident, $field:ident, $then:ty) => {
        impl Tasks {
            /// Numbers a new task of this kind; `origin` is the peer that caused it.
            pub(crate) fn $start(&mut self, origin: Option<PeerId>, then: $then) -> TaskId {
                let task = self.number(origin);
                self.$field.by_task.insert(task, (origin, then));
                task
            }

            /// What the answer to this task is for.
            pub(crate) fn $take(&mut self, task: TaskId) -> Option<$then> {
                let (origin, then) = self.$field.by_task.remove(&task)?;
                self.unload(origin);
                Some(then)
            }
        }
    };
}
kind!(start_verify, take_verify, verify, AfterVerify);
kind!(start_sign, take_sign, sign, AfterSign);
kind!(start_record, take_record, record, AfterRecord);
kind!(start_sync, take_sync, sync, AfterSync);
kind!(start_look, take_look, look, AfterLook);
kind!(start_open, take_open, open, AfterOpen);
kind!(start_read_log, take_read_log, read_log, LogReader);

impl Tasks {
    /// A number that was not given before; tasks, tickets and serials share them.
    pub(crate) fn serial(&mut self) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.next
    }

    /// Tasks under way that this peer caused.
    pub(crate) fn load(&self, peer: &PeerId) -> u32 {
        self.load.get(peer).copied().unwrap_or(0)
    }

    fn number(&mut self, origin: Option<PeerId>) -> TaskId {
        if let Some(peer) = origin {
            *self.load.entry(peer).or_default() += 1;
        }
        TaskId(self.serial())
    }

    fn unload(&mut self, origin: Option<PeerId>) {
        let Some(peer) = origin else { return };
        let Some(load) = self.load.get_mut(&peer) else { return };
        *load = load.saturating_sub(1);
        if *load == 0 {
            self.load.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;
    use crate::belief::fixture::NO_MANIFEST;

    fn peer(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    #[test]
    fn an_answer_is_taken_once_and_only_by_its_kind() {
        let mut tasks = Tasks::default();
        let task = tasks.start_verify(None, AfterVerify::Recovered(NO_MANIFEST));
        assert!(tasks.take_sync(task).is_none());
        assert_eq!(tasks.take_verify(task), Some(AfterVerify::Recovered(NO_MANIFEST)));
        assert_eq!(tasks.take_verify(task), None);
        assert_eq!(tasks.take_verify(TaskId(999)), None);
    }

    #[test]
    fn load_counts_what_a_peer_caused() {
        let mut tasks = Tasks::default();
        let first = tasks.start_verify(Some(peer(1)), AfterVerify::Recovered(NO_MANIFEST));
        let second = tasks.start_record(Some(peer(1)), AfterRecord::Nothing);
        assert_eq!((tasks.load(&peer(1)), tasks.load(&peer(2))), (2, 0));
        tasks.take_verify(first);
        tasks.take_record(second);
        tasks.take_record(second);
        assert_eq!(tasks.load(&peer(1)), 0);
    }

    #[test]
    fn numbers_are_never_given_twice() {
        let mut tasks = Tasks::default();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            assert!(seen.insert(tasks.serial()));
            assert!(seen.insert(tasks.start_sync(None, AfterSync::Offer(OfferId(1))).0));
            assert!(seen.insert(tasks.start_record(None, AfterRecord::Nothing).0));
        }
    }

    #[test]
    fn work_of_nobody_is_nobodys_load() {
        let mut tasks = Tasks::default();
        let task = tasks.start_verify(None, AfterVerify::Recovered(NO_MANIFEST));
        assert!(tasks.load.is_empty());
        tasks.take_verify(task);
        assert!(tasks.load.is_empty());
    }
}
