//! The encoding of a tree, version 1. Columns, because what is alike then stands together and compresses well.
//!
//! ```text
//! 7      magic "pollux\0"
//! 1      version: 1
//! number count of roots, then each: text
//! number count of entries, n. Then for all entries in order:
//! n        depth: how many of the path's names are those of the entry before (the directories that it lies in)
//! text     × n  last name of the path
//! n        kind: 0 file, 1 directory, 2 symlink
//! 2·n      mode, u16 little-endian
//! signed   × n  modification time, whole seconds (rounded down), less those of the entry before (0 before the first)
//! 4·n      nanoseconds on top, u32 little-endian, under 10^9
//! number   × files     plain bytes
//! text     × symlinks  target
//! number count of chunks, c. Then for all chunks in order:
//! number   × c  0: a chunk not listed before; i + 1: the i-th of those not listed before, again
//! number   × chunks not listed before  plain bytes
//! 32       × chunks not listed before  id
//! ```
//!
//! A *text* is UTF-8 ended by a zero byte, *number* and *signed* are those of the reader. Nothing follows. Offsets are not
//! written, they follow from the sizes. There is one encoding of a tree: what could be said in two ways is refused.

use super::error::TreeError;
use super::path::depth;
use super::reader::{Reader, write_number, write_signed, write_text};
use super::rules::{TEXT, check_count};
use super::{Entry, EntryKind, Tree};
use crate::limits::{MANIFEST_CHUNKS_MAX, ROOTS_MAX, TREE_BYTES_MAX, TREE_ENTRIES_MAX, TREE_TEXT_BYTES_MAX};
use crate::{ChunkId, ChunkRef};
use std::collections::BTreeMap;

const MAGIC: [u8; 7] = *b"pollux\0";
const VERSION: u8 = 1;
const NANOS_PER_SECOND: u32 = 1_000_000_000;
/// What an entry takes at least: depth, a name of one byte, its end, kind, mode, seconds, nanoseconds.
const ENTRY_BYTES_MIN: usize = 11;

/// What an entry takes at most beside its text: depth, end of the name, kind, mode, seconds (under 2^36 when folded),
/// nanoseconds, size (under 2^42, as the chunks hold it) or end of the target.
const ENTRY_BYTES_MAX: usize = 1 + 1 + 1 + 2 + 6 + 4 + 6;
/// What a chunk takes at most: index, length, id.
const CHUNK_LISTED_BYTES_MAX: usize = 3 + 3 + 32;
/// Magic, version and counts at most.
const HEADER_BYTES_MAX: usize = 8 + 3 * 4;

/// That the encoding of these is not longer than a reader takes, estimated from above.
pub(super) fn check_fits(roots: &[String], entries: &[Entry], chunks: &[ChunkRef]) -> Result<(), TreeError> {
    check_count("bytes", bytes_max(roots, entries, chunks), TREE_BYTES_MAX)
}

fn bytes_max(roots: &[String], entries: &[Entry], chunks: &[ChunkRef]) -> usize {
    let roots = roots.iter().map(|root| root.len() + 1).sum::<usize>();
    let entries = entries.iter().map(entry_bytes_max).sum::<usize>();
    HEADER_BYTES_MAX + roots + entries + chunks.len() * CHUNK_LISTED_BYTES_MAX
}

fn entry_bytes_max(entry: &Entry) -> usize {
    let target = match &entry.kind {
        EntryKind::Symlink { target } => target.len(),
        EntryKind::File { .. } | EntryKind::Directory => 0,
    };
    ENTRY_BYTES_MAX + last_name(&entry.path).len() + target
}

fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

pub(super) fn encode(tree: &Tree) -> Vec<u8> {
    let mut into = Vec::new();
    into.extend_from_slice(&MAGIC);
    into.push(VERSION);
    write_count(tree.roots.len(), &mut into);
    tree.roots.iter().for_each(|root| write_text(root, &mut into));
    write_entries(&tree.entries, &mut into);
    write_chunks(&tree.chunks, &mut into);
    into
}

pub(super) fn decode(bytes: &[u8]) -> Result<Tree, TreeError> {
    check_count("bytes", bytes.len(), TREE_BYTES_MAX)?;
    let mut reader = Reader::new(bytes);
    read_header(&mut reader)?;
    let roots = read_roots(&mut reader)?;
    let entries = read_entries(&mut reader)?;
    let chunks = read_chunks(&mut reader)?;
    if reader.left() > 0 {
        return Err(TreeError::Malformed("something follows it"));
    }
    Tree::checked(roots, entries, chunks)
}

