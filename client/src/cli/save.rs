//! `pollux save`

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, FailureReport, Kind};
use super::progress::Progress;
use super::report::read_ancestry;
use super::{Done, audit, output, saved, signals};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use pollux_client::disk::{Audited, ScanOptions, Shelf, is_within};
use pollux_client::flow::{Deadlines, SaveOutcome, SaveRequest, Signer, save};
use pollux_client::job::{Inspected, ROUNDS_MAX, STILL_HALF, mend, write_list};
use pollux_client::key_file::KeySource;
use pollux_client::provenance::from_pairs;
use pollux_client::statement::Statement;
use pollux_client::text_file::{self, Existing};
use pollux_core::{ChunkId, Key, Provenance};
use pollux_packages::Program;
use pollux_packages::audit::{Audit, Fault};
use pollux_packages::list::{LIST_NAME, PackageList};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const NO_KEY: &str = "--signing-key FILE or POLLUX_SIGNING_KEY names it; without a key on this machine, --unsigned-out \
                      FILE writes what `pollux sign` signs elsewhere";

/// Seconds of a day.
pub(super) const DAY: u64 = 86_400;
/// Days for which a manifest is good, if nothing else is said.
pub(super) const LIFE_DAYS: u64 = 14;

const ELSEWHERE: &str = "\
Signed elsewhere, where no job can read the key, it takes three steps. On the instance:

  pollux save KEY ~/.npm --unsigned-out statement.json

on the CI executor, with a key and a build of its own:

  pollux sign statement.json --allow 'PROJECT/main/**' \\
    --provenance build.json --signing-key publisher.pem

and on the instance again, within the hour:

  pollux publish statement.json.signed";

/// Save a directory under a key, from a trusted pipeline
///
/// The manifest is signed here; the signing key never reaches the node. When the command returns, the seeds hold every
/// chunk and have signed for it. The same tree is not published again, and a save that another one overtook is said
/// and is no failure.
#[derive(Debug, Args)]
#[command(after_long_help = ELSEWHERE)]
pub(crate) struct Arguments {
    /// The key, such as `mediawiki%2Fcore/master/npm/debian12-x86_64/node20-3f2a`
    key: Key,
    /// The directory that paths are relative to
    base: PathBuf,
    /// Paths under it that belong to the cache [default: all of it]
    paths: Vec<String>,
    /// Leave out what this glob matches, relative to BASE
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Fail where something cannot be saved, instead of leaving it out with a warning
    #[arg(long)]
    strict: bool,
    /// The publisher's key, in PKCS#8 PEM: a file of mode 0600, `-` for standard input, or `fd:N` for a descriptor.
    /// Neither needed nor read with --unsigned-out
    #[arg(long, env = "POLLUX_SIGNING_KEY", hide_env_values = true, value_name = "FILE", allow_hyphen_values = true, value_parser = key_source())]
    signing_key: Option<KeySource>,
    /// Sign nothing: write to FILE what `pollux sign` signs elsewhere and `pollux publish` publishes here. The node
    /// keeps the chunks for an hour. Nothing is written where the same tree is saved already ("unchanged")
    #[arg(long, value_name = "FILE")]
    unsigned_out: Option<PathBuf>,
    /// Replace the file of --unsigned-out if it is there
    #[arg(long, requires = "unsigned_out")]
    force: bool,
    /// Read every file, also those that are as they were when this user saved the same directory with the same key the last
    /// time: their sizes, times and inodes are kept in ~/.cache/pollux/index
    #[arg(long)]
    no_index: bool,
    /// What the directory was made from: the file that `pollux restore --for-save FILE` wrote. Without it, a yank of that
    /// save does not take this one along
    #[arg(long, value_name = "FILE")]
    restored: Option<PathBuf>,
    /// It is the cache of these programs: check its packages, drop what lacks its other half, and record the list of packages in
    /// the manifest. One wrong digest, and nothing is saved; `pollux audit` looks without saving
    #[arg(long, value_name = "PROGRAMS", value_delimiter = ',')]
    audit: Vec<Program>,
    /// A lock file whose digests the packages must have; repeat it
    #[arg(long, value_name = "FILE", requires = "audit")]
    lock: Vec<PathBuf>,
    /// Where the save comes from: ci, tenant, pipeline, project, ref, change, commit, job, build or builder_image
    #[arg(long, value_name = "FIELD=VALUE", value_parser = parse_provenance)]
    provenance: Vec<(String, String)>,
    /// Days for which the manifest is good; the pool's policy bounds them
    #[arg(long, value_name = "DAYS", default_value_t = LIFE_DAYS, value_parser = clap::value_parser!(u64).range(1..=3650))]
    life: u64,
    /// Seconds until the seeds' first answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    answer_timeout: Duration,
    /// Seconds without any sign of the node while chunks are handed to it
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds)]
    progress_timeout: Duration,
    /// Seconds in all
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Reads a flag that names a secret key.
///
/// A flag with it takes values that begin with hyphens, so that a key in place of its file is not repeated as an unknown
/// flag.
pub(super) fn key_source() -> impl TypedValueParser<Value = KeySource> {
    OsStringValueParser::new().map(KeySource::named)
}

