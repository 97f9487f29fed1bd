//! Whether what goes wrong in a scenario can go wrong.

use super::check::{bounded, there};
use super::{Behaviour, Disk, FaultKind, FaultSpec, Patience, Scenario, ScenarioError, Share, Whom};
use crate::units::{Rate, Span};
use core::fmt::Display;

/// Slowest and fastest link, as of groups.
const RATES: (Rate, Rate) = (Rate(1_000), Rate(125_000_000_000));
/// Longest delay: longer than anybody waits for anything.
const DELAY_MAX: Span = Span(60_000_000);
/// Furthest that a clock is off: a year.
const CLOCK_MAX: Span = Span(365 * 24 * 3_600 * 1_000_000);

impl Scenario {
    pub(super) fn check_troubles(&self) -> Result<(), ScenarioError> {
        self.check_bad_seeds()?;
        self.groups.iter().try_for_each(|group| {
            let field = format!("groups.{}.behaviour", group.name);
            fits(field, group.behaviour.is_of_nodes(), "a seed, and no node, can be so")
        })?;
        if let Patience::For(heals) = self.heals_at {
            bounded("heals_at", heals, Span(0), self.time_max)?;
        }
        self.check_yanks()?;
        self.faults.iter().enumerate().try_for_each(|(place, fault)| self.check_fault(place, fault))?;
        self.faults.iter().enumerate().try_for_each(|(place, fault)| self.check_stale(place, fault))
    }

    /// A seed that is stale is as bad as one that lies: no more of them at any time than the pool withstands. There are
    /// most when one more begins.
    fn check_stale(&self, place: usize, fault: &FaultSpec) -> Result<(), ScenarioError> {
        if fault.what != FaultKind::Stale {
            return Ok(());
        }
        let why = "only seeds answer what is newest: write \"seeds\", and as `share` how many of them";
        fits(format!("faults.{place}.whom"), fault.whom == Whom::Seeds, why)?;
        let count = self.seeds.count;
        let at_once =
            self.faults.iter().filter(|other| other.what == FaultKind::Stale && other.lasts_at(fault.at));
        let stale: u64 = at_once.map(|other| other.count_of(count.into())).sum();
        let (bad, withstood) = (self.seeds.bad, u64::from(self.seeds_withstood()));
        let why = format!(
            "{stale} seeds are stale then and {bad} are bad, and a pool of {count} seeds withstands {withstood}: take a \
             smaller `share`, other times, or more seeds"
        );
        fits(format!("faults.{place}.what"), stale.saturating_add(bad.into()) <= withstood, why)
    }

    /// How many seeds may do anything.
    const fn seeds_withstood(&self) -> u32 {
        self.seeds.count.saturating_sub(1) / 3
    }

    fn check_bad_seeds(&self) -> Result<(), ScenarioError> {
        let (count, bad) = (self.seeds.count, self.seeds.bad);
        let withstood = self.seeds_withstood();
        let why = format!(
            "a pool of {count} seeds withstands {withstood} bad ones: {bad} could do anything; take {} seeds or more for {bad}",
            bad.saturating_mul(3).saturating_add(1)
        );
        fits("seeds.bad".to_owned(), bad <= withstood, &why)?;
        let why = "a node, and no seed, can be so";
        fits("seeds.behaviour".to_owned(), self.seeds.behaviour.is_of_seeds(), why)?;
        let both = (bad > 0) == (self.seeds.behaviour != Behaviour::Honest);
        fits("seeds.bad".to_owned(), both, "it says how many seeds have the `seeds.behaviour`: give both")
    }

    fn check_yanks(&self) -> Result<(), ScenarioError> {
        self.yanks.iter().try_for_each(|yank| {
            self.cache_there("yanks.cache", &yank.cache)?;
            bounded("yanks.at", yank.at, Span(0), self.time_max)?;
            let versions = u32::try_from(self.versions(&yank.cache)).unwrap_or(u32::MAX);
            bounded("yanks.version", yank.version, 1, versions)
        })
    }

    fn check_fault(&self, place: usize, fault: &FaultSpec) -> Result<(), ScenarioError> {
        let field = |name: &str| format!("faults.{place}.{name}");
        bounded(&field("at"), fault.at, Span(0), self.time_max)?;
        bounded(&field("share"), fault.share, Share(1), Share::ALL)?;
        if let Patience::For(lasts) = fault.lasts {
            bounded(&field("lasts"), lasts, Span(1), self.time_max)?;
        }
        self.whom_there(&field("whom"), &fault.whom)?;
        match &fault.what {
            FaultKind::Crash { disk: Disk::Aged(age) } => {
                bounded(&field("what.crash.disk.aged"), *age, Span(1), self.time_max)
            }
            FaultKind::Crash { disk: Disk::Kept | Disk::Wiped } | FaultKind::Pause | FaultKind::Stale => {
                Ok(())
            }
            FaultKind::Link { up, down } => {
                bounded(&field("what.link.up"), *up, RATES.0, RATES.1)?;
                bounded(&field("what.link.down"), *down, RATES.0, RATES.1)
            }
            FaultKind::Delay(by) => bounded(&field("what.delay"), *by, Span(1), DELAY_MAX),
            FaultKind::Cut { from, .. } => self.whom_there(&field("what.cut.from"), from),
            FaultKind::ClockAhead(by) | FaultKind::ClockBehind(by) => {
                bounded(&field(&format!("what.{}", fault.what.name())), *by, Span(1), CLOCK_MAX)
            }
        }
    }

