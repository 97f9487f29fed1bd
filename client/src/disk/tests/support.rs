//! A sink in memory, directories to save, and a way to compare them.
use crate::disk::{
    ChunkSink, DiskError, Packed, Repeats, Restore, RestoreOptions, Restored, Scan, ScanOptions, TargetMode,
    Times, pack,
};
use pollux_core::{ChunkId, ChunkRef, FrameDecoder, VerifiedChunk};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    sync::{Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

/// Keeps what it is given; `on_ask` runs whenever it is asked.
#[derive(Default)]
pub(super) struct MemorySink {
    state: Mutex<State>,
    on_ask: Mutex<Option<Box<dyn FnMut() + Send>>>,
    fails_after_puts: Option<usize>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) chunks: HashMap<ChunkId, VerifiedChunk>,
    pub(super) asked: usize,
    pub(super) puts: usize,
    pub(super) read_bytes: u64,
    /// It says that it lacks nothing.
    pub(super) holds_everything: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the sink is full")]
pub(super) struct Full;

impl ChunkSink for MemorySink {
    type Error = Full;

    fn lacks(&self, chunks: &[ChunkId]) -> Result<Vec<bool>, Full> {
        if let Some(on_ask) = &mut *self.on_ask.lock().unwrap() {
            on_ask();
        }
        let mut state = self.state();
        state.asked += chunks.len();
        Ok(chunks.iter().map(|id| !state.holds_everything && !state.chunks.contains_key(id)).collect())
    }

    fn put(&self, chunk: VerifiedChunk) -> Result<(), Full> {
        let mut state = self.state();
        if self.fails_after_puts == Some(state.puts) {
            return Err(Full);
        }
        state.puts += 1;
        state.chunks.insert(chunk.chunk().id, chunk);
        Ok(())
    }

    fn progress(&self, bytes: u64) {
        self.state().read_bytes += bytes;
    }
}

impl MemorySink {
    /// A sink that does something whenever it is asked.
    pub(super) fn asked(on_ask: Option<Box<dyn FnMut() + Send>>) -> Self {
        Self { on_ask: Mutex::new(on_ask), ..Self::default() }
    }

    /// A sink that takes so many chunks.
    pub(super) fn of(chunks: usize) -> Self {
        Self { fails_after_puts: Some(chunks), ..Self::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn plain(&self, chunk: ChunkRef) -> Vec<u8> {
        FrameDecoder::new().open(self.state().chunks[&chunk.id].frame(), chunk).unwrap().to_vec()
    }
}

pub(super) fn options(base: &Path) -> ScanOptions {
    ScanOptions {
        base: base.to_owned(),
        paths: Vec::new(),
        exclude: Vec::new(),
        always: None,
        strict: false,
        content_times: false,
        audited: None,
    }
}

pub(super) fn scan(base: &Path) -> Scan {
    Scan::new(&options(base)).unwrap()
}

/// Everything as it was saved.
pub(super) fn as_saved(mode: TargetMode) -> RestoreOptions {
    RestoreOptions { mode, times: Times::Saved, repeats: Repeats::Write }
}

/// A saved directory.
pub(super) struct Saved {
    pub(super) packed: Packed,
    pub(super) sink: MemorySink,
}

impl Saved {
    pub(super) fn all_of(base: &Path) -> Self {
        Self::of(&options(base))
    }

    pub(super) fn of(options: &ScanOptions) -> Self {
        let sink = MemorySink::default();
        let packed = pack(&Scan::new(options).unwrap(), None, &sink).unwrap();
        Self { packed, sink }
    }

    pub(super) fn paths_of(base: &Path, paths: &[&str]) -> Self {
        Self::of(&ScanOptions { paths: paths.iter().map(|&path| path.to_owned()).collect(), ..options(base) })
    }

    pub(super) fn begin(&self, target: &Path, mode: TargetMode) -> Result<Restore, DiskError> {
        self.begin_as(target, as_saved(mode))
    }

    pub(super) fn begin_as(&self, target: &Path, options: RestoreOptions) -> Result<Restore, DiskError> {
        Restore::begin(target, self.packed.tree.clone(), options)
    }

    /// Writes what a restore wants.
    pub(super) fn fill(&self, restore: &Restore) -> Result<(), DiskError> {
        restore.wanted().into_iter().try_for_each(|chunk| restore.write(chunk, &self.sink.plain(chunk)))
    }

    pub(super) fn restore(&self, target: &Path, mode: TargetMode) -> Result<Restored, DiskError> {
        self.restore_as(target, as_saved(mode))
    }

    pub(super) fn restore_as(&self, target: &Path, options: RestoreOptions) -> Result<Restored, DiskError> {
        let restore = self.begin_as(target, options)?;
        self.fill(&restore)?;
        restore.finish()
    }
}

/// What a person sees of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(super) mode: u32,
    pub(super) modified_ns: i128,
    pub(super) what: What,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum What {
    File(Vec<u8>),
    Directory,
    Link(String),
}

impl std::fmt::Debug for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(bytes) => write!(f, "{} bytes, {:?}", bytes.len(), ChunkId::of(bytes)),
            Self::Directory => write!(f, "directory"),
            Self::Link(target) => write!(f, "-> {target}"),
        }
    }
}

