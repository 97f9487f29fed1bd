//! Papers under way: what other seeds go by, the newer policy that is kept, what waits to be judged, who waits for that.
use super::hand_backs::HandBacks;
use super::paper_turns::PaperTurns;
use super::peers::Contact;
use super::tasks::Ticket;
use crate::engine::bounds::{
    PAPERS_EXCHANGE_MAX, PAPERS_FROM_SEED_MAX, PAPERS_GIVEN_MAX, PAPERS_PATIENCE, PAPERS_REST, PAPERS_WINDOW,
};
use crate::{Digest, Instant, Papers, PapersDigest, PeerId, Policy, PolicyHolders, PolicyVotes, Trust};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a seed goes by, in its last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Version of the policy that it goes by.
    pub version: u64,
    /// That policy, and its yanks.
    pub papers: PapersDigest,
    /// A newer policy that it keeps.
    pub next: Option<Digest>,
}

/// Who brought papers, and waits for what comes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bringer {
    /// A seed, that was asked or says so on its own.
    Seed(PeerId),
    /// A member, or another seed, that wants them kept; and its number for them.
    Peer(Contact, u32),
    /// A job of this seed's own.
    Job(Ticket),
    /// The store.
    Store,
}

/// Papers that are to be judged.
#[derive(Clone, Debug)]
pub(crate) struct Brought {
    /// By whom.
    pub by: Bringer,
    /// What.
    pub papers: Papers,
}

/// A seed that was asked for papers.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    /// Nobody waits longer for it.
    until: Instant,
    /// Nothing of it is taken from then on.
    closes: Instant,
    /// Messages that came.
    parts: usize,
    /// It has said its last word; what it sent may still wait to be judged.
    ended: Option<PapersDigest>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Spreading {
    /// With the newest policy, while that has not taken over.
    pub next: Option<Arc<Trust>>,
    /// The newer policy is on the disk.
    pub next_durable: bool,
    claims: BTreeMap<PeerId, Claim>,
    turns: PaperTurns,
    judging: Option<Brought>,
    /// Its turn comes first: it was judged by what is not in force any more.
    again: Option<Brought>,
    /// What was judged, and waits for the disk.
    pub unconfirmed: Vec<Bringer>,
    /// Another policy took over while papers were judged: they are judged again.
    pub outdated: bool,
    /// What was judged since the record under way began.
    pub changed: bool,
    /// A record is under way.
    pub recording: bool,
    exchanges: BTreeMap<PeerId, Exchange>,
    /// The word of a seed that was heard to its end: it is not waited for again.
    settled: BTreeMap<PeerId, PapersDigest>,
    /// Seeds that did not answer in time, and until when they are not waited for.
    resting: BTreeMap<PeerId, Instant>,
    /// How often each peer was given papers since when.
    given: BTreeMap<PeerId, (Instant, u32)>,
    /// What seeds are handed that know less than this node.
    pub hand_backs: HandBacks,
}

impl Spreading {
    /// A seed says what it goes by; true if that is news.
    pub(crate) fn claim(&mut self, seed: PeerId, claim: Claim) -> bool {
        self.claims.insert(seed, claim) != Some(claim)
    }

    /// Only seeds of these policies have a say.
    pub(crate) fn retain_claims(&mut self, is_seed: impl Fn(&PeerId) -> bool) {
        self.claims.retain(|seed, _| is_seed(seed));
        self.settled.retain(|seed, _| is_seed(seed));
        self.resting.retain(|seed, _| is_seed(seed));
    }

    /// What a seed goes by, if it has said so.
    pub(crate) fn claim_of(&self, seed: &PeerId) -> Option<&Claim> {
        self.claims.get(seed)
    }

    /// For a reader: the policy that enough seeds of the one in force go by.
    pub(crate) fn agreed(&self, policy: &Policy) -> Option<(u64, Digest)> {
        let mut votes = PolicyVotes::new(policy);
        for (seed, claim) in &self.claims {
            votes.heard(*seed, claim.version, claim.papers.policy);
        }
        votes.agreed()
    }

