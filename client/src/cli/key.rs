//! `pollux key`

use super::{Done, key_of, output};
use clap::{Args, Subcommand, ValueEnum};
use pollux_client::pool::public_key;
use pollux_core::{PeerId, PublicKey};
use serde::Serialize;

/// Name the key of a cache; show cryptographic keys in the forms of other programs
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Of(key_of::Arguments),
    Show(Show),
}

/// Print a public key, or the public half of a secret one
///
/// Secret keys are PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes them and `openssl pkey -in publisher.pem
/// -text` reads them. ssh-keygen reads the line of OpenSSH; not every release of it also knows Ed25519 in PEM
/// (`ssh-keygen -i -m PKCS8 -f publisher.pub`).
///
/// Examples:
///
///   pollux key show publisher.pem > publisher.pub
///
///   pollux key show publisher.pub --format ssh
#[derive(Debug, Args)]
struct Show {
    /// A file with a public or secret key; or 64 hexadecimal digits, a peer id, or an OpenSSH line
    key: String,
    /// The form that is printed
    #[arg(long, value_enum, default_value_t = Format::Pem)]
    format: Format,
    /// Print one JSON object with all forms instead
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// SubjectPublicKeyInfo in PEM, for openssl
    Pem,
    /// A line of OpenSSH
    Ssh,
    /// Hexadecimal digits, as policies have it
    Hex,
    /// A peer id, as seeds and nodes are named
    Peer,
}

#[derive(Debug, Serialize)]
struct Report {
    hex: String,
    peer: String,
    pem: String,
    ssh: String,
}

impl Arguments {
    /// Whether the result is for scripts.
    pub(super) const fn json(&self) -> bool {
        match &self.verb {
            Verb::Of(of) => of.json,
            Verb::Show(show) => show.json,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    match &arguments.verb {
        Verb::Of(of) => key_of::run(of),
        Verb::Show(show) => print(show),
    }
}

fn print(show: &Show) -> Done {
    let key = public_key(&show.key)?;
    if show.json {
        let forms = [Format::Hex, Format::Peer, Format::Pem, Format::Ssh].map(|format| text(&key, format));
        let [hex, peer, pem, ssh] = forms;
        return output::print_json(&Report { hex, peer, pem, ssh });
    }
    output::print(&text(&key, show.format))
}

/// Without the last line end.
fn text(key: &PublicKey, format: Format) -> String {
    let text = match format {
        Format::Pem => key.to_pem(),
        Format::Ssh => key.to_openssh(""),
        Format::Hex => key.to_string(),
        Format::Peer => PeerId::new(*key).to_string(),
    };
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::KeyPair;

    #[test]
    fn every_form_is_read_again() {
        let key = KeyPair::from_seed([7; 32]).public();
        for format in [Format::Pem, Format::Ssh, Format::Hex, Format::Peer] {
            assert_eq!(public_key(&text(&key, format)).unwrap(), key, "{format:?}");
        }
    }
}
