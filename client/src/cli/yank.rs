//! `pollux yank`

use super::common::{Common, disabled, parse_seconds};
use super::confirm::{confirm, show};
use super::exit::{Failure, Kind};
use super::pool::{SpreadReport, hand_over};
use super::save::key_source;
use super::{Done, output};
use clap::{ArgGroup, Args};
use pollux_client::clock::now;
use pollux_client::connection::Connection;
use pollux_client::flow::{
    KnownSave, Loss, Question, SeedLog, Survey, list, log_since, papers, read_log, survey,
};
use pollux_client::key_file::KeySource;
use pollux_client::pool::{PublicKeyError, public_key, read_pool_file};
use pollux_client::random;
use pollux_core::message::{ListQuery, LogQuery};
use pollux_core::{
    Disbelief, Document, Envelope, ManifestId, Papers, Pattern, PublicKey, Timestamp, Trust, Yank, Yanked,
};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Take back what was published, so that nobody restores it any more
///
/// First it is shown which keys lose their newest save and what they fall back to; then it asks, signs, and hands the
/// yank to the seeds through the node. It is done when enough seeds hold it; within a minute every node has heard of it.
/// What is not known is taken back all the same, should it turn up; with --yes, a manifest of which no seed has heard only
/// with --unknown.
///
/// Examples:
///
///   pollux yank --manifest 3f2a77c0 --cascade --reason 'left-pad was taken over' --yank-key yank.pem
///
///   pollux yank --build zuul.example.org 4711 --cascade --reason 'the builder was compromised' --yank-key yank.pem
///
///   pollux yank --pattern 'mediawiki%2Fcore/**' --before 2026-11-03T09:00:00Z --reason stale --yank-key yank.pem --yes
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["manifest", "grant", "publisher", "build", "pattern"])))]
pub(crate) struct Arguments {
    /// One save: its manifest's name, or enough first digits of it
    #[arg(long, value_name = "ID")]
    manifest: Option<String>,
    /// All that was published under this grant
    #[arg(long, value_name = "SERIAL")]
    grant: Option<String>,
    /// All that this key signed, or whose grants it issued: a publisher's name in the policy, hexadecimal digits, or a
    /// file with the public key
    #[arg(long, value_name = "KEY")]
    publisher: Option<String>,
    /// All that this build of this CI system published
    #[arg(long, num_args = 2, value_names = ["CI", "BUILD"])]
    build: Option<Vec<String>>,
    /// All saves of these keys from before --before; `*` is one segment, `**` at the end one or more
    #[arg(long, value_name = "PATTERN", requires = "before")]
    pattern: Option<Pattern>,
    /// With --pattern: the first moment of what stays, as 2026-11-03T09:00:00Z
    #[arg(long, value_name = "TIME", requires = "pattern", conflicts_with_all = ["manifest", "grant", "publisher", "build"])]
    before: Option<Timestamp>,
    /// Allow a pattern that covers every key, such as `**`
    #[arg(long)]
    everything: bool,
    /// Take back all that was made from it, too
    #[arg(long)]
    cascade: bool,
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// A yank key of the policy, in PKCS#8 PEM: a file of mode 0600, `-` for standard input, or `fd:N` for a descriptor
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, value_parser = key_source())]
    yank_key: KeySource,
    /// The yank's name in logs [default: a random one]
    #[arg(long, value_name = "TEXT")]
    serial: Option<String>,
    /// The pool file that trust begins with
    #[arg(long, value_name = "FILE", default_value = "/etc/pollux/pool.json")]
    pool: PathBuf,
    /// Sign without asking
    #[arg(long)]
    yes: bool,
    /// With --yes, take back also a manifest that no seed has heard of, should it turn up
    #[arg(long, requires = "manifest")]
    unknown: bool,
    /// Seconds to wait for each answer, and for the seeds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Serialize)]
