//! `pollux pool token`

use super::change::put;
use crate::cli::confirm::{confirm, show};
use crate::cli::save::key_source;
use crate::cli::{Done, output};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::key_file::KeySource;
use pollux_client::pool::{NewToken, OpenPool, TOKEN_DAYS, days, token};
use serde::Serialize;
use std::path::PathBuf;

/// Put a new join token into the pool file
///
/// Nodes join with it; it is part of the public pool file. The old one goes on working until it expires.
///
/// Example:
///
///   pollux pool token --pool pool.json --admission-key admission.pem
#[derive(Debug, Args)]
pub(super) struct Token {
    /// The pool file
    #[arg(long, value_name = "FILE")]
    pool: PathBuf,
    /// An admission key, in PKCS#8 PEM: a file of mode 0600, `-` for standard input, or `fd:N` for a descriptor
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, value_parser = key_source())]
    admission_key: KeySource,
    /// Its name in logs [default: the time]
    #[arg(long, value_name = "TEXT")]
    serial: Option<String>,
    /// Days until it lets nobody in any more
    #[arg(long, value_name = "DAYS", default_value_t = TOKEN_DAYS, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
    /// Sign without asking
    #[arg(long)]
    yes: bool,
    /// Write the new pool file here [default: in the place of the old one, which is kept as FILE.vVERSION]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of words
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    pool: String,
    serial: String,
    expires: pollux_core::Timestamp,
    written: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<PathBuf>,
}

pub(super) fn run(arguments: &Token) -> Done {
    let pool = OpenPool::read(&arguments.pool)?;
    let now = now();
    pool.check_in_force(now)?;
    let serial = arguments.serial.clone().unwrap_or_else(|| now.to_string());
    let expires = now.after(days(arguments.days));
    let name = pool.root().pool.clone();
    let line = format!("the join token becomes {serial}, good until {expires}");
    show(&format!("changes of pool {name} ({}):", pool.path().display()), &[line]);
    confirm("Sign this?", arguments.yes)?;
    let key = arguments.admission_key.read()?;
    let envelope = token(&pool, NewToken { serial: serial.clone(), expires }, &key, now)?;
    let (written, former) = put(&pool, &pool.with_token(envelope), arguments.out.as_deref())?;
    if arguments.json {
        return output::print_json(&Report { pool: name, serial, expires, written, former });
    }
    output::print(&format!("the new token is in {}: put it into images", written.display()))
}
