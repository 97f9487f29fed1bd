//! Which variables of which CI system say what. Zuul sets none by itself: jobs of sites that hand them on call them so.

/// A CI system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Zuul, where the site hands on its variables as `ZUUL_…`.
    Zuul,
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// Jenkins.
    Jenkins,
    /// Buildkite.
    Buildkite,
}

/// The variables that say one thing, best first.
pub(super) type Names = &'static [&'static str];

/// The variables of a system.
#[derive(Debug)]
pub(super) struct Variables {
    pub(super) host: Names,
    pub(super) tenant: Names,
    pub(super) project: Names,
    pub(super) branch: Names,
    pub(super) base_branch: Names,
    pub(super) default_branch: Names,
    pub(super) job: Names,
    pub(super) pipeline: Names,
    pub(super) change: Names,
    pub(super) commit: Names,
    pub(super) build: Names,
    pub(super) image: Names,
}

impl System {
    /// All of them, in the order in which they are looked for: the more particular first, for Zuul may run beside Jenkins.
    pub const ALL: [Self; 5] = [Self::GitHub, Self::GitLab, Self::Buildkite, Self::Zuul, Self::Jenkins];

    /// As people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zuul => "Zuul",
            Self::GitHub => "GitHub Actions",
            Self::GitLab => "GitLab CI",
            Self::Jenkins => "Jenkins",
            Self::Buildkite => "Buildkite",
        }
    }

    /// The variable that is set where this system runs the job.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Zuul => "ZUUL_PROJECT",
            Self::GitHub => "GITHUB_ACTIONS",
            Self::GitLab => "GITLAB_CI",
            Self::Jenkins => "JENKINS_URL",
            Self::Buildkite => "BUILDKITE",
        }
    }

    pub(super) const fn variables(self) -> &'static Variables {
        match self {
            Self::Zuul => &ZUUL,
            Self::GitHub => &GITHUB,
            Self::GitLab => &GITLAB,
            Self::Jenkins => &JENKINS,
            Self::Buildkite => &BUILDKITE,
        }
    }
}

const ZUUL: Variables = Variables {
    host: &["ZUUL_HOST", "ZUUL_URL"],
    tenant: &["ZUUL_TENANT"],
    project: &["ZUUL_PROJECT"],
    branch: &["ZUUL_BRANCH"],
    base_branch: &[],
    default_branch: &["ZUUL_DEFAULT_BRANCH"],
    job: &["ZUUL_JOB", "JOB_NAME"],
    pipeline: &["ZUUL_PIPELINE"],
    change: &["ZUUL_CHANGE"],
    commit: &["ZUUL_COMMIT", "ZUUL_NEWREV"],
    build: &["ZUUL_BUILD", "ZUUL_UUID"],
    image: &["ZUUL_IMAGE"],
};

const GITHUB: Variables = Variables {
    host: &["GITHUB_SERVER_URL"],
    tenant: &["GITHUB_REPOSITORY_OWNER"],
    project: &["GITHUB_REPOSITORY"],
    branch: &["GITHUB_HEAD_REF", "GITHUB_REF_NAME"],
    base_branch: &["GITHUB_BASE_REF"],
    default_branch: &[],
    job: &["GITHUB_JOB"],
    pipeline: &["GITHUB_EVENT_NAME"],
    change: &[],
    commit: &["GITHUB_SHA"],
    build: &["GITHUB_RUN_ID"],
    image: &["ImageOS"],
};

const GITLAB: Variables = Variables {
    host: &["CI_SERVER_HOST", "CI_SERVER_URL"],
    tenant: &["CI_PROJECT_ROOT_NAMESPACE"],
    project: &["CI_PROJECT_PATH"],
    branch: &["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"],
    base_branch: &["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"],
    default_branch: &["CI_DEFAULT_BRANCH"],
    job: &["CI_JOB_NAME"],
    pipeline: &["CI_PIPELINE_SOURCE"],
    change: &["CI_MERGE_REQUEST_IID"],
    commit: &["CI_COMMIT_SHA"],
    build: &["CI_JOB_ID"],
    image: &["CI_JOB_IMAGE"],
};

const JENKINS: Variables = Variables {
    host: &["JENKINS_URL"],
    tenant: &[],
    project: &["JOB_NAME"],
    branch: &["CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"],
    base_branch: &["CHANGE_TARGET"],
    default_branch: &[],
    job: &["STAGE_NAME", "JOB_BASE_NAME"],
    pipeline: &["JOB_NAME"],
    change: &["CHANGE_ID"],
    commit: &["GIT_COMMIT"],
    build: &["BUILD_TAG", "BUILD_ID"],
    image: &["NODE_NAME"],
};

const BUILDKITE: Variables = Variables {
    host: &[],
    tenant: &["BUILDKITE_ORGANIZATION_SLUG"],
    project: &["BUILDKITE_PIPELINE_SLUG"],
    branch: &["BUILDKITE_BRANCH"],
    base_branch: &["BUILDKITE_PULL_REQUEST_BASE_BRANCH"],
    default_branch: &["BUILDKITE_PIPELINE_DEFAULT_BRANCH"],
    job: &["BUILDKITE_STEP_KEY", "BUILDKITE_LABEL"],
    pipeline: &["BUILDKITE_PIPELINE_NAME"],
    change: &["BUILDKITE_PULL_REQUEST"],
    commit: &["BUILDKITE_COMMIT"],
    build: &["BUILDKITE_BUILD_ID"],
    image: &[],
};
