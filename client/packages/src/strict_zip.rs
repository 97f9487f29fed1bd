//! Zip archives of which there is one reading.
//!
//! A zip is found from its end, and programs look for that in different ways: what one unpacks another may never see. So
//! whoever judges an archive that another program unpacks must refuse what the two may read differently:
//!
//! ```text
//! local header, its data, maybe a descriptor   for each file, the first at 0, one right after the other
//! central headers                              one for each file, in the same order, of the same name and lengths
//! zip64 end record and its locator             maybe; they say what the end record says, where that says something
//! end record, comment                          counts and lengths are exact; no signature of an end record after its own
//! ```
//!
//! Nothing lies before, between or after them. Files are stored or deflated, none is encrypted, no name is there twice, and
//! each is what its length and CRC say: deflated data end where the header says. Of names it is asked that they are UTF-8,
//! and paths downward.
//!
//! Source: PKWARE's APPNOTE, section 4; Go's `archive/zip`, Java's `ZipFile` and `ZipInputStream`, Python's `zipfile`.

mod body;
mod end;
mod fields;
mod header;

pub(crate) use body::Body;

use end::End;
use header::Entry;
use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// What is read at once where one header after the other is looked at, with data between them.
const BUFFER_BYTES: usize = 1024;

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ZipError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no zip, or not every program reads the same in it.
    #[error("no zip that every program reads alike: {0}")]
    Odd(&'static str),
}

/// An archive all of whose headers agree. What is in its files is checked when they are read.
#[derive(Debug)]
pub(crate) struct StrictZip<R> {
    archive: R,
    entries: Vec<Entry>,
}

impl<R: Read + Seek> StrictZip<R> {
    /// Reads all headers.
    pub(crate) fn open(mut archive: R) -> Result<Self, ZipError> {
        let end = End::find(&mut archive)?;
        archive.seek(SeekFrom::Start(end.directory))?;
        let mut directory = BufReader::new(archive.by_ref()).take(end.directory_bytes);
        let mut entries = Vec::new();
        for _ in 0..end.entries {
            entries.push(Entry::read(&mut directory)?);
        }
        if directory.limit() > 0 {
            return Err(ZipError::Odd("its directory is longer than its entries"));
        }
        let names: BTreeSet<&[u8]> = entries.iter().map(|entry| entry.name.as_slice()).collect();
        if names.len() < entries.len() {
            return Err(ZipError::Odd("a name is there twice"));
        }
        locate(BufReader::with_capacity(BUFFER_BYTES, archive.by_ref()), &mut entries, end.directory)?;
        Ok(Self { archive, entries })
    }

    /// How many files and directories it has.
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// The name of a file, by its number. Directories end with a slash.
    pub(crate) fn name(&self, number: usize) -> Option<&[u8]> {
        self.entries.get(number).map(|entry| entry.name.as_slice())
    }

    /// What is in a file, by its number: it gives an error in place of its end if that is not what the headers say.
    pub(crate) fn body(&mut self, number: usize) -> Result<Body<'_, R>, ZipError> {
        let entry = self.entries.get(number).ok_or(ZipError::Odd("no such file is in it"))?;
        self.archive.seek(SeekFrom::Start(entry.data))?;
        Ok(Body::new(&mut self.archive, entry))
    }
}

/// Compares each local header with the central one, and notes where its data are.
fn locate<R: Read + Seek>(
    mut archive: BufReader<R>,
    entries: &mut [Entry],
    directory: u64,
) -> Result<(), ZipError> {
    archive.rewind()?;
    let mut at = 0;
    for entry in entries {
        if entry.offset != at {
            return Err(ZipError::Odd("its files do not lie one right after the other"));
        }
        let local = entry.compare(&mut archive)?;
        entry.data = at.saturating_add(local.bytes);
        let end = entry.data.saturating_add(entry.packed_bytes);
        let skipped = i64::try_from(entry.packed_bytes).ok().filter(|_| end <= directory);
        archive.seek_relative(skipped.ok_or(ZipError::Odd("a file reaches into its directory"))?)?;
        at = end.saturating_add(local.descriptor(entry, &mut archive)?);
    }
    if at == directory {
        Ok(())
    } else {
        Err(ZipError::Odd("something lies between its files and its directory"))
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
