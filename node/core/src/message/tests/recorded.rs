//! What peers of each released protocol say, byte by byte. A line is never changed: kinds that come later are added at the
//! end, and a new protocol gets a file of its own, beside those of the protocols that are still spoken.

use super::every_kind;
use crate::message::Control;

/// The name of a kind and the bytes of one message of that kind, a line each, in the order of the wire.
const CONTROL_1: &str = include_str!("control-1.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn name(message: &Control) -> String {
    let text = format!("{message:?}");
    text.split(|end: char| !end.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn what_peers_of_protocol_1_say_is_read_as_it_was_meant() {
    let kinds = every_kind();
    let recorded: Vec<&str> = CONTROL_1.lines().collect();
    assert!(recorded.len() <= kinds.len(), "a kind that was spoken is gone");
    for (line, meant) in recorded.iter().zip(&kinds) {
        let (kind, said) = line.split_once(' ').unwrap();
        assert_eq!(kind, name(meant));
        assert_eq!(Control::decode(&bytes(said)).as_ref(), Ok(meant));
    }
}

#[test]
fn what_is_said_to_peers_of_protocol_1_is_what_they_know() {
    let said: Vec<String> =
        every_kind().iter().map(|message| format!("{} {}", name(message), hex(&message.encode()))).collect();
    for (line, said) in CONTROL_1.lines().zip(&said) {
        assert_eq!(line, said);
    }
    let new = said.iter().skip(CONTROL_1.lines().count()).map(String::as_str).collect::<Vec<_>>();
    assert!(new.is_empty(), "not recorded yet; lines to add:\n{}", new.join("\n"));
}
