//! Names of 32 bytes as text, in every way that a text can be nearly right.
use crate::{ChunkId, ManifestId, Nonce, PeerId, PublicKey};
use proptest::prelude::*;

/// The alphabet of base58: no `0`, `O`, `I`, `l`.
const BASE58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

proptest! {
    #[test]
    fn text_is_each_byte_in_two_digits(bytes: [u8; 32]) {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        prop_assert_eq!(ChunkId::from_bytes(bytes).to_string(), &text[..]);
        prop_assert_eq!(ManifestId::from_bytes(bytes).to_string(), &text[..]);
        prop_assert_eq!(text.parse::<Nonce>().map(|nonce| *nonce.as_bytes()), Ok(bytes));
        prop_assert_eq!(ManifestId::from_bytes(bytes).short(), &text[..8]);
    }

    #[test]
    fn names_sort_as_their_texts_do(one: [u8; 32], other: [u8; 32]) {
        let (one, other) = (ChunkId::from_bytes(one), ChunkId::from_bytes(other));
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }

    #[test]
    fn digits_are_read_in_any_case_and_in_no_other_number(bytes: [u8; 32], upper: u64, length in 0_usize..70) {
        let text = ChunkId::from_bytes(bytes).to_string();
        let mixed: String = text.chars().zip(0..64).map(|(digit, place)| {
            if upper >> place & 1 == 1 { digit.to_ascii_uppercase() } else { digit }
        }).collect();
        prop_assert_eq!(mixed.parse(), Ok(ChunkId::from_bytes(bytes)));
        let other: String = mixed.chars().cycle().take(length).collect();
        prop_assert_eq!(other.parse::<ChunkId>().is_ok(), length == 64);
    }

    #[test]
    fn one_wrong_character_is_refused(bytes: [u8; 32], place in 0_usize..64, wrong in "[^0-9a-fA-F]") {
        let mut text = ChunkId::from_bytes(bytes).to_string();
        text.replace_range(place..=place, &wrong);
        prop_assert!(text.parse::<ChunkId>().is_err(), "{}", text);
        prop_assert!(serde_json::from_value::<ChunkId>(text.into()).is_err());
    }

    #[test]
    fn every_peer_id_begins_as_people_know_it(bytes: [u8; 32]) {
        let text = PeerId::new(PublicKey::from_bytes(bytes)).to_string();
        prop_assert!(text.starts_with("12D3Koo") && text.len() == 52, "{}", text);
        prop_assert!(text.chars().all(|character| BASE58.contains(character)));
    }

    #[test]
    fn a_changed_peer_id_is_never_the_same_peer(bytes: [u8; 32], place in 0_usize..52, wrong in prop::sample::select(BASE58.chars().collect::<Vec<_>>())) {
        let peer = PeerId::new(PublicKey::from_bytes(bytes));
        let text = peer.to_string();
        let mut changed = text.clone();
        changed.replace_range(place..=place, &wrong.to_string());
        prop_assert_eq!(changed.parse() == Ok(peer), changed == text, "{}", changed);
        if let Ok(other) = changed.parse::<PeerId>() {
            prop_assert_eq!(other.to_string(), changed, "one peer has one text");
        }
    }

    #[test]
    fn a_peer_id_with_something_around_it_is_refused(bytes: [u8; 32], extra in "[1-9 \\n\\t/]") {
        let text = PeerId::new(PublicKey::from_bytes(bytes)).to_string();
        for around in [format!("{text}{extra}"), format!("{extra}{text}")] {
            prop_assert!(around.parse::<PeerId>().is_err());
        }
    }

    #[test]
    fn binary_names_of_another_length_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..32)) {
        prop_assert!(postcard::from_bytes::<ChunkId>(&bytes).is_err());
        prop_assert!(postcard::from_bytes::<PeerId>(&bytes).is_err());
    }
}

#[test]
fn each_kind_of_name_says_what_it_is() {
    let said = [
        "".parse::<ChunkId>().unwrap_err(),
        "".parse::<ManifestId>().unwrap_err(),
        "".parse::<PublicKey>().unwrap_err(),
        "".parse::<Nonce>().unwrap_err(),
    ];
    let said = said.map(|error| error.to_string());
    for (said, what) in said.iter().zip(["chunk id", "manifest id", "public key", "nonce"]) {
        assert_eq!(said, &format!("a {what} is 64 hexadecimal digits"));
    }
}

#[test]
fn json_names_are_text_and_escapes_are_read() {
    let id = ChunkId::from_bytes([0xab; 32]);
    let escaped = format!("\"\\u0061b{}\"", "ab".repeat(31));
    assert_eq!(serde_json::from_str::<ChunkId>(&escaped).unwrap(), id);
    for json in ["null", "171", "[171,171]", "\"\""] {
        assert!(serde_json::from_str::<ChunkId>(json).is_err(), "{json}");
        assert!(serde_json::from_str::<PeerId>(json).is_err(), "{json}");
    }
}

#[test]
fn a_nonce_does_not_fill_a_log() {
    let shown = format!("{:?}", Nonce::from_bytes([0x12; 32]));
    assert_eq!(shown, "Nonce(12121212)");
}
