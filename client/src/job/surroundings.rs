//! What a CI system says of a job: where it comes from, and so what its caches are called.
//!
//! All of it may be forged by the job, and nothing is allowed because of it.

use super::systems::{Names, System};
use pollux_core::Provenance;
use pollux_core::limits::PROVENANCE_BYTES_MAX;
use serde::Deserialize;

/// The variable that tells where GitHub's file on the event is.
pub const EVENT_FILE: &str = "GITHUB_EVENT_PATH";

/// Of that file, what is of use.
#[derive(Deserialize)]
struct Event {
    repository: Option<Repository>,
    number: Option<u64>,
}

#[derive(Deserialize)]
struct Repository {
    default_branch: Option<String>,
}

/// Something that is known of a job, and who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What.
    pub value: String,
    /// A variable of the environment, a flag, or `default`.
    pub from: &'static str,
}

/// A job's surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The CI system, if one is known by its variables.
    pub system: Option<System>,
    /// Where that is.
    pub host: Option<Fact>,
    /// Its tenant, organisation or group.
    pub tenant: Option<Fact>,
    /// The project.
    pub project: Option<Fact>,
    /// The branch that is built; of a change under review, its own.
    pub branch: Option<Fact>,
    /// The branch that a change under review is for.
    pub base_branch: Option<Fact>,
    /// The project's main branch.
    pub default_branch: Option<Fact>,
    /// The job.
    pub job: Option<Fact>,
    /// The pipeline or event.
    pub pipeline: Option<Fact>,
    /// The change under review.
    pub change: Option<Fact>,
    /// The commit.
    pub commit: Option<Fact>,
    /// The build's id.
    pub build: Option<Fact>,
    /// The image.
    pub image: Option<Fact>,
}

impl Surroundings {
    /// From variables of the environment. Empty ones count as unset; what is no text is passed over.
    #[must_use]
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| {
            variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let Some(system) = System::ALL.into_iter().find(|system| set(system.sign()).is_some()) else {
            return Self::default();
        };
        let fact = |names: Names| names.iter().find_map(|name| Some(Fact { value: set(name)?, from: name }));
        let names = system.variables();
        let mut found = Self {
            system: Some(system),
            host: fact(names.host),
            tenant: fact(names.tenant),
            project: fact(names.project),
            branch: fact(names.branch),
            base_branch: fact(names.base_branch),
            default_branch: fact(names.default_branch),
            job: fact(names.job),
            pipeline: fact(names.pipeline),
            change: fact(names.change),
            commit: fact(names.commit),
            build: fact(names.build),
            image: fact(names.image),
        };
        found.tidy();
        found
    }

    /// What GitHub's file on the event tells and no variable does: the main branch, and which change it is.
    ///
    /// After the payloads of webhooks: `repository.default_branch`, and `number` of a pull request. What is no such file
    /// tells nothing.
    pub fn learn_event(&mut self, json: &str) {
        let Ok(event) = serde_json::from_str::<Event>(json) else { return };
        let fact = |value: String| Fact { value, from: EVENT_FILE };
        let branch = event.repository.and_then(|repository| repository.default_branch);
        self.default_branch = branch.filter(|name| !name.is_empty()).map(fact).or(self.default_branch.take());
        self.change = event.number.map(|number| fact(number.to_string())).or(self.change.take());
    }

    fn tidy(&mut self) {
        if let Some(host) = &mut self.host {
            let (_, rest) = host.value.split_once("://").unwrap_or(("", &host.value));
            host.value = rest.split('/').next().unwrap_or_default().to_owned();
        }
        // Jenkins without a multibranch project says which remote, too.
        if let Some(branch) = self.branch.as_mut().filter(|branch| branch.from == "GIT_BRANCH") {
            branch.value = branch.value.trim_start_matches("origin/").to_owned();
        }
        self.project_of_multibranch();
        // Buildkite says so where there is none.
        self.change = self.change.take().filter(|change| change.value != "false");
    }

    /// A multibranch project's job is called by project and branch; each branch is no project of its own.
    fn project_of_multibranch(&mut self) {
        let (Some(project), Some(branch)) = (&mut self.project, &self.branch) else { return };
        if project.from == "JOB_NAME"
            && branch.from != "GIT_BRANCH"
            && let Some((name, _)) = project.value.rsplit_once('/')
        {
            project.value = name.to_owned();
        }
    }

