//! What an engine knows of its seeds and of its own place among them, for people.
use super::Engine;
use crate::PeerId;
use core::time::Duration;

/// How this node stands with the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// How long this node still is a member; none: it is not, or it is a seed.
    pub membership_left: Option<Duration>,
    /// Why the last membership that somebody gave this node is not believed; none once one was.
    pub unwelcome: Option<String>,
    /// Every seed of the policy in force, in its order.
    pub seeds: Vec<SeedView>,
}

/// A seed, seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedView {
    /// Its name.
    pub peer: PeerId,
    /// Where the policy says it is.
    pub addresses: Vec<String>,
    /// It is this node itself.
    pub is_self: bool,
    /// A connection to it is up, on which it has proven that it is this seed.
    pub connected: bool,
    /// It has let this node in, on that connection; among seeds nobody has to.
    pub admits: bool,
    /// Program and version, as it says; nothing where it is not connected.
    pub software: String,
    /// The version of the policy that it goes by, in its last word.
    pub policy_version: Option<u64>,
    /// It goes by the same policy and yanks as this node, in its last word; none: it has not said.
    pub agrees: Option<bool>,
    /// Milliseconds that its clock was ahead of this machine's when it last signed something for this node; negative: behind.
    pub clock_ahead_ms: Option<i64>,
    /// How long ago that was.
    pub clock_heard: Option<Duration>,
}

impl Engine {
    /// How this node stands with the pool at this moment, as of the last input.
    #[must_use]
    pub fn surroundings(&self) -> Surroundings {
        let is_node = !self.is_seed();
        let seeds = self.config.trust.policy().seeds.iter();
        Surroundings {
            membership_left: self.joining.left(self.clock).filter(|_| is_node),
            unwelcome: self.joining.unwelcome(self.clock).filter(|_| is_node).map(str::to_owned),
            seeds: seeds.map(|seed| self.view(seed.peer, seed.addresses.clone())).collect(),
        }
    }

    fn view(&self, peer: PeerId, addresses: Vec<String>) -> SeedView {
        let found = self.peers.get(&peer).filter(|found| found.belongs());
        let mine = self.config.trust.papers_digest();
        let (claim, clock) = (self.spreading.claim_of(&peer), self.clocks.of(&peer));
        let is_self = peer == self.config.me;
        SeedView {
            peer,
            addresses,
            is_self,
            connected: is_self || found.is_some(),
            admits: is_self || found.is_some_and(|found| found.admitted || self.is_seed()),
            software: self.software_of(is_self, found.map(|found| found.software.as_str())),
            policy_version: claim
                .map(|claim| claim.version)
                .or(is_self.then(|| self.config.trust.policy().version)),
            agrees: claim.map(|claim| claim.papers == mine).or(is_self.then_some(true)),
            clock_ahead_ms: clock.map(|clock| clock.ahead_ms),
            clock_heard: clock.map(|clock| self.clock.since(clock.heard)),
        }
    }

    fn software_of(&self, is_self: bool, said: Option<&str>) -> String {
        if is_self { self.config.software.clone() } else { said.unwrap_or_default().to_owned() }
    }
}
