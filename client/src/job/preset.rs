//! What is known of a package manager, as data. `pollux presets show NAME` prints one; a user's file adds or changes some:
//!
//! ```toml
//! version = 1
//!
//! [preset.npm]                        # one that comes along: what is named here goes over it
//! lock_files = ["pnpm-lock.yaml"]
//!
//! [preset.mine]                       # one of your own: base is needed, the rest is not
//! about = "What our own fetcher keeps"
//! base = "~/.cache/fetcher"
//! ```
//!
//! | field | what | default |
//! |---|---|---|
//! | `about` | a line for people | |
//! | `program` | whose layout it is, for audits and pruning by use | none: neither |
//! | `base` | the directory; `~` is the home; neither `/` nor `~` alone | |
//! | `base_variables` | variables of the environment that move it, the first that is set counts | |
//! | `paths` | what of it is saved | all of it |
//! | `exclude` | globs of what is not, relative to `base` | |
//! | `lock_files` | names of files in the project that the key is made from | the key ends in `-` |
//! | `key` | a template, see the `template` module | the usual |
//! | `environment` | what the command is told; `{base}` stands for the directory, `{before}` for what the variable held | |
//! | `files` | files written below `base` before the command, if they are not there; `{base}` as above | |
//! | `prune.by` | `use` (with a program), `command` or `never` | `use`; without a program `never` |
//! | `prune.command` | the program's own command, which runs before | none |
//! | `prune.generations` | saves that something unused survives, 0 to 100 (with a program) | 5 |
//! | `bytes_max` | the largest cache that is saved, see the `size` module; beyond it, what was not used longest goes first | 4 GB |

use super::size::{self, Size};
use super::template::{Template, TemplateError};
use crate::printable::printable;
use globset::Glob;
use pollux_core::check_path;
use pollux_packages::Program;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Saves that something unused survives, if nothing else is said.
const GENERATIONS: u32 = 5;
/// And at most: longer than anybody remembers.
const GENERATIONS_MAX: u32 = 100;
/// The largest cache that is saved, if nothing else is said.
const BYTES_MAX: u64 = 4_000_000_000;
/// Names of presets have so many characters at most.
const NAME_MAX: usize = 32;
/// Characters of what is wrong that are shown again at most.
const WORDS_MAX: usize = 300;
/// The usual template.
pub(super) const TEMPLATE: &str = "{project}/{branch}/{job}/{preset}/{os}{release}-{arch}/{lock}";

/// How what nobody needs is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prune {
    /// What no job has read for some saves.
    Use,
    /// Only the program's own command finds it.
    Command,
    /// Nothing goes.
    Never,
}

/// A preset. See the module for its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preset {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// A line for people.
    pub about: String,
    /// Whose layout it is, for audits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// The directory; `~` is the home.
    pub base: String,
    /// Variables of the environment that move it; the first that is set counts.
    pub base_variables: Vec<String>,
    /// What of it is saved; none: all of it.
    pub paths: Vec<String>,
    /// Globs of what is not, relative to `base`.
    pub exclude: Vec<String>,
    /// Names of files in the project that the key is made from.
    pub lock_files: Vec<String>,
    /// How its keys are made.
    #[serde(serialize_with = "as_text")]
    pub key: Template,
    /// Bytes of the largest cache that is saved.
    pub bytes_max: u64,
    /// What the command is told; `{base}` stands for the directory.
    pub environment: BTreeMap<String, String>,
    /// Files below `base` that are written where they are not there.
    pub files: BTreeMap<String, String>,
    /// What goes before a save.
    pub prune: Pruning,
}

/// See [`Preset`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pruning {
    /// How.
    pub by: Prune,
    /// The program's own command, which runs before.
    pub command: Vec<String>,
    /// Saves that something unused survives.
    pub generations: u32,
}

fn as_text<S: serde::Serializer>(template: &Template, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(template)
}

/// Why a preset cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("preset `{preset}`: {why}")]
pub struct PresetError {
    /// Its name.
    pub preset: String,
    /// What is wrong.
    pub why: String,
}

/// A preset as a file has it: what is not named stays as it was.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    about: Option<String>,
    program: Option<Program>,
    base: Option<String>,
    base_variables: Option<Vec<String>>,
    paths: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    lock_files: Option<Vec<String>>,
    key: Option<String>,
    bytes_max: Option<Size>,
    environment: Option<BTreeMap<String, String>>,
    files: Option<BTreeMap<String, String>>,
    #[serde(default)]
    prune: WrittenPrune,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenPrune {
    by: Option<Prune>,
    command: Option<Vec<String>>,
    generations: Option<u32>,
}

impl From<&Preset> for Written {
    /// All that the preset has; without a program nothing is pruned by use, so the file names no generations.
    fn from(preset: &Preset) -> Self {
        let Pruning { by, command, generations } = &preset.prune;
        Self {
            about: Some(preset.about.clone()),
            program: preset.program,
            base: Some(preset.base.clone()),
            base_variables: Some(preset.base_variables.clone()),
            paths: Some(preset.paths.clone()),
            exclude: Some(preset.exclude.clone()),
            lock_files: Some(preset.lock_files.clone()),
            key: Some(preset.key.to_string()),
            bytes_max: Some(Size::Bytes(preset.bytes_max)),
            environment: Some(preset.environment.clone()),
            files: Some(preset.files.clone()),
            prune: WrittenPrune {
                by: Some(*by),
                command: Some(command.clone()),
                generations: preset.program.map(|_| *generations),
            },
        }
    }
}

