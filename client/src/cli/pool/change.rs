//! What all changes of a pool share: open, show, ask, sign, write, spread.

use super::next;
use super::spread::{SpreadReport, connect_checked, hand_over_pool};
use crate::cli::common::{Common, parse_seconds};
use crate::cli::confirm::{confirm, show};
use crate::cli::exit::{Failure, Kind};
use crate::cli::save::key_source;
use crate::cli::{Done, output};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::key_file::KeySource;
use pollux_client::pool::{
    Change, ChangeError, EditError, FileError, Lack, OpenError, OpenPool, PublicKeyError, Signed, TokenError,
    replace, rewrite, without_lapsed, write_new,
};
use pollux_core::{DocumentError, PeerId, Policy, PoolFile};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Flags of every change.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// The pool file to change
    #[arg(long, value_name = "FILE")]
    pub(super) pool: PathBuf,
    /// A root key that signs, in PKCS#8 PEM: a file of mode 0600, `-` for standard input, or `fd:N` for a descriptor;
    /// once for each
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, value_parser = key_source())]
    root_key: Vec<KeySource>,
    /// Sign without asking
    #[arg(long)]
    yes: bool,
    /// Allow patterns that cover every key, such as `**`
    #[arg(long)]
    everything: bool,
    /// Write the new pool file here [default: in the place of the old one, which is kept as FILE.vVERSION]
    #[arg(long, value_name = "FILE", conflicts_with = "unsigned_out")]
    out: Option<PathBuf>,
    /// Write the change, with the signatures that it has, for `pollux pool add-signature` on another machine
    #[arg(long, value_name = "FILE", conflicts_with = "spread")]
    unsigned_out: Option<PathBuf>,
    /// Hand the new policy to the running pool, through the node of this instance
    #[arg(long)]
    spread: bool,
    /// Seconds to wait for the seeds with --spread
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What became of a change.
#[derive(Debug, Serialize)]
struct Report {
    pool: String,
    changes: Vec<String>,
    signatures: Vec<Signatures>,
    /// The new pool file.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<PathBuf>,
    /// The old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<PathBuf>,
    /// The change that lacks signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsigned: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spread: Option<SpreadReport>,
    /// What is left to do for seeds that are new, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Signatures {
    what: String,
    by: &'static str,
    have: usize,
    need: usize,
}

impl Signatures {
    fn of(lack: &Lack) -> Self {
        let Lack { what, by, have, need } = lack.clone();
        Self { what, by, have, need }
    }

    fn words(&self) -> String {
        format!("{}: signed by {} of the {} {} that must", self.what, self.have, self.need, self.by)
    }
}

impl Flags {
    /// The pool file, whatever has expired.
    pub(super) fn open_expired(&self) -> Result<OpenPool, Failure> {
        let pool = OpenPool::read(&self.pool)?;
        pool.check_token()?;
        Ok(pool)
    }

    /// The pool file, which must be in force.
    pub(super) fn open(&self) -> Result<OpenPool, Failure> {
        let pool = self.open_expired()?;
        pool.check_in_force(now())?;
        Ok(pool)
    }

    /// Where the new pool file goes.
    pub(super) fn written(&self) -> &Path {
        self.out.as_ref().unwrap_or(&self.pool)
    }

    /// Whether there is a pool file of this change that names a seed.
    pub(super) fn written_with(&self, seed: &PeerId) -> bool {
        let pool = OpenPool::read(self.written());
        pool.is_ok_and(|pool| pool.policy().seeds.iter().any(|found| found.peer == *seed))
    }

    /// Shows a change, asks, signs, and writes what comes of it: a pool file, or a change that others sign, too.
    pub(super) fn settle(&self, pool: &OpenPool, change: Change) -> Done {
        self.settle_seed(pool, change, None)
    }

    /// The same for a change that adds a seed, which is started by that command; none: its operator made its key.
    pub(super) fn settle_seed(&self, pool: &OpenPool, change: Change, start: Option<&str>) -> Done {
        if self.root_key.is_empty() && self.unsigned_out.is_none() {
            return Err(Failure::new(Kind::Usage, "no root key is named, so nothing can be signed")
                .hint("--root-key FILE signs here; --unsigned-out FILE is for signers elsewhere"));
        }
        let (change, mut report) = self.sign(pool, change)?;
        report.next = next::words(pool.policy(), &change.policy()?, (self.written(), start));
        match &self.unsigned_out {
            Some(path) => self.write_change(path, &change, report),
            None => self.write_pool(pool, &change, report),
        }
    }