    /// Where a save comes from, for people and audits; what is too long or no printable text is left out.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        let text = |fact: &Option<Fact>| {
            let value = fact.as_ref().map(|fact| fact.value.clone()).unwrap_or_default();
            let fits = value.len() <= PROVENANCE_BYTES_MAX && !value.chars().any(char::is_control);
            if fits { value } else { String::new() }
        };
        let system = self.system.map(|system| system.name().to_owned()).unwrap_or_default();
        let host = text(&self.host);
        Provenance {
            ci: if host.is_empty() { system } else { host },
            tenant: text(&self.tenant),
            pipeline: text(&self.pipeline),
            project: text(&self.project),
            r#ref: text(&self.branch),
            change: text(&self.change),
            commit: text(&self.commit),
            job: text(&self.job),
            build: text(&self.build),
            builder_image: text(&self.image),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Surroundings {
        Surroundings::of(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn value(fact: &Option<Fact>) -> &str {
        fact.as_ref().map_or("-", |fact| fact.value.as_str())
    }

    #[test]
    fn each_system_is_known_by_its_variables() {
        type Case = (&'static [(&'static str, &'static str)], System, [&'static str; 4]);
        let cases: [Case; 5] = [
            (
                &[
                    ("GITHUB_ACTIONS", "true"),
                    ("GITHUB_REPOSITORY", "o/r"),
                    ("GITHUB_REF_NAME", "12/merge"),
                    ("GITHUB_HEAD_REF", "fix"),
                    ("GITHUB_BASE_REF", "main"),
                    ("GITHUB_JOB", "unit"),
                ],
                System::GitHub,
                ["o/r", "fix", "main", "unit"],
            ),
            (
                &[
                    ("GITLAB_CI", "true"),
                    ("CI_PROJECT_PATH", "g/s/p"),
                    ("CI_COMMIT_REF_NAME", "main"),
                    ("CI_JOB_NAME", "t: 1"),
                ],
                System::GitLab,
                ["g/s/p", "main", "-", "t: 1"],
            ),
            (
                &[
                    ("JENKINS_URL", "https://ci.example.org/"),
                    ("JOB_NAME", "team/app/PR-7"),
                    ("JOB_BASE_NAME", "PR-7"),
                    ("CHANGE_BRANCH", "fix"),
                    ("CHANGE_TARGET", "main"),
                    ("BRANCH_NAME", "PR-7"),
                ],
                System::Jenkins,
                ["team/app", "fix", "main", "PR-7"],
            ),
            (
                &[
                    ("BUILDKITE", "true"),
                    ("BUILDKITE_PIPELINE_SLUG", "app"),
                    ("BUILDKITE_BRANCH", "x"),
                    ("BUILDKITE_PULL_REQUEST", "false"),
                    ("BUILDKITE_STEP_KEY", "test"),
                ],
                System::Buildkite,
                ["app", "x", "-", "test"],
            ),
            (
                &[
                    ("ZUUL_PROJECT", "mediawiki/core"),
                    ("ZUUL_BRANCH", "master"),
                    ("JENKINS_URL", "x"),
                    ("JOB_NAME", "npm-test"),
                ],
                System::Zuul,
                ["mediawiki/core", "master", "-", "npm-test"],
            ),
        ];
        for (pairs, system, expected) in cases {
            let found = of(pairs);
            assert_eq!(found.system, Some(system));
            let these = [&found.project, &found.branch, &found.base_branch, &found.job].map(value);
            assert_eq!(these, expected, "{}", system.name());
        }
    }

    #[test]
    fn outside_of_ci_nothing_is_known() {
        assert_eq!(of(&[("CI_PROJECT_PATH", "x"), ("GITHUB_ACTIONS", " ")]), Surroundings::default());
    }

    #[test]
    fn a_host_is_a_name_and_no_change_is_none() {
        let found = of(&[("BUILDKITE", "1"), ("BUILDKITE_PULL_REQUEST", "false")]);
        assert_eq!(found.change, None);
        let found = of(&[("GITHUB_ACTIONS", "1"), ("GITHUB_SERVER_URL", "https://github.example.org/x")]);
        assert_eq!(found.provenance().ci, "github.example.org");
    }

    #[test]
    fn the_file_on_an_event_tells_the_main_branch_and_the_change() {
        let mut found = of(&[("GITHUB_ACTIONS", "1")]);
        for nothing in [
            "",
            "[]",
            "{\"repository\":{\"default_branch\":7}}",
            "{\"repository\":{\"default_branch\":\"\"}}",
        ] {
            found.learn_event(nothing);
            assert_eq!((value(&found.default_branch), value(&found.change)), ("-", "-"), "{nothing}");
        }
        found.learn_event("{\"number\":12,\"repository\":{\"default_branch\":\"trunk\",\"id\":1}}");
        assert_eq!((value(&found.default_branch), value(&found.change)), ("trunk", "12"));
        found.learn_event("{}");
        assert_eq!((value(&found.default_branch), value(&found.change)), ("trunk", "12"));
    }

    #[test]
    fn provenance_has_only_what_a_manifest_may_say() {
        let long = "x".repeat(PROVENANCE_BYTES_MAX + 1);
        let found = of(&[
            ("GITLAB_CI", "1"),
            ("CI_PROJECT_PATH", &long),
            ("CI_JOB_NAME", "a\nb"),
            ("CI_JOB_ID", "7"),
        ]);
        let provenance = found.provenance();
        assert_eq!(
            (provenance.project.as_str(), provenance.job.as_str(), provenance.build.as_str()),
            ("", "", "7")
        );
        assert_eq!(provenance.ci, "GitLab CI");
    }
}
