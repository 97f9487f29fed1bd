//! `pollux show`

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::output::count;
use super::{Done, output};
use clap::Args;
use indicatif::HumanBytes;
use pollux_client::clock::now;
use pollux_client::connection::Connection;
use pollux_client::flow::{Listed, Resolution, listed, open_manifest, resolve, taken_back, tree_of};
use pollux_core::engine::MissReason;
use pollux_core::message::ListQuery;
use pollux_core::{
    CertifiedEnvelope, EntryKind, Grant, Key, Manifest, ManifestId, Pattern, PeerId, Receipt, Timestamp, Tree,
};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Hexadecimal digits of a manifest's name that say enough.
const ID_DIGITS_MIN: usize = 4;
/// All of them.
const ID_DIGITS_MAX: usize = 64;

/// Show a manifest: who signed it, when, how large it is, what it holds
///
/// `--json` has the signed documents themselves in its field `certified`: `pollux verify` reads them from a file, and
/// explains how to check the signature with `openssl`.
///
/// Examples:
///
///   pollux show mediawiki%2Fcore/master/npm/debian12-x86_64/3f2a --files
///
///   pollux show 3f2a77c0 --json > manifest.json && pollux verify manifest.json --pool pool.json
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A key (its newest save), or the first digits of a manifest's name
    what: String,
    /// List the files, too
    #[arg(long)]
    files: bool,
    /// Seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Serialize)]
struct Shown {
    manifest_id: ManifestId,
    manifest: Manifest,
    /// Public keys of those who signed it, as the envelope hints; the node has verified that one may.
    signers: Vec<String>,
    /// The serial of the grant under which it was signed; absent if a publisher signed it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_serial: Option<String>,
    receipts: Vec<ShownReceipt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<ShownFile>>,
    /// The signed documents, for `pollux verify`.
    certified: CertifiedEnvelope,
}

#[derive(Debug, Serialize)]
struct ShownReceipt {
    seed: PeerId,
    time: Timestamp,
}

#[derive(Debug, Serialize)]
struct ShownFile {
    path: String,
    mode: u16,
    kind: &'static str,
    bytes: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let connection = arguments.common.connect(arguments.timeout)?;
    let certified = find(&connection, &arguments.what, arguments.timeout)?;
    let (id, manifest) = open_manifest(&certified)
        .ok_or_else(|| Failure::new(Kind::Failed, "the node sent a manifest that does not parse"))?;
    let files = arguments.files.then(|| files(&connection, id, &manifest, arguments.timeout));
    let shown = Shown {
        manifest_id: id,
        grant_serial: grant_serial(&manifest),
        manifest,
        signers: certified.manifest.signatures.iter().map(|entry| entry.keyid.clone()).collect(),
        receipts: certified.receipts.iter().filter_map(|receipt| receipt.body().ok()).map(receipt).collect(),
        files: files.transpose()?,
        certified,
    };
    if arguments.common.json {
        return output::print_json(&shown);
    }
    output::print(&words(&shown, now()))
}

fn grant_serial(manifest: &Manifest) -> Option<String> {
    manifest.grant.as_ref()?.body::<Grant>().ok().map(|grant| grant.serial)
}

fn receipt(receipt: Receipt) -> ShownReceipt {
    ShownReceipt { seed: receipt.seed, time: receipt.time }
}

/// Digits could be a key, too; a key that was saved comes first.
pub(super) fn find(
    connection: &Connection,
    what: &str,
    patience: Duration,
) -> Result<CertifiedEnvelope, Failure> {
    let until = Instant::now() + patience;
    let mut why = MissReason::NothingSaved;
    if let Ok(key) = what.parse::<Key>() {
        match resolve(connection, &key, &[], until)? {
            Resolution::Found(found) => return Ok(found.certified),
            Resolution::Miss(reason) => why = reason,
        }
    }
    if !is_digits(what) {
        return Err(nothing(what, why));
    }
    let query = ListQuery::Prefix(what.to_ascii_lowercase());
    let Listed { mut rows, more, taken, .. } = listed(connection, query, Instant::now() + patience)?;
    match (rows.pop(), rows.is_empty() && !more) {
        (Some(row), true) => Ok(row),
        (Some(_), false) => Err(Failure::new(Kind::Usage, "several manifests begin so: give more digits")),
        (None, _) => Err(nothing(what, if taken.is_empty() { why } else { MissReason::Yanked })),
    }
}

/// The same of what was taken back.
pub(super) fn find_taken(
    connection: &Connection,
    what: &str,
    patience: Duration,
) -> Result<Option<CertifiedEnvelope>, Failure> {
    let query = match what.parse::<Pattern>() {
        _ if is_digits(what) => ListQuery::Prefix(what.to_ascii_lowercase()),
        Ok(pattern) => ListQuery::Pattern { pattern: Some(pattern), after: None },
        Err(_) => return Ok(None),
    };
    let mut taken = taken_back(connection, query, patience)?;
    Ok(taken.pop().filter(|_| taken.is_empty()))
}