    /// The same for a change that came from elsewhere: where signatures are lacking it is written back.
    pub(super) fn settle_file(&self, pool: &OpenPool, change: Change, path: &Path) -> Done {
        let (change, mut report) = self.sign(pool, change)?;
        report.next = next::words(pool.policy(), &change.policy()?, (self.written(), None));
        let is_open = change.lacks(pool)?.iter().any(|lack| lack.open() > 0);
        match &self.unsigned_out {
            Some(other) => self.write_change(other, &change, report),
            None if is_open => self.write_change(path, &change, report),
            None => self.write_pool(pool, &change, report),
        }
    }

    fn sign(&self, pool: &OpenPool, mut change: Change) -> Result<(Change, Report), Failure> {
        change.check(pool)?;
        let difference = change.difference(pool, now())?;
        let name = &pool.root().pool;
        show(&format!("changes of pool {name} ({}):", pool.path().display()), &difference.lines);
        if let Some(pattern) = difference.everything.first().filter(|_| !self.everything) {
            return Err(Failure::new(
                Kind::Usage,
                format!("the pattern {pattern} covers every key, or nearly every one"),
            )
            .hint("name what is meant, PROJECT/**, or say --everything"));
        }
        if !self.root_key.is_empty() {
            confirm("Sign this?", self.yes)?;
        }
        for source in &self.root_key {
            let key = source.read()?;
            if change.sign(pool, &key)? == Signed::Needless {
                output::say(&format!("the signature of {} is not needed any more", key.public()));
            }
        }
        let signatures = change.lacks(pool)?.iter().map(Signatures::of).collect();
        let (pool, changes) = (name.clone(), difference.lines);
        let (written, former, unsigned, spread, next) = (None, None, None, None, Vec::new());
        Ok((change, Report { pool, changes, signatures, written, former, unsigned, spread, next }))
    }

    fn write_change(&self, path: &Path, change: &Change, report: Report) -> Done {
        rewrite(path, change.to_json().as_bytes())?;
        let report = Report { unsigned: Some(path.to_owned()), ..report };
        if self.common.json {
            return output::print_json(&report);
        }
        let mut text = format!("the change is in {}; it is not in force", path.display());
        for signatures in &report.signatures {
            text += &format!("\n  {}", signatures.words());
        }
        text += &format!(
            "\nnext, where another root key is:\n  pollux pool add-signature {} --pool {} --root-key FILE",
            path.display(),
            self.pool.display(),
        );
        if !report.next.is_empty() {
            text += &format!("\nand once it is signed:\n{}", report.next.join("\n"));
        }
        output::print(&text)
    }

    fn write_pool(&self, pool: &OpenPool, change: &Change, report: Report) -> Done {
        if let Some(lacking) = report.signatures.iter().find(|one| one.have < one.need) {
            return Err(Failure::new(Kind::Usage, format!("nothing is written: {}", lacking.words()))
                .hint("name more with --root-key, or write --unsigned-out FILE for signers elsewhere"));
        }
        let file = change.finish(pool, now())?;
        self.check_base(pool)?;
        let (written, former) = self.put(pool, &file)?;
        let mut report = Report { written: Some(written), former, ..report };
        if self.spread {
            // What is left to do is said also where too few seeds hold it: perhaps because the new one must run first.
            let spread = self.hand_over(pool, change).inspect_err(|_| {
                output::say(&written_words(&report));
                output::say(&spread_words(&report));
                report.next.iter().for_each(|line| output::say(line.trim_start()));
            })?;
            report.spread = Some(spread);
        }
        if self.common.json {
            return output::print_json(&report);
        }
        output::print(&words(&report))
    }