    /// For a seed: how many hold a newer policy, it included.
    pub(crate) fn holders(&self, me: PeerId, old: &Policy, next: &Trust) -> PolicyHolders {
        let wanted = next.papers_digest().policy;
        let mut holders = PolicyHolders::new(old, next.policy());
        if self.next_durable {
            holders.holds(me);
        }
        for (seed, claim) in &self.claims {
            if claim.papers.policy == wanted || claim.next == Some(wanted) {
                holders.holds(*seed);
            }
        }
        holders
    }

    /// Papers came; false if too many wait.
    pub(crate) fn enqueue(&mut self, brought: Brought) -> bool {
        self.turns.push(brought)
    }

    /// Whether papers of this member wait already: each has one turn at a time.
    pub(crate) fn waits(&self, contact: Contact) -> bool {
        let same = |by: &Bringer| matches!(by, Bringer::Peer(found, _) if found.peer == contact.peer);
        let judging = self.judging.as_ref().is_some_and(|brought| same(&brought.by));
        judging || self.turns.waits(&contact.peer) || self.unconfirmed.iter().any(same)
    }

    /// The next to be judged, unless one is.
    pub(crate) fn begin(&mut self) -> Option<&Brought> {
        if self.judging.is_some() {
            return None;
        }
        self.judging = self.again.take().or_else(|| self.turns.pop());
        self.judging.as_ref()
    }

    /// It was judged.
    pub(crate) fn judged(&mut self) -> Option<Brought> {
        self.judging.take()
    }

    /// It is to be judged again, by what is in force now.
    pub(crate) fn again(&mut self, brought: Brought) {
        self.again = Some(brought);
    }

    /// A seed is asked, unless it is being asked or has given what does not hold.
    pub(crate) fn ask(&mut self, now: Instant, seed: PeerId) -> bool {
        let asked = self.exchanges.get(&seed).is_some_and(|one| now < one.until && one.ended.is_none());
        let may = !asked && !self.rests(now, &seed);
        if may {
            let (until, closes) = (now.after(PAPERS_PATIENCE), now.after(PAPERS_EXCHANGE_MAX));
            self.exchanges.insert(seed, Exchange { until, closes, parts: 0, ended: None });
        }
        may
    }

    fn rests(&self, now: Instant, seed: &PeerId) -> bool {
        self.resting.get(seed).is_some_and(|until| now < *until)
    }

    /// A seed sends papers; whether it was asked a moment ago and has not sent more than there can be.
    pub(crate) fn may_send(&mut self, now: Instant, seed: &PeerId) -> bool {
        let open = |one: &&mut Exchange| one.ended.is_none() && now < one.closes;
        let Some(exchange) = self.exchanges.get_mut(seed).filter(open) else { return false };
        exchange.parts = exchange.parts.saturating_add(1);
        exchange.parts <= PAPERS_FROM_SEED_MAX
    }

    /// A seed gave what does not hold, or more than there is room for: it is not heard for a while, nor waited for.
    pub(crate) fn distrust(&mut self, now: Instant, seed: PeerId) {
        self.turns.forget(&seed);
        self.exchanges.remove(&seed);
        self.resting.insert(seed, now.after(PAPERS_REST));
    }

    /// A seed has said its last word of an answer.
    pub(crate) fn ended(&mut self, seed: &PeerId, papers: PapersDigest) {
        if let Some(exchange) = self.exchanges.get_mut(seed) {
            exchange.ended = Some(papers);
        }
    }

