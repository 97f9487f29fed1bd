//! Provenance as people state it: field by field, or as a file of JSON.
//!
//! The file is an object of texts, any of `ci`, `tenant`, `pipeline`, `project`, `ref`, `change`, `commit`, `job`,
//! `build` and `builder_image`. A name that is not one of these is refused: it would be a field that nobody checks.

use crate::statement::malformed;
use pollux_core::{DocumentError, Provenance};
use serde::Deserialize;

/// Bytes of a file of provenance at most: all fields at their bound, and room.
pub const PROVENANCE_FILE_BYTES_MAX: usize = 16 * 1024;

/// As [`Provenance`], but that it takes no other names.
#[derive(Deserialize)]
#[serde(remote = "Provenance", deny_unknown_fields)]
struct Strict {
    #[serde(default)]
    ci: String,
    #[serde(default)]
    tenant: String,
    #[serde(default)]
    pipeline: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    r#ref: String,
    #[serde(default)]
    change: String,
    #[serde(default)]
    commit: String,
    #[serde(default)]
    job: String,
    #[serde(default)]
    build: String,
    #[serde(default)]
    builder_image: String,
}

/// Reads the text of a file.
///
/// # Errors
/// What is no such object, or longer than [`PROVENANCE_FILE_BYTES_MAX`].
pub fn from_json(text: &str) -> Result<Provenance, DocumentError> {
    let (bytes, bytes_max) = (text.len(), PROVENANCE_FILE_BYTES_MAX);
    if bytes > bytes_max {
        return Err(DocumentError::TooLong { bytes, bytes_max });
    }
    if !text.trim_ascii_start().starts_with('{') {
        return Err(DocumentError::Malformed("it is no JSON object".to_owned()));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Strict::deserialize(&mut reader).and_then(|read| reader.end().map(|()| read));
    read.map_err(|error| malformed(&error))
}

/// Puts fields together; of a field that is named twice the last one counts.
///
/// # Errors
/// The first name that is no field.
pub fn from_pairs(pairs: &[(String, String)]) -> Result<Provenance, &str> {
    let mut provenance = Provenance::default();
    for (field, value) in pairs {
        field_mut(&mut provenance, field).ok_or(field.as_str())?.clone_from(value);
    }
    Ok(provenance)
}

fn field_mut<'a>(provenance: &'a mut Provenance, field: &str) -> Option<&'a mut String> {
    Some(match field {
        "ci" => &mut provenance.ci,
        "tenant" => &mut provenance.tenant,
        "pipeline" => &mut provenance.pipeline,
        "project" => &mut provenance.project,
        "ref" => &mut provenance.r#ref,
        "change" => &mut provenance.change,
        "commit" => &mut provenance.commit,
        "job" => &mut provenance.job,
        "build" => &mut provenance.build,
        "builder_image" => &mut provenance.builder_image,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn both_ways_know_every_field() {
        let names = Provenance::default().fields().map(|(name, _)| name.strip_prefix("provenance.").unwrap());
        for name in names {
            let by_pair = pairs(&[(name, "x")]);
            let by_file = from_json(&format!("{{\"{name}\": \"x\"}}")).unwrap();
            assert_eq!(from_pairs(&by_pair), Ok(by_file.clone()), "{name}");
            assert_eq!(by_file.fields().iter().filter(|(_, value)| *value == "x").count(), 1, "{name}");
        }
        assert_eq!(from_json(" {} "), Ok(Provenance::default()));
    }

    #[test]
    fn a_name_that_is_no_field_is_refused() {
        assert_eq!(from_pairs(&pairs(&[("job", "unit"), ("jbo", "unit")])), Err("jbo"));
        let texts = ["{\"jbo\":\"unit\"}", "{\"job\":1}", "{\"job\":\"a\",\"job\":\"b\"}", "[]", "", "{} {}"];
        for text in texts {
            assert!(matches!(from_json(text), Err(DocumentError::Malformed(_))), "{text}");
        }
        let endless = " ".repeat(PROVENANCE_FILE_BYTES_MAX + 1);
        assert!(matches!(from_json(&endless), Err(DocumentError::TooLong { .. })));
    }
}
