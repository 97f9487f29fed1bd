//! Headers of a file: the central one, and the local one before its data.
//!
//! ```text
//! central      50 4b 01 02, versions u16 u16, flags u16, method u16, time u32, CRC u32, packed bytes u32, bytes u32,
//!              bytes of name, extra, comment u16 u16 u16, disk u16, attributes u16 u32, offset u32, name, extra, comment
//! local        50 4b 03 04, version u16, flags u16, method u16, time u32, CRC u32, packed bytes u32, bytes u32,
//!              bytes of name and extra u16 u16, name, extra
//! descriptor   after the data, by flag bit 3: maybe 50 4b 07 08, CRC u32, packed bytes, bytes (u64 by zip64, else u32)
//! extra        fields: kind u16, bytes u16, content; kind 1: those of bytes, packed bytes, offset that are marked, u64
//! ```

use super::ZipError;
use super::fields::Fields;
use std::io::Read;
use std::str;

const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const CENTRAL_BYTES: usize = 46;
const LOCAL: &[u8; 4] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;
const DESCRIPTOR: u32 = u32::from_le_bytes(*b"PK\x07\x08");
/// How much was compressed (1 and 2), a descriptor (3), UTF-8 (11). The others encrypt, or nobody knows them.
const FLAGS: u16 = 0b1000_0000_1110;
const HAS_DESCRIPTOR: u16 = 1 << 3;
/// In place of a number that is too large: it is among the extra fields.
const MARK: u64 = 0xffff_ffff;
const ZIP64: u16 = 1;
/// Another name, for who knows it: that of Info-ZIP.
const UNICODE_PATH: u16 = 0x7075;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// A file, by its central header.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) method: Method,
    flags: u16,
    pub(super) crc: u32,
    pub(super) packed_bytes: u64,
    pub(super) bytes: u64,
    /// Where its local header is.
    pub(super) offset: u64,
    /// Where its data are.
    pub(super) data: u64,
}

/// What of a local header is not as in the central one.
pub(super) struct Local {
    pub(super) bytes: u64,
    /// Whether its lengths have 64 bits.
    is_wide: bool,
}

/// What both headers have.
struct Common {
    flags: u16,
    method: u16,
    crc: u32,
    packed_bytes: u32,
    bytes: u32,
    name_bytes: u16,
    extra_bytes: u16,
}

impl Common {
    fn read(fields: &mut Fields<'_>) -> Result<Self, ZipError> {
        let (flags, method, _time) = (fields.u16()?, fields.u16()?, fields.u32()?);
        let (crc, packed_bytes, bytes) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name_bytes, extra_bytes) = (fields.u16()?, fields.u16()?);
        Ok(Self { flags, method, crc, packed_bytes, bytes, name_bytes, extra_bytes })
    }
}

fn read(from: &mut impl Read, bytes: usize) -> Result<Vec<u8>, ZipError> {
    let mut read = vec![0; bytes];
    from.read_exact(&mut read)?;
    Ok(read)
}

impl Entry {
    /// Reads a central header.
    pub(super) fn read(from: &mut impl Read) -> Result<Self, ZipError> {
        let header = read(from, CENTRAL_BYTES)?;
        let mut fields = Fields(&header);
        if fields.take(CENTRAL.len())? != CENTRAL {
            return Err(ZipError::Odd("its directory has no header where one must be"));
        }
        fields.take(4)?;
        let common = Common::read(&mut fields)?;
        let (comment_bytes, disk) = (fields.u16()?, fields.u16()?);
        fields.take(6)?;
        let (name, extra) = (read(from, common.name_bytes.into())?, read(from, common.extra_bytes.into())?);
        let mut numbers = [common.bytes.into(), common.packed_bytes.into(), u64::from(fields.u32()?)];
        read(from, comment_bytes.into())?;
        widen(&extra, &name, &mut numbers)?;
        let [bytes, packed_bytes, offset] = numbers;
        let Common { flags, crc, .. } = common;
        let method = match common.method {
            0 => Method::Stored,
            8 => Method::Deflated,
            _ => return Err(ZipError::Odd("a file is packed in a way that not everybody reads")),
        };
        let entry = Self { name, method, flags, crc, packed_bytes, bytes, offset, data: 0 };
        entry.check(disk)?;
        Ok(entry)
    }

    fn check(&self, disk: u16) -> Result<(), ZipError> {
        let is_directory = self.name.ends_with(b"/");
        let odd = if disk != 0 {
            "it has several parts"
        } else if self.flags & !FLAGS != 0 {
            "a file is encrypted, or packed in a way that not everybody reads"
        } else if !is_plain(&self.name) {
            "a name is no plain path downward"
        } else if self.method == Method::Stored && self.packed_bytes != self.bytes {
            "a file that is stored has two lengths"
        } else if is_directory && self.bytes != 0 {
            "a directory has content"
        } else {
            return Ok(());
        };
        Err(ZipError::Odd(odd))
    }

