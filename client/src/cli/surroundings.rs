//! Flags that say where a job is, over what its CI system says; and the presets that count.

use super::exit::{Failure, Kind};
use clap::Args;
use pollux_client::job::{
    EVENT_FILE, Fact, Plan, PlanError, Platform, Presets, PresetsError, Project, Surroundings, System, plan,
};
use pollux_client::text_file;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Bytes of a file of presets at most, which the presets' reader bounds more narrowly.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a file on an event at most: GitHub sends none that is longer.
const EVENT_BYTES_MAX: usize = 25 * 1024 * 1024;

const NO_PROJECT: &str =
    "outside of CI name them: --project NAME --branch NAME; in Zuul hand on ZUUL_PROJECT and ZUUL_BRANCH";

/// Plans, and presets that there is none for.
type Planned = (Vec<Plan>, Vec<(String, PlanError)>);

/// Where a job is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// The project [default: as the CI system says: Zuul, GitHub Actions, GitLab CI, Jenkins, Buildkite]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// The branch that is built
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// The branch that a change under review is for: its caches will do
    #[arg(long, value_name = "NAME")]
    base_branch: Option<String>,
    /// The project's main branch: its caches will do [default: as the CI system says, else `main` and `master`]
    #[arg(long, value_name = "NAME")]
    default_branch: Option<String>,
    /// The job's name
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Where lock files lie
    #[arg(long, value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// A file of presets over those that come along; `pollux presets --help` tells its form
    #[arg(long, env = "POLLUX_PRESETS", value_name = "FILE")]
    presets: Option<PathBuf>,
}

impl Place {
    /// The presets that count.
    pub(crate) fn presets(&self) -> Result<Presets, Failure> {
        known_presets(self.presets.as_deref().filter(|path| !path.as_os_str().is_empty()))
    }

    /// What the CI system and the flags say.
    pub(crate) fn surroundings(&self) -> Surroundings {
        let mut found = Surroundings::of(variable);
        if found.system == Some(System::GitHub) {
            let file =
                variable(EVENT_FILE).and_then(|path| text_file::read(path.as_ref(), EVENT_BYTES_MAX).ok());
            found.learn_event(&file.unwrap_or_default());
        }
        let flags = [
            (&self.project, "--project", &mut found.project),
            (&self.branch, "--branch", &mut found.branch),
            (&self.base_branch, "--base-branch", &mut found.base_branch),
            (&self.default_branch, "--default-branch", &mut found.default_branch),
            (&self.job, "--job", &mut found.job),
        ];
        for (flag, from, fact) in flags {
            if let Some(value) = flag.as_ref().filter(|value| !value.is_empty()) {
                *fact = Some(Fact { value: value.clone(), from });
            }
        }
        found
    }

    /// Plans for presets by name; two that would write over each other are refused.
    pub(crate) fn plans(&self, names: &[String]) -> Result<Vec<Plan>, Failure> {
        let (plans, without) = self.plan_each(names)?;
        match without.first() {
            Some((name, error)) => Err(refused(name, error)),
            None => Ok(plans),
        }
    }

    /// The same for a command that runs in any case: with what goes without a cache, and why.
    pub(crate) fn plans_of_run(&self, names: &[String]) -> Result<(Vec<Plan>, Vec<String>), Failure> {
        let (plans, without) = self.plan_each(names)?;
        let why = |(name, error): &(String, PlanError)| {
            let hint = hint_of(error).map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("{name}: no cache: {error}{hint}")
        };
        Ok((plans, without.iter().map(why).collect()))
    }

    fn plan_each(&self, names: &[String]) -> Result<Planned, Failure> {
        if !self.directory.is_dir() {
            let message = format!("{}: no directory", self.directory.display());
            return Err(Failure::new(Kind::Usage, message).hint("--directory names where lock files lie"));
        }
        let presets = self.presets()?;
        let surroundings = self.surroundings();
        let platform = Platform::here();
        let project =
            Project { surroundings: &surroundings, platform: &platform, directory: &self.directory };
        let (mut plans, mut without): (Vec<Plan>, _) = (Vec::new(), Vec::new());
        let mut named = BTreeSet::new();
        for name in names.iter().filter(|name| !name.is_empty() && named.insert(name.as_str())) {
            let preset = presets.find(name).map_err(|error| unknown(&error))?;
            let made = plan(preset, &project, variable).map_err(Unfit::Without);
            match made.and_then(|made| beside(&plans, made)) {
                Ok(made) => plans.push(made),
                Err(Unfit::Without(error)) => without.push((name.clone(), error)),
                Err(Unfit::Refused(failure)) => return Err(failure),
            }
        }
        Ok((plans, without))
    }
}

/// Why a preset has no plan.
enum Unfit {
    /// It may go without.
    Without(PlanError),
    /// The call is wrong.
    Refused(Failure),
}

/// A plan that claims nothing that others claim. A variable that moves a cache onto another one is no fault of the call.
fn beside(others: &[Plan], made: Plan) -> Result<Plan, Unfit> {
    let Some((other, path)) = others.iter().find_map(|other| Some((other, other.clash(&made)?))) else {
        return Ok(made);
    };
    if let Some(moved) = [other, &made].into_iter().find(|plan| plan.base_from.starts_with('$')) {
        let (from, base) = (moved.base_from.clone(), moved.base.display().to_string());
        return Err(Unfit::Without(PlanError::TooWide { from, base, what: "another preset's cache" }));
    }
    let (one, other) = (other.preset.name.clone(), made.preset.name);
    let error = PresetsError::Clash { one, other, path: path.display().to_string() };
    let failure = Failure::new(Kind::Usage, error);
    Err(Unfit::Refused(failure.hint("name one of them, or give one another directory")))
}

/// Presets that come along, and those of a file over them.
pub(crate) fn known_presets(file: Option<&std::path::Path>) -> Result<Presets, Failure> {
    let mut presets = Presets::built_in().map_err(|error| Failure::new(Kind::Failed, error))?;
    if let Some(path) = file {
        let text = text_file::read(path, FILE_BYTES_MAX)?;
        presets
            .extend(&text)
            .map_err(|error| Failure::new(Kind::Usage, format!("{}: {error}", path.display())))?;
    }
    Ok(presets)
}

/// A preset that is not there.
pub(crate) fn unknown(error: &PresetsError) -> Failure {
    Failure::new(Kind::Usage, error).hint("`pollux presets` lists them; --presets FILE adds some")
}

fn refused(name: &str, error: &PlanError) -> Failure {
    let failure = Failure::new(Kind::Usage, format!("preset `{name}`: {error}"));
    match hint_of(error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

const fn hint_of(error: &PlanError) -> Option<&'static str> {
    match error {
        PlanError::Unknown(_) => Some(NO_PROJECT),
        PlanError::Key(_) => {
            Some("shorten the names with --project, --branch and --job, or the preset's template")
        }
        PlanError::Lock(_) | PlanError::NoHome(_) | PlanError::TooWide { .. } => None,
    }
}

/// A variable of the environment, if it is text.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