/// All below a directory.
pub(crate) fn snapshot(base: &Path) -> BTreeMap<String, Seen> {
    let mut all = BTreeMap::new();
    let mut left = vec![base.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let about = path.symlink_metadata().unwrap();
            let what = if about.is_symlink() {
                What::Link(fs::read_link(&path).unwrap().to_str().unwrap().to_owned())
            } else if about.is_dir() {
                left.push(path.clone());
                What::Directory
            } else {
                What::File(fs::read(&path).unwrap())
            };
            let modified_ns = i128::from(about.mtime()) * 1_000_000_000 + i128::from(about.mtime_nsec());
            let seen = Seen { mode: about.mode() & 0o7777, modified_ns, what };
            all.insert(path.strip_prefix(base).unwrap().to_str().unwrap().to_owned(), seen);
        }
    }
    all
}

/// Paths and contents only.
pub(super) fn contents(base: &Path) -> BTreeMap<String, What> {
    snapshot(base).into_iter().map(|(path, seen)| (path, seen.what)).collect()
}

/// Names in a directory.
pub(super) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Bytes without a pattern, the same for the same seed.
pub(in crate::disk) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(super) fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub(super) fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(super) fn mode_of(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

pub(super) fn set_time(path: impl AsRef<Path>, nanoseconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// A directory with something of everything: small files over several chunks, large ones, empty ones, links, modes, times.
pub(crate) fn sample(base: &Path) {
    for index in 0..60_u64 {
        write(base.join(format!("small/{}/{index}.txt", index % 7)), noise(index, 20_000));
    }
    write(base.join("large/one.bin"), noise(1000, 1_500_000));
    write(base.join("large/copy.bin"), noise(1000, 1_500_000));
    write(base.join("large/two.bin"), noise(1001, 400_000));
    write(base.join("run.sh"), "#!/bin/sh\n");
    write(base.join("empty"), "");
    fs::create_dir_all(base.join("nothing/in/here")).unwrap();
    symlink("../run.sh", base.join("small/run")).unwrap();
    symlink("nowhere", base.join("dangling")).unwrap();
    set_mode(base.join("run.sh"), 0o755);
    set_mode(base.join("small/1/1.txt"), 0o444);
    set_mode(base.join("nothing/in"), 0o700);
    set_time(base.join("run.sh"), 1_000_000_000_123_456_789);
    set_time(base.join("nothing"), 999_999_999_000_000_001);
}

/// Mounts a small file system until it is dropped; `None` where that is not allowed.
pub(super) struct Mount(std::path::PathBuf);

impl Mount {
    pub(super) fn tmpfs(at: &Path, size: &str) -> Option<Self> {
        Self::new(&["-t", "tmpfs", "-o", &format!("size={size},mode=755"), "pollux-test"], at)
    }

    /// Of an image that this program makes a file system in.
    pub(super) fn image(make: &[&str], image: &Path, at: &Path) -> Option<Self> {
        // Sparse; XFS makes nothing smaller.
        fs::File::create(image).unwrap().set_len(300 << 20).unwrap();
        let done = std::process::Command::new(make[0]).args(&make[1..]).arg(image).output();
        if !done.is_ok_and(|done| done.status.success()) {
            println!("skipped: no {} here that works", make[0]);
            return None;
        }
        Self::new(&["-o", "loop", image.to_str().unwrap()], at)
    }

    pub(super) fn new(arguments: &[&str], at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let done = std::process::Command::new("mount").args(arguments).arg(at).output();
        if done.is_ok_and(|done| done.status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!("skipped: this cannot be mounted here: {arguments:?}");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