fn parse_provenance(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("write FIELD=VALUE")?;
    Ok((field.to_owned(), value.to_owned()))
}

fn provenance(pairs: &[(String, String)]) -> Result<Provenance, Failure> {
    from_pairs(pairs).map_err(|field| {
        let message = format!("no field of provenance: `{}`", output::printable(field));
        Failure::new(Kind::Usage, message).hint("`pollux save --help` names them all")
    })
}

impl Arguments {
    const fn existing(&self) -> Existing {
        if self.force { Existing::Replace } else { Existing::Keep }
    }

    /// Where somebody else signs, no key is looked for.
    fn signer(&self) -> Result<Signer, Failure> {
        match (&self.unsigned_out, &self.signing_key) {
            (None, Some(source)) => Ok(Signer::Key(Box::new(source.read()?))),
            (Some(_), _) => Ok(Signer::Elsewhere),
            (None, None) => {
                Err(Failure::new(Kind::Usage, "no key is named, so nothing can be signed").hint(NO_KEY))
            }
        }
    }

    /// Whether a path below the base is in what is to be saved.
    fn saves(&self, path: &str) -> bool {
        let is_in = |saved: &String| is_within(path, saved.trim_start_matches("./").trim_end_matches('/'));
        self.paths.is_empty() || self.paths.iter().any(is_in)
    }

    fn request(self) -> Result<SaveRequest, Failure> {
        let signer = self.signer()?;
        let directory = || Shelf::directory_of_user(|name| std::env::var_os(name).map(PathBuf::from));
        Ok(SaveRequest {
            index: if self.no_index { None } else { directory() },
            socket: self.common.socket,
            key: self.key,
            scan: ScanOptions {
                base: self.base,
                paths: self.paths,
                exclude: self.exclude,
                always: None,
                strict: self.strict,
                content_times: !self.audit.is_empty(),
                audited: None,
            },
            signer,
            provenance: provenance(&self.provenance)?,
            packages: None,
            ancestry: self.restored.as_deref().map(read_ancestry).transpose()?.flatten(),
            life: Duration::from_secs(self.life.saturating_mul(DAY)),
            deadlines: Deadlines {
                answer: self.answer_timeout,
                progress: self.progress_timeout,
                total: self.timeout,
            },
            interrupted: signals::interruption()?,
        })
    }
}

pub(crate) fn run(arguments: Arguments) -> Done {
    let (json, existing) = (arguments.common.json, arguments.existing());
    if disabled() {
        return output::print_disabled(json);
    }
    let statement = arguments.unsigned_out.clone();
    if let Some(path) = &statement {
        text_file::check_free(path, existing)?;
    }
    let audited = audited(&arguments)?;
    let mut request = arguments.request()?;
    if let Some((list, seen)) = audited {
        request.scan.always = Some(LIST_NAME.to_owned());
        request.scan.audited = Some(Arc::new(seen));
        request.packages = Some(list);
    }
    let mut progress = Progress::new();
    let outcome = save(&request, &mut progress);
    progress.end();
    let outcome = outcome?;
    if let (SaveOutcome::Unsigned(unsigned), Some(path)) = (&outcome, &statement) {
        text_file::write(path, &Statement::new(&unsigned.manifest).to_json(), existing)?;
    }
    saved::print(&outcome, statement.as_deref(), json)
}

/// What keeps a cache from being saved, as JSON.
#[derive(Serialize)]
struct Refused<'a> {
    #[serde(flatten)]
    failure: FailureReport<'a>,
    faults: &'a [Fault],
}

