//! The seam to the disk: the only file operations that the store makes once its directory is open.
//!
//! There are two disks: [`RealDisk`], which may be opened to look only, and a faulty one in the tests that loses, tears, flips
//! and refuses.
use rustix::{
    buffer::spare_capacity,
    fs::{FallocateFlags, fallocate, fdatasync, fsync, statvfs},
    io::{Errno, pread},
};
use std::{
    fmt::Debug,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The records' file, and what it is called until it is a database.
pub(crate) const RECORDS: &str = "records.redb";
const RECORDS_BEGUN: &str = "records.redb.new";

/// A segment's number, which is also its file's name. Numbers grow; a later segment was begun later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SegmentNumber(pub(super) u32);

/// Room on the file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Space {
    /// Size of the file system.
    pub(super) total: u64,
    /// Free for an ordinary user.
    pub(super) free: u64,
}

/// A store's directory.
pub(super) trait Disk: Debug + Send + Sync {
    /// Numbers of the segments that are there, ascending.
    fn segments(&self) -> io::Result<Vec<SegmentNumber>>;
    /// Makes a segment's file, which must not be there; its name is durable when this returns.
    fn create_segment(&self, number: SegmentNumber) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a segment's file.
    fn open_segment(&self, number: SegmentNumber) -> io::Result<Arc<dyn DiskFile>>;
    /// Removes a segment's file; who has it open can go on reading it.
    fn remove_segment(&self, number: SegmentNumber) -> io::Result<()>;
    /// The same in a hurry: after a crash the file may be there again.
    fn drop_segment(&self, number: SegmentNumber) -> io::Result<()>;
    /// Opens the records' file, if it was finished.
    fn open_records(&self) -> io::Result<Option<Arc<dyn DiskFile>>>;
    /// Makes an empty file that will be the records'.
    fn begin_records(&self) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives it its name, durably: from now on it is found.
    fn finish_records(&self) -> io::Result<()>;
    /// Room on the file system.
    fn space(&self) -> io::Result<Space>;
}

/// An open file, read and written at offsets by any thread.
pub(super) trait DiskFile: Debug + Send + Sync {
    /// Its length in bytes.
    fn bytes(&self) -> io::Result<u64>;
    /// Fills the buffer from this offset, or fails.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Reads so many bytes from this offset into a new buffer, or fails.
    fn read_new_at(&self, bytes: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; bytes];
        self.read_exact_at(&mut buffer, offset)?;
        Ok(buffer)
    }
    /// Writes all bytes at this offset; after an error any part of them may be there.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts or lengthens (with zeros) the file.
    fn set_bytes(&self, bytes: u64) -> io::Result<()>;
    /// Sets blocks aside for this range without changing the file's length.
    fn reserve(&self, offset: u64, bytes: u64) -> io::Result<()>;
    /// Makes everything that was written before this call durable. After an error nothing is known of it.
    fn sync(&self) -> io::Result<()>;
}

/// What may be done with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Everything.
    Write,
    /// Files are opened for reading only: the system refuses to write to them.
    Look,
}

/// A directory on a file system.
#[derive(Debug)]
pub(super) struct RealDisk {
    directory: PathBuf,
    segments: PathBuf,
    access: Access,
}

impl RealDisk {
    /// The disk of the store in this directory; makes what is missing in it.
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        let segments = directory.join("segments");
        fs::create_dir_all(&segments)?;
        sync_directory(directory)?;
        Ok(Self { directory: directory.to_owned(), segments, access: Access::Write })
    }

    /// The disk of the store in this directory, to be looked at: nothing is made.
    pub(super) fn to_look(directory: &Path) -> Self {
        let segments = directory.join("segments");
        Self { directory: directory.to_owned(), segments, access: Access::Look }
    }

    fn open(&self, path: PathBuf) -> io::Result<File> {
        OpenOptions::new().read(true).write(self.access == Access::Write).open(path)
    }

    fn path(&self, number: SegmentNumber) -> PathBuf {
        self.segments.join(format!("{:08}.seg", number.0))
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    Ok(fsync(File::open(directory)?)?)
}

impl Disk for RealDisk {
    fn segments(&self) -> io::Result<Vec<SegmentNumber>> {
        let mut numbers = Vec::new();
        let entries = match fs::read_dir(&self.segments) {
            // A store that was only begun has none yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(numbers),
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name();
            let digits = name.to_str().and_then(|name| name.strip_suffix(".seg"));
            numbers.extend(digits.and_then(|digits| digits.parse().ok()).map(SegmentNumber));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn create_segment(&self, number: SegmentNumber) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.path(number))?;
        sync_directory(&self.segments)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open_segment(&self, number: SegmentNumber) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(self.open(self.path(number))?)))
    }

    fn remove_segment(&self, number: SegmentNumber) -> io::Result<()> {
        self.drop_segment(number)?;
        sync_directory(&self.segments)
    }

    /// A sync would wait for what others write, and they are who needs the room.
    fn drop_segment(&self, number: SegmentNumber) -> io::Result<()> {
        fs::remove_file(self.path(number))
    }

    fn open_records(&self) -> io::Result<Option<Arc<dyn DiskFile>>> {
        match self.open(self.directory.join(RECORDS)) {
            Ok(file) => Ok(Some(Arc::new(RealFile(file)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn begin_records(&self) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true);
        Ok(Arc::new(RealFile(options.open(self.directory.join(RECORDS_BEGUN))?)))
    }

    fn finish_records(&self) -> io::Result<()> {
        fs::rename(self.directory.join(RECORDS_BEGUN), self.directory.join(RECORDS))?;
        sync_directory(&self.directory)
    }

    fn space(&self) -> io::Result<Space> {
        let found = statvfs(&self.segments)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space { total: bytes(found.f_blocks), free: bytes(found.f_bavail) })
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    /// Without clearing memory that is written over at once.
    fn read_new_at(&self, bytes: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut buffer = Vec::with_capacity(bytes);
        while buffer.len() < bytes {
            let at = offset.saturating_add(u64::try_from(buffer.len()).unwrap_or(u64::MAX));
            match pread(&self.0, spare_capacity(&mut buffer), at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        // There may have been room for more.
        buffer.truncate(bytes);
        Ok(buffer)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn reserve(&self, offset: u64, bytes: u64) -> io::Result<()> {
        match fallocate(&self.0, FallocateFlags::KEEP_SIZE, offset, bytes) {
            // Not every file system can; there the writes themselves find out whether there is room.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        Ok(fdatasync(&self.0)?)
    }
}
