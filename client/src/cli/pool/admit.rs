//! `pollux pool admit`

use crate::cli::save::key_source;
use crate::cli::{Done, output};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::key_file::KeySource;
use pollux_client::pool::{Admission, OpenPool, admit, rewrite};
use pollux_core::PeerId;
use std::net::IpAddr;
use std::path::PathBuf;

/// Sign a membership for one node, where the policy lets no token admit
///
/// `pollux pool admission strict`, or `pollux pool init --strict`, makes it so; elsewhere the token of the pool file is
/// enough.
///
/// It is good for 15 minutes; seeds renew it as long as the node is there. Sign it before untrusted code runs on the
/// node's machine. It is printed, or written to --out, as one line of JSON, which the node takes from the file that its
/// setting `membership` names.
///
/// Example:
///
///   pollux pool admit 12D3Koo… --address 10.0.0.7 --pool pool.json --admission-key admission.pem --out membership.json
#[derive(Debug, Args)]
pub(super) struct Admit {
    /// The node's peer id, as `pollux-node peer-id` or `pollux status` shows it
    peer: PeerId,
    /// The address at which seeds see it
    #[arg(long, value_name = "IP")]
    address: IpAddr,
    /// What the instance is called, for people
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// The pool file
    #[arg(long, value_name = "FILE")]
    pool: PathBuf,
    /// An admission key, in PKCS#8 PEM: a file of mode 0600, `-` for standard input, or `fd:N` for a descriptor
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, value_parser = key_source())]
    admission_key: KeySource,
    /// Write the membership here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Failures are one JSON object, too
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Admit) -> Done {
    let pool = OpenPool::read(&arguments.pool)?;
    let now = now();
    pool.check_in_force(now)?;
    let who =
        Admission { peer: arguments.peer, address: arguments.address, instance: arguments.instance.clone() };
    let text = admit(&pool, who, &arguments.admission_key.read()?, now)?.to_json();
    match &arguments.out {
        Some(path) => Ok(rewrite(path, (text + "\n").as_bytes())?),
        None => output::print(&text),
    }
}
