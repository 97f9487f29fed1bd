//! Draws what goes wrong.

use crate::lots::Lots;
use crate::scenario::{
    Behaviour, Disk, FaultKind, FaultSpec, Patience, Publish, Scenario, Share, Whom, YankSpec,
};
use crate::units::{Rate, Span};

/// Faults of one scenario at most.
const FAULTS_MAX: u64 = 7;
/// A dial that is begun into a fault takes so long to fail, and its node tries again only then. So the last fault ends as long
/// before jobs must succeed.
const DIAL_LASTS_US: u64 = 10_000_000;
/// How long one lasts at most.
const LASTS_MAX_US: u64 = 20_000_000;
/// Clocks are off by no more than what everybody allows: four minutes.
const SKEW_US: u64 = 4 * 60 * 1_000_000;
/// How those are who lie.
const LIARS: [Behaviour; 10] = [
    Behaviour::Junk,
    Behaviour::Stalling,
    Behaviour::FalseHaves,
    Behaviour::Slow,
    Behaviour::Draining,
    Behaviour::Framing,
    Behaviour::Sybil,
    Behaviour::Replaying,
    Behaviour::Forging,
    Behaviour::Garbage,
];
const BAD_SEEDS: [Behaviour; 6] = [
    Behaviour::Junk,
    Behaviour::Stalling,
    Behaviour::Slow,
    Behaviour::Garbage,
    Behaviour::Stale,
    Behaviour::Forking,
];

/// The scenario of an rng seed: a base, and what is drawn on top of it. All faults of a base that heals are over ten seconds
/// before; of the groups but the last, a part goes for good at that moment. At most one seed in four is bad, stale, or loses its disk; one
/// may go for good where none is bad or loses its disk.
#[must_use]
pub fn draw(base: &Scenario, rng_seed: u64) -> Scenario {
    let mut drawing =
        Drawing { lots: Lots::new(rng_seed), drawn: 0, scenario: base.clone(), seed_struck: false };
    drawing.scenario.rng_seed = rng_seed;
    drawing.liars();
    drawing.versions();
    for _ in 0..=drawing.below(FAULTS_MAX) {
        let fault = drawing.fault();
        drawing.scenario.faults.push(fault);
    }
    drawing.those_who_go();
    drawing.stale_seed();
    drawing.scenario
}

struct Drawing {
    lots: Lots,
    drawn: u64,
    scenario: Scenario,
    /// As many seeds are bad or stale, or lost their disk, as the pool withstands.
    seed_struck: bool,
}

impl Drawing {
    fn below(&mut self, bound: u64) -> u64 {
        self.drawn += 1;
        self.lots.below("hunt", self.drawn, bound)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let place = self.below(u64::try_from(all.len()).unwrap_or_default());
        usize::try_from(place).ok().and_then(|place| all.get(place)).copied()
    }

    /// When the last fault ends.
    fn heals(&self) -> u64 {
        match self.scenario.heals_at {
            Patience::Off => self.scenario.time_max.0 / 2,
            Patience::For(span) => span.0.saturating_sub(DIAL_LASTS_US).max(1),
        }
    }

    /// One group in the middle lies, in two of three runs; one seed, in one of three.
    fn liars(&mut self) {
        if !self.one_in(3)
            && let Some(behaviour) = self.of(&LIARS)
            && self.scenario.groups.len() > 2
            && let Some(group) = self.scenario.groups.get_mut(1)
        {
            group.behaviour = behaviour;
        }
        let withstood = self.scenario.seeds.count.saturating_sub(1) / 3;
        if withstood > 0
            && self.one_in(3)
            && let Some(behaviour) = self.of(&BAD_SEEDS)
        {
            (self.scenario.seeds.bad, self.scenario.seeds.behaviour) = (1, behaviour);
            self.seed_struck = true;
        }
    }

    /// Later versions, two builds at once, yanks.
    fn versions(&mut self) {
        let names: Vec<String> = self.scenario.caches.iter().map(|cache| cache.name.clone()).collect();
        for cache in names {
            let heals = self.heals();
            let mut times: Vec<u64> = (0..self.below(3)).map(|_| self.below(heals)).collect();
            times.sort_unstable();
            for at in &times {
                let builds = 1 + u32::from(self.one_in(3));
                let publish = Publish { cache: cache.clone(), at: Span(*at), zone: String::new(), builds };
                self.scenario.publishes.push(publish);
            }
            if !times.is_empty() && self.one_in(3) {
                let version = u32::try_from(times.len()).unwrap_or_default() + 1;
                let at = Span(self.below(heals));
                self.scenario.yanks.push(YankSpec { cache, version, at });
            }
        }
    }

    fn fault(&mut self) -> FaultSpec {
        let heals = self.heals();
        let at = self.below(heals);
        let lasts = 1 + self.below(LASTS_MAX_US.min(heals - at));
        let whom = self.whom();
        let share = Share(u32::try_from(1 + self.below(1_000)).unwrap_or(1));
        let mut fault = FaultSpec {
            at: Span(at),
            lasts: Patience::For(Span(lasts)),
            whom,
            share,
            what: FaultKind::Pause,
        };
        fault.what = self.kind(&mut fault);
        fault
    }

