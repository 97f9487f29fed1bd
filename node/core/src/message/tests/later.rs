//! What peers of a later release say: reasons and kinds of messages that this one does not know.
use super::*;

/// The messages that carry a reason, with this number as theirs, as bytes.
fn with_reason(number: u32) -> [Vec<u8>; 3] {
    let number = postcard::to_stdvec(&number).unwrap();
    [
        [&[3][..], &number].concat(),
        [&[16, 7], &number[..], &[0, 9]].concat(),
        [&[29, 7, 1], &number[..]].concat(),
    ]
}

/// The number of the first that is not known, of each list that [`with_reason`] has.
fn first_unknown() -> [u32; 3] {
    [Refusal::ALL.len(), OfferRefusal::ALL.len(), PapersRefusal::ALL.len()]
        .map(|count| count.try_into().unwrap())
}

#[test]
fn an_unknown_reason_is_a_refusal_like_any_other() {
    for number in [17, 300, u32::MAX] {
        let meant = [
            Control::Refused { why: Refusal::Unknown(number) },
            Control::OfferRefused {
                offer: 7,
                why: OfferRefusal::Unknown(number),
                standing: None,
                highest: 9,
            },
            Control::PapersKept { bring: 7, refused: Some(PapersRefusal::Unknown(number)) },
        ];
        for (bytes, meant) in with_reason(number).iter().zip(meant) {
            assert_eq!(Control::decode(bytes).as_ref(), Ok(&meant));
            assert_eq!(&meant.encode(), bytes);
        }
    }
    assert_eq!(OfferRefusal::Unknown(17).to_string(), "a reason that this release does not know (17)");
}

#[test]
fn the_first_number_after_a_list_is_unknown_and_the_last_of_it_is_not() {
    let unknown = |message: &Control| format!("{message:?}").contains("Unknown(");
    for (at, first) in first_unknown().into_iter().enumerate() {
        assert!(unknown(&Control::decode(&with_reason(first)[at]).unwrap()), "list {at}");
        assert!(!unknown(&Control::decode(&with_reason(first - 1)[at]).unwrap()), "list {at}");
    }
}

#[test]
fn a_message_with_an_unknown_reason_is_as_strict_as_any() {
    for bytes in with_reason(300) {
        for length in 1..bytes.len() {
            assert_eq!(Control::decode(&bytes[..length]), Err(MessageError));
        }
        assert_eq!(Control::decode(&[&bytes[..], &[0]].concat()), Err(MessageError));
    }
    assert_eq!(Control::decode(&[3, 0xff, 0xff, 0xff, 0xff, 0x1f]), Err(MessageError), "more than 32 bits");
}

#[test]
fn every_kind_that_is_known_is_counted() {
    assert_eq!(usize::try_from(Control::KINDS), Ok(every_kind().len()));
}

#[test]
fn an_unknown_kind_is_told_by_its_number_whatever_follows() {
    for kind in [Control::KINDS, 77, 300, u32::MAX] {
        let number = postcard::to_stdvec(&kind).unwrap();
        for body in [&[][..], &[0xff; 40], b"a later release knows what this means"] {
            let message = Control::Unknown { kind };
            assert_eq!(Control::decode(&[&number, body].concat()).as_ref(), Ok(&message));
            assert_eq!(read(&message).as_ref(), Ok(&message));
            assert_eq!(message.encode().len(), message.encoded_bytes());
        }
    }
}

#[test]
fn an_unknown_kind_is_bounded_like_any() {
    let longest = |bytes| [&[77][..], &vec![0; bytes]].concat();
    assert!(Control::decode(&longest(CONTROL_BYTES_MAX - 1)).is_ok());
    assert_eq!(Control::decode(&longest(CONTROL_BYTES_MAX)), Err(MessageError));
    assert_eq!(Control::decode(&[]), Err(MessageError));
    assert_eq!(Control::decode(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(MessageError), "more than 32 bits");
}

proptest! {
    #[test]
    fn any_number_is_a_reason_and_is_written_the_same(number: u32) {
        for bytes in with_reason(number) {
            let message = Control::decode(&bytes).unwrap();
            prop_assert_eq!(message.encode(), bytes);
        }
    }

    #[test]
    fn any_kind_that_is_not_known_is_heard(kind in Control::KINDS.., body in prop::collection::vec(any::<u8>(), 0..64)) {
        let bytes = [postcard::to_stdvec(&kind).unwrap(), body].concat();
        prop_assert_eq!(Control::decode(&bytes), Ok(Control::Unknown { kind }));
    }
}
