//! `pollux man`, for those who package: the manual as pages, made from the same text as `--help`.

use super::Done;
use super::exit::{Failure, Kind};
use clap::{Args, CommandFactory};
use std::path::PathBuf;

/// Write the manual pages, one for each verb, into a directory that is there
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct Arguments {
    /// The directory
    directory: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    clap_mangen::generate_to(super::Arguments::command(), &arguments.directory).map_err(|error| {
        Failure::new(Kind::Directory, format!("{}: {error}", arguments.directory.display()))
            .hint("name a directory that is there and can be written to")
    })
}
