//! Relayed answers: those that a node was given, and those that a seed hands out.
use super::catalogue::{certified_bytes, envelope_bytes};
use crate::engine::bounds::{BESIDE_BYTES_MAX, RELAYS_MAX};
use crate::limits::SEEDS_MAX;
use crate::{CertifiedEnvelope, Envelope, Instant, Lineage, PeerId, Query, RelayedAnswer, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// An answer with the manifests that it names.
pub(crate) type Relay = (Envelope, Vec<CertifiedEnvelope>);

/// What seeds gave this node: the newest of each seed and lineage; bounded, the oldest goes.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    held: BTreeMap<(Lineage, PeerId), (Timestamp, Relay)>,
}

/// Lineages that a query looks into.
pub(crate) fn lineages(query: &Query) -> BTreeSet<Lineage> {
    let exact = query.key.lineage().into_iter();
    exact.chain(query.fallbacks.iter().map(|fallback| fallback.lineage().clone())).collect()
}

impl Relays {
    /// Keeps an answer that came from the seed that it names, if it is the newest.
    pub(crate) fn keep(&mut self, statement: RelayedAnswer, relay: Relay) {
        let (place, time) = ((statement.lineage, statement.seed), statement.time);
        if self.held.get(&place).is_some_and(|(held, _)| *held >= time) {
            return;
        }
        self.held.insert(place, (time, relay));
        if self.held.len() > RELAYS_MAX
            && let Some(oldest) =
                self.held.iter().min_by_key(|(_, (time, _))| *time).map(|(place, _)| place.clone())
        {
            self.held.remove(&oldest);
        }
    }

    /// Answers that are kept.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// Those that may answer a query, bounded to what one message takes.
    pub(crate) fn answering(&self, query: &Query) -> Vec<Relay> {
        let wanted = lineages(query);
        let matching = self.held.iter().filter(|((lineage, _), _)| wanted.contains(lineage));
        let mut bytes = 0_usize;
        let fitting = matching.map(|(_, (_, relay))| relay).take_while(|relay| {
            bytes = bytes.saturating_add(relay_bytes(relay));
            bytes <= BESIDE_BYTES_MAX
        });
        fitting.take(SEEDS_MAX).cloned().collect()
    }
}

fn relay_bytes((answer, beside): &Relay) -> usize {
    envelope_bytes(answer) + beside.iter().map(certified_bytes).sum::<usize>()
}

/// What a seed hands out: one answer for each lineage, signed anew when it is old or no longer right.
#[derive(Debug, Default)]
pub(crate) struct Handout {
    signed: BTreeMap<Lineage, Signed>,
    signing: BTreeMap<Lineage, BTreeSet<PeerId>>,
}

#[derive(Debug)]
struct Signed {
    at: Instant,
    relay: Relay,
}

impl Handout {
    /// Adds members that are to be told; true when a signature must be asked for (none is under way).
    pub(crate) fn ask(&mut self, lineage: &Lineage, peers: impl Iterator<Item = PeerId>) -> bool {
        let fresh = !self.signing.contains_key(lineage);
        self.signing.entry(lineage.clone()).or_default().extend(peers);
        fresh
    }

    /// A signature has come: who is to be told.
    pub(crate) fn signed(&mut self, now: Instant, lineage: &Lineage, relay: Relay) -> BTreeSet<PeerId> {
        self.signed.insert(lineage.clone(), Signed { at: now, relay });
        self.signing.remove(lineage).unwrap_or_default()
    }

    /// An answer that was signed less than `age` ago and is still right.
    pub(crate) fn recent(
        &self,
        now: Instant,
        lineage: &Lineage,
        age: core::time::Duration,
    ) -> Option<&Relay> {
        let signed = self.signed.get(lineage).filter(|signed| now.since(signed.at) < age)?;
        Some(&signed.relay)
    }

    /// The lineage has something newer: what was signed is not right any more.
    pub(crate) fn outdated(&mut self, lineage: &Lineage) {
        self.signed.remove(lineage);
    }

    /// Forgets what is older than `age`.
    pub(crate) fn prune(&mut self, now: Instant, age: core::time::Duration) {
        self.signed.retain(|_, signed| now.since(signed.at) < age);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;
    use core::time::Duration;

    fn seed(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    fn relay(mark: u8) -> Relay {
        let envelope = Envelope { payload_type: String::new(), payload: vec![mark], signatures: Vec::new() };
        (envelope, Vec::new())
    }

    fn statement(n: u8, lineage: &str, time: u64) -> RelayedAnswer {
        RelayedAnswer {
            pool: "pool".into(),
            seed: seed(n),
            lineage: lineage.parse().unwrap(),
            policy_version: 1,
            candidates: Vec::new(),
            time: Timestamp::from_millis(time),
            papers: None,
        }
    }

    fn query() -> Query {
        Query { key: "a/b/c".parse().unwrap(), fallbacks: vec!["x/y".parse().unwrap()] }
    }

    #[test]
    fn the_newest_of_each_seed_and_lineage_is_kept() {
        let mut relays = Relays::default();
        relays.keep(statement(1, "a/b", 10), relay(1));
        relays.keep(statement(1, "a/b", 30), relay(2));
        relays.keep(statement(1, "a/b", 20), relay(3));
        relays.keep(statement(2, "a/b", 5), relay(4));
        relays.keep(statement(1, "x/y", 5), relay(5));
        relays.keep(statement(1, "other", 5), relay(6));
        let answers: Vec<u8> =
            relays.answering(&query()).iter().map(|(answer, _)| answer.payload[0]).collect();
        assert_eq!(answers, [2, 4, 5]);
    }

    #[test]
    fn relays_are_bounded() {
        let mut relays = Relays::default();
        for n in 0..=RELAYS_MAX {
            relays.keep(statement(1, &format!("l/{n}"), u64::try_from(n).unwrap() + 1), relay(0));
        }
        assert_eq!(relays.len(), RELAYS_MAX);
        assert!(!relays.held.contains_key(&("l/0".parse().unwrap(), seed(1))));
    }

    #[test]
    fn one_message_takes_what_fits() {
        let mut relays = Relays::default();
        for n in 0..10 {
            let (mut answer, beside) = relay(0);
            answer.payload = vec![0; BESIDE_BYTES_MAX / 4];
            relays.keep(statement(n, "a/b", 1), (answer, beside));
        }
        assert_eq!(relays.answering(&query()).len(), 3);
    }

    #[test]
    fn one_signature_serves_all_who_wait() {
        let mut handout = Handout::default();
        let lineage: Lineage = "a/b".parse().unwrap();
        assert!(handout.ask(&lineage, [seed(1)].into_iter()));
        assert!(!handout.ask(&lineage, [seed(2)].into_iter()));
        let told = handout.signed(Instant::ZERO, &lineage, relay(1));
        assert_eq!(told.len(), 2);
        let age = Duration::from_secs(30);
        assert!(handout.recent(Instant::ZERO, &lineage, age).is_some());
        assert!(handout.recent(Instant::ZERO.after(age), &lineage, age).is_none());
        handout.outdated(&lineage);
        assert!(handout.recent(Instant::ZERO, &lineage, age).is_none());
        assert!(handout.ask(&lineage, [seed(1)].into_iter()));
    }
}
