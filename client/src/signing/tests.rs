use super::*;
use crate::testing::{NOW, grant, manifest};

fn pair() -> KeyPair {
    KeyPair::from_seed([7; 32])
}

fn terms() -> Terms {
    Terms {
        allow: vec!["docs/*".parse().unwrap(), "core/main/**".parse().unwrap()],
        provenance: Provenance {
            pipeline: "gate".to_owned(),
            build: "b1".to_owned(),
            ..Provenance::default()
        },
        pool: Some("ci".to_owned()),
        life_max: Duration::from_secs(30 * 86_400),
        grant: None,
        now: *NOW,
    }
}

/// The field that a manifest is refused for.
fn field(manifest: &Manifest, terms: &Terms) -> &'static str {
    match judge(&Statement::new(manifest), terms).unwrap_err() {
        Refusal::Statement(DocumentError::Invalid { field, .. })
        | Refusal::Differs { field, .. }
        | Refusal::Grant { field, .. } => field,
        other => panic!("{other}"),
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn earlier(count: u64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() - count * 1000)
}

#[test]
fn what_the_terms_let_pass_is_signed_with_the_signers_provenance() {
    let judged = judge(&Statement::new(&manifest()), &terms()).unwrap();
    assert_eq!(judged, Manifest { provenance: terms().provenance, ..manifest() });
    let signed = sign(&judged, &pair()).unwrap();
    assert!(signed.signed_by(&pair().public()));
    assert_eq!(signed.body::<Manifest>(), Ok(judged));
}