    /// A change that is to be spread follows what the pool goes by. Whether a node is there shows when it is handed over:
    /// the signed file is of use without.
    fn check_base(&self, pool: &OpenPool) -> Done {
        if !self.spread {
            return Ok(());
        }
        match connect_checked(&self.common, (pool, &[]), self.timeout) {
            Err(failure) if failure.kind == Kind::Usage => Err(failure),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn hand_over(&self, pool: &OpenPool, change: &Change) -> Result<SpreadReport, Failure> {
        let new = OpenPool::read(self.written())?;
        hand_over_pool(&self.common, (&new, std::slice::from_ref(pool)), &change.papers(), self.timeout)
    }

    /// Writes the new pool file, and says where it is and where the old one is.
    fn put(&self, pool: &OpenPool, file: &PoolFile) -> Result<(PathBuf, Option<PathBuf>), Failure> {
        put(pool, file, self.out.as_deref())
    }
}

/// A change of the policy, which also drops publishers of which nothing is left.
pub(super) fn policy_change(pool: &OpenPool, policy: Policy) -> Result<Change, EditError> {
    Change::of_policy(pool, without_lapsed(policy, now()))
}

/// Writes a pool file: at `out`, which is not there yet, or in the place of the one that it follows.
pub(super) fn put(
    pool: &OpenPool,
    file: &PoolFile,
    out: Option<&Path>,
) -> Result<(PathBuf, Option<PathBuf>), Failure> {
    let text = file.to_json();
    if let Some(out) = out {
        write_new(out, text.as_bytes())?;
        return Ok((out.to_owned(), None));
    }
    let label = format!("v{}", pool.policy().version);
    let replaced = replace(pool.path(), pool.bytes(), text.as_bytes(), &label)?;
    Ok((pool.path().to_owned(), Some(replaced.former)))
}

/// Where the change is, whether or not the pool has heard of it.
fn written_words(report: &Report) -> String {
    let written = report.written.as_deref().unwrap_or_else(|| Path::new("")).display();
    let mut text = format!("pool {} is changed; the new pool file is {written}", report.pool);
    if let Some(former) = &report.former {
        text += &format!(", the former {}", former.display());
    }
    text
}

fn spread_words(report: &Report) -> String {
    let written = report.written.as_deref().unwrap_or_else(|| Path::new("")).display();
    format!("next:\n  pollux pool spread --pool {written}")
}

fn words(report: &Report) -> String {
    let mut text = written_words(report);
    match &report.spread {
        Some(spread) => text += &format!("\n{}", spread.words()),
        None => text += &format!("\n{}", spread_words(report)),
    }
    if !report.next.is_empty() {
        let lead = if report.spread.is_some() { "\nnext:\n" } else { "\n" };
        text += &format!("{lead}{}", report.next.join("\n"));
    }
    text + "\nand put the new pool file into images"
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let hint = match &error {
            OpenError::File(_) => "--pool names the pool file, pool.json",
            OpenError::Form { .. } => "`pollux pool init` makes pool files",
            OpenError::NotBelieved { .. } => "`pollux pool renew` lets a policy and a root live longer",
            OpenError::Token { .. } => "`pollux pool token` makes another",
        };
        Self::new(Kind::Usage, error).hint(hint)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::new(Kind::Directory, error)
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        let quorum = |field: &str| ["write", "read", "faulty"].contains(&field);
        let is_quorum =
            matches!(&error, EditError::Document(DocumentError::Invalid { field, .. }) if quorum(field));
        let is_there = matches!(error, EditError::PublisherThere { .. });
        let is_done = matches!(&error, EditError::NoSuchSeed(_) | EditError::SeedThere(_));
        let hint = is_quorum
            .then_some("without --write, --read and --faulty they follow from how many seeds there are")
            .or(is_there.then_some("`add-publisher NAME --change` changes what it may publish, and how much"))
            .or(is_done.then_some(
                "a change that was made before is in the pool file already: `pollux pool spread --pool FILE` hands it over",
            ));
        Self { hint, ..Self::new(Kind::Usage, error) }
    }
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        Self::new(Kind::Usage, error)
    }
}

impl From<PublicKeyError> for Failure {
    fn from(error: PublicKeyError) -> Self {
        Self::new(Kind::Usage, error)
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::new(Kind::Usage, error)
    }
}