    /// Seeds all of whose papers are judged are settled with.
    pub(crate) fn settle(&mut self) {
        let judged = self.judging.iter().chain(&self.again).find_map(|brought| match brought.by {
            Bringer::Seed(seed) => Some(seed),
            Bringer::Peer(..) | Bringer::Job(_) | Bringer::Store => None,
        });
        let open = |seed: &PeerId| judged == Some(*seed) || self.turns.has_seed(seed);
        let over = self.exchanges.iter().filter(|(seed, _)| !open(seed));
        let over: Vec<_> = over.filter_map(|(seed, one)| Some((*seed, one.ended?))).collect();
        for (seed, papers) in over {
            self.exchanges.remove(&seed);
            self.settled.insert(seed, papers);
        }
    }

    /// Until when to wait for the papers of a seed that goes by others than `mine`; none: there is no need to.
    pub(crate) fn wait_for(
        &mut self,
        now: Instant,
        seed: &PeerId,
        (theirs, mine): (PapersDigest, PapersDigest),
    ) -> Option<Instant> {
        let settled = theirs == mine || self.settled.get(seed) == Some(&theirs);
        if settled || self.rests(now, seed) {
            return None;
        }
        match self.exchanges.get(seed) {
            Some(exchange) if exchange.until <= now => {
                // It has had its time: nobody waits for it again for a while.
                self.resting.insert(*seed, now.after(PAPERS_REST));
                self.exchanges.remove(seed);
                None
            }
            Some(exchange) => Some(exchange.until),
            None => Some(now.after(PAPERS_PATIENCE)),
        }
    }

