//! `pollux sign`

use super::common::disabled;
use super::exit::{Failure, Kind};
use super::save::{DAY, key_source};
use super::terms::{TermsArguments, pool_name, read_pool, refuse};
use super::{Done, output};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::key_file::KeySource;
use pollux_client::signing::{Refusal, Terms, judge, sign};
use pollux_client::statement::{STATEMENT_BYTES_MAX, Statement};
use pollux_client::text_file::{self, Existing};
use pollux_core::limits::ENVELOPE_JSON_BYTES_MAX;
use pollux_core::{Envelope, Grant, Key, KeyPair, Manifest, ManifestId, PublicKey, Trust};
use serde::Serialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLE: &str = "\
Example: a post-run playbook of Zuul, whose second step runs on the executor

  instance   pollux save KEY cache --unsigned-out statement.json
  executor   pollux sign statement.json --pool pool.json --provenance zuul.json \\
               --allow 'mediawiki%2Fcore/master/**' --grant grant.json --signing-key grant.pem
  instance   pollux publish statement.json.signed

where zuul.json is made of the executor's own variables:

  {\"pipeline\": \"gate-and-submit\", \"project\": \"mediawiki/core\", \"build\": \"4f2a\"}";

/// Sign what `pollux save --unsigned-out` stated, on a machine that runs no job
///
/// Nothing of the statement is believed: it comes from an instance that ran whatever its job was told to run. Key
/// pattern and provenance are this side's own (a CI executor has them in its variables, never from the instance). A
/// statement is refused, and the field named, where its key is in no --allow pattern; where it states provenance that is
/// not the same here; where it is of another pool (--pool); where it was made more than an hour ago, would live longer
/// than --life-max, or breaks a rule that holds for every manifest. Provenance that it leaves out is filled in.
///
/// The key signs for itself if the policy names it as a publisher, else by a --grant, whose key it must be.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The statement
    file: PathBuf,
    #[command(flatten)]
    terms: TermsArguments,
    /// The key that signs, in PKCS#8 PEM: a file of mode 0600, `-` for standard input, or `fd:N` for a descriptor
    #[arg(long, env = "POLLUX_SIGNING_KEY", hide_env_values = true, value_name = "FILE", allow_hyphen_values = true, value_parser = key_source(), required_unless_present = "dry_run")]
    signing_key: Option<KeySource>,
    /// The grant of that key, if the policy does not name it as a publisher
    #[arg(long, value_name = "FILE")]
    grant: Option<PathBuf>,
    /// The pool: a statement of another one is refused, and so is what its policy would not believe
    #[arg(long, value_name = "POOL_FILE")]
    pool: Option<PathBuf>,
    /// Days for which a manifest may be good at most
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3650))]
    life_max: u64,
    /// Where the signed manifest goes [default: FILE.signed]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace that file if it is there, and sign also what the policy in POOL_FILE would not believe
    #[arg(long)]
    force: bool,
    /// Judge, and show what would be signed; no key is read and nothing is written
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object instead of words
    #[arg(long)]
    pub(super) json: bool,
}

impl Arguments {
    /// The key, if it comes in a stream. It is read before anything is refused: else whoever writes it fails at a closed
    /// pipe, and never hears why.
    fn streamed_key(&self) -> Result<Option<KeyPair>, Failure> {
        let source = self.signing_key.as_ref().filter(|source| source.is_stream() && !self.dry_run);
        Ok(source.map(KeySource::read).transpose()?)
    }

    fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| {
            let mut name = OsString::from(&self.file);
            name.push(".signed");
            name.into()
        })
    }

    const fn existing(&self) -> Existing {
        if self.force { Existing::Replace } else { Existing::Keep }
    }

    fn terms(&self) -> Result<Terms, Failure> {
        let pool = self.pool.as_deref().map(|path| pool_name(path, &read_pool(path)?)).transpose()?;
        Ok(Terms {
            allow: self.terms.patterns()?,
            provenance: self.terms.provenance()?,
            pool,
            life_max: Duration::from_secs(self.life_max.saturating_mul(DAY)),
            grant: self.grant.as_deref().map(read_grant).transpose()?,
            now: now(),
        })
    }

    /// The policy's view of a signed manifest: warnings, where it is no refusal.
    fn ask_policy(&self, signed: &Envelope) -> Result<Vec<String>, Failure> {
        let Some(path) = &self.pool else { return Ok(Vec::new()) };
        let judged = Trust::open(&read_pool(path)?, now()).and_then(|it| it.verify_manifest(signed, now()));
        refuse(path, judged.map(drop), self.force)
    }
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.json);
    }
    let streamed = arguments.streamed_key()?;
    let manifest = judged(arguments)?;
    let Some(source) = arguments.signing_key.as_ref().filter(|_| !arguments.dry_run) else {
        return show(&manifest, arguments.json);
    };
    let out = arguments.out();
    text_file::check_free(&out, arguments.existing())?;
    let key = streamed.map_or_else(|| source.read(), Ok)?;
    let signed = sign(&manifest, &key).map_err(failure)?;
    let warnings = arguments.ask_policy(&signed)?;
    text_file::write(&out, &(signed.to_json() + "\n"), arguments.existing())?;
    let report = SignReport { warnings, ..SignReport::of(&manifest, Some((key.public(), out.as_path()))) };
    if arguments.json { output::print_json(&report) } else { output::print(&report.words()) }
}

