//! Which machine this is, and since which start of it.
//!
//! An image is copied to many machines. What one machine made for itself alone, such as its node's key, says where it was
//! made, so that another refuses it. Only digests are kept: neither id leaves the machine.

use pollux_core::ChunkId;
use std::fs;
use std::path::Path;

/// The machine's own id, made at its first start.
const MACHINE_ID: &str = "/etc/machine-id";
/// The id of this start of it, from the kernel.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Bytes of a mark at most; a mark has 133.
const MARK_BYTES_MAX: u64 = 1024;

/// A machine, and a start of it. Where a system does not tell one of them, all such systems count as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    machine: String,
    boot: String,
}

/// What another instance differs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// It is another machine.
    Machine,
    /// It is this machine, before it was started again.
    Boot,
}

impl Instance {
    /// This one.
    #[must_use]
    pub(crate) fn here() -> Self {
        Self::told_by(Path::new(MACHINE_ID), Path::new(BOOT_ID))
    }

    pub(crate) fn told_by(machine: &Path, boot: &Path) -> Self {
        Self { machine: digest("machine", machine), boot: digest("boot", boot) }
    }

    /// The mark that it leaves: two digests, a line each.
    #[must_use]
    pub(crate) fn mark(&self) -> String {
        format!("{}\n{}\n", self.machine, self.boot)
    }

    /// Whether somebody else left this mark. What is no mark was left by another machine.
    #[must_use]
    pub(crate) fn differs_from(&self, mark: &str) -> Option<Elsewhere> {
        let mut lines = mark.lines();
        if lines.next() != Some(self.machine.as_str()) {
            return Some(Elsewhere::Machine);
        }
        (lines.next() != Some(self.boot.as_str())).then_some(Elsewhere::Boot)
    }
}

/// A digest that is of no use for anything else.
fn digest(of: &str, path: &Path) -> String {
    let id = fs::read_to_string(path).unwrap_or_default();
    ChunkId::of(format!("pollux node instance: {of} {}", id.trim()).as_bytes()).to_string()
}

/// Reads a mark; none where there is none. A file that is too long or no text is no mark of anybody here.
pub(crate) fn read_mark(path: &Path) -> std::io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(found) if found.len() <= MARK_BYTES_MAX => {
            Ok(Some(String::from_utf8_lossy(&fs::read(path)?).into_owned()))
        }
        Ok(_) => Ok(Some(String::new())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_knows_its_own_mark() {
        let here = Instance::here();
        assert_eq!(here.differs_from(&here.mark()), None);
        assert_eq!(here, Instance::here());
    }

    #[test]
    fn another_machine_and_another_start_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str, id: &str| {
            let path = directory.path().join(name);
            fs::write(&path, id).unwrap();
            path
        };
        let (one, two) = (at("one", "1\n"), at("two", "2\n"));
        let first = Instance::told_by(&one, &one);
        assert_eq!(Instance::told_by(&two, &one).differs_from(&first.mark()), Some(Elsewhere::Machine));
        assert_eq!(Instance::told_by(&one, &two).differs_from(&first.mark()), Some(Elsewhere::Boot));
        assert_eq!(first.differs_from("nonsense"), Some(Elsewhere::Machine));
        assert!(!first.mark().contains("\n\n") && first.mark().len() < 200, "{}", first.mark());
    }

    #[test]
    fn a_mark_is_read_within_bounds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        assert_eq!(read_mark(&path).unwrap(), None);
        fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(read_mark(&path).unwrap().as_deref(), Some("one\ntwo\n"));
        fs::write(&path, vec![b'x'; 5000]).unwrap();
        assert_eq!(read_mark(&path).unwrap().as_deref(), Some(""));
    }
}
