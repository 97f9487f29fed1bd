//! Shrinks a scenario that fails: what it fails without is left out.

use super::failure;
use crate::run::{RunError, run};
use crate::scenario::{Behaviour, FaultSpec, Patience, Scenario, Seeds, Share};
use crate::trace::Trace;
use crate::units::Span;

/// What is left.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// The least that was found to fail in the same way.
    pub scenario: Scenario,
    /// How it fails.
    pub failure: String,
    /// Runs that it took.
    pub runs: u32,
}

/// The least that fails as this scenario does, found by leaving out and halving, one thing after the other, in so many
/// runs at most. None: it does not fail.
///
/// # Errors
/// Where it cannot be run at all.
pub fn shrink(scenario: &Scenario, runs_max: u32) -> Result<Option<Shrunk>, RunError> {
    let Some(failure) = failure(&run(scenario, Trace::new())?) else { return Ok(None) };
    let mut shrinking = Shrinking { scenario: scenario.clone(), failure, runs: 1, runs_max };
    while shrinking.pass() {}
    let Shrinking { scenario, failure, runs, .. } = shrinking;
    Ok(Some(Shrunk { scenario, failure, runs }))
}

struct Shrinking {
    scenario: Scenario,
    failure: String,
    runs: u32,
    runs_max: u32,
}

impl Shrinking {
    /// Everything is tried once; whether anything was left out.
    fn pass(&mut self) -> bool {
        let mut is_less = false;
        // What is left out shifts what follows: the same place is tried again.
        let mut place = 0;
        while let Some(less) = steps(&self.scenario).get(place).cloned() {
            if self.runs >= self.runs_max {
                return false;
            }
            if self.fails(&less) {
                (self.scenario, is_less) = (less, true);
            } else {
                place += 1;
            }
        }
        is_less
    }

    fn fails(&mut self, scenario: &Scenario) -> bool {
        self.runs += 1;
        let report = run(scenario, Trace::new());
        report.is_ok_and(|report| failure(&report).as_deref() == Some(self.failure.as_str()))
    }
}

/// All scenarios that are one step smaller, the largest steps first.
fn steps(scenario: &Scenario) -> Vec<Scenario> {
    let with = |change: &dyn Fn(&mut Scenario)| {
        let mut less = scenario.clone();
        change(&mut less);
        less
    };
    let mut steps = vec![with(&|s| s.faults.clear()), with(&|s| s.yanks.clear())];
    steps.push(with(&|s| (s.publishes.clear(), s.yanks.clear()).0));
    steps.push(with(&|s| s.seeds = Seeds { bad: 0, behaviour: Behaviour::Honest, ..s.seeds.clone() }));
    steps.extend((0..scenario.faults.len()).map(|place| with(&|s| drop(s.faults.remove(place)))));
    steps.extend((0..scenario.yanks.len()).map(|place| with(&|s| drop(s.yanks.remove(place)))));
    steps.extend((0..scenario.publishes.len()).map(|place| with(&|s| drop(s.publishes.remove(place)))));
    steps.extend((0..scenario.groups.len()).map(|place| with(&|s| drop(s.groups.remove(place)))));
    for place in 0..scenario.groups.len() {
        steps.push(with(&|s| each(&mut s.groups, place, |group| group.truncate(group.count / 2))));
        steps.push(with(&|s| each(&mut s.groups, place, |group| group.behaviour = Behaviour::Honest)));
        steps.push(with(&|s| each(&mut s.groups, place, |group| group.again_at = Patience::Off)));
        steps.push(with(&|s| each(&mut s.groups, place, |group| drop(group.restores.pop()))));
    }
    for place in 0..scenario.faults.len() {
        steps.push(with(&|s| each(&mut s.faults, place, halve)));
        steps.push(with(&|s| each(&mut s.faults, place, |fault| fault.share = Share(1))));
    }
    steps.extend(
        (0..scenario.publishes.len())
            .map(|place| with(&|s| each(&mut s.publishes, place, |publish| publish.builds = 1))),
    );
    steps.retain(|less| less != scenario && less.check().is_ok());
    steps
}

fn each<T>(list: &mut [T], place: usize, change: impl Fn(&mut T)) {
    if let Some(one) = list.get_mut(place) {
        change(one);
    }
}

fn halve(fault: &mut FaultSpec) {
    if let Patience::For(Span(lasts)) = &mut fault.lasts {
        *lasts = (*lasts / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Arrival, FaultKind, Whom};
    use crate::units::Rate;

    #[test]
    fn what_does_not_fail_is_not_shrunk() {
        assert_eq!(shrink(&Scenario::ready("small-crowd").unwrap(), 10).unwrap(), None);
    }

    #[test]
    fn who_comes_at_times_of_its_own_is_left_out_with_its_time() {
        let mut scenario = Scenario::ready("hunt").unwrap();
        scenario.heals_at = Patience::Off;
        scenario.groups.truncate(1);
        let times: Vec<Span> = (0..8).map(|number| Span(number * 1_000)).collect();
        let group = &mut scenario.groups[0];
        (group.arrival, group.total_deadline) = (Arrival::Times(times), Patience::For(Span(1_000)));
        let shrunk = shrink(&scenario, 100).unwrap().unwrap().scenario;
        assert_eq!(shrunk.check(), Ok(()));
        assert_eq!(shrunk.groups[0].arrival, Arrival::Times(vec![Span(0)]));
        let text = toml::to_string(&shrunk).unwrap();
        assert_eq!(Scenario::from_toml(&text), Ok(shrunk), "what is left needs no other file");
    }

    #[test]
    fn only_what_it_fails_by_is_left() {
        let mut scenario = Scenario::ready("hunt").unwrap();
        scenario.heals_at = Patience::Off;
        let fault = |what| FaultSpec {
            at: Span(0),
            lasts: Patience::For(Span(60_000_000)),
            whom: Whom::Everybody,
            share: Share::ALL,
            what,
        };
        let slow = FaultKind::Link { up: Rate(1_000), down: Rate(1_000) };
        scenario.faults = vec![fault(FaultKind::Delay(Span(100))), fault(slow.clone())];
        let shrunk = shrink(&scenario, 400).unwrap().unwrap();
        assert_eq!(shrunk.failure, "of  jobs gave up after `progress_deadline` s without a chunk");
        let left = &shrunk.scenario;
        assert_eq!(left.faults.iter().map(|fault| &fault.what).collect::<Vec<_>>(), [&slow]);
        assert_eq!((left.nodes(), left.groups.len()), (1, 1), "{left:?}");
    }
}