fn judged(arguments: &Arguments) -> Result<Manifest, Failure> {
    let terms = arguments.terms()?;
    let text = text_file::read(&arguments.file, STATEMENT_BYTES_MAX)?;
    let statement = Statement::from_json(&text).map_err(|why| {
        Failure::new(Kind::Usage, format!("{}: no statement: {why}", arguments.file.display()))
            .hint("name the file that `pollux save --unsigned-out FILE` wrote")
    })?;
    judge(&statement, &terms).map_err(failure)
}

fn failure(why: Refusal) -> Failure {
    let hint = match &why {
        Refusal::Grant { .. } => "`pollux grant --help` tells what a grant says",
        Refusal::Statement(_) | Refusal::Differs { .. } => {
            "nothing was signed; --dry-run shows what would be. Was the instance told to state something else?"
        }
    };
    Failure::new(Kind::Refused, output::printable(&why.to_string())).hint(hint)
}

fn read_grant(path: &Path) -> Result<Envelope, Failure> {
    let text = text_file::read(path, ENVELOPE_JSON_BYTES_MAX)?;
    let envelope = Envelope::from_json(&text);
    let grant = envelope.and_then(|envelope| envelope.body::<Grant>().map(|_| envelope));
    grant.map_err(|why| {
        Failure::new(Kind::Usage, format!("{}: no grant: {why}", path.display()))
            .hint("name the file that `pollux grant --out FILE` wrote")
    })
}

/// Shows every byte that would be signed, on several lines, with nothing in it that a terminal would obey.
fn show(manifest: &Manifest, json: bool) -> Done {
    let report = SignReport::of(manifest, None);
    if json {
        return output::print_json(&report);
    }
    let text = serde_json::to_string_pretty(manifest).map_err(std::io::Error::other)?;
    let lines: Vec<String> = text.lines().map(output::printable).collect();
    output::print(&format!("{}\n{}", report.words(), lines.join("\n")))
}

/// What was signed, or would be.
#[derive(Debug, Serialize)]
struct SignReport {
    result: &'static str,
    key: Key,
    manifest: ManifestId,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<PublicKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<String>,
    /// The signed manifest's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<String>,
    /// What would be signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<Manifest>,
    /// What the policy would not believe, where that was forced.
    warnings: Vec<String>,
}

impl SignReport {
    fn of(manifest: &Manifest, signed: Option<(PublicKey, &Path)>) -> Self {
        let grant = manifest.grant.as_ref().and_then(|grant| grant.body::<Grant>().ok());
        Self {
            result: if signed.is_some() { "signed" } else { "not-signed" },
            key: manifest.key.clone(),
            manifest: Envelope::unsigned(manifest).id(),
            sequence: manifest.sequence,
            signer: signed.map(|(key, _)| key),
            grant: grant.map(|grant| grant.serial),
            signed: signed.map(|(_, path)| path.display().to_string()),
            statement: signed.is_none().then(|| manifest.clone()),
            warnings: Vec::new(),
        }
    }

    fn words(&self) -> String {
        let Self { key, manifest, sequence, .. } = self;
        let which = format!("{key} (sequence {sequence}, manifest {})", manifest.short());
        let (Some(signer), Some(file)) = (&self.signer, &self.signed) else {
            return format!("would be signed: {which}");
        };
        let grant = self.grant.as_ref().map(|serial| format!(" by grant {}", output::printable(serial)));
        format!(
            "signed: {which}\n  with the key {}…{}, in {file}\n  \
             next: `pollux publish {file}` on the instance, within an hour of its save",
            signer.short(),
            grant.unwrap_or_default()
        )
    }
}