fn write_count(count: usize, into: &mut Vec<u8>) {
    write_number(u64::try_from(count).unwrap_or(u64::MAX), into);
}

fn write_entries(entries: &[Entry], into: &mut Vec<u8>) {
    write_count(entries.len(), into);
    into.extend(entries.iter().map(|entry| u8::try_from(depth(&entry.path) - 1).unwrap_or(u8::MAX)));
    for entry in entries {
        write_text(last_name(&entry.path), into);
    }
    into.extend(entries.iter().map(|entry| kind_byte(&entry.kind)));
    into.extend(entries.iter().flat_map(|entry| entry.mode.to_le_bytes()));
    write_times(entries, into);
    for entry in entries {
        if let EntryKind::File { bytes, .. } = entry.kind {
            write_number(bytes, into);
        }
    }
    for entry in entries {
        if let EntryKind::Symlink { target } = &entry.kind {
            write_text(target, into);
        }
    }
}

const fn kind_byte(kind: &EntryKind) -> u8 {
    match kind {
        EntryKind::File { .. } => 0,
        EntryKind::Directory => 1,
        EntryKind::Symlink { .. } => 2,
    }
}

fn write_times(entries: &[Entry], into: &mut Vec<u8>) {
    let per_second = i64::from(NANOS_PER_SECOND);
    let mut before = 0;
    for entry in entries {
        let seconds = entry.modified_ns.div_euclid(per_second);
        write_signed(seconds - before, into);
        before = seconds;
    }
    for entry in entries {
        let nanos = u32::try_from(entry.modified_ns.rem_euclid(per_second)).unwrap_or_default();
        into.extend_from_slice(&nanos.to_le_bytes());
    }
}

fn write_chunks(chunks: &[ChunkRef], into: &mut Vec<u8>) {
    write_count(chunks.len(), into);
    let mut listed: BTreeMap<ChunkId, usize> = BTreeMap::new();
    let mut new = Vec::new();
    for chunk in chunks {
        let next = listed.len() + 1;
        let number = *listed.entry(chunk.id).or_insert(next);
        if number == next {
            new.push(chunk);
        }
        write_count(if number == next { 0 } else { number }, into);
    }
    new.iter().for_each(|chunk| write_number(u64::from(chunk.bytes), into));
    new.iter().for_each(|chunk| into.extend_from_slice(chunk.id.as_bytes()));
}

fn read_header(reader: &mut Reader<'_>) -> Result<(), TreeError> {
    let begins = reader.array().is_ok_and(|magic| magic == MAGIC);
    if !begins {
        return Err(TreeError::NotATree);
    }
    match reader.array()? {
        [VERSION] => Ok(()),
        [version] => Err(TreeError::Version(version)),
    }
}

fn read_roots(reader: &mut Reader<'_>) -> Result<Vec<String>, TreeError> {
    let count = reader.count(1)?;
    check_count("roots", count, ROOTS_MAX)?;
    (0..count).map(|_| reader.text().map(String::from)).collect()
}

/// Column by column onto the entries.
fn read_entries(reader: &mut Reader<'_>) -> Result<Vec<Entry>, TreeError> {
    let count = reader.count(ENTRY_BYTES_MIN)?;
    check_count("entries", count, TREE_ENTRIES_MAX)?;
    let mut entries = read_paths(count, reader)?;
    for (entry, kind) in entries.iter_mut().zip(reader.bytes(count)?) {
        entry.kind = kind_of(*kind)?;
    }
    for entry in &mut entries {
        entry.mode = u16::from_le_bytes(reader.array()?);
    }
    read_times(&mut entries, reader)?;
    for entry in &mut entries {
        if let EntryKind::File { bytes, .. } = &mut entry.kind {
            *bytes = reader.number()?;
        }
    }
    for entry in &mut entries {
        if let EntryKind::Symlink { target } = &mut entry.kind {
            *target = reader.text()?.to_owned();
        }
    }
    Ok(entries)
}