/// Whether this may be the beginning of a manifest's name.
fn is_digits(what: &str) -> bool {
    (ID_DIGITS_MIN..=ID_DIGITS_MAX).contains(&what.len()) && what.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn nothing(what: &str, why: MissReason) -> Failure {
    let what = output::printable(what);
    let failure = if why == MissReason::NothingSaved {
        Failure::new(Kind::Failed, format!("nothing is saved as `{what}`")).hint("`pollux ls` lists what is")
    } else if why == MissReason::Yanked {
        Failure::new(Kind::Failed, format!("what was saved as `{what}` was taken back"))
            .hint("`pollux verify` says by whom and why, `pollux log` what there was")
    } else {
        Failure::new(Kind::Unreachable, format!("nobody can be asked about `{what}`: {why}"))
            .hint("`pollux doctor` says whether seeds are away, a clock is wrong, or something has expired")
    };
    failure.reason(why.name())
}

fn files(
    connection: &Connection,
    id: ManifestId,
    manifest: &Manifest,
    patience: Duration,
) -> Result<Vec<ShownFile>, Failure> {
    let tree = tree_of(connection, id, manifest, patience)
        .map_err(|miss| Failure::new(Kind::Failed, format!("the tree cannot be had: {miss}")))?;
    Ok(list_files(&tree))
}

fn list_files(tree: &Tree) -> Vec<ShownFile> {
    let entries = tree.entries().iter();
    let shown = entries.map(|entry| {
        let (kind, bytes) = match &entry.kind {
            EntryKind::File { bytes, .. } => ("file", *bytes),
            EntryKind::Directory => ("directory", 0),
            EntryKind::Symlink { .. } => ("symlink", 0),
        };
        ShownFile { path: entry.path.clone(), mode: entry.mode, kind, bytes }
    });
    shown.collect()
}

fn words(shown: &Shown, now: Timestamp) -> String {
    let manifest = &shown.manifest;
    let totals = manifest.tree.totals;
    let mut text = format!("manifest    {}\nkey         {}\n", shown.manifest_id, manifest.key);
    let mut line = |name: &str, value: &str| {
        text += &format!("{name:11} {}\n", output::printable(value));
    };
    line("pool", &manifest.pool);
    line("sequence", &manifest.sequence.to_string());
    line("created", &format!("{} ({})", manifest.created, output::ago(now, manifest.created)));
    line("expires", &manifest.expires.to_string());
    for signer in &shown.signers {
        line("signed by", signer);
    }
    if let Some(serial) = &shown.grant_serial {
        line("grant", serial);
    }
    for receipt in &shown.receipts {
        line("receipt", &format!("{} at {}", receipt.seed, receipt.time));
    }
    line(
        "holds",
        &[
            count(totals.files, "file"),
            count(totals.directories, "directory"),
            count(totals.symlinks, "symlink"),
        ]
        .join(", "),
    );
    line("size", &format!("{} in {}", HumanBytes(totals.bytes), count(totals.chunks, "chunk")));
    line("paths", &paths(&manifest.tree.roots));
    line("generation", &format!("{} ({})", manifest.generation, count(manifest.ancestors.len(), "ancestor")));
    for (name, value) in provenance(manifest) {
        line(name, value);
    }
    for file in shown.files.iter().flatten() {
        line(&format!("{:04o}", file.mode), &format!("{:9} {:>12} {}", file.kind, file.bytes, file.path));
    }
    text.truncate(text.trim_end().len());
    text
}

fn paths(roots: &[String]) -> String {
    let named = roots.iter().map(|root| if root.is_empty() { "." } else { root.as_str() });
    named.collect::<Vec<_>>().join(" ")
}

fn provenance(manifest: &Manifest) -> impl Iterator<Item = (&'static str, &str)> {
    let from = &manifest.provenance;
    let fields = [
        ("ci", &from.ci),
        ("tenant", &from.tenant),
        ("pipeline", &from.pipeline),
        ("project", &from.project),
        ("ref", &from.r#ref),
        ("change", &from.change),
        ("commit", &from.commit),
        ("job", &from.job),
        ("build", &from.build),
        ("image", &from.builder_image),
    ];
    fields.into_iter().map(|(name, value)| (name, value.as_str())).filter(|(_, value)| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_the_beginning_of_a_name() {
        for digits in ["0aF9", &"0".repeat(64)] {
            assert!(is_digits(digits), "{digits}");
        }
        for other in ["", "0af", "0afg", "a/bc", &"0".repeat(65)] {
            assert!(!is_digits(other), "{other}");
        }
    }

    #[test]
    fn nothing_saved_is_another_thing_than_nobody_to_ask() {
        let failure = nothing("a/b", MissReason::NothingSaved);
        assert_eq!((failure.kind, failure.hint), (Kind::Failed, Some("`pollux ls` lists what is")));
        let failure = nothing("a/b\u{1b}", MissReason::NotJoined);
        assert_eq!(failure.kind, Kind::Unreachable);
        assert!(failure.message.contains("a/b\\u{1b}"), "{}", failure.message);
    }

    #[test]
    fn the_base_itself_is_a_path_too() {
        assert_eq!(paths(&[String::new()]), ".");
        assert_eq!(paths(&["git".to_owned(), "registry".to_owned()]), "git registry");
    }
}
