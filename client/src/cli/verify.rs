//! `pollux verify`

mod hints;

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::{Done, output, show};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::flow::{CERTIFIED_JSON_BYTES_MAX, papers, read_certified, signed_bytes};
use pollux_client::pool::{read_pool_file, rewrite};
use pollux_client::text_file;
use pollux_core::{CertifiedEnvelope, Explanation, Manifest, ManifestId, Papers, explain};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Explain step by step why a manifest is believed, or why not
///
/// From a file (what `pollux show --json` printed), nobody is asked: only the pool file is gone by, so no yank and no
/// newer policy is known. By key or by the first digits of a manifest's name, the node is asked for the manifest and for
/// all papers that it knows.
///
/// Exit status: 0 it is believed, 8 it is not; others as everywhere.
///
/// To check the signature with nothing of Pollux, have the signed bytes (DSSE's pre-authentication encoding) and the
/// signature written, and ask openssl 3:
///
///   pollux verify manifest.json --pool pool.json --signed-bytes manifest.bin
///
///   pollux key show publisher.pem > publisher.pub
///
///   openssl pkeyutl -verify -pubin -inkey publisher.pub -rawin -in manifest.bin -sigfile manifest.bin.sig
///
/// Examples:
///
///   pollux verify mediawiki%2Fcore/master/npm/debian12-x86_64/3f2a
///
///   pollux show 3f2a77c0 --json > manifest.json && pollux verify manifest.json --pool pool.json
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A file with a manifest and its receipts; or a key; or the first digits of a manifest's name
    what: String,
    /// The pool file that trust begins with
    #[arg(long, value_name = "FILE", default_value = "/etc/pollux/pool.json")]
    pool: PathBuf,
    /// Write the bytes that the manifest's signature covers here, and the signature beside them as FILE.sig
    #[arg(long, value_name = "FILE")]
    signed_bytes: Option<PathBuf>,
    /// Seconds to wait for the node
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Serialize)]
struct Report {
    manifest_id: ManifestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<Manifest>,
    believed: bool,
    /// The node was asked; else only the pool file was gone by.
    asked: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    what: &'static str,
    holds: bool,
    words: String,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let path = Path::new(&arguments.what);
    let is_file = path.is_file();
    if !is_file && disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let pool = read_pool_file(&arguments.pool)?;
    let (certified, papers) = if is_file { (read(path)?, Papers::default()) } else { asked(arguments)? };
    if let Some(out) = &arguments.signed_bytes {
        write_signed(out, &certified)?;
    }
    let mut explanation = explain(&pool, &papers, &certified, now());
    hints::add(&mut explanation, &pool, &papers, &certified);
    let believed = explanation.believed;
    if arguments.common.json {
        output::print_json(&Report::new(explanation, &certified, !is_file))?;
    } else {
        output::print(&words(&explanation, is_file))?;
    }
    if believed { Ok(()) } else { Err(Failure::new(Kind::NotBelieved, "the manifest is not believed")) }
}

fn read(path: &Path) -> Result<CertifiedEnvelope, Failure> {
    let text = text_file::read(path, CERTIFIED_JSON_BYTES_MAX)?;
    read_certified(&text).map_err(|why| {
        Failure::new(Kind::Usage, format!("{}: {}", path.display(), output::printable(&why.to_string())))
            .hint("`pollux show KEY --json` prints one")
    })
}

/// What is no file may have been meant as one.
fn asked(arguments: &Arguments) -> Result<(CertifiedEnvelope, Papers), Failure> {
    ask(arguments).map_err(|mut failure| {
        if failure.kind != Kind::Usage {
            let what = output::printable(&arguments.what);
            failure.message = format!("there is no file `{what}`, and {}", failure.message);
        }
        failure
    })
}

fn ask(arguments: &Arguments) -> Result<(CertifiedEnvelope, Papers), Failure> {
    let connection = arguments.common.connect(arguments.timeout)?;
    let certified = match show::find(&connection, &arguments.what, arguments.timeout) {
        Ok(certified) => certified,
        // What was taken back is named to nobody, and can be explained all the same.
        Err(failure) => show::find_taken(&connection, &arguments.what, arguments.timeout)?.ok_or(failure)?,
    };
    let (papers, _) = papers(&connection, arguments.timeout)?;
    Ok((certified, papers))
}

/// For verifiers that are not ours: the bytes, and the first signature as it is.
fn write_signed(out: &Path, certified: &CertifiedEnvelope) -> Done {
    let Some(signature) = certified.manifest.signatures.first() else {
        return Err(Failure::new(Kind::Failed, "nobody has signed the manifest"));
    };
    let mut beside = out.as_os_str().to_owned();
    beside.push(".sig");
    rewrite(out, &signed_bytes(&certified.manifest))?;
    Ok(rewrite(Path::new(&beside), &signature.sig)?)
}

fn words(explanation: &Explanation, is_file: bool) -> String {
    let text: Vec<String> = explanation.to_string().lines().map(output::printable).collect();
    let mut text = text.join("\n");
    if is_file {
        text += "\nNobody was asked: yanks and newer policies are not known here.";
    }
    text
}

impl Report {
    fn new(explanation: Explanation, certified: &CertifiedEnvelope, asked: bool) -> Self {
        let step =
            |step: pollux_core::Step| Step { what: step.what, holds: step.why.is_none(), words: step.words };
        Self {
            manifest_id: certified.manifest.id(),
            manifest: certified.manifest.body().ok(),
            believed: explanation.believed,
            asked,
            steps: explanation.steps.into_iter().map(step).collect(),
        }
    }
}