impl Preset {
    /// A preset from a file, over the one of that name that is known already.
    pub(super) fn of(name: &str, written: Written, known: Option<&Self>) -> Result<Self, PresetError> {
        let refuse = |why: String| PresetError { preset: shown(name), why: shown(&why) };
        let key = match &written.key {
            Some(text) => text.parse().map_err(|why: TemplateError| refuse(format!("key: {why}")))?,
            None => match known {
                Some(known) => known.key.clone(),
                None => usual().map_err(|why| refuse(why.to_string()))?,
            },
        };
        let size = written
            .bytes_max
            .as_ref()
            .map(|size| size.bytes().ok_or_else(|| refuse(format!("bytes_max: write {}", size::FORMS))));
        let program = written.program.or(known.and_then(|known| known.program));
        let preset = Self {
            name: name.to_owned(),
            about: or(written.about, known.map(|known| &known.about)),
            program,
            base: or(written.base, known.map(|known| &known.base)),
            base_variables: or(written.base_variables, known.map(|known| &known.base_variables)),
            paths: or(written.paths, known.map(|known| &known.paths)),
            exclude: or(written.exclude, known.map(|known| &known.exclude)),
            lock_files: or(written.lock_files, known.map(|known| &known.lock_files)),
            key,
            bytes_max: size.transpose()?.unwrap_or_else(|| known.map_or(BYTES_MAX, |known| known.bytes_max)),
            environment: or(written.environment, known.map(|known| &known.environment)),
            files: or(written.files, known.map(|known| &known.files)),
            prune: Pruning::of(written.prune, known.map(|known| &known.prune), program).map_err(refuse)?,
        };
        preset.check().map_err(refuse)?;
        Ok(preset)
    }

    fn check(&self) -> Result<(), String> {
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if self.name.is_empty() || self.name.len() > NAME_MAX || !self.name.chars().all(is_plain) {
            return Err(format!("a name is 1 to {NAME_MAX} of a-z, 0-9 and `-`"));
        }
        check_base(&self.base)?;
        for path in self.paths.iter().chain(self.files.keys()) {
            check_path(path).map_err(|why| format!("`{path}`: {why}"))?;
        }
        for glob in &self.exclude {
            Glob::new(glob).map_err(|why| format!("exclude: {why}"))?;
        }
        if let Some(name) = self.lock_files.iter().find(|name| name.is_empty() || name.contains('/')) {
            return Err(format!("lock_files: `{name}` is no name of a file"));
        }
        if let Some(name) = self.environment.keys().find(|name| name.is_empty() || name.contains(['=', '\0']))
        {
            return Err(format!("environment: `{name}` is no name of a variable"));
        }
        for (name, value) in &self.environment {
            check_places(value, &["base", "before"]).map_err(|why| format!("environment: {name}: {why}"))?;
        }
        for (name, text) in &self.files {
            check_places(text, &["base"]).map_err(|why| format!("files: `{name}`: {why}"))?;
        }
        if self.bytes_max == 0 {
            return Err("bytes_max: nothing is as small as that".to_owned());
        }
        self.prune.check()
    }
}

impl Pruning {
    fn of(written: WrittenPrune, known: Option<&Self>, program: Option<Program>) -> Result<Self, String> {
        if program.is_none() && (written.by == Some(Prune::Use) || written.generations.is_some()) {
            return Err("prune: pruning by use needs `program`, whose layout tells what is used; \
                        without it `prune.by` is \"never\" or \"command\", and there are no generations"
                .to_owned());
        }
        let usual = if program.is_some() { Prune::Use } else { Prune::Never };
        Ok(Self {
            by: written.by.unwrap_or_else(|| known.map_or(usual, |known| known.by)),
            command: or(written.command, known.map(|known| &known.command)),
            generations: written
                .generations
                .unwrap_or_else(|| known.map_or(GENERATIONS, |known| known.generations)),
        })
    }

    fn check(&self) -> Result<(), String> {
        if self.generations > GENERATIONS_MAX {
            return Err(format!("prune.generations: 0 to {GENERATIONS_MAX}"));
        }
        if self.by == Prune::Command && self.command.is_empty() {
            return Err("prune: where `by` is \"command\", `command` must be named".to_owned());
        }
        Ok(())
    }
}

/// A directory of its own: what is saved of it is restored elsewhere, and is pruned here.
fn check_base(base: &str) -> Result<(), String> {
    if !(base.starts_with('/') || base == "~" || base.starts_with("~/")) {
        return Err("base: it must be named, and begin with `/` or `~/`".to_owned());
    }
    let below = base.strip_prefix('~').unwrap_or(base);
    let mut parts = below.split('/').filter(|part| !matches!(*part, "" | ".")).peekable();
    if parts.peek().is_none() {
        let whole = if base.starts_with('~') { "the whole home" } else { "the whole machine" };
        return Err(format!("base: `{base}` is {whole}, which is no cache: name a directory below it"));
    }
    if parts.any(|part| part == "..") {
        return Err("base: `..` may not stand in it".to_owned());
    }
    Ok(())
}

/// Words in braces that stand for nothing are mistakes; other braces are the program's.
fn check_places(text: &str, known: &[&str]) -> Result<(), String> {
    let words = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(word, _)| word);
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    match words.filter(is_word).find(|word| !known.contains(word)) {
        Some(word) => {
            let known: Vec<String> = known.iter().map(|word| format!("`{{{word}}}`")).collect();
            Err(format!("`{{{}}}` stands for nothing; there is {}", shown(word), known.join(" and ")))
        }
        None => Ok(()),
    }
}

/// What somebody wrote, for a terminal, and not all of it.
fn shown(text: &str) -> String {
    printable(&text.chars().take(WORDS_MAX).collect::<String>())
}

fn usual() -> Result<Template, TemplateError> {
    TEMPLATE.parse()
}

fn or<T: Clone + Default>(written: Option<T>, known: Option<&T>) -> T {
    written.or_else(|| known.cloned()).unwrap_or_default()
}