    fn whom(&mut self) -> Whom {
        let groups: Vec<String> = self.scenario.groups.iter().map(|group| group.name.clone()).collect();
        match self.below(4) {
            0 => Whom::Seeds,
            1 => Whom::Everybody,
            _ => {
                let place = self.below(u64::try_from(groups.len()).unwrap_or(1));
                let name = usize::try_from(place).ok().and_then(|place| groups.into_iter().nth(place));
                name.map_or(Whom::Everybody, Whom::Group)
            }
        }
    }

    fn kind(&mut self, fault: &mut FaultSpec) -> FaultKind {
        match self.below(8) {
            0 | 1 => FaultKind::Crash { disk: self.disk(fault) },
            2 => FaultKind::Pause,
            3 => FaultKind::Link { up: self.rate(), down: self.rate() },
            4 => FaultKind::Delay(Span(1 + self.below(3_000_000))),
            5 => FaultKind::Cut { from: Whom::Everybody, one_way: self.one_in(2) },
            6 => FaultKind::ClockAhead(Span(1 + self.below(SKEW_US))),
            _ => FaultKind::ClockBehind(Span(1 + self.below(SKEW_US))),
        }
    }

    fn rate(&mut self) -> Rate {
        Rate(10_000 + self.below(1_000_000))
    }

    /// A node may lose its disk; of the seeds one, and never together with another that is bad.
    fn disk(&mut self, fault: &mut FaultSpec) -> Disk {
        let disk = match self.below(3) {
            0 => Disk::Wiped,
            1 => Disk::Aged(Span(1 + self.below(10_000_000))),
            _ => return Disk::Kept,
        };
        if matches!(fault.whom, Whom::Seeds | Whom::Everybody) {
            if self.seed_struck || self.scenario.seeds.count < 4 {
                return Disk::Kept;
            }
            self.seed_struck = true;
            (fault.whom, fault.share) = (Whom::Seeds, Share(1));
        }
        disk
    }

    /// At the moment when it heals, a part goes for good: of the first groups, and a seed if all others are well.
    fn those_who_go(&mut self) {
        let heals = Span(self.heals());
        let crash = |whom, share| FaultSpec {
            at: heals,
            lasts: Patience::Off,
            whom,
            share,
            what: FaultKind::Crash { disk: Disk::Kept },
        };
        if self.one_in(2) {
            let share = Share(u32::try_from(1 + self.below(900)).unwrap_or(1));
            let first = self.scenario.groups.first().map(|group| Whom::Group(group.name.clone()));
            self.scenario.faults.extend(first.map(|whom| crash(whom, share)));
        }
        if !self.seed_struck && self.scenario.seeds.count >= 4 && self.one_in(3) {
            self.scenario.faults.push(crash(Whom::Seeds, Share(1)));
        }
    }

    /// One seed hears of nothing new for a while, in one of three runs in which all others are well.
    fn stale_seed(&mut self) {
        if self.seed_struck || self.scenario.seeds.count < 4 || !self.one_in(3) {
            return;
        }
        let heals = self.heals();
        let at = self.below(heals);
        let lasts = Patience::For(Span(1 + self.below(heals - at)));
        let (whom, share, what) = (Whom::Seeds, Share(1), FaultKind::Stale);
        self.scenario.faults.push(FaultSpec { at: Span(at), lasts, whom, share, what });
        self.seed_struck = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn base() -> Scenario {
        Scenario::ready("hunt").unwrap()
    }

    #[test]
    fn what_is_drawn_can_be_run_and_is_the_same_again() {
        for rng_seed in 0..500 {
            let scenario = draw(&base(), rng_seed);
            assert_eq!(scenario.check(), Ok(()), "{rng_seed}");
            assert_eq!(scenario, draw(&base(), rng_seed));
        }
    }

    #[test]
    fn every_kind_is_drawn() {
        let drawn: Vec<Scenario> = (0..500).map(|rng_seed| draw(&base(), rng_seed)).collect();
        let kinds: BTreeSet<&str> =
            drawn.iter().flat_map(|scenario| &scenario.faults).map(|fault| fault.what.name()).collect();
        assert_eq!(kinds.len(), 8, "{kinds:?}");
        let liars: BTreeSet<Behaviour> = drawn.iter().map(|scenario| scenario.groups[1].behaviour).collect();
        let seeds: BTreeSet<Behaviour> = drawn.iter().map(|scenario| scenario.seeds.behaviour).collect();
        assert_eq!((liars.len(), seeds.len()), (LIARS.len() + 1, BAD_SEEDS.len() + 1));
        assert!(drawn.iter().any(|scenario| scenario.publishes.iter().any(|publish| publish.builds > 1)));
        assert!(drawn.iter().any(|scenario| !scenario.yanks.is_empty()));
    }

    #[test]
    fn all_is_over_when_it_heals_but_what_is_gone() {
        for rng_seed in 0..200 {
            let scenario = draw(&base(), rng_seed);
            let Patience::For(heals) = scenario.heals_at else { panic!("it heals") };
            for fault in &scenario.faults {
                let over = heals.0 - DIAL_LASTS_US;
                match fault.lasts {
                    Patience::For(lasts) => assert!(fault.at.0 + lasts.0 <= over),
                    Patience::Off => assert_eq!(fault.at.0, over),
                }
            }
        }
    }
}
