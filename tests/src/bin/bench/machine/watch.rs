//! A save, and when publishing begins: the part before it is the node's and the command's, the rest is the seed's.

use crate::BenchError;
use crate::measure::{clocks, cpu_of};
use crate::table::Sample;
use pollux_tests::Finished;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// What the command says to people where it is not on a terminal.
const PUBLISHING: &str = "pollux: publishing";

/// Runs `pollux save` to its end; tells what everything cost until it said that it publishes, if it did.
pub(crate) fn watch(
    command: &mut Command,
    daemons: &[u32],
) -> Result<(Finished, Option<Sample>), BenchError> {
    let before = clocks(daemons)?;
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut local = None;
    let stderr = lines(&mut child, |process, line| {
        if line.starts_with(PUBLISHING) && local.is_none() {
            let wall = began.elapsed().as_secs_f64();
            let daemon_cpu = clocks(daemons)?.iter().zip(&before).map(|(now, before)| now - before).collect();
            local = Some(Sample { wall, command_cpu: cpu_of(process)?, daemon_cpu, bytes: None });
        }
        Ok(())
    });
    // What it prints fits in a pipe, so it can end before anybody reads.
    let status = child.wait()?;
    let elapsed = began.elapsed();
    let mut stdout = String::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_string(&mut stdout)?;
    }
    Ok((Finished { status: status.code(), stdout, stderr: stderr?, elapsed }, local))
}

/// Hands over every line of its standard error as it comes; all of it at the end.
fn lines(
    child: &mut Child,
    mut each: impl FnMut(u32, &str) -> Result<(), BenchError>,
) -> Result<String, BenchError> {
    let process = child.id();
    let mut said = String::new();
    for line in child.stderr.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines()) {
        let line = line?;
        each(process, &line)?;
        said += &line;
        said.push('\n');
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(script: &str) -> (Finished, Option<Sample>) {
        watch(Command::new("sh").args(["-c", script]), &[]).unwrap()
    }

    #[test]
    fn the_time_until_it_publishes_is_a_part_of_all() {
        let (finished, local) =
            saying("echo pollux: packing >&2; echo pollux: publishing >&2; echo '{\"result\":\"saved\"}'");
        assert_eq!((finished.status, finished.result().as_str()), (Some(0), "saved"));
        assert!(local.unwrap().wall <= finished.elapsed.as_secs_f64());
        assert_eq!(finished.stderr.lines().count(), 2);
    }

    #[test]
    fn a_save_that_does_not_publish_has_no_such_part() {
        let (finished, local) = saying("echo pollux: packing >&2; exit 3");
        assert_eq!(finished.status, Some(3));
        assert!(local.is_none());
    }
}
