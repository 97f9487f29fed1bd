//! Gradle's `verification-metadata.xml`: components, their artifacts, and digests that each may have.
//! Source: Gradle's documentation of dependency verification. What is trusted by signature alone has no digest here.

use super::{LockError, Locked, LockedDigest, gradle};
use crate::digest::{Algorithm, Digest};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Reads it. A purl does not tell a component's artifacts apart, so each digest has the name of its file.
pub(crate) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let mut reader = Reader::from_str(text);
    let (mut found, mut algorithm): (Vec<Locked>, Option<Algorithm>) = (Vec::new(), None);
    let (mut is_metadata, mut artifact) = (false, String::new());
    loop {
        let event = reader.read_event().map_err(|error| wrong(text, &reader, &error))?;
        let (Event::Start(start) | Event::Empty(start)) = &event else {
            if matches!(event, Event::Eof) {
                break;
            }
            continue;
        };
        let value = |key| attribute(start, key).map_err(|error| wrong(text, &reader, &error));
        match start.local_name().as_ref() {
            "verification-metadata" => is_metadata = true,
            "component" => {
                let purl = gradle::purl(&value("group")?, &value("name")?, &value("version")?);
                found.push(Locked { purl, digests: Vec::new() });
            }
            "artifact" => artifact = value("name")?,
            "also-trust" => add(&mut found, &artifact, algorithm, &value("value")?),
            other => {
                algorithm = Algorithm::named(other);
                if algorithm.is_some() {
                    add(&mut found, &artifact, algorithm, &value("value")?);
                }
            }
        }
    }
    if is_metadata { Ok(found) } else { Err(LockError::whole("no `verification-metadata` is in it")) }
}

fn add(found: &mut [Locked], artifact: &str, algorithm: Option<Algorithm>, value: &str) {
    let digest = algorithm.and_then(|algorithm| Digest::from_hex(algorithm, value));
    if let (Some(component), Some(digest)) = (found.last_mut(), digest) {
        component.digests.push(LockedDigest::File { name: artifact.to_owned(), digest });
    }
}

fn attribute(start: &BytesStart<'_>, key: &str) -> Result<String, quick_xml::Error> {
    match start.try_get_attribute(key)? {
        Some(attribute) => Ok(attribute.normalized_value(XmlVersion::Implicit1_0)?.into_owned()),
        None => Ok(String::new()),
    }
}

fn wrong(text: &str, reader: &Reader<&[u8]>, error: &quick_xml::Error) -> LockError {
    let read = usize::try_from(reader.error_position().max(reader.buffer_position())).unwrap_or(usize::MAX);
    let lines = text.bytes().take(read).filter(|byte| *byte == b'\n').count();
    LockError::at(u64::try_from(lines).unwrap_or(u64::MAX).saturating_add(1), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn components_are_read_with_their_digests() {
        let (one, two) = (Digest::of(Algorithm::Sha256, b"1"), Digest::of(Algorithm::Sha512, b"2"));
        let text = format!(
            r#"<?xml version="1.0"?><verification-metadata xmlns="https://schema.example.org/x">
            <configuration><verify-metadata>true</verify-metadata></configuration><components>
            <component group="org.a" name="b" version="1"><artifact name="b-1.jar">
              <sha256 value="{}" origin="Generated"><also-trust value="{}"/></sha256></artifact>
              <artifact name="b-1.pom"><sha512 value="{}"/><pgp value="AB"/></artifact></component>
            <component group="org.a" name="c" version="2"><artifact name="c-2.jar"/></component>
            </components></verification-metadata>"#,
            one.hex(),
            Digest::of(Algorithm::Sha256, b"3").hex(),
            two.hex(),
        );
        let locked = read(&text).unwrap();
        let of = |name: &str, digest| LockedDigest::File { name: name.to_owned(), digest };
        let three = Digest::of(Algorithm::Sha256, b"3");
        let expected = [of("b-1.jar", one), of("b-1.jar", three), of("b-1.pom", two)];
        assert_eq!((locked.len(), locked[0].purl.to_string()), (2, "pkg:maven/org.a/b@1".to_owned()));
        assert_eq!((&locked[0].digests[..], locked[1].digests.len()), (&expected[..], 0));
    }

    #[test]
    fn what_is_no_such_file_is_refused_with_its_line() {
        assert_eq!(read("<verification-metadata>\n<component></wrong>").unwrap_err().line, Some(2));
        assert!(read("<project/>").unwrap_err().what.contains("verification-metadata"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>(), inner in "[<>/a-z\"=& ]{0,40}") {
            drop(read(&text));
            drop(read(&format!("<verification-metadata><component {inner}")));
        }
    }
}
