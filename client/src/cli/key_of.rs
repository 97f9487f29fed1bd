//! `pollux key of`: what a job's caches are called, and why.

use super::surroundings::Place;
use super::{Done, output};
use clap::Args;
use pollux_client::job::{Plan, Variable};
use pollux_core::{Fallback, Key};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Print the key that a preset has here, and why
///
/// What stands in it comes from the CI system's variables, flags, the machine and lock files, as the preset's template says.
/// Nothing of that gives a right: a key is a question, and only signatures answer it.
///
/// A template is segments joined by `/`, of letters, digits, `. _ + @ = % -` and variables in braces: {project} and {branch}
/// (segments of their own, percent-encoded), {job} {pipeline} {preset}, {os} {release} {arch} (before the last segment), and
/// {lock}, with which the last one ends.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The preset; `pollux presets` lists them
    preset: String,
    #[command(flatten)]
    place: Place,
    /// Print one JSON object instead of words
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Serialize)]
struct Named<'a> {
    key: &'a Key,
    fallbacks: Vec<String>,
    base: &'a PathBuf,
    paths: &'a [String],
    lock_files: Vec<String>,
    environment: &'a BTreeMap<String, String>,
    because: BTreeMap<&'static str, Because<'a>>,
}

#[derive(Serialize)]
struct Because<'a> {
    value: &'a str,
    from: &'static str,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let plans = arguments.place.plans(std::slice::from_ref(&arguments.preset))?;
    let Some(plan) = plans.first() else { return Ok(()) };
    if arguments.json { output::print_json(&Named::of(plan)) } else { output::print(&words(plan)) }
}

fn lock_files(plan: &Plan) -> Vec<String> {
    plan.locks.0.iter().map(|file| file.path.display().to_string()).collect()
}

impl<'a> Named<'a> {
    fn of(plan: &'a Plan) -> Self {
        let because = |(variable, fact): &'a (Variable, _)| {
            let pollux_client::job::Fact { value, from } = fact;
            (variable.name(), Because { value, from })
        };
        Self {
            key: &plan.key,
            fallbacks: plan.fallbacks.iter().map(Fallback::to_string).collect(),
            base: &plan.base,
            paths: &plan.preset.paths,
            lock_files: lock_files(plan),
            environment: &plan.environment,
            because: plan.facts.iter().map(because).collect(),
        }
    }
}

fn words(plan: &Plan) -> String {
    let mut lines = vec![plan.key.to_string()];
    lines.extend(plan.facts.iter().map(|(variable, fact)| {
        format!("  {:9} {} ({})", variable.name(), output::printable(&fact.value), fact.from)
    }));
    let locks = lock_files(plan);
    if !locks.is_empty() {
        lines.push(format!("  of        {}", output::printable(&locks.join(", "))));
    }
    lines.push(format!(
        "directory   {} ({})",
        output::printable(&plan.base.display().to_string()),
        plan.base_from
    ));
    lines.extend(plan.fallbacks.iter().map(|fallback| format!("or else     {fallback}")));
    lines.join("\n")
}