#[test]
fn provenance_differs_from_the_executors() {
    let stated = |provenance: Provenance| Manifest { provenance, ..manifest() };
    let text = || "forged".to_owned();
    let none = Provenance::default;
    let table = [
        ("provenance.ci", Provenance { ci: text(), ..none() }),
        ("provenance.tenant", Provenance { tenant: text(), ..none() }),
        ("provenance.pipeline", Provenance { pipeline: text(), ..none() }),
        ("provenance.project", Provenance { project: text(), ..none() }),
        ("provenance.ref", Provenance { r#ref: text(), ..none() }),
        ("provenance.change", Provenance { change: text(), ..none() }),
        ("provenance.commit", Provenance { commit: text(), ..none() }),
        ("provenance.job", Provenance { job: text(), ..none() }),
        ("provenance.build", Provenance { build: text(), ..none() }),
        ("provenance.builder_image", Provenance { builder_image: text(), ..none() }),
    ];
    let all = terms().provenance.fields().map(|(field, _)| field);
    assert_eq!(all, table.each_ref().map(|(field, _)| *field), "every field is tried");
    for own in [terms().provenance, none()] {
        let terms = Terms { provenance: own, ..terms() };
        for (name, provenance) in &table {
            assert_eq!(field(&stated(provenance.clone()), &terms), *name);
        }
    }
    let same = stated(terms().provenance);
    assert_eq!(judge(&Statement::new(&same), &terms()).unwrap(), same);
    let words = judge(&Statement::new(&stated(table[2].1.clone())), &terms()).unwrap_err().to_string();
    assert!(words.contains("provenance.pipeline") && words.contains("forged") && words.contains("gate"));
}

#[test]
fn keys_and_pools_that_are_not_the_signers_are_refused() {
    let key = |key: &str| Manifest { key: key.parse().unwrap(), ..manifest() };
    assert_eq!(field(&key("core/release/npm/1"), &terms()), "key");
    assert_eq!(field(&key("docs/a/b"), &terms()), "key");
    assert_eq!(field(&manifest(), &Terms { allow: Vec::new(), ..terms() }), "key");
    let other = Manifest { pool: "staging".to_owned(), ..manifest() };
    assert_eq!(field(&other, &terms()), "pool");
    assert!(judge(&Statement::new(&other), &Terms { pool: None, ..terms() }).is_ok());
}

#[test]
fn times_that_no_honest_instance_states_are_refused() {
    let made = |created: Timestamp| Manifest { created, ..manifest() };
    assert_eq!(field(&made(NOW.after(seconds(301))), &terms()), "created");
    assert!(judge(&Statement::new(&made(NOW.after(seconds(300)))), &terms()).is_ok());
    assert_eq!(field(&made(earlier(3601)), &terms()), "created");
    assert!(judge(&Statement::new(&made(earlier(3600))), &terms()).is_ok());
    let ends = |expires: Timestamp| Manifest { created: earlier(60), expires, ..manifest() };
    assert_eq!(field(&ends(NOW.after(seconds(31 * 86_400))), &terms()), "expires");
    assert_eq!(field(&ends(*NOW), &terms()), "expires");
    assert_eq!(field(&ends(earlier(61)), &terms()), "expires");
}

#[test]
fn what_no_manifest_may_say_is_refused() {
    assert_eq!(field(&Manifest { generation: 65, ..manifest() }, &terms()), "generation");
    assert_eq!(field(&Manifest { sequence: 0, ..manifest() }, &terms()), "sequence");
    let brought = Envelope::sign(&grant(pair().public()), &pair());
    assert_eq!(field(&Manifest { grant: Some(brought), ..manifest() }, &terms()), "grant");
}

#[test]
fn what_the_signer_does_not_know_is_not_signed() {
    let json = Statement::new(&manifest()).to_json();
    let mut body: serde_json::Value =
        serde_json::from_slice(&Envelope::unsigned(&manifest()).payload).unwrap();
    body["future"] = "poison".into();
    let payload = data_encoding::BASE64.encode(&serde_json::to_vec(&body).unwrap());
    let mut file: serde_json::Value = serde_json::from_str(&json).unwrap();
    file["manifest"]["payload"] = payload.into();
    let statement = Statement::from_json(&file.to_string()).unwrap();
    let signed = sign(&judge(&statement, &terms()).unwrap(), &pair()).unwrap();
    assert!(!String::from_utf8(signed.payload).unwrap().contains("poison"));
}

fn with_grant(grant: &Grant) -> Terms {
    Terms { grant: Some(Envelope::sign(grant, &KeyPair::from_seed([8; 32]))), ..terms() }
}

#[test]
fn a_grant_stands_in_the_manifest_that_its_key_signs() {
    let terms = with_grant(&grant(pair().public()));
    let judged = judge(&Statement::new(&manifest()), &terms).unwrap();
    assert_eq!(judged.grant, terms.grant);
    assert!(sign(&judged, &pair()).unwrap().signed_by(&pair().public()));
    let refused = sign(&judged, &KeyPair::from_seed([9; 32])).unwrap_err();
    assert!(matches!(refused, Refusal::Grant { field: "key", .. }), "{refused}");
}

#[test]
fn a_grant_that_seeds_would_refuse_is_refused_here() {
    let good = || grant(pair().public());
    let refused = |grant: Grant| field(&manifest(), &with_grant(&grant));
    let late = NOW.after(seconds(301));
    let job = Provenance { job: "other".to_owned(), ..Provenance::default() };
    assert_eq!(refused(Grant { pool: "staging".to_owned(), ..good() }), "pool");
    assert_eq!(refused(Grant { patterns: vec!["core/*".parse().unwrap()], ..good() }), "patterns");
    assert_eq!(refused(Grant { not_before: earlier(60), expires: *NOW, ..good() }), "expires");
    assert_eq!(refused(Grant { not_before: late, expires: late.after(seconds(60)), ..good() }), "not_before");
    assert_eq!(refused(Grant { bytes_max: 3, ..good() }), "bytes_max");
    assert_eq!(refused(Grant { provenance: job, ..good() }), "provenance.job");
    assert_eq!(refused(Grant { manifests_max: 0, ..good() }), "grant");
    let no_grant = Terms { grant: Some(Envelope::unsigned(&manifest())), ..terms() };
    assert_eq!(field(&manifest(), &no_grant), "grant");
}

#[test]
fn a_manifest_that_grows_over_its_bound_is_refused() {
    let with_note = |bytes: usize| {
        let mut envelope = Envelope::unsigned(&grant(pair().public()));
        let body = String::from_utf8(envelope.payload).unwrap();
        envelope.payload =
            body.replacen('{', &format!("{{\"note\":\"{}\",", "x".repeat(bytes)), 1).into_bytes();
        judge(&Statement::new(&manifest()), &Terms { grant: Some(envelope), ..terms() })
    };
    assert!(with_note(100_000).is_ok());
    let refused = with_note(200_000).unwrap_err();
    assert!(matches!(refused, Refusal::Statement(DocumentError::TooLong { .. })), "{refused}");
}
