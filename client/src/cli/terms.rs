//! What a signer and an issuer both are told: which keys, where from, for which pool.

use super::exit::{Failure, Kind};
use super::output;
use clap::Args;
use pollux_client::provenance::{self, PROVENANCE_FILE_BYTES_MAX};
use pollux_client::text_file;
use pollux_core::limits::POOL_FILE_BYTES_MAX;
use pollux_core::{Disbelief, Pattern, PoolFile, Provenance, Root};
use std::path::{Path, PathBuf};

/// Which keys, and where from.
#[derive(Debug, Args)]
pub(crate) struct TermsArguments {
    /// Keys that may be bound: `*` is one segment, `**` at the end one or more
    #[arg(long, value_name = "PATTERN", required = true)]
    allow: Vec<Pattern>,
    /// Let --allow '**' pass, which covers every key there is
    #[arg(long)]
    everything: bool,
    /// Where the save comes from, as this side knows: a file of JSON with texts for any of ci, tenant, pipeline, project,
    /// ref, change, commit, job, build and builder_image
    #[arg(long, value_name = "FILE")]
    provenance: PathBuf,
}

impl TermsArguments {
    /// The patterns; one that covers everything only on purpose.
    pub(crate) fn patterns(&self) -> Result<Vec<Pattern>, Failure> {
        let everything = self.allow.iter().any(Pattern::covers_everything);
        if everything && !self.everything {
            return Err(Failure::new(Kind::Usage, "--allow '**' covers every key of the pool")
                .hint("name the project's keys, or add --everything if that is what you want"));
        }
        Ok(self.allow.clone())
    }

    /// Reads the file of provenance.
    pub(crate) fn provenance(&self) -> Result<Provenance, Failure> {
        let path = &self.provenance;
        let text = text_file::read(path, PROVENANCE_FILE_BYTES_MAX)?;
        provenance::from_json(&text).map_err(|why| {
            Failure::new(Kind::Usage, format!("{}: no provenance: {why}", path.display()))
                .hint("write an object such as {\"pipeline\": \"gate\", \"build\": \"4f2a\"}")
        })
    }
}

/// Reads a pool file.
pub(crate) fn read_pool(path: &Path) -> Result<PoolFile, Failure> {
    let text = text_file::read(path, POOL_FILE_BYTES_MAX)?;
    PoolFile::from_json(&text).map_err(|why| not_a_pool(path, &why))
}

/// The name of a pool file's pool.
pub(crate) fn pool_name(path: &Path, pool: &PoolFile) -> Result<String, Failure> {
    let root = pool.root.body::<Root>().map_err(|why| not_a_pool(path, &why))?;
    Ok(root.pool)
}

/// What the policy of a pool file would not believe is refused, unless `force`: the one in force may be newer. Then it is
/// said, and the warnings are returned for scripts.
pub(crate) fn refuse(
    path: &Path,
    judged: Result<(), Disbelief>,
    force: bool,
) -> Result<Vec<String>, Failure> {
    let Err(why) = judged else { return Ok(Vec::new()) };
    let why = output::printable(&why.to_string());
    let words = format!("by the policy in {} this would be refused: {why}", path.display());
    if !force {
        return Err(Failure::new(Kind::Refused, words)
            .hint("nothing was written; --force does it all the same: a newer policy may be in force"));
    }
    output::say(&format!("warning: {words}; a newer policy may be in force"));
    Ok(vec![words])
}

fn not_a_pool(path: &Path, why: &impl ToString) -> Failure {
    Failure::new(Kind::Usage, format!("{}: no pool file: {}", path.display(), why.to_string()))
        .hint("name the pool.json that `pollux pool init` made")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn terms(allow: &[&str], everything: bool, provenance: PathBuf) -> TermsArguments {
        let allow = allow.iter().map(|pattern| pattern.parse().unwrap()).collect();
        TermsArguments { allow, everything, provenance }
    }

    #[test]
    fn everything_is_allowed_only_on_purpose() {
        let refused = terms(&["a/*", "**"], false, PathBuf::new()).patterns().unwrap_err();
        assert!(refused.hint.unwrap().contains("--everything"));
        assert_eq!(terms(&["**"], true, PathBuf::new()).patterns().unwrap().len(), 1);
        assert_eq!(terms(&["a/**", "*/b"], false, PathBuf::new()).patterns().unwrap().len(), 2);
    }

    #[test]
    fn a_file_without_provenance_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("build.json");
        let terms = terms(&["a/*"], false, path.clone());
        assert!(terms.provenance().unwrap_err().message.contains("build.json"));
        fs::write(&path, "{\"jbo\": \"x\"}").unwrap();
        assert!(terms.provenance().unwrap_err().message.contains("jbo"));
        fs::write(&path, "{\"job\": \"x\"}").unwrap();
        assert_eq!(terms.provenance().unwrap().job, "x");
    }

    #[test]
    fn what_is_no_pool_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pool.json");
        fs::write(&path, "{}").unwrap();
        let failure = read_pool(&path).unwrap_err();
        assert!(failure.message.contains("pool.json") && failure.hint.is_some());
    }

    #[test]
    fn what_a_policy_would_refuse_is_refused_unless_forced() {
        let (path, why) = (Path::new("pool.json"), || Err(Disbelief::NotAPublisher));
        assert_eq!(refuse(path, Ok(()), false).unwrap(), Vec::<String>::new());
        let failure = refuse(path, why(), false).unwrap_err();
        assert_eq!(failure.kind, Kind::Refused);
        assert!(failure.hint.unwrap().contains("--force"));
        let warnings = refuse(path, why(), true).unwrap();
        assert_eq!(warnings, [failure.message]);
    }
}