    /// A peer is gone: nothing more comes from it.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.exchanges.remove(peer);
        self.given.remove(peer);
        self.hand_backs.gone(peer);
        self.turns.forget(peer);
    }

    /// Whether a peer may be given papers once more.
    pub(crate) fn may_give(&mut self, now: Instant, peer: PeerId) -> bool {
        let (since, count) = self.given.entry(peer).or_insert((now, 0));
        if now.since(*since) >= PAPERS_WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= PAPERS_GIVEN_MAX
    }

    /// The newer policy has taken over.
    pub(crate) fn taken_over(&mut self) {
        self.next = None;
        self.next_durable = false;
        self.outdated = self.judging.is_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::fixture::{Pool, node};

    fn digest(byte: u8) -> PapersDigest {
        let digest = Digest::from_bytes([byte; 32]);
        PapersDigest { policy: digest, yanks: digest, yanks_count: 0 }
    }

    fn at(seconds: u64) -> Instant {
        Instant::ZERO.after(core::time::Duration::from_secs(seconds))
    }

    fn of_seed(seed: PeerId) -> Brought {
        Brought { by: Bringer::Seed(seed), papers: Papers::default() }
    }

    #[test]
    fn one_is_judged_at_a_time_and_comes_first_if_it_is_judged_again() {
        let mut spreading = Spreading::default();
        assert!(spreading.enqueue(of_seed(node(1))) && spreading.enqueue(of_seed(node(2))));
        assert!(spreading.begin().is_some() && spreading.begin().is_none());
        let brought = spreading.judged().unwrap();
        let by = brought.by;
        spreading.again(brought);
        assert_eq!(spreading.begin().map(|brought| brought.by), Some(by));
    }

    #[test]
    fn a_seed_sends_only_what_it_was_asked_for_and_not_without_end() {
        let mut spreading = Spreading::default();
        let seed = node(1);
        assert!(!spreading.may_send(at(0), &seed));
        spreading.ask(at(0), seed);
        for _ in 0..PAPERS_FROM_SEED_MAX {
            assert!(spreading.may_send(at(1), &seed));
        }
        assert!(!spreading.may_send(at(1), &seed));
        spreading.ask(at(2), seed);
        assert!(spreading.may_send(at(2), &seed) && !spreading.may_send(at(13), &seed));
        spreading.distrust(at(13), seed);
        assert!(!spreading.ask(at(14), seed) && spreading.ask(at(50), seed));
        assert_eq!(spreading.wait_for(at(14), &seed, (digest(2), digest(1))), None);
    }

    #[test]
    fn a_member_has_one_turn_until_it_is_told() {
        let mut spreading = Spreading::default();
        let contact = Contact { peer: node(1), session: 3 };
        let by = Bringer::Peer(contact, 1);
        spreading.enqueue(Brought { by, papers: Papers::default() });
        assert!(spreading.waits(contact) && spreading.waits(Contact { session: 4, ..contact }));
        assert!(!spreading.waits(Contact { peer: node(2), ..contact }));
        spreading.begin();
        assert!(spreading.waits(contact));
        spreading.judged();
        spreading.unconfirmed.push(by);
        assert!(spreading.waits(contact));
        spreading.unconfirmed.clear();
        assert!(!spreading.waits(contact));
    }

    #[test]
    fn a_seed_is_waited_for_until_its_papers_are_judged_and_no_longer() {
        let mut spreading = Spreading::default();
        let (seed, words) = (node(1), (digest(2), digest(1)));
        assert_eq!(spreading.wait_for(at(0), &seed, (digest(1), digest(1))), None, "nothing to wait for");
        assert_eq!(spreading.wait_for(at(0), &seed, words), Some(at(0).after(PAPERS_PATIENCE)));
        assert!(spreading.ask(at(0), seed) && !spreading.ask(at(0), seed), "once");
        assert!(spreading.may_send(at(0), &seed));
        spreading.enqueue(of_seed(seed));
        spreading.ended(&seed, digest(2));
        spreading.settle();
        assert!(spreading.wait_for(at(0), &seed, words).is_some(), "what it gave waits to be judged");
        spreading.begin();
        spreading.judged();
        spreading.settle();
        assert_eq!(spreading.wait_for(at(0), &seed, words), None);
        assert!(spreading.wait_for(at(0), &seed, (digest(3), digest(1))).is_some(), "it has others now");
    }

    #[test]
    fn a_seed_that_gives_nothing_is_not_waited_for_again_at_once() {
        let mut spreading = Spreading::default();
        let (seed, words) = (node(1), (digest(2), digest(1)));
        spreading.ask(at(0), seed);
        assert!(spreading.wait_for(at(0), &seed, words).is_some());
        assert_eq!(spreading.wait_for(at(2), &seed, words), None);
        assert_eq!(spreading.wait_for(at(3), &seed, (digest(3), digest(1))), None, "whatever it says");
        assert!(spreading.wait_for(at(40), &seed, words).is_some());
    }

    #[test]
    fn nobody_is_given_papers_without_end() {
        let mut spreading = Spreading::default();
        for _ in 0..PAPERS_GIVEN_MAX {
            assert!(spreading.may_give(at(0), node(1)));
        }
        assert!(!spreading.may_give(at(1), node(1)) && spreading.may_give(at(1), node(2)));
        assert!(spreading.may_give(at(11), node(1)));
    }

    #[test]
    fn the_last_word_of_each_seed_is_counted() {
        let pool = Pool::new(3);
        let mut spreading = Spreading::default();
        let claim = |version, byte| Claim { version, papers: digest(byte), next: None };
        assert!(spreading.claim(pool.seed_id(0), claim(2, 2)));
        assert!(!spreading.claim(pool.seed_id(0), claim(2, 2)), "no news");
        assert_eq!(spreading.agreed(&pool.policy), None);
        spreading.claim(node(9), claim(2, 2));
        assert_eq!(spreading.agreed(&pool.policy), None, "a stranger has no say");
        spreading.claim(pool.seed_id(1), claim(2, 2));
        assert_eq!(spreading.agreed(&pool.policy), Some((2, digest(2).policy)));
        spreading.claim(pool.seed_id(1), claim(1, 1));
        assert_eq!(spreading.agreed(&pool.policy), None);
        spreading.retain_claims(|seed| *seed == pool.seed_id(2));
        assert!(spreading.claim_of(&pool.seed_id(0)).is_none());
    }
}
