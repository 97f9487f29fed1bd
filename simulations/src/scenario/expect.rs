//! What a run is expected to come to, and what it must have gone through to show anything.
//!
//! ```toml
//! coverage = ["junk", "ban"]
//!
//! [[expectations]]
//! figure = "p99-ratio"
//! at_most = 1.3
//!
//! [[expectations]]
//! figure = "completed-share"
//! group = "crowd"
//! at_least = "100%"
//! ```

use super::{Amount, Figure, Scenario, ScenarioError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Expectations at most.
const EXPECTATIONS_MAX: usize = 256;

/// A figure must not be beyond these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Which.
    pub figure: Figure,
    /// Of which group; none: of all honest jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// No more than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Amount>,
    /// No less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Amount>,
}

impl Expectation {
    /// Whether a value is within its limits.
    #[must_use]
    pub fn is_met_by(&self, value: f64) -> bool {
        self.at_most.is_none_or(|most| value <= most.value())
            && self.at_least.is_none_or(|least| value >= least.value())
    }
}

impl Scenario {
    /// Whether each expectation can be judged.
    pub(super) fn check_expectations(&self) -> Result<(), ScenarioError> {
        let (count, max) = (self.expectations.len(), EXPECTATIONS_MAX);
        if count > max {
            let [value, min, max] = [count, 0, max].map(|one| one.to_string());
            return Err(ScenarioError::OutOfBounds { field: "expectations".to_owned(), value, min, max });
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.coverage.iter().find(|cover| !seen.insert(**cover)) {
            return Err(ScenarioError::Twice {
                what: "entries of `coverage`",
                name: twice.name().to_owned(),
            });
        }
        (1..).zip(&self.expectations).try_for_each(|(number, one)| self.check_expectation(number, one))
    }

    fn check_expectation(&self, number: usize, one: &Expectation) -> Result<(), ScenarioError> {
        let field = |name: &str| format!("expectations.{number}.{name}");
        let figure = one.figure.name();
        let (least, most) = (one.at_least, one.at_most);
        if least.is_none() && most.is_none() {
            return Err(ScenarioError::NoLimit { field: format!("expectations.{number}"), figure });
        }
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            let [value, min, max] = [least, Amount::ZERO, most].map(|amount| amount.to_string());
            return Err(ScenarioError::OutOfBounds { field: field("at_least"), value, min, max });
        }
        let Some(name) = &one.group else { return Ok(()) };
        if !one.figure.is_of_groups() {
            return Err(ScenarioError::OfNoGroup { field: field("group"), figure });
        }
        let known = || self.groups.iter().map(|group| group.name.as_str());
        super::check::there(&field("group"), name, ("group", known().any(|known| known == name)), known())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(expectation: &str) -> Result<Scenario, String> {
        let scenario = Scenario::from_toml(&format!("version = 1\n[[expectations]]\n{expectation}"));
        let scenario = scenario.map_err(|error| error.to_string())?;
        scenario.check().map_err(|error| error.to_string())?;
        Ok(scenario)
    }

    #[test]
    fn what_cannot_be_judged_is_refused_with_its_place() {
        let refused = |text: &str| read(text).unwrap_err();
        assert!(refused("figure = \"speed\"\nat_most = 1").contains("makespan-ratio"));
        assert!(refused("figure = \"p50\"\nat_most = -1").contains("`-1` is not an amount"));
        assert!(refused("figure = \"p50\"\nat_most = nan").contains("is not an amount"));
        assert!(refused("figure = \"p50\"\nat_most = 1\nat_lest = 1").contains("at_lest"));
        assert_eq!(
            refused("figure = \"p50\""),
            "`expectations.1` has neither `at_most` nor `at_least`: say how much `p50` may be"
        );
        assert!(
            refused("figure = \"p50\"\nat_most = 1\nat_least = 2").contains("`expectations.1.at_least` is 2")
        );
        let said = refused("figure = \"p50\"\nat_most = 1\ngroup = \"crow\"");
        assert!(said.contains("`expectations.1.group` names `crow`") && said.contains("crowd"), "{said}");
        let said = refused("figure = \"bans\"\nat_most = 1\ngroup = \"crowd\"");
        assert!(said.contains("`bans` is measured of the whole run only"), "{said}");
    }

    #[test]
    fn what_is_to_be_reached_is_named_once() {
        let said = |text: &str| {
            let scenario =
                Scenario::from_toml(&format!("version = 1\n{text}")).map_err(|error| error.to_string())?;
            scenario.check().map_err(|error| error.to_string())
        };
        assert_eq!(said("coverage = [\"junk\", \"ban\"]"), Ok(()));
        assert!(said("coverage = [\"junk\", \"junk\"]").unwrap_err().contains("`junk`"));
        assert!(said("coverage = [\"magic\"]").unwrap_err().contains("hedge"));
    }
}
