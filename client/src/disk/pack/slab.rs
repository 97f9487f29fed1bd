//! Where plain bytes lie from the reading to the compressing: several chunks in one piece of memory, which is used again
//! once the last of them is done with. So bytes are moved once at most, from the end of one slab to the next.
use super::queue::Queue;
use std::{ops::Range, sync::Arc};

/// Bytes of a slab: more than a chunk, since what lies behind the last cut moves on to the next slab; little enough that what
/// was read is still in the processor's caches when it is hashed.
pub(super) const SLAB_BYTES: usize = 1536 * 1024;

/// The memory that goes round.
#[derive(Debug)]
pub(super) struct Slabs(Queue<Vec<u8>>);

impl Slabs {
    /// So many slabs; none takes memory before it is used.
    pub(super) fn new(count: usize) -> Self {
        let empty = Queue::new();
        (0..count).for_each(|_| {
            empty.push(Vec::new());
        });
        Self(empty)
    }

    /// Waits for one; `None` once closed.
    pub(super) fn take(&self) -> Option<Slab<'_>> {
        let mut bytes = self.0.pop()?;
        bytes.resize(SLAB_BYTES, 0);
        Some(Slab { bytes, home: self })
    }

    /// Nobody waits any longer.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

/// Memory that goes back where it came from.
#[derive(Debug)]
pub(super) struct Slab<'a> {
    pub(super) bytes: Vec<u8>,
    home: &'a Slabs,
}

impl Drop for Slab<'_> {
    fn drop(&mut self) {
        self.home.0.push(std::mem::take(&mut self.bytes));
    }
}

/// Bytes in a slab that nobody writes to any more.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    slab: Arc<Slab<'a>>,
    range: Range<usize>,
}

impl<'a> Piece<'a> {
    pub(super) fn new(slab: &Arc<Slab<'a>>, range: Range<usize>) -> Self {
        Self { slab: Arc::clone(slab), range }
    }
}

impl AsRef<[u8]> for Piece<'_> {
    fn as_ref(&self) -> &[u8] {
        self.slab.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slab_comes_back_with_its_last_piece() {
        let slabs = Slabs::new(1);
        let mut slab = slabs.take().unwrap();
        slab.bytes[7..9].copy_from_slice(b"ab");
        let slab = Arc::new(slab);
        let (first, second) = (Piece::new(&slab, 7..8), Piece::new(&slab, 8..9));
        drop(slab);
        assert_eq!((first.as_ref(), second.as_ref()), (&b"a"[..], &b"b"[..]));
        drop(first);
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| slabs.take().is_some());
            drop(second);
            assert!(taken.join().unwrap());
        });
    }

    #[test]
    fn nobody_waits_for_a_slab_once_closed() {
        let slabs = Slabs::new(1);
        let kept = slabs.take();
        slabs.close();
        assert!(slabs.take().is_none());
        drop(kept);
    }
}
