//! The file system that everything is written to.

use crate::BenchError;
use crate::measure::run;
use crate::words::{say, step};
use rustix::fs::syncfs;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// What is written at once.
const MIB: u64 = 1024 * 1024;

/// A directory of our own; dropped, it is removed, and the image with it.
#[derive(Debug)]
pub(crate) struct Place {
    /// Where the image is mounted, if there is one.
    mounted: Option<PathBuf>,
    directory: PathBuf,
    /// What and how it is mounted, for the table.
    pub(crate) file_system: String,
    /// Whether removing files makes it slow for minutes: then they are removed only at the very end.
    pub(crate) removes_at_end: bool,
    /// Last, since it is removed when this is dropped.
    own: Option<TempDir>,
}

impl Place {
    /// Makes it below `work`, which must be there.
    pub(crate) fn new(work: &Path, image_bytes: Option<u64>) -> Result<Self, BenchError> {
        let work = fs::canonicalize(work)
            .map_err(|error| BenchError::step(format!("writing below {}", work.display()), error))?;
        let own = tempfile::Builder::new().prefix("pollux-bench-").tempdir_in(work)?;
        let mut place = Self {
            mounted: None,
            directory: own.path().to_owned(),
            file_system: String::new(),
            removes_at_end: false,
            own: Some(own),
        };
        if let Some(bytes) = image_bytes {
            place.mount(bytes)?;
        }
        place.look()?;
        Ok(place)
    }

    /// Where to write.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes everything to the disk that waits in memory, so that nobody pays for what was written before.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(syncfs(File::open(&self.directory)?)?)
    }

    /// Writes and removes so many bytes, so that what is written next lies in memory that this machine has. A virtual machine
    /// gets memory from its host when it first touches it, ten times more slowly than it writes, and may have to give back
    /// what it does not use: who is measured first after a pause would pay for all. On a disk there is nothing to warm.
    pub(crate) fn warm(&self, bytes: u64) -> io::Result<()> {
        if !self.file_system.starts_with("tmpfs") {
            return Ok(());
        }
        let path = self.directory.join("warm");
        let mut file = File::create(&path)?;
        let some = vec![0; usize::try_from(MIB).unwrap_or_default()];
        let written = (0..bytes.div_ceil(MIB)).try_for_each(|_| file.write_all(&some));
        drop(file);
        fs::remove_file(path)?;
        written
    }

    /// Unmounts and removes everything.
    pub(crate) fn remove(&mut self) -> Result<(), BenchError> {
        self.unmount()?;
        if let Some(own) = self.own.take() {
            own.close()?;
        }
        Ok(())
    }

    fn mount(&mut self, bytes: u64) -> Result<(), BenchError> {
        step("Making an ext4 with a journal");
        let (image, point) = (self.directory.join("image"), self.directory.join("mounted"));
        File::create(&image)?.set_len(bytes)?;
        let mut make = Command::new("mkfs.ext4");
        // All inode tables now, not by a thread of the kernel while we measure; an inode for every 8 KiB is enough.
        make.args(["-q", "-F", "-i", "8192", "-E", "lazy_itable_init=0,lazy_journal_init=0"]).arg(&image);
        run(&mut make)?;
        fs::create_dir(&point)?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&point))?;
        self.mounted = Some(point.clone());
        self.directory = point;
        Ok(())
    }

    fn unmount(&mut self) -> Result<(), BenchError> {
        let Some(point) = self.mounted.take() else { return Ok(()) };
        if run(Command::new("umount").arg(&point)).is_err() {
            // A process that still ends holds it for a moment; the kernel lets go after it.
            run(Command::new("umount").arg("--lazy").arg(&point))?;
        }
        Ok(())
    }

    fn look(&mut self) -> Result<(), BenchError> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let Some(mount) = MountLine::of(&mounts, &self.directory) else { return Ok(()) };
        let journal = mount.kind != "ext4" || has_journal(mount.device);
        let without = if journal { "" } else { ", without a journal" };
        self.file_system = format!("{}{without} at {} ({})", mount.kind, mount.point, mount.options);
        self.removes_at_end = !journal;
        if !journal {
            say("This ext4 has no journal: after files were removed it makes new ones slowly, for minutes.");
            say("Name another --work, or use --loop-ext4; what is measured here is not fair to anybody.");
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // There is nobody left to tell.
        drop(self.unmount());
    }
}

/// A line of mountinfo.
#[derive(Debug, PartialEq, Eq)]
struct MountLine<'a> {
    /// Numbers, with a colon.
    device: &'a str,
    point: &'a str,
    options: &'a str,
    kind: &'a str,
}

impl<'a> MountLine<'a> {
    /// The mount that a path lies on: the longest mount point above it, the last of equals.
    fn of(mounts: &'a str, path: &Path) -> Option<Self> {
        let lines = mounts.lines().filter_map(Self::parse);
        lines.filter(|line| path.starts_with(line.point)).max_by_key(|line| line.point.len())
    }

    fn parse(line: &'a str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(2);
        let (device, point, options) = (fields.next()?, fields.nth(1)?, fields.next()?);
        Some(Self { device, point, options, kind: after.split(' ').next()? })
    }
}

/// The kernel lists a journal by the device's name.
fn has_journal(device: &str) -> bool {
    let link = fs::read_link(format!("/sys/dev/block/{device}")).unwrap_or_default();
    let name = link.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Path::new("/proc/fs/jbd2").join(format!("{name}-8")).is_dir()
}

/// Bytes of a file, or of all files below a directory.
pub(crate) fn file_bytes(directory: &Path) -> io::Result<u64> {
    let metadata = fs::metadata(directory)?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { file_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Bytes, or with K, M, G or T that many powers of 1024.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match text.strip_prefix(digits) {
        Some("") => 0,
        Some("K") => 10,
        Some("M") => 20,
        Some("G") => 30,
        Some("T") => 40,
        _ => return Err("write a number of bytes, or one with K, M, G or T".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "that is no number".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse_size("12G"), Ok(12 << 30));
        assert_eq!(parse_size("512"), Ok(512));
        assert!(parse_size("12X").is_err() && parse_size("G").is_err() && parse_size("99999999T").is_err());
    }

    #[test]
    fn a_path_lies_on_the_longest_mount_point_above_it() {
        let mounts = "22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n\
            25 22 0:23 / /dev/shm rw shared:4 - tmpfs tmpfs rw,size=1k\n";
        let mount = |path: &str| MountLine::of(mounts, Path::new(path)).map(|line| (line.kind, line.device));
        assert_eq!(mount("/dev/shm/x"), Some(("tmpfs", "0:23")));
        assert_eq!(mount("/dev/shmx"), Some(("ext4", "254:0")));
    }

    #[test]
    fn a_place_is_removed() {
        let work = tempfile::tempdir().unwrap();
        let mut place = Place::new(work.path(), None).unwrap();
        fs::write(place.directory().join("file"), [1; 5000]).unwrap();
        assert_eq!(file_bytes(place.directory()).unwrap(), 5000);
        assert_eq!(file_bytes(&place.directory().join("file")).unwrap(), 5000);
        assert!(!place.file_system.is_empty());
        place.remove().unwrap();
        assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0);
    }
}