/// Entries of which only the path is known yet.
fn read_paths(count: usize, reader: &mut Reader<'_>) -> Result<Vec<Entry>, TreeError> {
    let depths = reader.bytes(count)?;
    let mut entries: Vec<Entry> = Vec::with_capacity(count);
    let mut text = 0;
    for depth in depths {
        let before = entries.last().map_or("", |entry| entry.path.as_str());
        let directory = first_names(before, usize::from(*depth))?;
        let name = reader.text()?;
        if name.contains('/') {
            return Err(TreeError::Malformed("a name has a slash in it"));
        }
        text += directory.len() + usize::from(!directory.is_empty()) + name.len();
        check_count(TEXT, text, TREE_TEXT_BYTES_MAX)?;
        let path = if directory.is_empty() { name.to_owned() } else { [directory, "/", name].concat() };
        entries.push(Entry { path, mode: 0, modified_ns: 0, kind: EntryKind::Directory });
    }
    Ok(entries)
}

/// The first `count` names of a path.
fn first_names(path: &str, count: usize) -> Result<&str, TreeError> {
    let Some(skipped) = count.checked_sub(1) else {
        return Ok("");
    };
    let end = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).nth(skipped);
    let names = end.filter(|end| *end > 0).and_then(|end| path.get(..end));
    names.ok_or(TreeError::Malformed("an entry is deeper than the one before it allows"))
}

fn kind_of(byte: u8) -> Result<EntryKind, TreeError> {
    match byte {
        0 => Ok(EntryKind::File { bytes: 0, offset: 0 }),
        1 => Ok(EntryKind::Directory),
        2 => Ok(EntryKind::Symlink { target: String::new() }),
        _ => Err(TreeError::Malformed("an entry is neither file, directory nor symlink")),
    }
}

fn read_times(entries: &mut [Entry], reader: &mut Reader<'_>) -> Result<(), TreeError> {
    const OUT_OF_RANGE: TreeError = TreeError::Malformed("a time is out of range");
    let mut seconds = 0i64;
    for entry in entries.iter_mut() {
        seconds = seconds.checked_add(reader.signed()?).ok_or(OUT_OF_RANGE)?;
        entry.modified_ns = seconds;
    }
    for entry in entries {
        let nanos = u32::from_le_bytes(reader.array()?);
        let time = i128::from(entry.modified_ns) * i128::from(NANOS_PER_SECOND) + i128::from(nanos);
        let time = i64::try_from(time).ok().filter(|_| nanos < NANOS_PER_SECOND);
        entry.modified_ns = time.ok_or(OUT_OF_RANGE)?;
    }
    Ok(())
}

fn read_chunks(reader: &mut Reader<'_>) -> Result<Vec<ChunkRef>, TreeError> {
    let count = reader.count(1)?;
    check_count("chunks", count, MANIFEST_CHUNKS_MAX)?;
    let listed = (0..count).map(|_| reader.number()).collect::<Result<Vec<_>, _>>()?;
    let new = read_new_chunks(listed.iter().filter(|number| **number == 0).count(), reader)?;
    let mut unlisted = new.iter();
    let chunks = listed.iter().map(|number| match number.checked_sub(1) {
        None => unlisted.next(),
        Some(again) => {
            let begun = new.len() - unlisted.len();
            usize::try_from(again).ok().filter(|again| *again < begun).and_then(|again| new.get(again))
        }
    });
    let chunks = chunks.map(Option::<&ChunkRef>::copied).collect::<Option<Vec<_>>>();
    chunks.ok_or(TreeError::Malformed("a chunk is listed again before it is listed"))
}

/// The chunks that were not listed before, each of which is another.
fn read_new_chunks(count: usize, reader: &mut Reader<'_>) -> Result<Vec<ChunkRef>, TreeError> {
    let lengths = (0..count).map(|_| reader.number()).collect::<Result<Vec<_>, _>>()?;
    let ids =
        lengths.iter().map(|_| reader.array().map(ChunkId::from_bytes)).collect::<Result<Vec<_>, _>>()?;
    let distinct: BTreeMap<&ChunkId, ()> = ids.iter().map(|id| (id, ())).collect();
    if distinct.len() < count {
        return Err(TreeError::Malformed("a chunk that is listed again is written as a new one"));
    }
    let chunks = lengths.iter().zip(&ids).map(|(bytes, id)| {
        let bytes = u32::try_from(*bytes).map_err(|_| TreeError::ChunkLength(*id))?;
        Ok(ChunkRef { id: *id, bytes })
    });
    chunks.collect()
}

#[cfg(test)]
mod tests;
