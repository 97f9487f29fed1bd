//! A preset in its surroundings: which key, what will do instead, which directory, what the command is told.
//!
//! What will do instead, best first: the same lock files on the branch that the change is for, and on the project's main
//! branch; then any lock files on the branch itself, on the one that it is for, and on the main one. All on the same platform.

use super::lock_hash::LockFiles;
use super::platform::Platform;
use super::preset::Preset;
use super::surroundings::{Fact, Surroundings};
use super::template::Variable;
use pollux_core::limits::FALLBACKS_MAX;
use pollux_core::{Fallback, Key, KeyError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Main branches, where nobody says which it is.
const MAIN_BRANCHES: [&str; 2] = ["main", "master"];

/// A preset, ready to be used.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which.
    pub preset: Preset,
    /// The key.
    pub key: Key,
    /// What will do instead, best first.
    pub fallbacks: Vec<Fallback>,
    /// The directory.
    pub base: PathBuf,
    /// Who says that it is there: a variable, or the preset.
    pub base_from: String,
    /// What the command is told.
    pub environment: BTreeMap<String, String>,
    /// The lock files that made the key.
    pub locks: LockFiles,
    /// What each variable of the template stands for.
    pub facts: Vec<(Variable, Fact)>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A key needs it, and nobody says it.
    #[error("no {0} is known: no CI system says it, and no flag")]
    Unknown(&'static str),
    /// Names are too long together.
    #[error("the key: {0}")]
    Key(#[from] KeyError),
    /// A lock file is there and cannot be read.
    #[error("{0}")]
    Lock(#[from] std::io::Error),
    /// A variable moves the cache to where more lies than a cache: a save takes all of that, and a restore replaces it.
    #[error("{from} is {base}, which has {what} in it: name a directory of its own, or let it be unset")]
    TooWide {
        /// The variable.
        from: String,
        /// What it says.
        base: String,
        /// What else lies there.
        what: &'static str,
    },
    /// The preset's base begins with `~`.
    #[error("HOME is not set, and the cache of `{0}` lies in it")]
    NoHome(String),
}

/// Where plans are made for.
#[derive(Clone, Debug)]
pub struct Project<'a> {
    /// What the CI system and flags say.
    pub surroundings: &'a Surroundings,
    /// What it runs on.
    pub platform: &'a Platform,
    /// Where lock files lie.
    pub directory: &'a Path,
}

/// Plans one preset.
///
/// # Errors
/// See [`PlanError`].
pub fn plan(
    preset: &Preset,
    project: &Project<'_>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Plan, PlanError> {
    let locks = LockFiles::read(project.directory, &preset.lock_files)?;
    let facts = facts(preset, project, &locks)?;
    let key = fill(preset, &facts, None)?;
    let (base, base_from) = base(preset, &variable)?;
    check_room(
        preset,
        &base,
        &base_from,
        [variable("HOME").as_deref().map(Path::new), Some(project.directory)],
    )?;
    let text = base.to_string_lossy().into_owned();
    let told = preset.environment.iter().map(|(name, value)| {
        let before = variable(name).unwrap_or_default();
        let value = value.replace("{base}", &text).replace("{before}", &before);
        (name.clone(), value.trim().to_owned())
    });
    Ok(Plan {
        fallbacks: fallbacks(preset, project.surroundings, &facts, &key),
        environment: told.collect(),
        preset: preset.clone(),
        key,
        base,
        base_from,
        locks,
        facts,
    })
}

fn facts(
    preset: &Preset,
    project: &Project<'_>,
    locks: &LockFiles,
) -> Result<Vec<(Variable, Fact)>, PlanError> {
    let fact = |variable| -> Result<Fact, PlanError> {
        let of = |value: &str, from| Ok(Fact { value: value.to_owned(), from });
        let needed = |fact: &Option<Fact>, name| fact.clone().ok_or(PlanError::Unknown(name));
        let or_none =
            |fact: &Option<Fact>| Ok(fact.clone().unwrap_or(Fact { value: "-".to_owned(), from: "nobody" }));
        match variable {
            Variable::Project => needed(&project.surroundings.project, "project"),
            Variable::Branch => needed(&project.surroundings.branch, "branch"),
            Variable::Job => or_none(&project.surroundings.job),
            Variable::Pipeline => or_none(&project.surroundings.pipeline),
            Variable::Preset => of(&preset.name, "the preset"),
            Variable::Os => of(&project.platform.os, "os-release"),
            Variable::Release => of(&project.platform.release, "os-release"),
            Variable::Arch => of(&project.platform.arch, "the kernel"),
            Variable::Lock => of(&locks.hash(), "lock files"),
        }
    };
    preset.key.variables().into_iter().map(|variable| Ok((variable, fact(variable)?))).collect()
}

/// The key, on another branch if one is named.
fn fill(preset: &Preset, facts: &[(Variable, Fact)], branch: Option<&str>) -> Result<Key, KeyError> {
    preset.key.fill(|variable| match branch.filter(|_| variable == Variable::Branch) {
        Some(branch) => Some(branch),
        None => facts.iter().find(|(known, _)| *known == variable).map(|(_, fact)| fact.value.as_str()),
    })
}

fn fallbacks(
    preset: &Preset,
    surroundings: &Surroundings,
    facts: &[(Variable, Fact)],
    key: &Key,
) -> Vec<Fallback> {
    let branches = branches(surroundings);
    let others = || {
        branches
            .iter()
            .filter_map(|branch| fill(preset, facts, Some(branch)).ok())
            .filter(|other| other != key)
    };
    let exact = others().map(|other| format!("{other}*"));
    let lineages =
        core::iter::once(key.clone()).chain(others()).filter_map(|key| Some(key.lineage()?.to_string()));
    let mut fallbacks: Vec<Fallback> = Vec::new();
    for text in exact.chain(lineages) {
        if let Ok(fallback) = text.parse::<Fallback>()
            && !fallbacks.contains(&fallback)
        {
            fallbacks.push(fallback);
        }
    }
    fallbacks.truncate(FALLBACKS_MAX);
    fallbacks
}

/// Other branches whose caches will do.
fn branches(surroundings: &Surroundings) -> Vec<&str> {
    let mut branches: Vec<&str> = Vec::new();
    let said = [&surroundings.base_branch, &surroundings.default_branch];
    branches.extend(said.into_iter().flatten().map(|fact| fact.value.as_str()));
    if surroundings.default_branch.is_none() {
        branches.extend(MAIN_BRANCHES);
    }
    let mut seen = Vec::new();
    branches.retain(|branch| {
        !seen.contains(branch) && {
            seen.push(*branch);
            true
        }
    });
    branches
}

fn base(preset: &Preset, variable: &impl Fn(&str) -> Option<String>) -> Result<(PathBuf, String), PlanError> {
    let set = |name: &str| variable(name).filter(|value| value.starts_with('/'));
    if let Some((name, value)) = preset.base_variables.iter().find_map(|name| Some((name, set(name)?))) {
        return Ok((value.into(), format!("${name}")));
    }
    let Some(rest) = preset.base.strip_prefix('~') else {
        return Ok((preset.base.clone().into(), "the preset".to_owned()));
    };
    let home = set("HOME").ok_or_else(|| PlanError::NoHome(preset.name.clone()))?;
    Ok((PathBuf::from(home).join(rest.trim_start_matches('/')), "the preset".to_owned()))
}

/// A cache that is all of its directory has that for itself.
fn check_room(
    preset: &Preset,
    base: &Path,
    from: &str,
    [home, project]: [Option<&Path>; 2],
) -> Result<(), PlanError> {
    if !preset.paths.is_empty() {
        return Ok(());
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let has = |path: Option<&Path>| path.is_some_and(|path| real(path).starts_with(real(base)));
    let what = match (has(home), has(project)) {
        (true, _) => "the home",
        (false, true) => "the project",
        (false, false) => return Ok(()),
    };
    Err(PlanError::TooWide { from: from.to_owned(), base: base.display().to_string(), what })
}

impl Plan {
    /// What of the directory is saved, as paths below it.
    #[must_use]
    pub fn claims(&self) -> Vec<PathBuf> {
        let paths = self.preset.paths.iter().map(|path| self.base.join(path));
        if self.preset.paths.is_empty() { vec![self.base.clone()] } else { paths.collect() }
    }

    /// A path that two plans both save.
    #[must_use]
    pub fn clash(&self, other: &Self) -> Option<PathBuf> {
        let others = other.claims();
        let both =
            |one: &PathBuf| others.iter().any(|other| one.starts_with(other) || other.starts_with(one));
        self.claims().into_iter().find(both)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Presets;
    use super::*;
    use std::fs;

    fn surroundings(pairs: &[(&str, &str)]) -> Surroundings {
        Surroundings::of(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn planned(preset: &str, pairs: &[(&str, &str)]) -> Result<Plan, PlanError> {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("package-lock.json"), "{}").unwrap();
        let platform = Platform::of("ID=debian\nVERSION_ID=12", "x86_64");
        let surroundings = surroundings(pairs);
        let project =
            Project { surroundings: &surroundings, platform: &platform, directory: directory.path() };
        let presets = Presets::built_in().unwrap();
        let set = [("HOME", "/home/ci"), ("GOFLAGS", "-mod=mod")];
        plan(presets.find(preset).unwrap(), &project, |name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const REVIEW: [(&str, &str); 6] = [
        ("GITLAB_CI", "1"),
        ("CI_PROJECT_PATH", "g/p"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "fix/1"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "rel"),
        ("CI_DEFAULT_BRANCH", "main"),
        ("CI_JOB_NAME", "unit"),
    ];

    #[test]
    fn a_branch_falls_back_to_its_base_and_to_the_main_one() {
        let plan = planned("npm", &REVIEW).unwrap();
        let lock = plan.locks.hash();
        let of = |branch: &str| format!("g%2Fp/{branch}/unit/npm/debian12-x86_64");
        assert_eq!(plan.key.as_str(), format!("{}/{lock}", of("fix%2F1")));
        let fallbacks: Vec<String> = plan.fallbacks.iter().map(ToString::to_string).collect();
        let exact = [format!("{}/{lock}*", of("rel")), format!("{}/{lock}*", of("main"))];
        assert_eq!(fallbacks[..2], exact);
        assert_eq!(fallbacks[2..], [of("fix%2F1"), of("rel"), of("main")]);
        assert_eq!(plan.base, Path::new("/home/ci/.npm"));
        assert_eq!(plan.environment["npm_config_cache"], "/home/ci/.npm");
    }

    #[test]
    fn where_nobody_says_which_branch_is_the_main_one_two_are_tried() {
        let plan = planned("npm", &[("ZUUL_PROJECT", "p"), ("ZUUL_BRANCH", "main")]).unwrap();
        let fallbacks: Vec<String> = plan.fallbacks.iter().map(ToString::to_string).collect();
        let here = "p/main/-/npm/debian12-x86_64";
        let there = "p/master/-/npm/debian12-x86_64";
        assert_eq!(fallbacks, [format!("{there}/{}*", plan.locks.hash()), here.to_owned(), there.to_owned()]);
    }

    #[test]
    fn without_a_project_there_is_no_key() {
        let error = planned("npm", &[("GITLAB_CI", "1")]).unwrap_err();
        assert!(matches!(error, PlanError::Unknown("project")));
        let long = "x".repeat(300);
        let error =
            planned("npm", &[("GITLAB_CI", "1"), ("CI_PROJECT_PATH", &long), ("CI_COMMIT_REF_NAME", "m")])
                .unwrap_err();
        assert!(matches!(error, PlanError::Key(_)));
    }

    #[test]
    fn what_a_variable_held_stays_where_the_preset_says_so() {
        assert_eq!(planned("go", &REVIEW).unwrap().environment["GOFLAGS"], "-mod=mod -modcacherw");
        let told = planned("maven", &REVIEW).unwrap().environment;
        assert_eq!(told["MAVEN_OPTS"], "-Dmaven.repo.local=/home/ci/.m2/repository");
    }

    #[test]
    fn a_variable_that_names_more_than_a_cache_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (home, project) = (directory.path().join("home"), directory.path().join("work/project"));
        fs::create_dir_all(&home).unwrap();
        fs::create_dir_all(&project).unwrap();
        std::os::unix::fs::symlink(&home, directory.path().join("link")).unwrap();
        let surroundings = surroundings(&REVIEW);
        let platform = Platform::of("ID=debian\nVERSION_ID=12", "x86_64");
        let at = Project { surroundings: &surroundings, platform: &platform, directory: &project };
        let presets = Presets::built_in().unwrap();
        let with = |preset: &str, name: &str, value: &Path| {
            plan(presets.find(preset).unwrap(), &at, |asked| match asked {
                "HOME" => Some(home.display().to_string()),
                asked => (asked == name).then(|| value.display().to_string()),
            })
        };
        for (value, what) in [("home", "home"), ("home/..", "home"), ("link", "home"), ("work", "project")] {
            let error = with("pip", "PIP_CACHE_DIR", &directory.path().join(value)).unwrap_err().to_string();
            assert!(error.contains("$PIP_CACHE_DIR") && error.contains(what), "{error}");
        }
        assert!(with("pip", "PIP_CACHE_DIR", Path::new("/")).is_err());
        for value in ["home/pip", "work/project/cache", "other"] {
            with("pip", "PIP_CACHE_DIR", &directory.path().join(value)).unwrap();
        }
        with("npm", "npm_config_cache", &home).unwrap(); // of which only a directory of a name of its own is a cache
    }

    #[test]
    fn two_that_claim_one_directory_are_told() {
        let (npm, cargo) = (planned("npm", &REVIEW).unwrap(), planned("cargo", &REVIEW).unwrap());
        assert_eq!(npm.clash(&cargo), None);
        assert_eq!(npm.clash(&npm), Some(PathBuf::from("/home/ci/.npm/_cacache")));
    }
}
