use super::*;
use crate::document::testing::pair;
use crate::limits::DOCUMENT_DEPTH_MAX;
use proptest::prelude::*;

/// A small document of its own, so that these tests depend on no other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
    #[serde(default)]
    number: u8,
}

impl Document for Note {
    const TYPE: &'static str = "application/vnd.example.note+json";
    const FIELDS: &'static [&'static str] = &["text", "number"];

    fn check(&self) -> Result<(), DocumentError> {
        if self.text == "bad" {
            return Err(DocumentError::Invalid { field: "text", why: "it is bad".to_owned() });
        }
        Ok(())
    }
}

#[test]
fn signatures_are_counted_before_they_are_read() {
    let with = |count: usize, last: &str| {
        let mut signatures =
            vec![format!(r#"{{"sig":"{}"}}"#, data_encoding::BASE64.encode(&[0; 64])); count];
        signatures.push(last.to_owned());
        let signatures = signatures.join(",");
        let json = format!(r#"{{"payloadType":"t","payload":"","signatures":[{signatures}]}}"#);
        serde_json::from_str::<Envelope>(&json).map_err(|why| why.to_string())
    };
    let last = format!(r#"{{"sig":"{}"}}"#, data_encoding::BASE64.encode(&[0; 64]));
    assert!(with(SIGNATURES_MAX - 1, &last).is_ok());
    let refused = with(SIGNATURES_MAX, &last).unwrap_err();
    assert!(refused.contains("a list of at most 16 elements"), "{refused}");
    // In a binary message the count comes first.
    let claims = [vec![1, b't', 0, 17], vec![0xff; 40]].concat();
    let refused = postcard::from_bytes::<Envelope>(&claims);
    assert_eq!(refused, Err(postcard::Error::SerdeDeCustom), "not merely that what follows is nonsense");
}

/// The same shape with another type.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Other {
    text: String,
}

impl Document for Other {
    const TYPE: &'static str = "application/vnd.example.other+json";
    const FIELDS: &'static [&'static str] = &["text"];

    fn check(&self) -> Result<(), DocumentError> {
        Ok(())
    }
}

fn note() -> Note {
    Note { text: "hello".to_owned(), number: 7 }
}

/// An envelope that holds this text as a note.
fn holding(json: impl Into<Vec<u8>>) -> Envelope {
    Envelope { payload_type: Note::TYPE.to_owned(), payload: json.into(), signatures: Vec::new() }
}

fn read(json: &str) -> Result<Note, DocumentError> {
    holding(json).body()
}

fn malformed(json: &str) -> String {
    match read(json) {
        Err(DocumentError::Malformed(why)) => why,
        other => panic!("{other:?} for {json}"),
    }
}

/// The example of the DSSE specification: what is signed is this, byte by byte.
#[test]
fn what_is_signed_is_dsse() {
    let envelope = Envelope {
        payload_type: "http://example.com/HelloWorld".to_owned(),
        payload: b"hello world".to_vec(),
        signatures: Vec::new(),
    };
    assert_eq!(envelope.pae(), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    assert_eq!(envelope.id().as_bytes(), blake3::hash(&envelope.pae()).as_bytes());
}

#[test]
fn json_form_is_written_so() {
    let envelope = Envelope::sign(&note(), &pair(1));
    let json = envelope.to_json();
    assert_eq!(
        json,
        "{\"payloadType\":\"application/vnd.example.note+json\",\
         \"payload\":\"eyJ0ZXh0IjoiaGVsbG8iLCJudW1iZXIiOjd9\",\
         \"signatures\":[{\"keyid\":\"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c\",\
         \"sig\":\"SIGNATURE\"}]}"
            .replace("SIGNATURE", &data_encoding::BASE64.encode(&envelope.signatures[0].sig))
    );
    assert_eq!(Envelope::from_json(&json), Ok(envelope));
}

#[test]
fn binary_form_is_raw_bytes() {
    let envelope = Envelope {
        payload_type: "t".to_owned(),
        payload: vec![1, 2],
        signatures: vec![SignatureEntry { keyid: "k".to_owned(), sig: vec![9; 64] }],
    };
    let bytes = postcard::to_allocvec(&envelope).unwrap();
    assert_eq!(bytes, [&[1, b't', 2, 1, 2, 1, 1, b'k', 64][..], &[9; 64]].concat());
    assert_eq!(postcard::from_bytes::<Envelope>(&bytes).unwrap(), envelope);
}

#[test]
fn the_signer_and_nobody_else_has_signed() {
    let envelope = Envelope::sign(&note(), &pair(1));
    assert!(envelope.signed_by(&pair(1).public()));
    assert!(!envelope.signed_by(&pair(2).public()));
    assert_eq!(envelope.body::<Note>(), Ok(note()));
}

#[test]
fn key_id_decides_nothing() {
    let mut envelope = Envelope::sign(&note(), &pair(1));
    envelope.signatures[0].keyid = pair(2).public().to_string();
    assert!(envelope.signed_by(&pair(1).public()));
    assert!(!envelope.signed_by(&pair(2).public()));
    envelope.signatures[0].keyid = String::new();
    assert!(envelope.signed_by(&pair(1).public()));
}

#[test]
fn one_key_counted_twice() {
    let (one, other) = (pair(1).public(), pair(2).public());
    let mut envelope = Envelope::sign(&note(), &pair(1));
    envelope.add_signature(&pair(1));
    assert_eq!(envelope.signers(&[one, other, one]), [&one]);
    envelope.add_signature(&pair(2));
    assert_eq!(envelope.signers(&[one, other]), [&one, &other]);
    assert_eq!(envelope.signers(&[pair(3).public()]), Vec::<&PublicKey>::new());
    assert_eq!(envelope.signers(&[]), Vec::<&PublicKey>::new());
}

#[test]
fn the_name_is_the_same_whoever_signed() {
    let unsigned = Envelope::unsigned(&note());
    let mut signed = unsigned.clone();
    signed.add_signature(&pair(1));
    assert_eq!(signed, Envelope::sign(&note(), &pair(1)));
    assert_eq!(unsigned.id(), signed.id());
    assert_ne!(unsigned.id(), Envelope::unsigned(&Note { number: 8, ..note() }).id());
    assert_ne!(signed.id(), Envelope { payload_type: Other::TYPE.to_owned(), ..unsigned }.id());
}

#[test]
fn dsse_type_swapped() {
    let envelope = Envelope::sign(&note(), &pair(1));
    let refused = envelope.body::<Other>().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "this is a document of type application/vnd.example.note+json, not application/vnd.example.other+json"
    );
    let swapped = Envelope { payload_type: Other::TYPE.to_owned(), ..envelope };
    assert!(swapped.body::<Other>().is_ok());
    assert!(!swapped.signed_by(&pair(1).public()));
}

#[test]
fn body_changed_after_signing() {
    let mut envelope = Envelope::sign(&note(), &pair(1));
    let last = envelope.payload.len() - 2;
    envelope.payload[last] = b'8';
    assert_eq!(envelope.body::<Note>().unwrap().number, 8);
    assert!(!envelope.signed_by(&pair(1).public()));
}

/// Moving bytes between the type and the body must not keep the signature.
#[test]
fn type_and_body_do_not_run_together() {
    let cut = |kind: &str, body: &str| Envelope {
        payload_type: kind.to_owned(),
        payload: body.as_bytes().to_vec(),
        signatures: Vec::new(),
    };
    assert_ne!(cut("a", "b c").pae(), cut("a 1", " c").pae());
    assert_ne!(cut("a", "").pae(), cut("", "a").pae());
}

#[test]
fn only_sixteen_signatures_are_looked_at() {
    let mut envelope = Envelope::unsigned(&note());
    for number in 1..=17 {
        envelope.add_signature(&pair(number));
    }
    assert!(envelope.signed_by(&pair(16).public()));
    assert!(!envelope.signed_by(&pair(17).public()));
    let why = Envelope::from_json(&envelope.to_json()).unwrap_err();
    assert!(why.to_string().contains("at most 16 elements"), "{why}");
}

#[test]
fn duplicate_json_keys() {
    assert_eq!(
        malformed(r#"{"text":"a","text":"b"}"#),
        "the name `text` stands twice in one object at line 1 column 23"
    );
    for json in [
        r#"{"text":"a","x":{"y":1,"y":1}}"#,
        r#"{"text":"a","x":[{"y":1,"z":[{"a":1,"a":2}]}]}"#,
        r#"{"text":"a","x":1,"x":1}"#,
        r#"{"text":"a","x":1,"\u0078":2}"#,
    ] {
        assert!(malformed(json).contains("stands twice"), "{json}");
    }
    assert!(read(r#"{"text":"a","x":{"y":1},"z":{"y":1}}"#).is_ok());
}

#[test]
fn unknown_field_is_ignored() {
    assert_eq!(read(r#"{"text":"hello","number":7,"new":{"a":[null,true,-1.5e3,"x"]}}"#), Ok(note()));
}

#[test]
fn unknown_crit() {
    assert_eq!(
        read(r#"{"crit":["text","new"],"text":"a","new":1}"#),
        Err(DocumentError::Critical("new".to_owned()))
    );
    assert_eq!(
        read(r#"{"text":"a","crit":["missing"]}"#),
        Err(DocumentError::Critical("missing".to_owned()))
    );
    assert!(read(r#"{"crit":["text","number"],"text":"a"}"#).is_ok());
    assert!(read(r#"{"crit":[],"text":"a"}"#).is_ok());
    // Only the document's own `crit` counts.
    assert!(read(r#"{"text":"a","x":{"crit":["new"]}}"#).is_ok());
}

#[test]
fn crit_of_another_shape_is_refused() {
    for crit in ["\"new\"", "null", "{}", "[1]", "[[\"new\"]]", "true"] {
        malformed(&format!(r#"{{"text":"a","crit":{crit}}}"#));
    }
}

#[test]
fn what_is_no_object_is_refused() {
    for json in
        ["", " ", "null", "[]", r#"["hello",7]"#, "7", "\"a\"", "{", r#"{"text":"a"}x"#, "{}{}", "\u{feff}{}"]
    {
        malformed(json);
    }
    let not_utf8 = holding(b"{\"text\":\"\xff\"}".to_vec()).body::<Note>();
    assert!(matches!(not_utf8, Err(DocumentError::Malformed(_))));
    assert!(read(" \n{\"text\":\"a\"}\n").is_ok());
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    for number in ["256", "-1", "1.5", "1e2", "7.0", "18446744073709551616", "1e999", "\"7\"", "NaN"] {
        malformed(&format!(r#"{{"text":"a","number":{number}}}"#));
    }
}

#[test]
fn nesting_is_bounded() {
    let nested =
        |levels: usize| format!(r#"{{"text":"a","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(read(&nested(DOCUMENT_DEPTH_MAX - 1)).is_ok());
    assert!(malformed(&nested(DOCUMENT_DEPTH_MAX)).starts_with("it nests deeper than 16 levels"));
    assert!(malformed(&nested(100_000)).starts_with("it nests deeper than 16 levels"));
    let objects = r#"{"x":"#.repeat(1000);
    assert!(malformed(&objects).starts_with("it nests deeper than 16 levels"));
}

#[test]
fn length_is_bounded() {
    let sized = |bytes: usize| format!(r#"{{"text":"{}"}}"#, "a".repeat(bytes - 11));
    assert!(read(&sized(DOCUMENT_BYTES_MAX)).is_ok());
    assert_eq!(
        read(&sized(DOCUMENT_BYTES_MAX + 1)),
        Err(DocumentError::TooLong { bytes: DOCUMENT_BYTES_MAX + 1, bytes_max: DOCUMENT_BYTES_MAX })
    );
}

#[test]
fn nobody_forgets_to_check() {
    let envelope = Envelope::sign(&Note { text: "bad".to_owned(), number: 0 }, &pair(1));
    assert_eq!(envelope.body::<Note>().unwrap_err().to_string(), "text: it is bad");
}

#[test]
fn foreign_words_are_shown_short_and_printable() {
    let why = malformed(&format!(r#"{{"text":"a","number":"\u001b[2J{}"}}"#, "x".repeat(10_000)));
    assert!(why.len() < 1000 && !why.contains('\u{1b}'), "{why}");
    let kind = Envelope { payload_type: "\u{1b}".repeat(1000), ..holding("{}") };
    assert!(kind.body::<Note>().unwrap_err().to_string().len() < 1500);
}

#[test]
fn envelopes_in_json_are_read_strictly() {
    let sig = data_encoding::BASE64.encode(&[1; 64]);
    let with = |payload: &str, sig: &str| {
        format!(r#"{{"payloadType":"t","payload":"{payload}","signatures":[{{"sig":"{sig}"}}]}}"#)
    };
    assert_eq!(Envelope::from_json(&with("aGk=", &sig)).unwrap().payload, b"hi");
    for (payload, sig) in
        [("aGk", &*sig), ("aGk_", &sig), ("a\\nGk=", &sig), ("aGl=", &sig), ("aGk=", "AAAA"), ("aGk=", "")]
    {
        assert!(Envelope::from_json(&with(payload, sig)).is_err(), "{payload} {sig}");
    }
    let good = with("aGk=", &sig);
    assert!(Envelope::from_json(&good.replacen('{', r#"{"x":1,"#, 1)).is_ok());
    for bad in [
        good.replacen('{', r#"{"payload":"aGk=","#, 1),
        good.replacen('{', r#"{"crit":["x"],"x":1,"#, 1),
        good.replacen("\"t\"", &format!("\"{}\"", "t".repeat(129)), 1),
        good.replacen("{\"sig\"", &format!("{{\"keyid\":\"{}\",\"sig\"", "k".repeat(129)), 1),
        good.replacen("\"payload\"", "\"body\"", 1),
        format!("[{good}]"),
        format!("{good}{}", " ".repeat(ENVELOPE_JSON_BYTES_MAX)),
        String::new(),
    ] {
        assert!(Envelope::from_json(&bad).is_err(), "{bad}");
    }
}

#[test]
fn the_longest_envelope_is_read() {
    let text = "a".repeat(DOCUMENT_BYTES_MAX - r#"{"text":"","number":7}"#.len());
    let mut envelope = Envelope::unsigned(&Note { text, number: 7 });
    assert_eq!(envelope.payload.len(), DOCUMENT_BYTES_MAX);
    for number in 0..16 {
        envelope.add_signature(&pair(number));
    }
    assert_eq!(Envelope::from_json(&envelope.to_json()).as_ref(), Ok(&envelope));
    assert_eq!(
        postcard::from_bytes::<Envelope>(&postcard::to_allocvec(&envelope).unwrap()),
        Ok(envelope.clone())
    );
    envelope.payload.push(b' ');
    assert!(Envelope::from_json(&envelope.to_json()).is_err());
    assert!(postcard::from_bytes::<Envelope>(&postcard::to_allocvec(&envelope).unwrap()).is_err());
}

/// Any JSON value, some levels deep, with names that may collide.
fn values() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![Just("null".to_owned()), Just("true".to_owned()), "-?[1-9][0-9]{0,3}", "\"[a-c]{0,3}\""];
    leaf.prop_recursive(5, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[a-c]", inner), 0..4).prop_map(|entries| {
                let entries: Vec<String> =
                    entries.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

/// Whether writing what was parsed gives the same length: a repeated name makes it shorter.
fn repeats_no_name(json: &str) -> bool {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    value.to_string().len() == json.len()
}

proptest! {
    #[test]
    fn round_trips(text in ".*", number: u8, seed: [u8; 32]) {
        let note = Note { text, number };
        prop_assume!(note.check().is_ok());
        let key = KeyPair::from_seed(seed);
        let envelope = Envelope::sign(&note, &key);
        let again = Envelope::from_json(&envelope.to_json()).unwrap();
        prop_assert_eq!(&again, &envelope);
        let bytes = postcard::to_allocvec(&envelope).unwrap();
        prop_assert_eq!(&postcard::from_bytes::<Envelope>(&bytes).unwrap(), &envelope);
        prop_assert!(again.signed_by(&key.public()));
        prop_assert_eq!(again.body::<Note>(), Ok(note));
    }

    #[test]
    fn a_name_twice_at_any_level_is_refused(value in values()) {
        let read = read(&format!(r#"{{"text":"a","x":{value}}}"#));
        prop_assert_eq!(read.is_ok(), repeats_no_name(&value), "{}", value);
    }

    #[test]
    fn no_text_panics(text in ".*") {
        let _ = read(&text);
        let _ = read(&format!("{{{text}}}"));
        let _ = Envelope::from_json(&text);
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = holding(bytes.clone()).body::<Note>();
        let _ = postcard::from_bytes::<Envelope>(&bytes);
    }

    #[test]
    fn any_changed_byte_is_noticed(at: prop::sample::Index, to: u8) {
        let envelope = Envelope::sign(&note(), &pair(1));
        let mut changed = envelope.clone();
        let at = at.index(changed.payload.len());
        changed.payload[at] = to;
        prop_assert_eq!(changed.signed_by(&pair(1).public()), changed == envelope);
    }
}
