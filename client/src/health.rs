//! What is wrong with a node by its own word, why, and what to do: for `pollux status` and `pollux doctor`.
//!
//! All of it is judged from what one question told; nothing is asked here. Words are printable.

mod admission;
mod listening;
mod node;
mod seeds;

use crate::ends::warning;
use crate::protocol::{Further, NodeStatus};
use pollux_core::Timestamp;
use serde::Serialize;

pub use listening::{is_here, listening};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works; somebody should look at it some day, or it passes by itself.
    Warning,
    /// It does not work.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A short name; scripts depend on these.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is the case.
    pub what: String,
    /// Why that may be; none where all is well or it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do; none where nothing has to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Check {
    /// All is well.
    #[must_use]
    pub fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, what: what.into(), why: None, todo: None }
    }

    /// Something works that may not always.
    #[must_use]
    pub fn warning(check: &'static str, what: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::ok(check, what) }
    }

    /// Something does not work.
    #[must_use]
    pub fn wrong(check: &'static str, what: impl Into<String>) -> Self {
        Self { level: Level::Wrong, ..Self::ok(check, what) }
    }

    /// With the reason.
    #[must_use]
    pub fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    /// With what to do.
    #[must_use]
    pub fn todo(self, todo: impl Into<String>) -> Self {
        Self { todo: Some(todo.into()), ..self }
    }
}

/// Everything that a node's word tells, in the order in which one thing hangs on another. `more` is missing where the node
/// speaks an older version of the socket protocol; then less is looked at.
#[must_use]
pub fn checks(status: &NodeStatus, more: Option<&Further>, software: &str, now: Timestamp) -> Vec<Check> {
    let mut all = vec![node::version(status, more, software)];
    all.extend(more.map(|more| seeds::clock(&more.seeds)));
    all.push(admission::membership(status, more));
    all.extend(admission::refusals(status));
    all.push(seeds::reached(status, more));
    all.extend(more.map(|more| seeds::agreement(status, &more.seeds)));
    all.extend(node::signing(status));
    all.push(node::store(status, more));
    all.extend(node::peers(status));
    all.extend(more.map(|more| ends(more, now)).unwrap_or_default());
    all
}

/// What ends within a month, or has.
fn ends(more: &Further, now: Timestamp) -> Vec<Check> {
    let told = more.ends.iter().filter_map(|end| Some((end, warning(end, now)?)));
    let check = |(end, words): (&crate::protocol::PoolEnd, String)| {
        let (what, todo) = words.split_once(": ").unwrap_or((&words, ""));
        let over = end.expires_ms <= now.as_millis();
        let check = if over { Check::wrong("ends", what) } else { Check::warning("ends", what) };
        check.todo(todo)
    };
    let some: Vec<Check> = told.map(check).collect();
    if some.is_empty() { vec![Check::ok("ends", "nothing ends within 30 days")] } else { some }
}

#[cfg(test)]
mod tests;
