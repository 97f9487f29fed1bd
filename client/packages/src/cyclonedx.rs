//! A list of packages as a CycloneDX bill of materials, version 1.6, for tools that read those.
//!
//! Written from the [specification](https://cyclonedx.org/docs/1.6/json/): components with group (a purl's namespace), name,
//! version, purl and digest, the address that each came from, and the files that hold it as evidence. It holds no time and no random number: the same list
//! gives the same bytes.

use crate::digest::Algorithm;
use crate::list::{Listed, PackageList};
use serde_json::{Map, Value, json};

/// The text, indented.
#[must_use]
pub fn to_json(list: &PackageList, program_version: &str) -> String {
    let components: Vec<Value> = list.packages().iter().enumerate().map(component).collect();
    let tool = json!({"type": "application", "name": "pollux", "version": program_version});
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"tools": {"components": [tool]}},
        "components": components,
    });
    // A tree of texts and numbers can always be written.
    serde_json::to_string_pretty(&bill).unwrap_or_default()
}

fn component((number, package): (usize, &Listed)) -> Value {
    let mut fields = Map::new();
    fields.insert("type".into(), "library".into());
    // One purl may stand there more than once, with different digests.
    fields.insert("bom-ref".into(), format!("{number}-{}", package.purl).into());
    if let Some(namespace) = package.purl.namespace_text() {
        fields.insert("group".into(), namespace.into());
    }
    fields.insert("name".into(), package.purl.name().into());
    if let Some(version) = package.purl.version_text() {
        fields.insert("version".into(), version.into());
    }
    fields.insert("purl".into(), package.purl.to_string().into());
    if let Some(digest) = &package.digest {
        fields.insert(
            "hashes".into(),
            json!([{"alg": algorithm(digest.algorithm()), "content": digest.hex()}]),
        );
    }
    if let Some(source) = package.source.as_ref().filter(|source| source.contains("://")) {
        fields.insert("externalReferences".into(), json!([{"type": "distribution", "url": source}]));
    }
    let occurrences: Vec<Value> = package.files.iter().map(|file| json!({"location": file})).collect();
    fields.insert("evidence".into(), json!({"occurrences": occurrences}));
    Value::Object(fields)
}

const fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha384 => "SHA-384",
        Algorithm::Sha512 => "SHA-512",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::program::Program;
    use crate::purl::Purl;

    fn bill(purls: &[Purl]) -> Value {
        let listed = |purl: &Purl| Listed {
            program: Program::Npm,
            purl: purl.clone(),
            digest: Some(Digest::of(Algorithm::Sha1, b"abc")),
            source: Some("https://registry.example.org/core.tgz".to_owned()),
            files: vec!["_cacache/x".to_owned()],
            bytes: 3,
            unused: 0,
        };
        let list = PackageList::new(purls.iter().map(listed));
        serde_json::from_str(&to_json(&list, "0.1.0")).unwrap()
    }

    /// The fields of a component that the schema of version 1.6 has and that are written here, with what it asks of them;
    /// it takes no others (`additionalProperties`).
    #[test]
    fn a_component_has_what_the_schema_takes() {
        let bill = bill(&[
            Purl::new("golang", "cobra").namespace("github.com/spf13").version("v1.8.0"),
            Purl::new("npm", "left-pad"),
        ]);
        let [go, npm] = bill["components"].as_array().unwrap().as_slice() else { panic!("{bill}") };
        assert_eq!((&go["group"], &go["name"]), (&json!("github.com/spf13"), &json!("cobra")));
        assert_eq!((npm.get("group"), npm.get("version")), (None, None));
        for component in [go, npm] {
            let fields = component.as_object().unwrap();
            let texts = ["type", "bom-ref", "group", "name", "version", "purl"];
            let lists = ["hashes", "externalReferences"];
            for (field, value) in fields {
                let fits = (texts.contains(&field.as_str()) && value.is_string())
                    || (lists.contains(&field.as_str()) && value.is_array())
                    || (field == "evidence" && value["occurrences"].is_array());
                assert!(fits, "{field}: {value}");
            }
            assert!(fields.contains_key("type") && fields.contains_key("name"), "both are required");
        }
        assert_ne!(go["bom-ref"], npm["bom-ref"], "unique in the bill");
    }

    #[test]
    fn a_package_is_a_component() {
        let bill = bill(&[Purl::new("npm", "core").namespace("@babel").version("7.0.0")]);
        let component = &bill["components"][0];
        assert_eq!(bill["specVersion"], "1.6");
        assert_eq!((&component["group"], &component["name"]), (&json!("@babel"), &json!("core")));
        assert_eq!(component["purl"], "pkg:npm/%40babel/core@7.0.0");
        assert_eq!(component["hashes"][0]["alg"], "SHA-1");
        assert_eq!(component["evidence"]["occurrences"][0]["location"], "_cacache/x");
    }
}
