//! From read bytes to chunks, and chunks of before between them.
use super::pipeline::ReadEnd;
use super::slab::{Piece, Slab, Slabs};
use pollux_core::{ChunkRef, Cutter, HashedChunk};
use std::{ops::Range, sync::Arc};

/// A chunk on its way to the sink.
pub(super) type Cut<'a> = HashedChunk<Piece<'a>>;

/// What comes out, in content order.
pub(super) enum Fed<'a> {
    /// A chunk that was read.
    Cut(Cut<'a>),
    /// Chunks that are as they were, and were not read.
    Known(Vec<ChunkRef>),
}

/// Where bytes go, and who wants no more.
type Emit<'a, 's> = &'a (dyn Fn(Fed<'s>) -> bool + Sync);

/// What waits until nothing more is written to the slab.
enum Next {
    Cut(Range<usize>),
    Known(Vec<ChunkRef>),
}

/// Takes the bytes of runs, cuts and hashes.
pub(super) struct Feed<'a, 's> {
    cutter: Cutter,
    slabs: &'s Slabs,
    slab: Slab<'s>,
    /// Bytes of the slab that are read.
    filled: usize,
    /// Those before it are cut.
    cut: usize,
    /// Where in the run that is.
    at: u64,
    /// What is given out together, once nothing is written to the slab any more.
    next: Vec<Next>,
    /// False: nobody wants more.
    emit: Emit<'a, 's>,
}

impl<'a, 's> Feed<'a, 's> {
    /// `Stopped` if nobody wants anything.
    pub(super) fn new(slabs: &'s Slabs, emit: Emit<'a, 's>) -> Result<Self, ReadEnd> {
        let slab = slabs.take().ok_or(ReadEnd::Stopped)?;
        Ok(Self { cutter: Cutter::new(), slabs, slab, filled: 0, cut: 0, at: 0, next: Vec::new(), emit })
    }

    /// Where the next bytes of the run go, which is never empty; or none where a cut came at a place of the run from which
    /// on nothing need be read: then what was read behind it is forgotten, and [`Self::at`] says where that is.
    pub(super) fn room(&mut self, is_known: impl Fn(u64) -> bool) -> Result<Option<&mut [u8]>, ReadEnd> {
        if self.filled >= self.slab.bytes.len() {
            if self.find_cuts(is_known) {
                self.filled = self.cut;
                return Ok(None);
            }
            self.next_slab()?;
        }
        Ok(Some(self.slab.bytes.get_mut(self.filled..).unwrap_or_default()))
    }

    /// Where in the run the next chunk begins.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// These chunks come next in the run, and end there. Where the last chunk of before ended, a cut must be.
    pub(super) fn known(&mut self, chunks: &[ChunkRef], end: u64) {
        self.next.push(Next::Known(chunks.to_vec()));
        self.at = end;
    }

    /// So many bytes of the room are the run's.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.filled = self.filled.saturating_add(bytes).min(self.slab.bytes.len());
    }

    /// The next bytes of the run.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), ReadEnd> {
        while !bytes.is_empty() {
            let Some(room) = self.room(|_| false)? else { return Ok(()) };
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            room.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            self.filled(now.len());
            bytes = later;
        }
        Ok(())
    }

    /// The run ends here.
    pub(super) fn end_run(&mut self) {
        self.find_cuts(|_| false);
        if self.cut < self.filled {
            self.next.push(Next::Cut(self.cut..self.filled));
            self.cut = self.filled;
        }
        self.at = 0;
    }

    /// All runs have ended.
    pub(super) fn finish(mut self) -> Result<(), ReadEnd> {
        self.end_run();
        give_out(self.slab, self.next, self.emit)
    }

    /// Cuts what is read; true: at a place of the run from which on all is known, and no further.
    fn find_cuts(&mut self, is_known: impl Fn(u64) -> bool) -> bool {
        let uncut = |cut, filled| self.slab.bytes.get(cut..filled).unwrap_or_default();
        while let Some(bytes) = self.cutter.first(uncut(self.cut, self.filled)) {
            self.next.push(Next::Cut(self.cut..self.cut + bytes));
            self.cut += bytes;
            self.at += u64::try_from(bytes).unwrap_or(u64::MAX);
            if is_known(self.at) {
                return true;
            }
        }
        false
    }

    /// Goes on with the bytes behind the last cut in another slab: fewer than a chunk has at most.
    fn next_slab(&mut self) -> Result<(), ReadEnd> {
        let mut next = self.slabs.take().ok_or(ReadEnd::Stopped)?;
        let rest = self.slab.bytes.get(self.cut..self.filled).unwrap_or_default();
        next.bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        (self.cut, self.filled) = (0, rest.len());
        let full = std::mem::replace(&mut self.slab, next);
        give_out(full, std::mem::take(&mut self.next), self.emit)
    }
}

fn give_out<'a>(slab: Slab<'a>, next: Vec<Next>, emit: Emit<'_, 'a>) -> Result<(), ReadEnd> {
    let slab = Arc::new(slab);
    let mut fed = next.into_iter().map(|next| match next {
        Next::Cut(range) => Fed::Cut(HashedChunk::new(Piece::new(&slab, range))),
        Next::Known(chunks) => Fed::Known(chunks),
    });
    if fed.all(emit) { Ok(()) } else { Err(ReadEnd::Stopped) }
}

#[cfg(test)]
mod tests {
    use super::super::slab::SLAB_BYTES;
    use super::*;
    use crate::disk::tests::noise;
    use proptest::prelude::*;
    use std::sync::Mutex;

    /// The chunks of these runs, each fed in pieces of these sizes in turn.
    fn fed(runs: &[Vec<u8>], sizes: &[usize]) -> Vec<Vec<u8>> {
        let (slabs, cuts) = (Slabs::new(2), Mutex::new(Vec::new()));
        let emit = |fed: Fed<'_>| {
            let Fed::Cut(cut) = fed else { panic!("nothing is known") };
            cuts.lock().unwrap().push(cut.plain().to_vec());
            true
        };
        let mut feed = Feed::new(&slabs, &emit).unwrap();
        let mut sizes = sizes.iter().cycle();
        for run in runs {
            let mut rest = &run[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                feed.push(now).unwrap();
                rest = later;
            }
            feed.end_run();
        }
        feed.finish().unwrap();
        cuts.into_inner().unwrap()
    }

    #[test]
    fn nobody_wants_more() {
        let slabs = Slabs::new(2);
        let mut feed = Feed::new(&slabs, &|_| false).unwrap();
        let end = feed.push(&vec![7; SLAB_BYTES + 1]);
        assert!(matches!(end, Err(ReadEnd::Stopped)));
    }

    #[test]
    fn runs_without_bytes_have_no_chunk() {
        assert_eq!(fed(&[Vec::new(), vec![1], Vec::new(), vec![2]], &[1]), [[1], [2]]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn however_it_is_read_each_run_is_cut_from_its_own_start(
            lengths in proptest::collection::vec(prop_oneof![0usize..200_000, 0usize..4_000_000], 1..5),
            sizes in proptest::collection::vec(prop_oneof![1000usize..50_000, 200_000usize..3_000_000], 1..4),
            tame: bool,
        ) {
            let run = |(number, bytes): (u64, usize)| if tame { vec![0; bytes] } else { noise(number, bytes) };
            let runs: Vec<Vec<u8>> = (0..).zip(lengths).map(run).collect();
            let cutter = Cutter::new();
            let expected: Vec<&[u8]> = runs.iter().flat_map(|run| cutter.cut(run)).collect();
            prop_assert!(fed(&runs, &sizes) == expected);
        }
    }
}