/// Audits what is to be saved; gives the hash of the list of packages that is saved with it, and what was looked at.
fn audited(arguments: &Arguments) -> Result<Option<(ChunkId, Audited)>, Failure> {
    if arguments.audit.is_empty() {
        return Ok(None);
    }
    let locks = audit::locks(&arguments.lock, &arguments.audit)?;
    // Nothing is begun yet: a signal ends the process.
    let never = Arc::default();
    let look = |program: &Program| audit::look(&arguments.base, &arguments.paths, *program, &locks, &never);
    for program in &arguments.audit {
        // What lies outside of a part of a cache may be its other half.
        make_whole(arguments, || Ok(audit::look(&arguments.base, &[], *program, &locks, &never)?.audit))?;
    }
    let (mut audits, mut seen) = (Vec::new(), None);
    for program in &arguments.audit {
        let Inspected { audit, seen: these } = look(program)?;
        if let Err(failure) = audit::verdict(&audit, audit::For::Saving) {
            output::say(&audit::words(&audit, None));
            if arguments.common.json {
                output::print_json(&Refused { failure: failure.report(), faults: &audit.faults })?;
            }
            return Err(failure.told());
        }
        audits.push(audit);
        if seen.as_ref().is_some_and(|seen| *seen != these) {
            return Err(Failure::new(Kind::Directory, "the cache changed while it was audited"));
        }
        seen = Some(these);
    }
    let mut seen = seen.unwrap_or_default();
    let list = write_list(&arguments.base, &PackageList::of_audits(&audits), &mut seen)?;
    Ok(Some((list, seen)))
}

/// Drops what lacks its other half of what is to be saved, and names it, until nothing does.
fn make_whole(arguments: &Arguments, look: impl Fn() -> Result<Audit, Failure>) -> Done {
    for _ in 0..ROUNDS_MAX {
        let mut audit = look()?;
        audit.orphans.retain(|orphan| orphan.mend.touched().iter().all(|path| arguments.saves(path)));
        audit.repeats.retain(|repeats| arguments.saves(&repeats.path));
        if audit.orphans.is_empty() && audit.repeats.is_empty() {
            return Ok(());
        }
        let dropped = mend(&arguments.base, &audit.orphans, &audit.repeats)?;
        dropped.iter().for_each(|orphan| output::say(&format!("dropped: {}", output::printable(orphan))));
    }
    Err(Failure::new(Kind::NotBelieved, STILL_HALF))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_packages::files::Files;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        save: Arguments,
    }

    #[test]
    fn what_is_half_again_and_again_is_not_saved() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().to_str().unwrap();
        let Ok(Line { save }) = clap::Parser::try_parse_from(["save", "a/b", base]) else { panic!() };
        let place = directory.path().join("org/example/a/1");
        std::fs::create_dir_all(&place).unwrap();
        let left = std::cell::Cell::new(ROUNDS_MAX - 1);
        // A checksum without its file, which comes again so many times.
        let look = || {
            let comes_again = left.get() > 0;
            left.set(left.get().saturating_sub(1));
            let _ = comes_again.then(|| std::fs::write(place.join("a-1.jar.sha1"), "0").unwrap());
            let files = Files::below(base.as_ref(), &[""]).unwrap();
            Ok(pollux_packages::audit::audit(Program::Maven, &files, &[]))
        };
        make_whole(&save, look).unwrap();
        assert!(!place.join("a-1.jar.sha1").exists());
        left.set(ROUNDS_MAX);
        let failure = make_whole(&save, look).unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (Kind::NotBelieved, STILL_HALF));
    }

    #[test]
    fn without_a_key_the_other_way_is_named() {
        let Ok(Line { save }) = clap::Parser::try_parse_from(["save", "a/b", "cache"]) else { panic!() };
        let save = Arguments { signing_key: None, ..save };
        let failure = save.signer().unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert!(failure.hint.unwrap().contains("--unsigned-out FILE"), "{failure:?}");
        assert!(matches!(
            Arguments { unsigned_out: Some("s.json".into()), ..save }.signer(),
            Ok(Signer::Elsewhere)
        ));
    }

    #[test]
    fn provenance_fields_are_checked() {
        let pairs = [("job".to_owned(), "unit".to_owned()), ("ref".to_owned(), "main".to_owned())];
        let read = provenance(&pairs).unwrap();
        assert_eq!((read.job.as_str(), read.r#ref.as_str()), ("unit", "main"));
        assert!(provenance(&[("jbo".to_owned(), String::new())]).is_err());
        assert!(parse_provenance("job").is_err());
    }
}
