//! A disk in memory that keeps apart what was written and what is durable, and fails when it is told to.
use crate::store::disk::{Disk, DiskFile, SegmentNumber, Space};
use rustix::io::Errno;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

/// The sector is what a crash keeps or loses as a whole.
const SECTOR_BYTES: usize = 512;

/// See the module. Clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    RecordsBegun,
    Records,
    Segment(SegmentNumber),
}

#[derive(Debug)]
struct State {
    files: BTreeMap<Name, Arc<Mutex<Bytes>>>,
    faults: Faults,
    changes: u64,
    syncs: u64,
    read_bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Bytes {
    written: Vec<u8>,
    durable: Vec<u8>,
    /// Blocks are set aside up to here.
    reserved: u64,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    /// So many more changes succeed; then the plug is pulled and every operation fails.
    pub(super) changes_left: Option<u64>,
    /// Bytes that fit on the disk: more is written in part, then refused.
    pub(super) capacity: u64,
    /// The file system has more room, it says.
    pub(super) lies_about_space: bool,
    /// Setting blocks aside does nothing, as on some file systems.
    pub(super) cannot_reserve: bool,
    /// Every sync fails.
    pub(super) sync_fails: bool,
    /// Cutting a file fails.
    pub(super) cut_fails: bool,
    /// A byte of every file that cannot be read any more.
    pub(super) unreadable: Option<u64>,
    /// No byte of any file can be read.
    pub(super) reads_fail: bool,
    /// The records' file is not among those that cannot be read.
    pub(super) readable_records: bool,
}

const NO_FAULTS: Faults = Faults {
    changes_left: None,
    capacity: 1 << 40,
    lies_about_space: false,
    cannot_reserve: false,
    sync_fails: false,
    cut_fails: false,
    unreadable: None,
    reads_fail: false,
    readable_records: false,
};

/// What of the bytes that were written and not synced is there after a crash.
#[derive(Clone, Copy, Debug)]
pub(super) enum Crash {
    /// Nothing.
    LosesUnsynced,
    /// Everything: only the process died.
    KeepsAll,
    /// Some sectors, picked by this number.
    KeepsSome(u64),
}

impl FaultyDisk {
    /// An empty disk without faults.
    pub(super) fn new() -> Self {
        Self::with(BTreeMap::new())
    }

    fn with(files: BTreeMap<Name, Arc<Mutex<Bytes>>>) -> Self {
        let state = State { files, faults: NO_FAULTS, changes: 0, syncs: 0, read_bytes: 0 };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// From now on other things go wrong.
    pub(super) fn set(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
    }

    /// Everything works again.
    pub(super) fn heal(&self) {
        self.state().faults = NO_FAULTS;
    }

    /// Writes, cuts, syncs and so on that succeeded.
    pub(super) fn changes(&self) -> u64 {
        self.state().changes
    }

    /// Syncs that succeeded.
    pub(super) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Bytes that were read.
    pub(super) fn read_bytes(&self) -> u64 {
        self.state().read_bytes
    }

    /// Bytes of all files.
    pub(super) fn used(&self) -> u64 {
        used(&self.state())
    }

    /// The disk as another process finds it after a crash at this moment.
    pub(super) fn after(&self, crash: Crash) -> Self {
        let state = self.state();
        let files = state.files.iter().map(|(name, bytes)| (*name, bytes.lock().unwrap().clone()));
        let crashed = files.zip(1..).map(|((name, bytes), salt)| {
            let written = bytes.after(crash, salt);
            // Where only the process died, the kernel still has to write what it had to write before.
            let durable = if matches!(crash, Crash::KeepsAll) { bytes.durable } else { written.clone() };
            (name, Arc::new(Mutex::new(Bytes { reserved: length(&written), written, durable })))
        });
        Self::with(crashed.collect())
    }

    /// The bytes of a segment.
    pub(super) fn segment(&self, number: u32) -> Vec<u8> {
        let file = Arc::clone(&self.state().files[&Name::Segment(SegmentNumber(number))]);
        file.lock().unwrap().written.clone()
    }

    /// How many they are.
    pub(super) fn segment_bytes(&self, number: u32) -> usize {
        let state = self.state();
        let file = state.files.get(&Name::Segment(SegmentNumber(number)));
        file.map_or(0, |file| file.lock().unwrap().written.len())
    }

    /// Puts other bytes in a segment's place, also durably.
    pub(super) fn replace_segment(&self, number: u32, bytes: Vec<u8>) {
        let file =
            Arc::new(Mutex::new(Bytes { reserved: length(&bytes), written: bytes.clone(), durable: bytes }));
        self.state().files.insert(Name::Segment(SegmentNumber(number)), file);
    }

    /// Numbers of the segments.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.segments().unwrap().into_iter().map(|number| number.0).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts a change, unless the plug is pulled.
    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        match &mut state.faults.changes_left {
            Some(0) => return Err(Errno::IO.into()),
            Some(left) => *left -= 1,
            None => {}
        }
        state.changes += 1;
        Ok(state)
    }

    fn file(&self, bytes: &Arc<Mutex<Bytes>>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { disk: self.clone(), bytes: Arc::clone(bytes), is_records: false })
    }

    fn records_file(&self, bytes: &Arc<Mutex<Bytes>>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { disk: self.clone(), bytes: Arc::clone(bytes), is_records: true })
    }
}

