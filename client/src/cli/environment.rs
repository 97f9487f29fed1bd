//! Variables that flags read. CI systems hand on what nobody set as empty, so an empty one is not set.

use clap::Command;
use std::env::var_os;

/// The command, in which no flag reads a variable that is empty here.
pub(super) fn without_empty(command: Command) -> Command {
    let command = command.mut_args(|flag| {
        let is_empty = flag.get_env().and_then(var_os).is_some_and(|value| value.is_empty());
        if is_empty { flag.env(None) } else { flag }
    });
    command.mut_subcommands(without_empty)
}
