//! Which lines answer a question.
use super::{LogEntry, Logged, LoggedPublish, LoggedRefusal};
use crate::ManifestId;
use crate::message::{LogKinds, LogQuery};

impl LogEntry {
    /// Whether a reader who asks this wants the line. Yanks always answer, unless only refusals are asked for: which of the
    /// manifests they take is for the reader to find ([`super::LoggedYank::takes`]). Policies, and counts of refusals, do where
    /// nothing is said of keys or ancestors.
    #[must_use]
    pub fn answers(&self, query: &LogQuery) -> bool {
        if query.since.is_some_and(|since| self.time < since) {
            return false;
        }
        let all = query.kinds == LogKinds::All;
        let of_anything = query.pattern.is_none() && query.derived_from.is_none();
        match &self.what {
            Logged::Published(publish) => all && published(publish, query),
            Logged::Refused(refusal) => refused(refusal, query),
            Logged::Yanked(_) => all,
            Logged::Policy(_) => all && of_anything,
            Logged::MoreRefused(_) => of_anything,
        }
    }
}

fn published(publish: &LoggedPublish, query: &LogQuery) -> bool {
    let covered = query.pattern.as_ref().is_none_or(|pattern| pattern.covers(&publish.key));
    let begins = |id: &ManifestId, digits: &str| id.to_string().starts_with(digits);
    covered
        && query.derived_from.as_ref().is_none_or(|digits| {
            begins(&publish.manifest, digits) || publish.ancestors.iter().any(|id| begins(id, digits))
        })
}

/// Nothing comes of what was refused.
fn refused(refusal: &LoggedRefusal, query: &LogQuery) -> bool {
    let covered = |pattern: &crate::Pattern| refusal.key.as_ref().is_some_and(|key| pattern.covers(key));
    query.derived_from.is_none() && query.pattern.as_ref().is_none_or(covered)
}