fn used(state: &State) -> u64 {
    state.files.values().map(|bytes| bytes.lock().unwrap().used()).sum()
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

impl Bytes {
    /// Bytes of its blocks.
    fn used(&self) -> u64 {
        length(&self.written).max(self.reserved)
    }

    fn after(&self, crash: Crash, salt: u64) -> Vec<u8> {
        let picks = match crash {
            Crash::LosesUnsynced => return self.durable.clone(),
            Crash::KeepsAll => return self.written.clone(),
            Crash::KeepsSome(seed) => seed.wrapping_mul(31).wrapping_add(salt),
        };
        let mut kept = self.durable.clone();
        // The file's length is one more thing that may or may not have reached the disk.
        let longer = self.written.len() > kept.len() && picks % 3 != 0;
        kept.resize(if longer { self.written.len() } else { kept.len().min(self.written.len()) }, 0);
        for (number, (to, from)) in
            kept.chunks_mut(SECTOR_BYTES).zip(self.written.chunks(SECTOR_BYTES)).enumerate()
        {
            let pick = picks.wrapping_add(u64::try_from(number).unwrap()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if pick >> 63 == 0 {
                let bytes = to.len().min(from.len());
                to[..bytes].copy_from_slice(&from[..bytes]);
            }
        }
        kept
    }
}

impl Disk for FaultyDisk {
    fn segments(&self) -> io::Result<Vec<SegmentNumber>> {
        let state = self.state();
        let numbers = state.files.keys().filter_map(|name| match name {
            Name::Segment(number) => Some(*number),
            Name::RecordsBegun | Name::Records => None,
        });
        Ok(numbers.collect())
    }

    fn create_segment(&self, number: SegmentNumber) -> io::Result<Arc<dyn DiskFile>> {
        let bytes = Arc::new(Mutex::new(Bytes::default()));
        let before = self.change()?.files.insert(Name::Segment(number), Arc::clone(&bytes));
        assert!(before.is_none(), "a segment's number was used twice");
        Ok(self.file(&bytes))
    }

    fn open_segment(&self, number: SegmentNumber) -> io::Result<Arc<dyn DiskFile>> {
        let bytes = self.state().files.get(&Name::Segment(number)).cloned();
        bytes.map(|bytes| self.file(&bytes)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn remove_segment(&self, number: SegmentNumber) -> io::Result<()> {
        self.change()?.files.remove(&Name::Segment(number));
        Ok(())
    }

    fn drop_segment(&self, number: SegmentNumber) -> io::Result<()> {
        self.remove_segment(number)
    }

    fn open_records(&self) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let bytes = self.state().files.get(&Name::Records).cloned();
        Ok(bytes.map(|bytes| self.records_file(&bytes)))
    }

    fn begin_records(&self) -> io::Result<Arc<dyn DiskFile>> {
        let bytes = Arc::new(Mutex::new(Bytes::default()));
        self.change()?.files.insert(Name::RecordsBegun, Arc::clone(&bytes));
        Ok(self.records_file(&bytes))
    }

    fn finish_records(&self) -> io::Result<()> {
        let mut state = self.change()?;
        let bytes = state.files.remove(&Name::RecordsBegun).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(Name::Records, bytes);
        Ok(())
    }

    fn space(&self) -> io::Result<Space> {
        let state = self.state();
        let total = state.faults.capacity;
        let free = if state.faults.lies_about_space { total } else { total.saturating_sub(used(&state)) };
        Ok(Space { total, free })
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    bytes: Arc<Mutex<Bytes>>,
    is_records: bool,
}

impl DiskFile for FaultyFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(length(&self.bytes.lock().unwrap().written))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.read_bytes += length(buffer);
        let range = offset..offset + length(buffer);
        let is_spared = self.is_records && state.faults.readable_records;
        let is_hit = state.faults.unreadable.is_some_and(|at| range.contains(&at));
        if !is_spared && (is_hit || state.faults.reads_fail) {
            return Err(Errno::IO.into());
        }
        let bytes = self.bytes.lock().unwrap();
        let found = bytes.written.get(index(offset)..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let state = self.disk.change()?;
        let room = state.faults.capacity.saturating_sub(used(&state));
        let mut file = self.bytes.lock().unwrap();
        let end_max = file.used() + room;
        let fits = index(end_max.saturating_sub(offset)).min(bytes.len());
        let end = index(offset) + fits;
        if fits > 0 && file.written.len() < end {
            file.written.resize(end, 0);
        }
        file.written[index(offset)..][..fits].copy_from_slice(&bytes[..fits]);
        if fits < bytes.len() { Err(Errno::NOSPC.into()) } else { Ok(()) }
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        let state = self.disk.change()?;
        if state.faults.cut_fails {
            return Err(Errno::IO.into());
        }
        let mut file = self.bytes.lock().unwrap();
        file.written.resize(index(bytes), 0);
        file.reserved = bytes;
        Ok(())
    }

    fn reserve(&self, offset: u64, bytes: u64) -> io::Result<()> {
        let state = self.disk.change()?;
        if state.faults.cannot_reserve {
            return Ok(());
        }
        let all = used(&state);
        let mut file = self.bytes.lock().unwrap();
        let end = file.used().max(offset + bytes);
        if all + (end - file.used()) > state.faults.capacity {
            return Err(Errno::NOSPC.into());
        }
        file.reserved = end;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.change()?;
        if state.faults.sync_fails {
            return Err(Errno::IO.into());
        }
        state.syncs += 1;
        let mut bytes = self.bytes.lock().unwrap();
        bytes.durable = bytes.written.clone();
        Ok(())
    }
}