    /// Reads the local header, which must say the same.
    pub(super) fn compare(&self, from: &mut impl Read) -> Result<Local, ZipError> {
        let header = read(from, LOCAL_BYTES)?;
        let mut fields = Fields(&header);
        if fields.take(LOCAL.len())? != LOCAL {
            return Err(ZipError::Odd("a file has no header where one must be"));
        }
        fields.take(2)?;
        let common = Common::read(&mut fields)?;
        let (name, extra) = (read(from, common.name_bytes.into())?, read(from, common.extra_bytes.into())?);
        let mut numbers = [common.bytes.into(), common.packed_bytes.into()];
        let is_wide = widen(&extra, &name, &mut numbers)?;
        let [bytes, packed_bytes] = numbers;
        // Of what comes after the data, nothing need be known before.
        let agree = |local: u64, central: u64| local == central || (local == 0 && self.has_descriptor());
        let method = if self.method == Method::Stored { 0 } else { 8 };
        if name != self.name
            || (common.flags, common.method) != (self.flags, method)
            || !agree(common.crc.into(), self.crc.into())
            || !agree(bytes, self.bytes)
            || !agree(packed_bytes, self.packed_bytes)
        {
            return Err(ZipError::Odd("the two headers of a file differ"));
        }
        let bytes = u64::try_from(header.len() + name.len() + extra.len()).unwrap_or(u64::MAX);
        Ok(Local { bytes, is_wide: is_wide || self.bytes.max(self.packed_bytes) >= MARK })
    }

    const fn has_descriptor(&self) -> bool {
        self.flags & HAS_DESCRIPTOR != 0
    }
}

impl Local {
    /// Reads the descriptor, if there is one, which must say what the central header says; gives its length.
    pub(super) fn descriptor(&self, entry: &Entry, from: &mut impl Read) -> Result<u64, ZipError> {
        if !entry.has_descriptor() {
            return Ok(0);
        }
        let start = read(from, 4)?;
        let is_signed = Fields(&start).u32()? == DESCRIPTOR;
        let length = if self.is_wide { 20 } else { 12 };
        let rest = read(from, if is_signed { length } else { length - 4 })?;
        let all = if is_signed { rest } else { [start, rest].concat() };
        let mut fields = Fields(&all);
        let crc = fields.u32()?;
        let mut number = || if self.is_wide { fields.u64() } else { fields.u32().map(u64::from) };
        if (crc, number()?, number()?) != (entry.crc, entry.packed_bytes, entry.bytes) {
            return Err(ZipError::Odd("what comes after a file is not what its header says"));
        }
        Ok(u64::try_from(all.len()).unwrap_or(u64::MAX) + if is_signed { 4 } else { 0 })
    }
}

/// A path of UTF-8 that leads downward, and that nobody cuts short or writes otherwise.
fn is_plain(name: &[u8]) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    str::from_utf8(name).is_ok_and(|name| {
        !name.contains(['\0', '\\']) && name.strip_suffix('/').unwrap_or(name).split('/').all(is_part)
    })
}

/// Puts numbers of the zip64 field in the place of marks; whether there is such a field. What more it has must be the same
/// numbers again, for some read it by marks, and some by its length. Another name must be the same.
fn widen(extra: &[u8], name: &[u8], numbers: &mut [u64]) -> Result<bool, ZipError> {
    let (mut fields, mut is_wide) = (Fields(extra), false);
    // Some fill up with zeros that are too few for a field.
    while fields.0.len() >= 4 {
        let (kind, bytes) = (fields.u16()?, usize::from(fields.u16()?));
        let mut field = Fields(fields.take(bytes)?);
        if kind == ZIP64 {
            if is_wide {
                return Err(ZipError::Odd("a length of 64 bits is there twice"));
            }
            is_wide = true;
            widen_by(&mut field, numbers)?;
        } else if kind == UNICODE_PATH && (field.u8()?, field.u32()?, field.0).2 != name {
            return Err(ZipError::Odd("a file has two names"));
        }
    }
    if !is_wide && numbers.contains(&MARK) {
        return Err(ZipError::Odd("a length of 64 bits is missing"));
    }
    Ok(is_wide)
}

fn widen_by(field: &mut Fields<'_>, numbers: &mut [u64]) -> Result<(), ZipError> {
    let again = numbers.iter().rposition(|number| *number == MARK).map_or(0, |last| last + 1);
    for number in numbers.iter_mut().filter(|number| **number == MARK) {
        *number = field.u64()?;
    }
    for number in numbers.iter().skip(again) {
        if field.0.len() >= 8 && field.u64()? != *number {
            return Err(ZipError::Odd("a length of 64 bits is another one"));
        }
    }
    // The disk.
    if matches!(field.0, [] | [0, 0, 0, 0]) {
        Ok(())
    } else {
        Err(ZipError::Odd("a length of 64 bits is one of nothing"))
    }
}