struct Report {
    pool: String,
    serials: Vec<String>,
    /// Saves that are known and taken back.
    taken: usize,
    /// Saves that were made from these, and stay.
    descendants_left: usize,
    /// A seed's log was at hand; else a key may fall back to a save that is not named here.
    log_read: bool,
    losses: Vec<ShownLoss>,
    spread: SpreadReport,
}

#[derive(Debug, Serialize)]
struct ShownLoss {
    key: pollux_core::Key,
    taken: ManifestId,
    /// The newest earlier save of the key that stays; null: none is known.
    fallback: Option<ShownFallback>,
    /// What is restored from then on: the same, or else the newest of the lineage for those who ask for that, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<ShownNext>,
}

#[derive(Debug, Serialize)]
struct ShownFallback {
    sequence: u64,
    manifest: ManifestId,
    published: Timestamp,
    publisher: String,
}

#[derive(Debug, Serialize)]
struct ShownNext {
    key: pollux_core::Key,
    manifest: ManifestId,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    check_pattern(arguments)?;
    let now = now();
    let pool = read_pool_file(&arguments.pool)?;
    let connection = arguments.common.connect(arguments.timeout)?;
    let (known, _) = papers(&connection, arguments.timeout)?;
    let trust = Trust::open_with(&pool, &known, now).map_err(disbelief)?;
    let log = read_history(connection, &trust, now, arguments.timeout);
    let connection = arguments.common.connect(arguments.timeout)?;
    let yank = yank(arguments, &connection, &trust, now)?;
    yank.check().map_err(|why| Failure::new(Kind::Usage, why))?;
    let key = arguments.yank_key.read()?;
    // Nobody hears of this one: it tells what it would do.
    let trial = Envelope::sign(&yank, &key);
    trust.verify_yank(&trial, now).map_err(disbelief)?;
    let question =
        Question { trust: &trust, yank: &trial, now, log: log.as_ref(), patience: arguments.timeout };
    let survey = survey(&connection, question)?;
    // A node keeps no place for somebody who thinks.
    drop(connection);
    show(&format!("the yank {} in pool {} takes back:", yank.serial, yank.pool), &lines(&yank, &survey, now));
    check_known(arguments, &survey, &yank)?;
    confirm("Sign this?", arguments.yes)?;
    let yanks = survey.yanks(yank);
    let envelopes = yanks.iter().map(|yank| Envelope::sign(yank, &key)).collect();
    let papers = Papers { yanks: envelopes, ..Papers::default() };
    let spread = hand_over(&arguments.common, &papers, arguments.timeout)?;
    report(arguments, &yanks, &survey, spread)
}

/// What a seed has written down; a log that cannot be had keeps nobody from taking back what is bad. The connection is
/// used up: an answer that comes too late would be taken for another's.
fn read_history(
    connection: Connection,
    trust: &Trust,
    now: Timestamp,
    patience: Duration,
) -> Option<SeedLog> {
    let query = LogQuery { since: Some(log_since(trust, now)), ..LogQuery::default() };
    let log = read_log(&connection, &query, patience);
    drop(connection);
    log.ok()
}

fn report(arguments: &Arguments, yanks: &[Yank], survey: &Survey, spread: SpreadReport) -> Done {
    let serials: Vec<String> = yanks.iter().map(|yank| yank.serial.clone()).collect();
    if !arguments.common.json {
        return output::print(&format!("yanked as {}; {}", serials.join(", "), spread.words()));
    }
    let losses = survey.losses().into_iter().map(ShownLoss::new).collect();
    let pool = yanks.first().map(|yank| yank.pool.clone()).unwrap_or_default();
    output::print_json(&Report {
        pool,
        serials,
        taken: survey.taken(),
        descendants_left: survey.descendants,
        log_read: survey.from_log,
        losses,
        spread,
    })
}

