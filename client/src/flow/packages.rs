//! The list of packages that a save recorded: a file in its tree, whose hash the manifest names.

use super::ask::fetch_tree;
use super::deadlines::Clocked;
use super::fetch::{Fetcher, Sources};
use super::{Deadlines, Miss};
use crate::connection::Connection;
use pollux_core::{ChunkId, ChunkRef, EntryKind, Frame, FrameDecoder, Manifest, ManifestId, Piece, Tree};
use pollux_packages::list::{LIST_BYTES_MAX, LIST_NAME, PackageList};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a save holds, by file and by package.
#[derive(Debug)]
pub struct Contents {
    /// Its tree.
    pub tree: Tree,
    /// Its list of packages; none: it recorded none.
    pub packages: Option<PackageList>,
}

/// Asks the node for a manifest's tree and, if it names one, its list of packages.
///
/// # Errors
/// The miss that it would be in a restore; a list that is not the one that the manifest names is not believed.
pub fn contents_of(
    connection: &Connection,
    id: ManifestId,
    manifest: &Manifest,
    patience: Duration,
) -> Result<Contents, Miss> {
    let clocked = Clocked::start(Deadlines { answer: patience, progress: patience, total: patience });
    let tree = fetch_tree(connection, &clocked, (id, manifest), &mut Sources::default())?;
    let Some(named) = manifest.packages else { return Ok(Contents { tree, packages: None }) };
    let bytes = read_list(connection, &clocked, id, &tree)?;
    if ChunkId::of(&bytes) != named {
        return Err(Miss::NotBelieved(
            "the list of packages is not the one that the manifest names".to_owned(),
        ));
    }
    let list = PackageList::from_json(&bytes).map_err(|error| Miss::NotBelieved(error.to_string()))?;
    Ok(Contents { tree, packages: Some(list) })
}

fn read_list(
    connection: &Connection,
    clocked: &Clocked,
    id: ManifestId,
    tree: &Tree,
) -> Result<Vec<u8>, Miss> {
    let entry = tree.entries().iter().find(|entry| entry.path == LIST_NAME);
    let pieces = match entry.map(|entry| &entry.kind) {
        Some(EntryKind::File { bytes, offset }) if *bytes <= bound() => tree.pieces(*bytes, *offset),
        _ => {
            return Err(Miss::NotBelieved(
                "it names a list of packages that its tree does not hold".to_owned(),
            ));
        }
    };
    let of = |piece: &Piece| tree.chunks().get(usize::try_from(piece.chunk).ok()?).copied();
    let wanted: BTreeSet<ChunkRef> = pieces.iter().filter_map(of).collect();
    let wanted: Vec<ChunkRef> = wanted.into_iter().collect();
    let mut frames: BTreeMap<ChunkRef, Frame> = BTreeMap::new();
    Fetcher::new(connection, clocked, id, &wanted).run(&mut Sources::default(), |chunk, frame| {
        frames.insert(chunk, frame);
        Ok(())
    })?;
    let (mut decoder, mut bytes) = (FrameDecoder::new(), Vec::new());
    for piece in &pieces {
        let chunk = of(piece).and_then(|chunk| Some((chunk, frames.get(&chunk)?)));
        let (chunk, frame) = chunk.ok_or_else(|| Miss::NotBelieved("a chunk did not come".to_owned()))?;
        let plain = decoder.open(frame, chunk).map_err(|fault| Miss::NotBelieved(fault.to_string()))?;
        let range = usize::try_from(piece.range.start).ok().zip(usize::try_from(piece.range.end).ok());
        bytes.extend_from_slice(range.and_then(|(from, to)| plain.get(from..to)).unwrap_or_default());
    }
    Ok(bytes)
}

fn bound() -> u64 {
    u64::try_from(LIST_BYTES_MAX).unwrap_or(u64::MAX)
}
