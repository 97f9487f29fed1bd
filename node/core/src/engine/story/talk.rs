//! Messages: who may say what, and which story each belongs to.
use crate::engine::bounds::HELD_MAX;
use crate::engine::state::ledger::Page;
use crate::engine::state::papers::Claim;
use crate::engine::state::peers::Standing;
use crate::engine::{DropReason, Engine, Event, Offence};
use crate::message::Control;
use crate::{Now, PeerId};

/// Who may send a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    /// Whoever is connected.
    Anybody,
    /// Who belongs to the pool.
    Member,
    /// Who belongs to the pool, to a seed.
    ToSeed,
    /// A seed of the policy.
    Seed,
    /// A seed of the policy, to another.
    SeedToSeed,
}

fn sender(message: &Control) -> Sender {
    match message {
        // Who may say what nobody here knows, a later release decides: whoever does is not heard.
        Control::Hello(_) | Control::Join { .. } | Control::Unknown { .. } => Sender::Anybody,
        Control::AskRelayed { .. }
        | Control::Relayed { .. }
        | Control::Enter { .. }
        | Control::Have { .. }
        | Control::Leave { .. }
        | Control::Zone { .. }
        | Control::Neighbours { .. }
        | Control::AskNeighbours { .. } => Sender::Member,
        Control::Ask { .. }
        | Control::AskPart { .. }
        | Control::Offer { .. }
        | Control::Certify { .. }
        | Control::List { .. }
        | Control::AskLog { .. }
        | Control::AskPapers { .. }
        | Control::KeepPapers { .. } => Sender::ToSeed,
        Control::Welcome { .. }
        | Control::Refused { .. }
        | Control::Answer { .. }
        | Control::Relay { .. }
        | Control::Part { .. }
        | Control::Kin { .. }
        | Control::OfferProgress { .. }
        | Control::OfferReceipt { .. }
        | Control::OfferRefused { .. }
        | Control::Certified { .. }
        | Control::Listing { .. }
        | Control::Log { .. }
        | Control::Papers { .. }
        | Control::PapersKnown { .. }
        | Control::PapersKept { .. } => Sender::Seed,
        Control::CatchUp { .. } | Control::Known { .. } | Control::Bring { .. } | Control::Brought { .. } => {
            Sender::SeedToSeed
        }
    }
}

impl Engine {
    /// A control message came.
    pub(super) fn on_message(&mut self, now: Now, peer: PeerId, message: Control) {
        let seed = self.is_seed();
        let Some(found) = self.peers.get_mut(&peer) else { return };
        if !found.take_message(now.instant) {
            self.offended(now, peer, Offence::Flood);
            return;
        }
        if found.is_judged() && !found.belongs() && sender(&message) == Sender::Member && !seed {
            self.hold(peer, message);
        } else if self.may_say(now, peer, &message) {
            self.hear(now, peer, message);
        }
    }

    /// A peer met us first and speaks before we have judged it: a few of its messages wait. Nobody speaks so to a seed,
    /// which lets in before it is asked anything.
    fn hold(&mut self, peer: PeerId, message: Control) {
        if let Some(found) = self.peers.get_mut(&peer).filter(|found| found.held.len() < HELD_MAX) {
            found.held.push(message);
        }
    }

    /// The peer belongs: what waited is heard.
    pub(super) fn hear_held(&mut self, now: Now, peer: PeerId) {
        let Some(found) = self.peers.get_mut(&peer) else { return };
        for message in core::mem::take(&mut found.held) {
            if self.may_say(now, peer, &message) {
                self.hear(now, peer, message);
            }
        }
    }

    /// Whether the peer may say this. Who has no standing is closed, unless it is being judged (then it is not heard);
    /// who speaks out of role is banned.
    fn may_say(&mut self, now: Now, peer: PeerId, message: &Control) -> bool {
        let Some(found) = self.peers.get(&peer) else { return false };
        let wanted = sender(message);
        if wanted == Sender::Anybody {
            return true;
        }
        if !found.belongs() {
            if !found.is_judged() {
                self.drop_peer(now, peer, DropReason::NotAMember);
            }
            return false;
        }
        let in_role = match wanted {
            Sender::Anybody | Sender::Member => true,
            Sender::ToSeed => self.is_seed(),
            Sender::Seed => found.standing == Standing::Seed,
            Sender::SeedToSeed => self.is_seed() && found.standing == Standing::Seed,
        };
        if !in_role {
            self.offended(now, peer, Offence::BadMessage);
        }
        in_role
    }