impl ShownLoss {
    fn new(loss: Loss) -> Self {
        let same = loss.next.as_ref().filter(|save| save.key == loss.taken.key);
        let fallback = same.map(|save| ShownFallback {
            sequence: save.sequence,
            manifest: save.id,
            published: save.published,
            publisher: save.publisher.clone(),
        });
        let next = loss.next.map(|save| ShownNext { key: save.key, manifest: save.id });
        Self { key: loss.taken.key, taken: loss.taken.id, fallback, next }
    }
}

fn check_pattern(arguments: &Arguments) -> Done {
    match &arguments.pattern {
        Some(pattern) if pattern.covers_everything() && !arguments.everything => {
            Err(Failure::new(Kind::Usage, format!("the pattern {pattern} covers every key"))
                .hint("name what is meant, PROJECT/**, or say --everything"))
        }
        Some(_) | None => Ok(()),
    }
}

/// A script that names a manifest wrongly is told so: a person sees it before the question.
fn check_known(arguments: &Arguments, survey: &Survey, yank: &Yank) -> Done {
    if arguments.yes && !arguments.unknown && survey.is_of_nothing(yank) {
        return Err(Failure::new(Kind::Usage, "no seed has heard of this manifest; nothing is signed")
            .hint("is the name right? --unknown takes it back all the same, should it turn up"));
    }
    Ok(())
}

fn disbelief(why: Disbelief) -> Failure {
    let kind = if why == Disbelief::NotAYankKey { Kind::Usage } else { Kind::Failed };
    Failure::new(kind, why)
}

fn yank(
    arguments: &Arguments,
    connection: &Connection,
    trust: &Trust,
    now: Timestamp,
) -> Result<Yank, Failure> {
    Ok(Yank {
        pool: trust.root().pool.clone(),
        serial: arguments.serial.clone().map_or_else(serial, Ok)?,
        what: what(arguments, connection, trust)?,
        reason: arguments.reason.clone(),
        cascade: arguments.cascade,
        time: now,
        manifests: Vec::new(),
    })
}

fn serial() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    random::fill(&mut bytes)?;
    Ok(format!("yank-{:016x}", u64::from_be_bytes(bytes)))
}

fn what(arguments: &Arguments, connection: &Connection, trust: &Trust) -> Result<Yanked, Failure> {
    if let Some(id) = &arguments.manifest {
        return Ok(Yanked::Manifest(manifest(id, connection, arguments.timeout)?));
    }
    if let Some(serial) = &arguments.grant {
        return Ok(Yanked::Grant(serial.clone()));
    }
    if let Some(key) = &arguments.publisher {
        return Ok(Yanked::Publisher(publisher(key, trust)?));
    }
    if let Some([ci, build]) = arguments.build.as_deref() {
        return Ok(Yanked::Build { ci: ci.clone(), build: build.clone() });
    }
    match (&arguments.pattern, arguments.before) {
        (Some(pattern), Some(before)) => Ok(Yanked::Pattern { pattern: pattern.clone(), before }),
        _ => Err(Failure::new(Kind::Usage, "say what is to be taken back")),
    }
}

/// A name that the policy gives a publisher, or a key.
fn publisher(text: &str, trust: &Trust) -> Result<PublicKey, Failure> {
    let named = trust.policy().publishers.iter().find(|publisher| publisher.name == text);
    if let Some(publisher) = named {
        return Ok(publisher.key);
    }
    public_key(text).map_err(|why| match why {
        PublicKeyError::Nothing(_) => {
            Failure::new(Kind::Usage, format!("no publisher of the policy has this name, and {why}")).hint(
                "a publisher that the policy names no more is named by its key: `pollux log --json` has it",
            )
        }
        PublicKeyError::File(_) | PublicKeyError::Secret(_) => why.into(),
    })
}

