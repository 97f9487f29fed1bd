//! What a save holds: the list of packages that it recorded, a file in its tree whose hash the manifest names; and single
//! files, for whoever compares two saves.

use super::ask::fetch_tree;
use super::deadlines::Clocked;
use super::fetch::{Fetcher, Sources};
use super::{Deadlines, Miss};
use crate::connection::Connection;
use pollux_core::{ChunkId, ChunkRef, Entry, EntryKind, FrameDecoder, Manifest, ManifestId, Piece, Tree};
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
    deadlines: Deadlines,
) -> Result<Contents, Miss> {
    let clocked = Clocked::start(deadlines);
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
    let entry = entry.filter(|entry| matches!(entry.kind, EntryKind::File { bytes, .. } if bytes <= bound()));
    let missing = || Miss::NotBelieved("it names a list of packages that its tree does not hold".to_owned());
    let files = read_files(connection, clocked, (id, tree), &[entry.ok_or_else(missing)?])?;
    files.into_iter().next().ok_or_else(missing)
}

fn bound() -> u64 {
    u64::try_from(LIST_BYTES_MAX).unwrap_or(u64::MAX)
}

/// Hashes of some files of a tree, in their order. Only for small files: all chunks of a few are in memory at one time.
///
/// # Errors
/// The miss that it would be in a restore.
pub fn file_hashes(
    connection: &Connection,
    (id, tree): (ManifestId, &Tree),
    entries: &[&Entry],
    patience: Duration,
) -> Result<Vec<ChunkId>, Miss> {
    let mut hashes = Vec::with_capacity(entries.len());
    for some in entries.chunk_by(|one, other| first_chunk(tree, one) == first_chunk(tree, other)) {
        let clocked = Clocked::start(Deadlines { answer: patience, progress: patience, total: patience });
        let files = read_files(connection, &clocked, (id, tree), some)?;
        hashes.extend(files.iter().map(|bytes| ChunkId::of(bytes)));
    }
    Ok(hashes)
}

fn first_chunk(tree: &Tree, entry: &Entry) -> Option<u32> {
    pieces(tree, entry).first().map(|piece| piece.chunk)
}

fn pieces(tree: &Tree, entry: &Entry) -> Vec<Piece> {
    match entry.kind {
        EntryKind::File { bytes, offset } => tree.pieces(bytes, offset),
        EntryKind::Directory | EntryKind::Symlink { .. } => Vec::new(),
    }
}

/// The bytes of some files, whose chunks are all in memory at one time.
fn read_files(
    connection: &Connection,
    clocked: &Clocked,
    (id, tree): (ManifestId, &Tree),
    entries: &[&Entry],
) -> Result<Vec<Vec<u8>>, Miss> {
    let of = |piece: &Piece| tree.chunks().get(usize::try_from(piece.chunk).ok()?).copied();
    let pieces: Vec<Vec<Piece>> = entries.iter().map(|entry| pieces(tree, entry)).collect();
    let wanted: BTreeSet<ChunkRef> = pieces.iter().flatten().filter_map(of).collect();
    let wanted: Vec<ChunkRef> = wanted.into_iter().collect();
    let (mut decoder, mut plain) = (FrameDecoder::new(), BTreeMap::new());
    Fetcher::new(connection, clocked, id, &wanted).run(&mut Sources::default(), |chunk, frame| {
        let bytes = decoder.open(&frame, chunk).map_err(|fault| Miss::NotBelieved(fault.to_string()))?;
        plain.insert(chunk, bytes.to_vec());
        Ok(())
    })?;
    let part = |piece: &Piece| {
        let range = usize::try_from(piece.range.start).ok()?..usize::try_from(piece.range.end).ok()?;
        plain.get(&of(piece)?)?.get(range)
    };
    let file =
        |pieces: &Vec<Piece>| pieces.iter().map(part).collect::<Option<Vec<_>>>().map(|parts| parts.concat());
    let files = pieces.iter().map(file).collect::<Option<Vec<_>>>();
    files.ok_or_else(|| Miss::NotBelieved("a chunk did not come".to_owned()))
}
