//! What leaves an instance in a report holds no secret, and, where that is asked for, no address.
//!
//! A report is made of what is no secret to begin with. This is the second look: whatever is long enough to be a key, a token
//! or a signature is cut, be it one or not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// Letters and digits in one run that may be a secret: half a key of Ed25519 in hexadecimal digits.
const RUN_MIN: usize = 32;
/// Of such a run so much stays: enough to name a manifest by.
const RUN_KEPT: usize = 8;
/// How every name of a peer begins: it is public, and long.
const PEER: &str = "12D3KooW";

/// The text with every long run of letters and digits cut, names of peers left out; and every run of base64, which has
/// slashes in it, so that a path of letters in both cases and digits may be cut too.
#[must_use]
pub fn scrub(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '+';
    let words: String =
        runs(text, is_word).map(|run| if is_secret(run) { cut(run) } else { run.to_owned() }).collect();
    let is_base64 = |c: char| is_word(c) || c == '/';
    runs(&words, is_base64).map(|run| if is_secret_base64(run) { cut(run) } else { run.to_owned() }).collect()
}

/// Of a run of such characters, or of the others.
fn is_secret(run: &str) -> bool {
    run.len() >= RUN_MIN && !is_peer(run) && run.chars().all(|c| c.is_ascii_alphanumeric() || c == '+')
}

fn is_secret_base64(run: &str) -> bool {
    let has = |is: fn(&char) -> bool| run.chars().any(|c| is(&c));
    let mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
    let only = run.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'));
    run.len() >= RUN_MIN && only && mixed && !run.split('/').any(is_peer)
}

fn is_peer(run: &str) -> bool {
    run.starts_with(PEER) && run.len() < 60
}

fn cut(run: &str) -> String {
    format!("{}…[cut]", run.get(..RUN_KEPT).unwrap_or_default())
}

/// The text with a word in the place of each address: of each of these hosts, and of whatever reads as an address. One
/// address has the same word everywhere.
#[must_use]
pub fn without_addresses(text: &str, hosts: &[String]) -> String {
    let mut words = Words::default();
    let hosts: BTreeSet<&str> = hosts.iter().map(|host| host_only(host)).collect();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let named: String = runs(text, is_name).map(|run| words.hide_name(run, &hosts)).collect();
    let is_address = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '[' | ']');
    runs(&named, is_address).map(|run| words.hide(run)).collect()
}

fn host_only(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// Which word stands for which address.
#[derive(Debug, Default)]
struct Words {
    given: BTreeMap<String, usize>,
}

impl Words {
    fn of(&mut self, address: &str) -> String {
        let next = self.given.len() + 1;
        let number = self.given.entry(address.to_owned()).or_insert(next);
        format!("address-{number}")
    }

    /// Addresses in figures are left to [`Self::hide`], which knows one from a part of another.
    fn hide_name(&mut self, run: &str, hosts: &BTreeSet<&str>) -> String {
        let plain = run.trim_end_matches('.');
        let rest = run.get(plain.len()..).unwrap_or_default();
        if !hosts.contains(plain) || plain.parse::<IpAddr>().is_ok() {
            return run.to_owned();
        }
        format!("{}{rest}", self.of(plain))
    }

    fn hide(&mut self, run: &str) -> String {
        let plain = run.trim_end_matches(['.', ':']);
        let rest = run.get(plain.len()..).unwrap_or_default();
        let address = plain.parse::<SocketAddr>().map(|address| (address.ip(), Some(address.port())));
        let address = address.or_else(|_| plain.parse::<IpAddr>().map(|ip| (ip, None)));
        match address {
            // `::` alone is a word of paths and programs, and no machine's address.
            Ok((ip, port)) if !ip.is_unspecified() => {
                let port = port.map_or_else(String::new, |port| format!(":{port}"));
                format!("{}{port}{rest}", self.of(&ip.to_string()))
            }
            Ok(_) | Err(_) => run.to_owned(),
        }
    }
}

/// The text in pieces, each all of such characters or none.
fn runs(text: &str, is_run: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut left = text;
    core::iter::from_fn(move || {
        let first = is_run(left.chars().next()?);
        let end = left.find(|c| is_run(c) != first).unwrap_or(left.len());
        let (run, rest) = left.split_at(end);
        left = rest;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_cut_and_names_stay() {
        let hex = "0123456789abcdef".repeat(4);
        let base64 = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF";
        let peer = "12D3KooWKGW59T5EGXi7oF3uoZ7AuKgmj7Zn9r2hSJrMdBbThCZW";
        let text = format!("key={hex} and \"{base64}\" of {peer}, core/main/npm/3f2a77c0; ünd");
        let scrubbed = scrub(&text);
        assert_eq!(
            scrubbed,
            format!("key=01234567…[cut] and \"MC4CAQAw…[cut]\" of {peer}, core/main/npm/3f2a77c0; ünd")
        );
        assert!(!scrub(&format!("{PEER}{hex}")).contains(&hex), "a name of a peer is not that long");
        assert_eq!(
            scrub("0H328MQo7xAZN/AZwO4RiK4GxlAwQfcYozK2c000"),
            "0H328MQo…[cut]",
            "a slash does not hide it"
        );
        let path = "/var/cache/pollux/records/of/a/long/path/in/lower/case";
        assert_eq!((scrub(path).as_str(), scrub("").as_str()), (path, ""));
    }

    #[test]
    fn addresses_are_hidden_and_told_apart() {
        let hosts = ["seed.example.org:4480".to_owned(), "10.0.0.7:4480".to_owned()];
        let text = "seed.example.org:4480, 10.0.0.7:4480. [2001:db8::1]:9 2001:db8::1; 10.0.0.7 at 09:35:00.000Z, 0.1.0 and \
                    0.0.0.0:4480 std::io";
        let expected = "address-1:4480, address-2:4480. address-3:9 address-3; address-2 at 09:35:00.000Z, 0.1.0 and \
                        0.0.0.0:4480 std::io";
        assert_eq!(without_addresses(text, &hosts), expected);
    }
}
