//! From read bytes to chunks.
use super::pipeline::ReadEnd;
use super::slab::{Piece, Slab, Slabs};
use pollux_core::{Cutter, HashedChunk};
use std::{ops::Range, sync::Arc};

/// A chunk on its way to the sink.
pub(super) type Cut<'a> = HashedChunk<Piece<'a>>;

/// Takes the bytes of runs, cuts and hashes.
pub(super) struct Feed<'a, 's> {
    cutter: Cutter,
    slabs: &'s Slabs,
    slab: Slab<'s>,
    /// Bytes of the slab that are read.
    filled: usize,
    /// Those before it are cut.
    cut: usize,
    /// The chunks in the slab. They are given out together, once nothing is written to it any more.
    chunks: Vec<Range<usize>>,
    /// False: nobody wants more.
    emit: &'a (dyn Fn(Cut<'s>) -> bool + Sync),
}

impl<'a, 's> Feed<'a, 's> {
    /// `Stopped` if nobody wants anything.
    pub(super) fn new(slabs: &'s Slabs, emit: &'a (dyn Fn(Cut<'s>) -> bool + Sync)) -> Result<Self, ReadEnd> {
        let slab = slabs.take().ok_or(ReadEnd::Stopped)?;
        Ok(Self { cutter: Cutter::new(), slabs, slab, filled: 0, cut: 0, chunks: Vec::new(), emit })
    }

    /// Where the next bytes of the run go: never empty.
    pub(super) fn room(&mut self) -> Result<&mut [u8], ReadEnd> {
        if self.filled >= self.slab.bytes.len() {
            self.next_slab()?;
        }
        Ok(self.slab.bytes.get_mut(self.filled..).unwrap_or_default())
    }

    /// So many bytes of the room are the run's.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.filled = self.filled.saturating_add(bytes).min(self.slab.bytes.len());
    }

    /// The next bytes of the run.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), ReadEnd> {
        while !bytes.is_empty() {
            let room = self.room()?;
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            room.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            self.filled(now.len());
            bytes = later;
        }
        Ok(())
    }

    /// The run ends here.
    pub(super) fn end_run(&mut self) {
        self.find_cuts();
        if self.cut < self.filled {
            self.chunks.push(self.cut..self.filled);
            self.cut = self.filled;
        }
    }

    /// All runs have ended.
    pub(super) fn finish(mut self) -> Result<(), ReadEnd> {
        self.end_run();
        give_out(self.slab, self.chunks, self.emit)
    }

    fn find_cuts(&mut self) {
        let uncut = |cut, filled| self.slab.bytes.get(cut..filled).unwrap_or_default();
        while let Some(bytes) = self.cutter.first(uncut(self.cut, self.filled)) {
            self.chunks.push(self.cut..self.cut + bytes);
            self.cut += bytes;
        }
    }

    /// Goes on with the bytes behind the last cut in another slab: fewer than a chunk has at most.
    fn next_slab(&mut self) -> Result<(), ReadEnd> {
        self.find_cuts();
        let mut next = self.slabs.take().ok_or(ReadEnd::Stopped)?;
        let rest = self.slab.bytes.get(self.cut..self.filled).unwrap_or_default();
        next.bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        (self.cut, self.filled) = (0, rest.len());
        let full = std::mem::replace(&mut self.slab, next);
        give_out(full, std::mem::take(&mut self.chunks), self.emit)
    }
}

fn give_out<'a>(
    slab: Slab<'a>,
    chunks: Vec<Range<usize>>,
    emit: &(dyn Fn(Cut<'a>) -> bool + Sync),
) -> Result<(), ReadEnd> {
    let slab = Arc::new(slab);
    let mut chunks = chunks.into_iter();
    let taken = chunks.all(|range| emit(HashedChunk::new(Piece::new(&slab, range))));
    if taken { Ok(()) } else { Err(ReadEnd::Stopped) }
}
