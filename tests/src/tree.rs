//! Directories: made, listed, compared.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What a directory holds: by relative path, everything that a restore must bring back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    entries: BTreeMap<PathBuf, Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    File { mode: u32, modified: (i64, i64), bytes: u64, content: [u8; 32] },
    Directory { mode: u32 },
    Symlink { target: PathBuf },
}

/// Where two directories differ first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Difference {
    /// The relative path.
    pub path: PathBuf,
    /// What differs.
    pub what: String,
}

impl Listing {
    /// Lists a directory: contents by hash, modes, times, links.
    ///
    /// # Errors
    /// Something cannot be read, or is neither a file, a directory nor a link.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let mut listing = Self::default();
        listing.add(directory, Path::new(""))?;
        Ok(listing)
    }

    fn add(&mut self, base: &Path, relative: &Path) -> io::Result<()> {
        for entry in fs::read_dir(base.join(relative))? {
            let path = relative.join(entry?.file_name());
            let seen = see(&base.join(&path))?;
            let is_directory = matches!(seen, Seen::Directory { .. });
            self.entries.insert(path.clone(), seen);
            if is_directory {
                self.add(base, &path)?;
            }
        }
        Ok(())
    }

    /// Entries of all kinds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Plain bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let bytes = |seen: &Seen| match seen {
            Seen::File { bytes, .. } => *bytes,
            Seen::Directory { .. } | Seen::Symlink { .. } => 0,
        };
        self.entries.values().map(bytes).sum()
    }

    /// All files, in order of path.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.entries
            .iter()
            .filter(|(_, seen)| matches!(seen, Seen::File { .. }))
            .map(|(path, _)| path.as_path())
    }

    /// Whether both have a file there with the same content and mode; its time does not count.
    #[must_use]
    pub fn has_same_file(&self, other: &Self, path: &Path) -> bool {
        let file = |listing: &Self| match listing.entries.get(path) {
            Some(Seen::File { mode, bytes, content, .. }) => Some((*mode, *bytes, *content)),
            Some(Seen::Directory { .. } | Seen::Symlink { .. }) | None => None,
        };
        file(self).is_some_and(|here| file(other) == Some(here))
    }

    /// Nothing, if the other is the same.
    ///
    /// # Errors
    /// The first difference, in order of path.
    pub fn same_as(&self, other: &Self) -> Result<(), Difference> {
        let paths = self.entries.keys().chain(other.entries.keys());
        for path in paths {
            let (here, there) = (self.entries.get(path), other.entries.get(path));
            if here != there {
                return Err(Difference { path: path.clone(), what: format!("{here:?} against {there:?}") });
            }
        }
        Ok(())
    }
}

fn see(path: &Path) -> io::Result<Seen> {
    let metadata = fs::symlink_metadata(path)?;
    let mode = metadata.mode() & 0o7777;
    if metadata.is_symlink() {
        return Ok(Seen::Symlink { target: fs::read_link(path)? });
    }
    if metadata.is_dir() {
        return Ok(Seen::Directory { mode });
    }
    if !metadata.is_file() {
        return Err(io::Error::other(format!("{}: a special file", path.display())));
    }
    let content = *pollux_core::ChunkId::of(&fs::read(path)?).as_bytes();
    let modified = (metadata.mtime(), metadata.mtime_nsec());
    Ok(Seen::File { mode, modified, bytes: metadata.len(), content })
}

/// Bytes that do not compress, the same for the same label.
#[must_use]
pub fn fill(label: &str, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count + 32);
    let mut number = 0_u64;
    while bytes.len() < count {
        let block = pollux_core::ChunkId::of(format!("{label} {number}").as_bytes());
        bytes.extend_from_slice(block.as_bytes());
        number += 1;
    }
    bytes.truncate(count);
    bytes
}

/// Makes a small tree with everything that a cache may hold: nested directories, empty and executable files, a large
/// file, links, odd names. `label` makes its contents differ.
///
/// # Errors
/// The disk says no.
pub fn sample_tree(directory: &Path, label: &str) -> io::Result<()> {
    fs::create_dir_all(directory.join("lib/deep/er"))?;
    fs::create_dir_all(directory.join("empty directory"))?;
    for number in 0..200 {
        let name = format!("lib/module-{number}.js");
        let text = format!("// {label} {number}\n").repeat(40 + number);
        fs::write(directory.join(name), text)?;
    }
    fs::write(directory.join("large.bin"), fill(label, 3_000_000))?;
    fs::write(directory.join("middle.bin"), fill("the same in every tree", 700_000))?;
    fs::write(directory.join("nothing"), b"")?;
    fs::write(directory.join("lib/deep/er/näme with späces"), label)?;
    fs::write(directory.join("run.sh"), "#!/bin/sh\necho ran\n")?;
    fs::set_permissions(directory.join("run.sh"), Permissions::from_mode(0o755))?;
    fs::set_permissions(directory.join("nothing"), Permissions::from_mode(0o400))?;
    symlink("../run.sh", directory.join("lib/link"))?;
    symlink("lib", directory.join("link to a directory"))?;
    Ok(())
}
