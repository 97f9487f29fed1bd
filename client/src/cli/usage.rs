//! `pollux usage`

mod count;

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::{Done, output};
use clap::Args;
use count::{Counter, Save, Usage};
use indicatif::HumanBytes;
use pollux_client::connection::Connection;
use pollux_client::flow::{Resolution, list, open_manifest, resolve, tree_of};
use pollux_core::message::ListQuery;
use pollux_core::{Key, Manifest, ManifestId, Pattern};
use std::time::{Duration, Instant};

/// Pages that are asked for at most: more keys than that want a narrower pattern.
const PAGES_MAX: usize = 1024;
/// Between two lines of progress.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Show what saves take: as their files have it, without what they share, and what each added
///
/// LOGICAL is the bytes of all files. UNIQUE counts each chunk once, so what saves share is in it once. ADDED is the bytes of
/// chunks that the save before it in the same lineage does not have: how much each new save grows the pool. All are plain
/// bytes; seeds keep them compressed, mostly at a third.
///
/// Of each key the newest save counts. The lists of chunks are fetched through the node, of the newest saves first; --saves
/// bounds of how many.
///
/// Examples:
///
///   pollux usage 'mediawiki%2Fcore/**'
///
///   pollux usage '**' --saves 1000 --json
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The keys that count; `*` is one segment, `**` at the end one or more
    pattern: Pattern,
    /// Saves whose chunks are counted at most; the sizes of all are
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    saves: u32,
    /// Seconds to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let connection = arguments.common.connect(arguments.timeout)?;
    let (saves, from_seed) = gather(&connection, arguments)?;
    if !from_seed {
        output::say("no seed answered: this is only what the node itself knows");
    }
    let counter = Counter::new(saves, usize::try_from(arguments.saves).unwrap_or(usize::MAX));
    let usage = counted(&connection, counter, (arguments, from_seed));
    if arguments.common.json { output::print_json(&usage) } else { output::print(&words(&usage)) }
}

fn gather(connection: &Connection, arguments: &Arguments) -> Result<(Vec<Save>, bool), Failure> {
    let (mut saves, mut all_from_seed, mut after) = (Vec::new(), true, None::<Key>);
    for _ in 0..PAGES_MAX {
        let what = ListQuery::Pattern { pattern: Some(arguments.pattern.clone()), after: after.clone() };
        let (rows, more, from_seed) = list(connection, what, arguments.timeout)?;
        all_from_seed &= from_seed;
        let opened = rows.iter().filter_map(open_manifest);
        saves.extend(opened.map(|(id, manifest)| Save { id, manifest }));
        let last = saves.last().map(|save| save.manifest.key.clone());
        if !more || rows.is_empty() || last == after {
            return Ok((saves, all_from_seed));
        }
        after = last;
    }
    Err(Failure::new(Kind::Usage, "there are more keys than can be listed").hint("give a narrower pattern"))
}

fn counted(
    connection: &Connection,
    mut counter: Counter,
    (arguments, from_seed): (&Arguments, bool),
) -> Usage {
    let (mut last_line, all) = (Instant::now(), counter.left());
    while let Some((id, manifest)) = counter.next() {
        if last_line.elapsed() >= LINE_INTERVAL {
            last_line = Instant::now();
            output::say(&format!(
                "counted the chunks of {} of {}",
                all - counter.left(),
                output::count(all, "save")
            ));
        }
        let tree = chunks(connection, (id, &manifest), arguments.timeout);
        counter.count(tree);
    }
    counter.finish(arguments.pattern.clone(), from_seed)
}

/// The chunks of its content; none if they cannot be had. The node may have forgotten what was listed a while ago.
fn chunks(
    connection: &Connection,
    (id, manifest): (ManifestId, &Manifest),
    patience: Duration,
) -> Option<Vec<pollux_core::ChunkRef>> {
    let tree = tree_of(connection, id, manifest, patience).ok().or_else(|| {
        let again = resolve(connection, &manifest.key, &[], Instant::now() + patience).ok()?;
        let Resolution::Found(found) = again else { return None };
        if found.id != id {
            return None;
        }
        tree_of(connection, id, manifest, patience).ok()
    })?;
    Some(tree.chunks().to_vec())
}

fn words(usage: &Usage) -> String {
    if usage.saves == 0 {
        return "nothing is saved under such keys".to_owned();
    }
    let size = |bytes: u64| HumanBytes(bytes).to_string();
    let maybe = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), size);
    let name = |row: &count::Row| row.key.as_str().to_owned();
    let widest = usage.lineages.iter().flat_map(|lineage| &lineage.rows).map(|row| name(row).len() + 2).max();
    let width = widest.unwrap_or_default();
    let mut text = format!("{:width$}  {:>11}  {:>11}  {:>11}", "KEY", "LOGICAL", "UNIQUE", "ADDED");
    for lineage in &usage.lineages {
        let (logical, unique) = (size(lineage.logical_bytes), maybe(lineage.unique_bytes));
        text += &format!("\n{:width$}  {logical:>11}  {unique:>11}", format!("{}/", lineage.lineage));
        for row in &lineage.rows {
            let (logical, added) = (size(row.logical_bytes), maybe(row.added_bytes));
            text +=
                &format!("\n  {:rest$}  {logical:>11}  {:>11}  {added:>11}", name(row), "", rest = width - 2);
        }
    }
    text +=
        &format!("\n{:width$}  {:>11}  {:>11}", "all", size(usage.logical_bytes), size(usage.unique_bytes));
    if usage.counted_saves < usage.saves {
        text += &format!(
            "\nOnly the chunks of {} of {} were counted: --saves counts more; {} could not be had.",
            usage.counted_saves,
            output::count(usage.saves, "save"),
            usage.not_had
        );
    }
    text
}
