//! `pollux completions`

use super::{Done, output};
use clap::{Args, Command, CommandFactory};
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
    clap_complete::generate(arguments.shell, &mut shown(), "pollux", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end())
}

/// The command line without the verbs that are not for people: a shell offers what help tells of.
fn shown() -> Command {
    let all = super::Arguments::command();
    let verbs = all.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    Command::new("pollux")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .args(all.get_arguments().cloned())
        .subcommands(verbs.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_verbs_are_not_offered() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut shown(), "pollux", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("bugreport") && script.contains("signing-key"), "{shell}");
            assert!(!script.contains("manual pages") && !script.contains("pollux__man"), "{shell}");
        }
    }
}