    fn whom_there(&self, field: &str, whom: &Whom) -> Result<(), ScenarioError> {
        match whom {
            Whom::Seeds | Whom::Everybody => Ok(()),
            Whom::Zone(name) => self.zone_there(field, name),
            Whom::Group(name) => {
                let known = || self.groups.iter().map(|group| group.name.as_str());
                let is_there = known().any(|known| known == name);
                there(field, name, ("group", is_there), known().chain(["seeds", "everybody", "zone/…"]))
            }
        }
    }
}

fn fits(field: String, holds: bool, why: impl Display) -> Result<(), ScenarioError> {
    if holds { Ok(()) } else { Err(ScenarioError::Contradicts { field, why: why.to_string() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Seeds, YankSpec};

    fn said(change: impl Fn(&mut Scenario)) -> String {
        let mut scenario = Scenario::default();
        scenario.seeds.count = 4;
        change(&mut scenario);
        scenario.check().expect_err("it contradicts itself").to_string()
    }

    fn fault(whom: &str, what: FaultKind) -> FaultSpec {
        let whom = whom.parse().unwrap();
        FaultSpec { at: Span(1), lasts: Patience::Off, whom, share: Share::ALL, what }
    }

    #[test]
    fn more_bad_seeds_than_a_pool_withstands_are_refused() {
        let two = Seeds { count: 4, bad: 2, behaviour: Behaviour::Stale, ..Seeds::default() };
        assert!(said(|s| s.seeds = two.clone()).contains("a pool of 4 seeds withstands 1"));
        assert!(said(|s| s.seeds = two.clone()).contains("take 7 seeds or more for 2"));
        assert!(said(|s| s.seeds.bad = 1).contains("give both"));
        assert!(
            said(|s| (s.seeds.bad, s.seeds.behaviour) = (1, Behaviour::Sybil))
                .contains("a node, and no seed")
        );
        assert!(said(|s| s.groups[0].behaviour = Behaviour::Forking).contains("groups.crowd.behaviour"));
    }

    #[test]
    fn more_seeds_that_are_stale_at_a_time_than_a_pool_withstands_are_refused() {
        let stale = |at, lasts: Option<u64>, share| FaultSpec {
            at: Span(at),
            lasts: lasts.map_or(Patience::Off, |lasts| Patience::For(Span(lasts))),
            share: Share(share),
            ..fault("seeds", FaultKind::Stale)
        };
        let checked = |count, faults: &[FaultSpec]| {
            let seeds = Seeds { count, ..Seeds::default() };
            let scenario = Scenario { seeds, faults: faults.to_vec(), ..Scenario::default() };
            scenario.check().map_err(|error| error.to_string())
        };
        let all = checked(4, &[stale(1, None, 1_000)]).unwrap_err();
        assert!(all.starts_with("`faults.0.what` cannot be: 4 seeds are stale then and 0 are bad"), "{all}");
        assert!(all.contains("a pool of 4 seeds withstands 1: take a smaller `share`"), "{all}");
        assert_eq!(checked(4, &[stale(1, None, 250)]), Ok(()));
        assert!(checked(3, &[stale(1, None, 1)]).is_err(), "one of three is too many");
        let (early, late) = (stale(10, Some(10), 250), stale(20, None, 250));
        assert_eq!(checked(4, &[late.clone(), early.clone()]), Ok(()), "one after the other");
        let both = checked(4, &[late, stale(10, Some(11), 250)]).unwrap_err();
        assert!(both.starts_with("`faults.0.what` cannot be: 2 seeds are stale then"), "{both}");
        assert_eq!(checked(7, &[stale(20, None, 1), stale(10, None, 1)]), Ok(()));
        let bad = Seeds { count: 4, bad: 1, behaviour: Behaviour::Junk, ..Seeds::default() };
        assert!(said(|s| (s.seeds, s.faults) = (bad.clone(), vec![early.clone()])).contains("and 1 are bad"));
        let whom = said(|s| s.faults = vec![fault("everybody", FaultKind::Stale)]);
        assert!(whom.starts_with("`faults.0.whom` cannot be: only seeds answer"), "{whom}");
    }

    #[test]
    fn a_fault_is_somebodys_and_in_bounds() {
        let refused = |fault: FaultSpec| said(|s| s.faults = vec![fault.clone()]);
        let unknown = refused(fault("crowds", FaultKind::Pause));
        assert!(
            unknown.contains("`faults.0.whom` names `crowds`") && unknown.contains("crowd, seeds"),
            "{unknown}"
        );
        assert!(refused(fault("zone/east", FaultKind::Pause)).contains("no zone of that name"));
        assert!(refused(fault("seeds", FaultKind::Delay(Span(0)))).contains("faults.0.what.delay"));
        let link = FaultKind::Link { up: Rate(0), down: Rate(1_000) };
        assert!(refused(fault("seeds", link)).contains("faults.0.what.link.up"));
        let late = FaultSpec { at: Span(u64::MAX), ..fault("seeds", FaultKind::Pause) };
        assert!(refused(late).contains("faults.0.at"));
        let nobody = FaultSpec { share: Share(0), ..fault("seeds", FaultKind::Pause) };
        assert!(refused(nobody).contains("faults.0.share"));
        let from = FaultKind::Cut { from: Whom::Group("x".to_owned()), one_way: false };
        assert!(refused(fault("seeds", from)).contains("faults.0.what.cut.from"));
    }

    #[test]
    fn what_is_taken_back_is_there() {
        let yank = YankSpec { cache: "cache".to_owned(), version: 2, at: Span(1) };
        assert!(
            said(|s| s.yanks = vec![yank.clone()]).contains("`yanks.version` is 2, and must be from 1 to 1")
        );
        let of = YankSpec { cache: "x".to_owned(), ..yank };
        assert!(said(|s| s.yanks = vec![of.clone()]).contains("`yanks.cache`"));
        assert!(said(|s| s.heals_at = Patience::For(Span(u64::MAX))).contains("heals_at"));
    }
}
