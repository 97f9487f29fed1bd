//! What a job runs on: operating system, release and architecture, as parts of a key.
//!
//! What was built for one never falls back to another, so they stand before the lock files in every template.

use pollux_core::Key;

/// Bytes of os-release that are looked at.
const OS_RELEASE_BYTES_MAX: usize = 64 * 1024;

/// A platform. Each part is one or more characters that a segment of a key may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `debian`, by os-release's ID.
    pub os: String,
    /// `12`, by its VERSION_ID; `rolling` where there is none.
    pub release: String,
    /// `x86_64`.
    pub arch: String,
}

impl Platform {
    /// From the text of os-release and the kernel's name for the machine.
    #[must_use]
    pub fn of(os_release: &str, machine: &str) -> Self {
        let head = os_release.get(..OS_RELEASE_BYTES_MAX).unwrap_or(os_release);
        let value = |name: &str| {
            let line = head.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
            let plain = line.trim_matches(['"', '\'']).to_ascii_lowercase();
            (!plain.is_empty()).then(|| Key::segment_of(&plain))
        };
        let or = |found: Option<String>, otherwise: &str| found.unwrap_or_else(|| otherwise.to_owned());
        Self {
            os: or(value("ID"), "linux"),
            release: or(value("VERSION_ID"), "rolling"),
            arch: or((!machine.is_empty()).then(|| Key::segment_of(machine)), "unknown"),
        }
    }

    /// Of this machine.
    #[must_use]
    pub fn here() -> Self {
        let paths = ["/etc/os-release", "/usr/lib/os-release"];
        let text = paths.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        Self::of(&text, &rustix::system::uname().machine().to_string_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_what_os_release_says() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_ID=\"12\"\nID=debian\nID_LIKE=x\n";
        let platform = Platform::of(text, "x86_64");
        assert_eq!(
            (platform.os.as_str(), platform.release.as_str(), platform.arch.as_str()),
            ("debian", "12", "x86_64")
        );
        let odd = Platform::of("ID='My OS/1'", "");
        assert_eq!(
            (odd.os.as_str(), odd.release.as_str(), odd.arch.as_str()),
            ("my%20os%2F1", "rolling", "unknown")
        );
        assert_eq!(Platform::of("", "arm64").os, "linux");
    }
}
