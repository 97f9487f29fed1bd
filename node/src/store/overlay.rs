//! A file that is only looked at: what is written stays in memory, so that a database which was not closed can be opened
//! without a change on disk. The records of a store are small, and few of their pages are written when they are opened.
use super::disk::DiskFile;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bytes of a piece that is kept once any of it is written: a page of the database.
const PIECE_BYTES: usize = 4096;

/// See the module.
#[derive(Debug)]
pub(super) struct Overlay {
    under: Option<Arc<dyn DiskFile>>,
    over: Mutex<Over>,
}

#[derive(Debug)]
struct Over {
    bytes: u64,
    /// What lies behind this was cut off, or was never there.
    under_bytes: u64,
    pieces: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    /// Nothing is written yet.
    pub(super) fn new(under: Arc<dyn DiskFile>) -> io::Result<Self> {
        let bytes = under.bytes()?;
        let over = Over { bytes, under_bytes: bytes, pieces: BTreeMap::new() };
        Ok(Self { under: Some(under), over: Mutex::new(over) })
    }

    /// A file that is empty and nowhere.
    pub(super) fn empty() -> Self {
        Self { under: None, over: Mutex::new(Over { bytes: 0, under_bytes: 0, pieces: BTreeMap::new() }) }
    }

    fn over(&self) -> MutexGuard<'_, Over> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The piece as it lies under what is written: zeros behind the end.
    fn piece(&self, number: u64, under_bytes: u64) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; PIECE_BYTES];
        let at = number.saturating_mul(length(PIECE_BYTES));
        let there = usize::try_from(under_bytes.saturating_sub(at)).unwrap_or(usize::MAX).min(PIECE_BYTES);
        if let Some(under) = self.under.as_ref().filter(|_| there > 0) {
            under.read_exact_at(piece.get_mut(..there).unwrap_or_default(), at)?;
        }
        Ok(piece)
    }
}

/// The pieces that these bytes of a file lie in: piece, where in it, how many.
fn parts(offset: u64, bytes: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let piece_bytes = length(PIECE_BYTES);
    let (mut at, end) = (offset, offset.saturating_add(length(bytes)));
    std::iter::from_fn(move || {
        let inside = usize::try_from(at % piece_bytes).unwrap_or(0);
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        let part = left.min(PIECE_BYTES - inside);
        let number = at / piece_bytes;
        at += length(part);
        (part > 0).then_some((number, inside, part))
    })
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl DiskFile for Overlay {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.over().bytes)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let over = self.over();
        if offset.saturating_add(length(buffer.len())) > over.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = buffer;
        for (number, inside, bytes) in parts(offset, rest.len()) {
            let (to, behind) = rest.split_at_mut(bytes);
            match over.pieces.get(&number) {
                Some(piece) => to.copy_from_slice(piece.get(inside..inside + bytes).unwrap_or_default()),
                None => {
                    let piece = self.piece(number, over.under_bytes)?;
                    to.copy_from_slice(piece.get(inside..inside + bytes).unwrap_or_default());
                }
            }
            rest = behind;
        }
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut over = self.over();
        let mut rest = bytes;
        for (number, inside, part) in parts(offset, bytes.len()) {
            let (from, behind) = rest.split_at(part);
            if !over.pieces.contains_key(&number) {
                let piece = self.piece(number, over.under_bytes)?;
                over.pieces.insert(number, piece);
            }
            let to = over.pieces.get_mut(&number).and_then(|piece| piece.get_mut(inside..inside + part));
            to.unwrap_or_default().copy_from_slice(from);
            rest = behind;
        }
        over.bytes = over.bytes.max(offset.saturating_add(length(bytes.len())));
        Ok(())
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        let mut over = self.over();
        over.bytes = bytes;
        over.under_bytes = over.under_bytes.min(bytes);
        let piece_bytes = length(PIECE_BYTES);
        let _cut = over.pieces.split_off(&bytes.div_ceil(piece_bytes));
        let inside = usize::try_from(bytes % piece_bytes).unwrap_or(0);
        if let Some(piece) = over.pieces.get_mut(&(bytes / piece_bytes)) {
            piece.get_mut(inside..).unwrap_or_default().fill(0);
        }
        Ok(())
    }

    fn reserve(&self, _offset: u64, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
