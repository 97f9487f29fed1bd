//! Names of files of artifacts: `ARTIFACT-VERSION[-CLASSIFIER].EXT`. Gradle keeps the same names.

use crate::purl::Purl;

/// What a file's name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    /// The version, of a snapshot with its time if the name has it.
    pub(crate) version: String,
    /// Empty for the main artifact.
    pub(crate) classifier: &'a str,
    /// `jar`, `tar.gz`.
    pub(crate) extension: &'a str,
}

impl<'a> Name<'a> {
    /// Of a file in the directory of an artifact's version; `None` for other files.
    pub(crate) fn of(artifact: &str, version: &str, file: &'a str) -> Option<Self> {
        let after = file.strip_prefix(artifact)?.strip_prefix('-')?;
        let (version, rest) = match after.strip_prefix(version) {
            Some(rest) => (version.to_owned(), rest),
            None => timed(version, after)?,
        };
        let (classifier, extension) = match rest.strip_prefix('.') {
            Some(extension) => ("", extension),
            None => split(rest.strip_prefix('-')?)?,
        };
        (!extension.is_empty()).then_some(Self { version, classifier, extension })
    }

    /// Whether this is what describes an artifact, not the artifact.
    pub(crate) fn is_description(&self) -> bool {
        self.classifier.is_empty() && matches!(self.extension, "pom" | "module" | "xml")
    }

    /// The name that the specification gives it.
    pub(crate) fn purl(&self, group: &str, artifact: &str) -> Purl {
        let kind = if self.extension == "jar" { "" } else { self.extension };
        let purl = Purl::new("maven", artifact).namespace(group).version(&self.version);
        purl.qualifier("classifier", self.classifier).qualifier("type", kind)
    }
}

/// A snapshot as the remote names it: `1.0-20240102.030405-6` in the directory `1.0-SNAPSHOT`.
fn timed<'a>(version: &str, after: &'a str) -> Option<(String, &'a str)> {
    let base = version.strip_suffix("SNAPSHOT")?;
    let rest = after.strip_prefix(base)?;
    let (day, rest) = digits(rest)?;
    let (time, rest) = digits(rest.strip_prefix('.')?)?;
    let (number, rest) = digits(rest.strip_prefix('-')?)?;
    Some((format!("{base}{day}.{time}-{number}"), rest))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    text.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())
}

/// A classifier may have dots (`jdk1.5`), and few extensions have.
fn split(text: &str) -> Option<(&str, &str)> {
    let (classifier, extension) = text.rsplit_once('.')?;
    match classifier.strip_suffix(".tar") {
        Some(shorter) => Some((shorter, text.get(shorter.len() + 1..)?)),
        None => Some((classifier, extension)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_version_classifier_and_extension() {
        for (version, file, expected) in [
            ("1.0", "a-b-1.0.jar", Some(("1.0", "", "jar"))),
            ("1.0", "a-b-1.0-sources.jar", Some(("1.0", "sources", "jar"))),
            ("1.0", "a-b-1.0-jdk1.5.jar", Some(("1.0", "jdk1.5", "jar"))),
            ("1.0", "a-b-1.0.tar.gz", Some(("1.0", "", "tar.gz"))),
            ("1.0", "a-b-1.0-bin.tar.gz", Some(("1.0", "bin", "tar.gz"))),
            ("1.0-SNAPSHOT", "a-b-1.0-SNAPSHOT.pom", Some(("1.0-SNAPSHOT", "", "pom"))),
            ("1.0-SNAPSHOT", "a-b-1.0-20240102.030405-6-x.jar", Some(("1.0-20240102.030405-6", "x", "jar"))),
            ("1.0", "a-b-1.01.jar", None),
            ("1.0", "a-1.0.jar", None),
            ("1.0", "a-b-1.0", None),
            ("1.0", "a-b-1.0.", None),
            ("1.0-SNAPSHOT", "a-b-1.0-2024.jar", None),
        ] {
            let found = Name::of("a-b", version, file);
            let found = found.as_ref().map(|name| (name.version.as_str(), name.classifier, name.extension));
            assert_eq!(found, expected, "{file}");
        }
    }

    #[test]
    fn the_specifications_qualifiers_are_given() {
        let name = Name::of("a", "1", "a-1-dist.zip").unwrap();
        assert_eq!(name.purl("org.x", "a").to_string(), "pkg:maven/org.x/a@1?classifier=dist&type=zip");
        assert_eq!(
            Name::of("a", "1", "a-1.jar").unwrap().purl("org.x", "a").to_string(),
            "pkg:maven/org.x/a@1"
        );
    }
}
