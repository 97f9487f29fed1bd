//! `pollux presets`

use super::exit::{Failure, Kind};
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
/// Every field, of which only base is compulsory in a preset of your own:
///
///   about              a line for people
///   program            whose layout it is, for audits and pruning by use, one of: apt, bundler,
///                      cargo, composer, go, gradle, maven, npm, pip, pnpm, uv, yarn
///   base               the directory: "/…" or "~/…", neither "/" nor "~" itself
///   base_variables     a list of variables that move it: the first that is set counts
///   paths              a list of paths below base that are saved [default: all of it]
///   exclude            a list of globs, relative to base, of what is not saved
///   lock_files         a list of names of files in the project that {lock} of the key is made from
///   key                a template of {project} {branch} {job} {pipeline} {preset} {os} {release}
///                      {arch} {lock}: {os}, {release}, {arch} and, at its end, {lock} are compulsory
///                      [default: "{project}/{branch}/{job}/{preset}/{os}{release}-{arch}/{lock}"]
///   environment        a map of variables of the command to values: "{base}" stands for the
///                      directory, "{before}" for what the variable held
///   files              a map of paths below base to the text that is written there, if no file is:
///                      "{base}" stands for the directory
///   bytes_max          the largest cache that is saved: a number of bytes, or a text such as "2GB",
///                      "512 MiB", "0.3MB" with one of B, KB, MB, GB, TB (by thousands), KiB, MiB,
///                      GiB, TiB (by 1024) [default: "4GB"]
///   prune.by           "use": packages go that no job has read for some saves; needs program, and
///                      is the default with one. "command": only prune.command finds what goes.
///                      "never": nothing goes; the default without a program
///   prune.command      a list: the program's own command and its arguments, which runs before a save
///   prune.generations  with a program: saves that something unused survives, 0 to 100 [default: 5]
///
/// `pollux presets show NAME` explains one, and with --toml prints it as a file of presets, with all
/// fields and their values, to be copied and changed.
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
    /// Print it as a file of presets with all its fields, to be copied and changed
    #[arg(long, conflicts_with = "json")]
    toml: bool,
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
    if show.toml {
        let text = preset.to_toml().map_err(|error| Failure::new(Kind::Failed, error))?;
        return output::print(text.trim_end());
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
        // The command runs whatever is said here.
        Prune::Never if command.is_empty() => "never".to_owned(),
        Prune::Command | Prune::Never => String::new(),
    };
    [first, then].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", then ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};
    use pollux_client::job::Presets;
    use pollux_packages::Program;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn the_help_names_every_field_and_what_it_may_be() {
        let help = Line::command().render_long_help().to_string();
        let text = known_presets(None).unwrap().find("apt").unwrap().to_toml().unwrap();
        let table: toml::Table = text.parse().unwrap();
        for field in table["preset"]["apt"].as_table().unwrap().keys() {
            assert!(help.contains(&format!("\n  {field} ")) || field == "prune", "{field}");
        }
        for field in table["preset"]["apt"]["prune"].as_table().unwrap().keys() {
            assert!(help.contains(&format!("\n  prune.{field} ")), "{field}");
        }
        let (_, programs) = help.split_once("one of: apt").unwrap();
        let programs: Vec<&str> = programs.split("base ").next().unwrap().split([' ', ',', '\n']).collect();
        for program in Program::ALL.iter().filter(|program| **program != Program::Apt) {
            assert!(programs.contains(&program.name()), "{program}");
        }
        for prune in [Prune::Use, Prune::Command, Prune::Never] {
            assert!(help.contains(&format!("{}:", serde_json::to_string(&prune).unwrap())), "{prune:?}");
        }
    }

    #[test]
    fn without_a_program_nothing_is_said_of_use() {
        let mut presets = Presets::default();
        let own = "version = 1\n[preset.a]\nbase = \"/a\"\n[preset.b]\nbase = \"/b\"\nprune.command = [\"x\", \"y\"]";
        presets.extend(own).unwrap();
        let pruned = |name| pruned(presets.find(name).unwrap());
        assert_eq!((pruned("a").as_str(), pruned("b").as_str()), ("never", "`x y`"));
    }

    #[test]
    fn a_preset_is_explained() {
        let presets = known_presets(None).unwrap();
        insta::assert_snapshot!(words(presets.find("npm").unwrap()));
    }
}