/// A whole name need not be known; a few digits must lead to one.
fn manifest(digits: &str, connection: &Connection, patience: Duration) -> Result<ManifestId, Failure> {
    if let Ok(id) = digits.parse() {
        return Ok(id);
    }
    let wrong = |words: &str| Failure::new(Kind::Usage, format!("`{}`: {words}", output::printable(digits)));
    if digits.len() < 4 || digits.len() > 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong("a manifest's name is 64 hexadecimal digits; the first 4 may do"));
    }
    let (rows, more, _) = list(connection, ListQuery::Prefix(digits.to_ascii_lowercase()), patience)?;
    match rows.as_slice() {
        [row] if !more => Ok(row.manifest.id()),
        [] => Err(wrong("no manifest begins so; one that is not known must be named in full")),
        _ => Err(wrong("several manifests begin so: give more digits")),
    }
}

/// What is taken, and what each key falls back to.
fn lines(yank: &Yank, survey: &Survey, now: Timestamp) -> Vec<String> {
    let mut lines = vec![about(yank)];
    let losses = survey.losses();
    lines.extend(losses.iter().map(|loss| about_loss(loss, survey.from_log && survey.from_seed, now)));
    let older = survey.taken().saturating_sub(losses.len());
    if older > 0 {
        lines.push(format!("{older} older saves, of which newer ones stay or were counted above"));
    }
    if let Some(why) = &survey.already {
        lines.push(format!("it is taken back already: {why}"));
    } else if survey.taken() == 0 {
        lines.push("nothing that is known; the yank is kept all the same, should it turn up".to_owned());
    }
    if survey.descendants > 0 {
        lines.push(made_from(survey));
    }
    if survey.unknown > 0 {
        lines.push(format!(
            "{} {} not known here any more; what they were is not seen",
            output::count(survey.unknown, "ancestor"),
            if survey.unknown == 1 { "is" } else { "are" }
        ));
    }
    if !survey.from_seed {
        lines.push("no seed answered: only what this node itself knows was looked at".to_owned());
    }
    if !survey.from_log {
        lines.push(
            "no seed's log could be read to its end: older saves, and what was made from what, may be unknown here"
                .to_owned(),
        );
    }
    lines
}

fn made_from(survey: &Survey) -> String {
    let (least, count) = (if survey.from_log { "" } else { "at least " }, survey.descendants);
    let (were, stay) = if count == 1 { ("save was", "it stays") } else { ("saves were", "they stay") };
    format!("{least}{count} {were} made from it, and without --cascade {stay}")
}

/// What a yank takes back, and why.
pub(super) fn about(yank: &Yank) -> String {
    let what = match &yank.what {
        Yanked::Manifest(id) => format!("the manifest {id}"),
        Yanked::Grant(serial) => format!("all under the grant {serial}"),
        Yanked::Publisher(key) => format!("all that the key {key} signed, or whose grants it issued"),
        Yanked::Build { ci, build } => format!("all of the build {build} of {ci}"),
        Yanked::Pattern { pattern, before } => format!("all of {pattern} from before {before}"),
    };
    let cascade = if yank.cascade { ", and all that was made from it" } else { "" };
    format!("{what}{cascade}; reason: {}", yank.reason)
}

fn about_loss(loss: &Loss, all_known: bool, now: Timestamp) -> String {
    let Loss { taken, next } = loss;
    let next = match next {
        None if all_known => "no earlier save of it is kept: restores of it miss".to_owned(),
        None => {
            "no other save of it is known here: restores get an older one that seeds keep, or miss".to_owned()
        }
        Some(next) if next.key == taken.key => format!("it falls back to its {}", about_save(next, now)),
        Some(next) => {
            format!(
                "no earlier save of it is known; its lineage falls back to {}, {}",
                next.key,
                about_save(next, now)
            )
        }
    };
    format!("{}, {}: {next}", taken.key, about_save(taken, now))
}

fn about_save(save: &KnownSave, now: Timestamp) -> String {
    let KnownSave { sequence, id, publisher, published, .. } = save;
    format!("sequence {sequence} ({} by {publisher}, {})", id.short(), output::ago(now, *published))
}
