//! The log in words.

use super::{Row, Taken};
use crate::cli::{output, yank};
use pollux_core::{LogEntry, Logged, LoggedMore, LoggedPublish, LoggedRefusal, Provenance};

/// Ancestors that are named; `--json` has all.
const ANCESTORS_SHOWN: usize = 4;
/// So wide is a time, and what stands before a detail.
const TIME_WIDTH: usize = 24;

/// A line for each entry, and below it what more is known.
pub(super) fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "nothing is logged of that".to_owned();
    }
    let key_width =
        rows.iter().filter_map(|row| key(&row.entry)).map(|key| key.len()).max().unwrap_or(3).max(3);
    let mut text = format!(
        "{:TIME_WIDTH$}  {:9}  {:key_width$}  {:>5}  {:8}  BY",
        "TIME", "WHAT", "KEY", "SEQ", "MANIFEST"
    );
    for row in rows {
        let time = row.entry.time.to_string();
        text += &format!("\n{time:TIME_WIDTH$}  {}", output::printable(&line(&row.entry, key_width)));
        for detail in details(row) {
            text += &format!("\n{:TIME_WIDTH$}    {}", "", output::printable(&detail));
        }
    }
    text
}

fn key(entry: &LogEntry) -> Option<&str> {
    match &entry.what {
        Logged::Published(publish) => Some(publish.key.as_str()),
        Logged::Refused(refusal) => refusal.key.as_ref().map(|key| key.as_str()),
        Logged::Yanked(_) | Logged::Policy(_) | Logged::MoreRefused(_) => None,
    }
}

fn line(entry: &LogEntry, key_width: usize) -> String {
    let columns = |what: &str, sequence: Option<u64>, id: String, by: &str| {
        let key = key(entry).unwrap_or("?");
        let sequence = sequence.map_or_else(|| "?".to_owned(), |sequence| sequence.to_string());
        format!("{what:9}  {key:key_width$}  {sequence:>5}  {id:8}  {by}")
    };
    match &entry.what {
        Logged::Published(publish) => {
            columns("published", Some(publish.sequence), publish.manifest.short(), &by(publish))
        }
        Logged::Refused(refusal) => {
            let by = refusal.from.to_string();
            columns("refused", refusal.sequence, refusal.manifest.short(), &by)
        }
        Logged::Yanked(heard) => {
            format!("{:9}  {}: {}", "yanked", heard.yank.serial, yank::about(&heard.yank))
        }
        Logged::Policy(policy) => {
            format!("{:9}  root {} and policy {} are in force", "policy", policy.root, policy.policy)
        }
        Logged::MoreRefused(more) => format!("{:9}  {}", "refused", of_more(more)),
    }
}

fn by(publish: &LoggedPublish) -> String {
    match &publish.grant {
        None => publish.publisher.clone(),
        Some(grant) => format!("grant {}", grant.serial),
    }
}

fn details(row: &Row) -> Vec<String> {
    let mut details = match &row.entry.what {
        Logged::Published(publish) => of_publish(publish),
        Logged::Refused(refusal) => of_refusal(refusal),
        Logged::Yanked(_) | Logged::Policy(_) | Logged::MoreRefused(_) => Vec::new(),
    };
    details.extend(row.taken.iter().map(of_taken));
    details
}

fn of_publish(publish: &LoggedPublish) -> Vec<String> {
    let from = from(&publish.provenance).map(|from| format!("from {from}"));
    let mut details: Vec<String> = from.into_iter().collect();
    if !publish.ancestors.is_empty() {
        let shown = publish.ancestors.iter().take(ANCESTORS_SHOWN).map(|id| id.short());
        let more = if publish.ancestors.len() > ANCESTORS_SHOWN { " …" } else { "" };
        let names: Vec<String> = shown.collect();
        let generation = publish.generation;
        details.push(format!("made from {}{more} (generation {generation})", names.join(" ")));
    }
    details
}

fn of_refusal(refusal: &LoggedRefusal) -> Vec<String> {
    let mut details = vec![refusal.words.clone()];
    let claimed = refusal.provenance.as_ref().and_then(from);
    details.extend(claimed.map(|from| format!("says that it is from {from}")));
    if refusal.unlogged > 0 {
        let unlogged = output::count(refusal.unlogged, "refusal");
        let were = if refusal.unlogged == 1 { "was" } else { "were" };
        details.push(format!("{unlogged} of this member before it {were} not written down"));
    }
    details
}

fn of_more(more: &LoggedMore) -> String {
    let LoggedMore { address, count, since } = more;
    let address = address.map_or_else(|| "further addresses".to_owned(), |address| address.to_string());
    format!("{count} more from {address} since {since}: too many to write each down")
}

fn of_taken(taken: &Taken) -> String {
    let Taken { yank, reason, time, ancestor } = taken;
    let ancestor = ancestor.map_or_else(String::new, |id| format!(", with its ancestor {}", id.short()));
    format!("taken back by {yank}{ancestor}, heard at {time}: {reason}")
}

/// All that is stated, in one line.
fn from(provenance: &Provenance) -> Option<String> {
    let fields = [
        ("ci", &provenance.ci),
        ("tenant", &provenance.tenant),
        ("pipeline", &provenance.pipeline),
        ("project", &provenance.project),
        ("ref", &provenance.r#ref),
        ("change", &provenance.change),
        ("commit", &provenance.commit),
        ("job", &provenance.job),
        ("build", &provenance.build),
        ("image", &provenance.builder_image),
    ];
    let stated = fields.iter().filter(|(_, value)| !value.is_empty());
    let stated: Vec<String> = stated.map(|(name, value)| format!("{name} {value}")).collect();
    (!stated.is_empty()).then(|| stated.join(", "))
}
