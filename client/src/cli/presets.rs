//! `pollux presets`

use super::exit::Failure;
use super::surroundings::{known_presets, unknown};
use super::{Done, output};
use clap::{Args, Subcommand};
use indicatif::DecimalBytes;
use pollux_client::job::{Preset, Prune};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// List the package managers whose caches are known
///
/// A preset says which directory and variables a package manager's cache has, which lock files
/// make its key, what is left out, how it is pruned and audited. Your own file (--presets,
/// POLLUX_PRESETS) adds some, or changes what it names of these:
///
///   version = 1
///
///   [preset.npm]
///   bytes_max = "1GB"
///
///   [preset.ours]
///   base = "~/.cache/fetcher"
///   lock_files = ["fetcher.lock"]
///
/// Every field: about, program, base, base_variables, paths, exclude, lock_files, key, environment,
/// files, bytes_max, prune.by, prune.command, prune.generations; `pollux presets show NAME` prints
/// what each one is.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
struct List {
    /// A file of presets over those that come along
    #[arg(long, env = "POLLUX_PRESETS", value_name = "FILE")]
    presets: Option<PathBuf>,
    /// Print one JSON object instead of words
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Explain one
    Show(Show),
}

#[derive(Debug, Args)]
struct Show {
    /// Its name
    name: String,
    #[command(flatten)]
    list: List,
}

impl Arguments {
    pub(super) const fn json(&self) -> bool {
        match &self.verb {
            Some(Verb::Show(show)) => show.list.json,
            None => self.list.json,
        }
    }
}

#[derive(Serialize)]
struct All<'a> {
    presets: BTreeMap<&'a str, &'a Preset>,
}

#[derive(Serialize)]
struct One<'a> {
    name: &'a str,
    #[serde(flatten)]
    preset: &'a Preset,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    match &arguments.verb {
        None => list(&arguments.list),
        Some(Verb::Show(show)) => explain(show),
    }
}

fn list(list: &List) -> Done {
    let presets = known_presets(list.presets.as_deref())?;
    if list.json {
        let presets = presets.iter().map(|preset| (preset.name.as_str(), preset)).collect();
        return output::print_json(&All { presets });
    }
    let width = presets.iter().map(|preset| preset.name.len()).max().unwrap_or_default();
    let lines = presets.iter().map(|preset| format!("{:width$}  {}", preset.name, preset.about));
    output::print(&lines.collect::<Vec<_>>().join("\n"))
}

fn explain(show: &Show) -> Result<(), Failure> {
    let presets = known_presets(show.list.presets.as_deref())?;
    let preset = presets.find(&show.name).map_err(|error| unknown(&error))?;
    if show.list.json {
        return output::print_json(&One { name: &preset.name, preset });
    }
    output::print(&words(preset))
}

fn words(preset: &Preset) -> String {
    let or = |items: &[String], otherwise: &str| {
        if items.is_empty() { otherwise.to_owned() } else { items.join(" ") }
    };
    let base = match preset.base_variables.as_slice() {
        [] => preset.base.clone(),
        names => format!("${}, else {}", names.join(", $"), preset.base),
    };
    let told: Vec<String> =
        preset.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let audit =
        preset.program.map_or_else(|| "none".to_owned(), |program| format!("as a cache of {program}"));
    let lines = [
        ("about", preset.about.clone()),
        ("directory", base),
        ("saved of it", or(&preset.paths, "all of it")),
        ("left out", or(&preset.exclude, "nothing")),
        ("lock files", or(&preset.lock_files, "none")),
        ("key", preset.key.to_string()),
        ("command is told", or(&told, "nothing")),
        ("files written", or(&preset.files.keys().cloned().collect::<Vec<_>>(), "none")),
        ("pruned", pruned(preset)),
        ("at most", DecimalBytes(preset.bytes_max).to_string()),
        ("audit", audit),
    ];
    let lines = lines.map(|(name, text)| format!("{name:16} {text}"));
    format!("{}\n{}", preset.name, lines.join("\n"))
}

fn pruned(preset: &Preset) -> String {
    let command = preset.prune.command.join(" ");
    let first = if command.is_empty() { String::new() } else { format!("`{command}`") };
    let generations = preset.prune.generations;
    let then = match preset.prune.by {
        Prune::Use => format!("what no job has read for {generations} saves that changed something"),
        Prune::Command => String::new(),
        Prune::Never => "never".to_owned(),
    };
    [first, then].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", then ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_explained() {
        let presets = known_presets(None).unwrap();
        insta::assert_snapshot!(words(presets.find("npm").unwrap()));
    }
}
