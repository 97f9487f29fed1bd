//! `pollux grant`

use super::exit::{Failure, Kind};
use super::save::key_source;
use super::terms::{TermsArguments, pool_name, read_pool, refuse};
use super::{Done, output};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::grants::{GrantError, GrantRequest, Granted, grant};
use pollux_client::key_file::{self, KeySource};
use pollux_client::text_file::{self, Existing};
use pollux_core::{PublicKey, Timestamp, Trust};
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLE: &str = "\
Example:

  pollux grant --issuer-key issuer.pem --pool pool.json --provenance zuul.json \\
    --allow 'mediawiki%2Fcore/master/**' --life 15m --key-out grant.pem --out grant.json";

/// Grant a new key the right to sign for some minutes
///
/// For an issuer of the policy, such as a service beside the CI executor. It makes a key that nobody else has seen, and
/// a grant for it: which keys it may bind, where its manifests come from, how long and how much. A stolen grant is of use
/// until it ends, for these keys only, and every publish under it is named by its serial.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The issuer's key, in PKCS#8 PEM: a file of mode 0600, `-` for standard input, or `fd:N` for a descriptor
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, value_parser = key_source())]
    issuer_key: KeySource,
    /// The pool: what its policy would not believe is refused
    #[arg(long, value_name = "POOL_FILE")]
    pool: PathBuf,
    #[command(flatten)]
    terms: TermsArguments,
    /// How long it may be used, such as 90s or 15m; 15 minutes at most
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = parse_life)]
    life: Duration,
    /// Bytes, as they lie in the saved directories, that its manifests together may stand for
    #[arg(long, value_name = "BYTES", default_value_t = 20_000_000_000)]
    bytes_max: u64,
    /// Manifests that it may sign
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    manifests_max: u32,
    /// Where the new key goes (mode 0600); it must not be there
    #[arg(long, value_name = "FILE")]
    key_out: PathBuf,
    /// Where the grant goes; it must not be there
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write a grant also if the policy in POOL_FILE would not believe it
    #[arg(long)]
    force: bool,
    /// Print one JSON object instead of words
    #[arg(long)]
    pub(super) json: bool,
}

/// Seconds or minutes: `90s`, `15m`.
fn parse_life(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time such as 90s or 15m");
    let (number, unit) = match text.strip_suffix('m') {
        Some(number) => (number, 60),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit).filter(|seconds| (1..=900).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "between 1s and 15m".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let pool = read_pool(&arguments.pool)?;
    let request = GrantRequest {
        pool: pool_name(&arguments.pool, &pool)?,
        patterns: arguments.terms.patterns()?,
        provenance: arguments.terms.provenance()?,
        life: arguments.life,
        bytes_max: arguments.bytes_max,
        manifests_max: arguments.manifests_max,
        now: now(),
    };
    for path in [&arguments.key_out, &arguments.out] {
        text_file::check_free(path, Existing::Keep).map_err(taken)?;
    }
    let issuer = arguments.issuer_key.read()?;
    let granted = grant(&request, &issuer).map_err(failure)?;
    let judged = Trust::open(&pool, now()).and_then(|trust| trust.verify_grant(&granted.envelope, now()));
    let warnings = refuse(&arguments.pool, judged.map(drop), arguments.force)?;
    write(arguments, &granted)?;
    let report = GrantReport::of(arguments, &granted, warnings);
    if arguments.json { output::print_json(&report) } else { output::print(&report.words()) }
}

/// Both or none.
fn write(arguments: &Arguments, granted: &Granted) -> Done {
    key_file::write_new(&arguments.key_out, &granted.key)?;
    let text = granted.envelope.to_json() + "\n";
    text_file::write(&arguments.out, &text, Existing::Keep).map_err(|error| {
        // A key without its grant is of no use to anybody.
        drop(fs::remove_file(&arguments.key_out));
        taken(error)
    })
}

/// This verb's `--force` is about the policy: a key is never overwritten.
fn taken(error: text_file::TextFileError) -> Failure {
    Failure { hint: Some("name files that are not there yet"), ..error.into() }
}

fn failure(error: GrantError) -> Failure {
    match error {
        GrantError::Grant(_) => Failure::new(Kind::Usage, error)
            .hint("--allow, --provenance, --life and --manifests-max are what it is made of"),
        GrantError::Random(_) => Failure::new(Kind::Failed, error),
    }
}

#[derive(Debug, Serialize)]
struct GrantReport {
    result: &'static str,
    serial: String,
    key: PublicKey,
    expires: Timestamp,
    key_file: String,
    grant: String,
    /// What the policy would not believe, where that was forced.
    warnings: Vec<String>,
}

impl GrantReport {
    fn of(arguments: &Arguments, granted: &Granted, warnings: Vec<String>) -> Self {
        Self {
            result: "granted",
            serial: granted.grant.serial.clone(),
            key: granted.grant.key,
            expires: granted.grant.expires,
            key_file: arguments.key_out.display().to_string(),
            grant: arguments.out.display().to_string(),
            warnings,
        }
    }

    fn words(&self) -> String {
        format!(
            "granted: {} until {}, for the key in {} (serial {})\n  next: `pollux sign STATEMENT --grant {} --signing-key {}`",
            self.grant, self.expires, self.key_file, self.serial, self.grant, self.key_file
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_bounded() {
        assert_eq!(parse_life("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_life("15m"), Ok(Duration::from_secs(900)));
        for wrong in ["0s", "16m", "901s", "15", "m", "-1m", "1h", "99999999999999999999m"] {
            assert!(parse_life(wrong).is_err(), "{wrong}");
        }
    }
}
