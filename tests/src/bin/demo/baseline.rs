//! What people do without Pollux: `tar | zstd`, timed beside it.

use crate::DemoError;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whether both programs are here.
pub(crate) fn present() -> bool {
    ["tar", "zstd"].iter().all(|program| {
        let version =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    })
}

/// `tar | zstd -3 -T0`: how long it takes, and how many bytes come out.
pub(crate) fn pack(directory: &Path, archive: &Path) -> Result<(Duration, u64), DemoError> {
    let script = "tar -C \"$1\" -cf - . | zstd -q -3 -T0 -f -o \"$2\"";
    let took = shell(script, directory, archive)?;
    Ok((took, std::fs::metadata(archive)?.len()))
}

/// `zstd -dc | tar -x`: how long it takes.
pub(crate) fn unpack(archive: &Path, directory: &Path) -> Result<Duration, DemoError> {
    std::fs::create_dir(directory)?;
    shell("zstd -qdc \"$1\" | tar -C \"$2\" -xf -", archive, directory)
}

fn shell(script: &str, first: &Path, second: &Path) -> Result<Duration, DemoError> {
    let began = Instant::now();
    let status = Command::new("sh").args(["-ec", script, "sh"]).arg(first).arg(second).status()?;
    if !status.success() {
        return Err(DemoError::Step { what: "tar and zstd", why: status.to_string() });
    }
    Ok(began.elapsed())
}
