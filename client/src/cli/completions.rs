//! `pollux completions`

use super::{Done, output};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print what a shell completes `pollux` with
///
/// For bash: pollux completions bash > /etc/bash_completion.d/pollux; packages bring it along.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "pollux", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end())
}
