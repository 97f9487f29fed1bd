//! What is in a file of an archive.

use super::header::{Entry, Method};
use flate2::{Crc, Decompress, FlushDecompress};
use std::io::{self, BufRead, BufReader, Read, Take};

/// A file, unpacked. Its end is told only if all of it is what its header says.
#[derive(Debug)]
pub(crate) struct Body<'a, R> {
    packed: BufReader<Take<&'a mut R>>,
    /// None once deflated data ended, and of what is stored.
    inflater: Option<Decompress>,
    is_deflated: bool,
    crc: Crc,
    crc_expected: u32,
    /// Bytes that are to come.
    left: u64,
}

impl<'a, R: Read> Body<'a, R> {
    pub(super) fn new(archive: &'a mut R, entry: &Entry) -> Self {
        let is_deflated = entry.method == Method::Deflated;
        Self {
            packed: BufReader::new(archive.take(entry.packed_bytes)),
            inflater: is_deflated.then(|| Decompress::new(false)),
            is_deflated,
            crc: Crc::new(),
            crc_expected: entry.crc,
            left: entry.bytes,
        }
    }

    fn inflate(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(inflater) = &mut self.inflater {
            let packed = self.packed.fill_buf()?;
            let before = (inflater.total_in(), inflater.total_out());
            let status = inflater.decompress(packed, out, FlushDecompress::None)?;
            let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or_default();
            let read = count(inflater.total_in(), before.0);
            let written = count(inflater.total_out(), before.1);
            self.packed.consume(read);
            if status == flate2::Status::StreamEnd {
                self.inflater = None;
            } else if (read, written) == (0, 0) {
                return Err(io::Error::other("a deflated file does not end"));
            }
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }

    fn check_end(&mut self) -> io::Result<()> {
        if self.left > 0 || !self.packed.fill_buf()?.is_empty() {
            return Err(io::Error::other("a file is not as long as its header says"));
        }
        if self.crc.sum() != self.crc_expected {
            return Err(io::Error::other("a file has another CRC than its header says"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let count = if self.is_deflated { self.inflate(out)? } else { self.packed.read(out)? };
        let left = self.left.checked_sub(u64::try_from(count).unwrap_or(u64::MAX));
        self.left = left.ok_or_else(|| io::Error::other("a file is longer than its header says"))?;
        self.crc.update(out.get(..count).unwrap_or_default());
        if count == 0 {
            self.check_end()?;
        }
        Ok(count)
    }
}
