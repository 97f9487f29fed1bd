//! `gradle.lockfile`: lines `GROUP:ARTIFACT:VERSION=CONFIGURATIONS`, and `empty=…` for configurations without any. It knows no
//! digests. Source: Gradle's documentation of dependency locking.

use super::{LockError, Locked};
use crate::purl::Purl;

/// The name of a module.
pub(crate) fn purl(group: &str, artifact: &str, version: &str) -> Purl {
    Purl::new("maven", artifact).namespace(group).version(version)
}

/// Reads it.
pub(crate) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line.starts_with("empty=") {
            continue;
        }
        // Until Gradle 6.8 each configuration had a file, whose lines end with the version.
        let module = line.split_once('=').map_or(line, |(module, _)| module);
        let mut parts = module.split(':');
        let (Some(group), Some(artifact), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(LockError::at(number, "not a group, an artifact and a version"));
        };
        found.push(Locked { purl: purl(group, artifact, version), digests: Vec::new() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modules_are_read() {
        let text =
            "# comment\norg.example:a:1.0=compileClasspath,runtimeClasspath\norg.example:b:2\nempty=x\n";
        let locked = read(text).unwrap();
        let names: Vec<String> = locked.iter().map(|locked| locked.purl.to_string()).collect();
        assert_eq!(names, ["pkg:maven/org.example/a@1.0", "pkg:maven/org.example/b@2"]);
        assert_eq!(read("#\norg.example:a=x\n").unwrap_err().line, Some(2));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            drop(read(&text));
        }
    }
}
