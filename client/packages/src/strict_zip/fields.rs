//! Numbers in headers: the lowest byte is the first.

use super::ZipError;

/// What is left of a header.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], ZipError> {
        let (head, rest) = self.0.split_at_checked(bytes).ok_or(ZipError::Odd("a header is cut short"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ZipError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(ZipError::Odd("a header is cut short"))?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, ZipError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, ZipError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, ZipError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, ZipError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}
