//! The end record, and the one of zip64 before it: where the directory of an archive is.
//!
//! ```text
//! zip64 record   50 4b 06 06, 44 as u64, versions u16 u16, disks u32 u32, entries u64 u64, bytes u64, offset u64
//! its locator    50 4b 06 07, disk u32, offset of the record u64, disks u32
//! end record     50 4b 05 06, disks u16 u16, entries u16 u16, bytes u32, offset u32, bytes of the comment u16
//! ```

use super::ZipError;
use super::fields::Fields;
use std::io::{Read, Seek, SeekFrom};

const RECORD: &[u8; 4] = b"PK\x05\x06";
const RECORD_BYTES: usize = 22;
const LOCATOR: &[u8; 4] = b"PK\x06\x07";
const LOCATOR_BYTES: usize = 20;
const WIDE_RECORD: &[u8; 4] = b"PK\x06\x06";
const WIDE_RECORD_BYTES: usize = 56;
/// All of them, with the longest comment.
const TAIL_BYTES_MAX: u64 = 22 + 20 + 56 + 65_535;
/// Files of an archive at most: the largest modules have some ten thousand.
const ENTRIES_MAX: u64 = 500_000;
/// Bytes of the directory at most, which is held in memory: that of so many files with names as files have.
const DIRECTORY_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Where the directory is, and of how many files.
pub(super) struct End {
    pub(super) directory: u64,
    pub(super) directory_bytes: u64,
    pub(super) entries: u64,
}

impl End {
    /// The one end record: the last signature, whose comment reaches to the end. Whoever looks from the end finds it first.
    pub(super) fn find(archive: &mut (impl Read + Seek)) -> Result<Self, ZipError> {
        let bytes = archive.seek(SeekFrom::End(0))?;
        let tail_at = bytes.saturating_sub(TAIL_BYTES_MAX);
        archive.seek(SeekFrom::Start(tail_at))?;
        let mut tail = Vec::new();
        archive.take(TAIL_BYTES_MAX).read_to_end(&mut tail)?;
        let at = tail.windows(RECORD.len()).rposition(|window| window == RECORD);
        let (before, record) =
            at.and_then(|at| tail.split_at_checked(at)).ok_or(ZipError::Odd("it has no end record"))?;
        let narrow = Self::narrow(record)?;
        let at = bytes.saturating_sub(u64::try_from(record.len()).unwrap_or(u64::MAX));
        let (end, at) = match before.last_chunk::<LOCATOR_BYTES>() {
            Some(locator) if locator.starts_with(LOCATOR) => narrow.widened(before, at)?,
            _ => (narrow, at),
        };
        if end.entries > ENTRIES_MAX || end.directory_bytes > DIRECTORY_BYTES_MAX {
            return Err(ZipError::Odd("more is in it than anybody packs"));
        }
        // No wrapping: the sum of what is not that large.
        if end.directory.checked_add(end.directory_bytes) == Some(at) {
            Ok(end)
        } else {
            Err(ZipError::Odd("its directory does not end where its end record begins"))
        }
    }

    fn narrow(record: &[u8]) -> Result<Self, ZipError> {
        let mut fields = Fields(record);
        fields.take(RECORD.len())?;
        let disks = (fields.u16()?, fields.u16()?);
        let entries = (fields.u16()?, fields.u16()?);
        let (directory_bytes, directory) = (fields.u32()?, fields.u32()?);
        let comment_bytes = usize::from(fields.u16()?);
        if record.len() != RECORD_BYTES + comment_bytes {
            return Err(ZipError::Odd("its comment does not reach to its end, and no further"));
        }
        if disks != (0, 0) || entries.0 != entries.1 {
            return Err(ZipError::Odd("it has several parts"));
        }
        let (directory, directory_bytes) = (directory.into(), directory_bytes.into());
        Ok(Self { directory, directory_bytes, entries: entries.0.into() })
    }

    /// What the record of zip64 says, which must be no other than what this one says; and where it is.
    fn widened(&self, before: &[u8], at: u64) -> Result<(Self, u64), ZipError> {
        let both = before.last_chunk::<{ WIDE_RECORD_BYTES + LOCATOR_BYTES }>();
        let mut fields = Fields(both.ok_or(ZipError::Odd("its zip64 end record is not before its locator"))?);
        // It is in the file.
        let wide_at = at.saturating_sub(76);
        let is_first = fields.take(WIDE_RECORD.len())? == WIDE_RECORD && fields.u64()? == 44;
        fields.take(4)?;
        let disks = (fields.u32()?, fields.u32()?);
        let entries = (fields.u64()?, fields.u64()?);
        let (directory_bytes, directory) = (fields.u64()?, fields.u64()?);
        fields.take(LOCATOR.len())?;
        let located = (fields.u32()?, fields.u64()?, fields.u32()?);
        if !is_first || located != (0, wide_at, 1) {
            return Err(ZipError::Odd("its zip64 end record is not before its locator"));
        }
        let agree = |narrow: u64, wide: u64, mark: u64| narrow == wide || narrow == mark;
        if disks != (0, 0)
            || entries.0 != entries.1
            || !agree(self.entries, entries.0, u16::MAX.into())
            || !agree(self.directory_bytes, directory_bytes, u32::MAX.into())
            || !agree(self.directory, directory, u32::MAX.into())
        {
            return Err(ZipError::Odd("its two end records differ"));
        }
        Ok((Self { directory, directory_bytes, entries: entries.0 }, wide_at))
    }
}