    fn hear(&mut self, now: Now, peer: PeerId, message: Control) {
        match message {
            Control::Hello(hello) => self.on_hello(now, peer, hello),
            Control::Join { token } => self.on_join(now, peer, token),
            Control::Unknown { kind } => self.event(Event::UnknownMessage { peer, kind }),
            Control::AskRelayed { ask, query } => self.on_ask_relayed(peer, ask, &query),
            Control::Relayed { ask, answers } => self.on_relayed(now, peer, ask, answers),
            Control::Enter { manifest, have } => self.on_enter(now, peer, manifest, &have),
            Control::Have { manifest, chunks } => self.on_have(now, peer, manifest, &chunks),
            Control::Leave { manifest } => self.on_leave(now, peer, manifest),
            Control::Zone { zone } => self.on_zone(peer, zone),
            Control::Neighbours { manifest, peers } => self.on_neighbours(now, peer, manifest, &peers),
            Control::AskNeighbours { manifest } => self.on_ask_neighbours(peer, manifest),
            Control::Ask { .. }
            | Control::AskPart { .. }
            | Control::Offer { .. }
            | Control::Certify { .. }
            | Control::List { .. }
            | Control::AskLog { .. }
            | Control::AskPapers { .. }
            | Control::KeepPapers { .. } => self.hear_as_seed(now, peer, message),
            Control::Welcome { .. }
            | Control::Refused { .. }
            | Control::Answer { .. }
            | Control::Relay { .. }
            | Control::Part { .. }
            | Control::Kin { .. }
            | Control::OfferProgress { .. }
            | Control::OfferReceipt { .. }
            | Control::OfferRefused { .. }
            | Control::Certified { .. }
            | Control::Listing { .. }
            | Control::Log { .. } => self.hear_from_seed(now, peer, message),
            Control::Papers { .. } | Control::PapersKnown { .. } | Control::PapersKept { .. } => {
                self.hear_of_papers(now, peer, message);
            }
            Control::CatchUp { .. }
            | Control::Known { .. }
            | Control::Bring { .. }
            | Control::Brought { .. } => {
                self.hear_among_seeds(now, peer, message);
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the caller has sorted the messages by who hears them"
    )]
    fn hear_as_seed(&mut self, now: Now, peer: PeerId, message: Control) {
        match message {
            Control::Ask { ask, nonce, query } => self.on_ask(now, peer, ask, (nonce, query)),
            Control::AskPart { manifest } => self.on_ask_part(peer, manifest),
            Control::Offer { offer, manifest } => self.on_offer(now, peer, offer, manifest),
            Control::Certify { certified } => self.on_certify(now, peer, certified),
            Control::List { ask, what } => self.on_list(peer, ask, &what),
            Control::AskLog { ask, what, after } => self.on_ask_log(now, peer, ask, (what, after)),
            Control::AskPapers { have } => self.on_ask_papers(now, peer, have),
            Control::KeepPapers { bring, papers } => self.on_keep_papers(now, peer, bring, papers),
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the messages by who says them")]
    fn hear_from_seed(&mut self, now: Now, seed: PeerId, message: Control) {
        match message {
            Control::Welcome { membership, peers } => self.on_welcome(now, seed, membership, peers),
            Control::Refused { why } => self.on_refused(now, seed, why),
            Control::Answer { ask, answer, beside } => self.on_answer(now, seed, ask, (answer, beside)),
            Control::Relay { answer, beside } => self.on_relay(seed, answer, beside),
            Control::Part { manifest, chunks } => self.on_part(now, seed, &manifest, &chunks),
            Control::Kin { manifest, have, peers } => self.on_kin(now, seed, (manifest, have), &peers),
            Control::OfferProgress { offer, have, of } => self.on_offer_progress(seed, offer, have, of),
            Control::OfferReceipt { offer, receipt } => self.on_offer_receipt(seed, offer, receipt),
            Control::OfferRefused { offer, why, standing, highest } => {
                self.on_offer_refused(now, seed, offer, (why, standing, highest));
            }
            Control::Certified { manifest } => self.on_certified(now, seed, manifest),
            Control::Listing { ask, rows, more } => self.on_listing(now, seed, ask, (rows, more)),
            Control::Log { ask, page } => self.on_log(seed, ask, page),
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the messages by who says them")]
    fn hear_of_papers(&mut self, now: Now, seed: PeerId, message: Control) {
        match message {
            Control::Papers { papers } => self.on_papers(now, seed, papers),
            Control::PapersKnown { version, papers, next, ends } => {
                self.on_papers_known(now, seed, Claim { version, papers, next }, ends);
            }
            Control::PapersKept { bring, refused } => self.on_papers_kept(now, seed, bring, refused),
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the messages by who says them")]
    fn hear_among_seeds(&mut self, now: Now, seed: PeerId, message: Control) {
        match message {
            Control::CatchUp { epoch, seen, life, after } => {
                self.on_catch_up(now, seed, (epoch, seen), (life, after));
            }
            Control::Known { epoch, seen, life, next, more, names } => {
                self.on_known(now, seed, (epoch, seen), &Page { life, next, more, names });
            }
            Control::Bring { names } => self.on_bring(seed, &names),
            Control::Brought { certified, votes } => self.on_brought(now, seed, certified, votes),
            _ => {}
        }
    }
}
