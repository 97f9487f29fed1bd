//! Whether all is well, and if not, of which class what is wrong is.

use super::Figures;
use crate::scenario::{Cover, Expectation, Scenario};
use serde::{Deserialize, Serialize};

/// Of which class a run is; the first that holds counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// All is well.
    Ok,
    /// Something happened that must never happen.
    Safety,
    /// A job did not complete, or the run was ended before its jobs.
    Liveness,
    /// A figure is beyond what was expected.
    Expectation,
    /// The run did not go through what it was to show.
    Coverage,
}

impl Class {
    /// The exit code of a program that says so.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Safety => 3,
            Self::Liveness => 4,
            Self::Expectation => 5,
            Self::Coverage => 6,
        }
    }

    /// As reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Safety => "safety",
            Self::Liveness => "liveness",
            Self::Expectation => "expectation",
            Self::Coverage => "coverage",
        }
    }
}

/// Whether all is well.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Every node completed, no promise was broken, every expectation was met and everything reached.
    pub ok: bool,
    /// If not: what is wrong.
    pub class: Class,
    /// Restores of honest nodes that completed.
    pub completed: u32,
    /// Those that went with their node, whose life was over.
    pub gone: u32,
    /// Restores of honest nodes.
    pub of: u64,
    /// Violations: promises that were broken.
    pub violations: u64,
    /// The first of them, in words.
    pub first_violations: Vec<String>,
    /// Why the run was ended before its jobs.
    pub stopped: Option<String>,
    /// What was expected, and what came.
    pub expectations: Vec<Judged>,
    /// What the run went through.
    pub coverage: Vec<Covered>,
}

/// An expectation, and what came.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// What was expected.
    #[serde(flatten)]
    pub expectation: Expectation,
    /// What came; none where there is no such figure, because nobody completed.
    pub value: Option<f64>,
    /// Whether it is within the limits.
    pub met: bool,
}

/// How often something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// What.
    pub what: Cover,
    /// How often.
    pub count: u64,
    /// Whether the run had to go through it.
    pub wanted: bool,
}

/// What became of the jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Jobs {
    pub(crate) completed: u32,
    pub(crate) gone: u32,
    pub(crate) of: u64,
    /// Some may end without their cache, as the scenario says.
    pub(crate) may_miss: bool,
    pub(crate) stopped: Option<String>,
}

/// Violations: promises that were broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) violations: u64,
    /// Of them, those that must never happen.
    pub(crate) of_safety: u64,
    pub(crate) first: Vec<String>,
}

impl Verdict {
    /// `figures` finds those of a group, or of the whole run.
    pub(crate) fn new<'a>(
        scenario: &Scenario,
        jobs: Jobs,
        broken: Broken,
        figures: impl Fn(Option<&str>) -> Option<&'a Figures>,
        reached: impl Fn(Cover) -> u64,
    ) -> Self {
        let judge = |expectation: &Expectation| {
            let figures = figures(expectation.group.as_deref());
            let value = figures.and_then(|figures| figures.get(expectation.figure));
            let met = value.is_some_and(|value| expectation.is_met_by(value));
            Judged { expectation: expectation.clone(), value, met }
        };
        let covered =
            |what| Covered { what, count: reached(what), wanted: scenario.coverage.contains(&what) };
        let verdict = Self {
            ok: false,
            class: Class::Ok,
            completed: jobs.completed,
            gone: jobs.gone,
            of: jobs.of,
            violations: broken.violations,
            first_violations: broken.first,
            stopped: jobs.stopped,
            expectations: scenario.expectations.iter().map(judge).collect(),
            coverage: Cover::ALL.into_iter().map(covered).collect(),
        };
        let class = verdict.classify(broken.of_safety, jobs.may_miss);
        Self { ok: class == Class::Ok, class, ..verdict }
    }

    /// What must never happen goes before what should have happened, and that before mere figures.
    fn classify(&self, of_safety: u64, may_miss: bool) -> Class {
        let over = u64::from(self.completed) + u64::from(self.gone);
        if of_safety > 0 {
            Class::Safety
        } else if self.violations > 0 || self.stopped.is_some() || (over < self.of && !may_miss) {
            Class::Liveness
        } else if self.expectations.iter().any(|one| !one.met) {
            Class::Expectation
        } else if self.coverage.iter().any(|one| one.is_missing()) {
            Class::Coverage
        } else {
            Class::Ok
        }
    }
}

impl Covered {
    /// Whether it is worth a word.
    pub(super) const fn is_told(&self) -> bool {
        self.wanted || self.count > 0
    }

    /// Whether the run had to go through it, and did not.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        self.wanted && self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Figure;

    fn scenario() -> Scenario {
        let text = "version = 1\ncoverage = [\"ban\"]\n[[expectations]]\nfigure = \"bans\"\nat_most = 5";
        Scenario::from_toml(text).unwrap()
    }

    fn verdict(jobs: Jobs, broken: Broken, bans: u32) -> Verdict {
        let figures: Figures = [(Figure::Bans, f64::from(bans))].into_iter().collect();
        Verdict::new(&scenario(), jobs, broken, |_| Some(&figures), |_| u64::from(bans))
    }

    #[test]
    fn safety_goes_first_then_liveness_then_expectations_then_coverage() {
        let jobs = |completed, gone| Jobs { completed, gone, of: 3, ..Jobs::default() };
        let broken = |violations, of_safety| Broken { violations, of_safety, first: Vec::new() };
        let class = |jobs, broken, bans| verdict(jobs, broken, bans).class;
        assert_eq!(class(jobs(2, 0), broken(2, 1), 9), Class::Safety);
        assert_eq!(class(jobs(3, 0), broken(1, 0), 9), Class::Liveness);
        assert_eq!(class(jobs(2, 0), broken(0, 0), 9), Class::Liveness);
        let stopped = Jobs { stopped: Some("late".to_owned()), ..jobs(3, 0) };
        assert_eq!(class(stopped, broken(0, 0), 9), Class::Liveness);
        assert_eq!(class(jobs(3, 0), broken(0, 0), 9), Class::Expectation);
        assert_eq!(class(jobs(3, 0), broken(0, 0), 0), Class::Coverage);
        let missed = Jobs { may_miss: true, ..jobs(2, 0) };
        assert_eq!(class(missed, broken(0, 0), 5), Class::Ok);
        let well = verdict(jobs(2, 1), broken(0, 0), 5);
        assert_eq!((well.class, well.ok), (Class::Ok, true), "who goes is nobody's fault");
    }

    #[test]
    fn a_figure_that_there_is_not_is_not_met() {
        let jobs = Jobs { completed: 1, of: 1, ..Jobs::default() };
        let verdict = Verdict::new(&scenario(), jobs, Broken::default(), |_| None, |_| 1);
        assert_eq!((verdict.class, verdict.expectations[0].value), (Class::Expectation, None));
    }

    #[test]
    fn each_class_has_its_exit_code() {
        let all = [Class::Ok, Class::Safety, Class::Liveness, Class::Expectation, Class::Coverage];
        assert_eq!(all.map(Class::exit_code), [0, 3, 4, 5, 6]);
        assert!(all.iter().all(|class| serde_json::to_value(class).unwrap() == class.name()));
    }
}
