//! `requirements.txt` with `--hash`, after the documentation of pip (its form, and its mode that checks hashes).
//!
//! A line may go on after a backslash. Comments begin at the line's start or after a blank. Of a requirement the name, the
//! pinned version and the digests count; extras, markers and other options do not. Options on lines of their own are passed
//! over, also those that name further files; so are files and addresses whose name tells no package.

use super::{LockError, Locked, LockedDigest};
use crate::digest::{Algorithm, Digest};
use crate::purl::Purl;
use crate::python::{is_name, purl, purl_of_file};

/// Reads it.
pub(super) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let mut packages = Vec::new();
    for (line, text) in lines(text.trim_start_matches('\u{feff}')) {
        let (requirement, options) = split_options(&text);
        if requirement.is_empty() {
            continue;
        }
        let Some((purl, in_address)) = package(requirement) else {
            if is_file_or_address(requirement) {
                continue;
            }
            return Err(LockError::at(line, format!("`{requirement}` names no package")));
        };
        let mut digests: Vec<LockedDigest> = in_address.into_iter().map(LockedDigest::Artifact).collect();
        for written in hashes(options) {
            let digest =
                digest(written).map_err(|()| LockError::at(line, format!("`{written}` is no digest")))?;
            digests.extend(digest.map(LockedDigest::Artifact));
        }
        packages.push(Locked { purl, digests });
    }
    Ok(packages)
}

/// Logical lines without comments, each with the number of its first line.
fn lines(text: &str) -> Vec<(u64, String)> {
    let (mut lines, mut open) = (Vec::new(), None::<(u64, String)>);
    for (number, line) in (1_u64..).zip(text.lines()) {
        let is_comment = line.trim_start().starts_with('#');
        let (first, mut joined) = open.take().unwrap_or((number, String::new()));
        // A comment ends what went on, backslash or not.
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) if !is_comment => (part, true),
            _ => (line, false),
        };
        // The blank keeps a comment apart from what is before it.
        joined.push_str(if is_comment { " " } else { "" });
        joined.push_str(part);
        if goes_on {
            open = Some((first, joined));
        } else {
            lines.push((first, joined));
        }
    }
    lines.extend(open);
    lines.iter().map(|(number, line)| (*number, without_comment(line).trim().to_owned())).collect()
}

fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| {
        line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(char::is_whitespace))
    };
    let comment = line.match_indices('#').map(|(at, _)| at).find(begins);
    comment.and_then(|at| line.get(..at)).unwrap_or(line)
}

/// What comes before the first option, and the options.
fn split_options(line: &str) -> (&str, &str) {
    let at = if line.starts_with('-') { Some(0) } else { line.find(" -").or_else(|| line.find("\t-")) };
    let (requirement, options) = line.split_at(at.unwrap_or(line.len()));
    (requirement.trim(), options)
}

/// `--hash=sha256:…`, or with a blank.
fn hashes(options: &str) -> impl Iterator<Item = &str> {
    let mut words = options.split_ascii_whitespace();
    core::iter::from_fn(move || {
        loop {
            match words.next()?.strip_prefix("--hash") {
                Some("") => return words.next(),
                Some(rest) if rest.starts_with('=') => return rest.get(1..),
                _ => {}
            }
        }
    })
}

/// `None` for one of an algorithm that nobody here knows.
fn digest(written: &str) -> Result<Option<Digest>, ()> {
    let (name, hex) = written.split_once([':', '=']).ok_or(())?;
    let Some(algorithm) = Algorithm::named(name) else { return Ok(None) };
    Digest::from_hex(algorithm, hex).map(Some).ok_or(())
}

/// `name[extra]==1.0 ; marker`, `name @ address#sha256=…`, or an address.
fn package(requirement: &str) -> Option<(Purl, Option<Digest>)> {
    let end = requirement.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter));
    let (name, rest) = requirement.split_at(end.unwrap_or(requirement.len()));
    let mut rest = rest.trim_start();
    if rest.starts_with('[') {
        rest = rest.split_once(']')?.1.trim_start();
    }
    if let Some(address) = rest.strip_prefix('@') {
        let (of_file, digest) = in_address(address.trim_start());
        return is_name(name).then(|| (of_file.unwrap_or_else(|| purl(name, "")), digest));
    }
    if is_file_or_address(requirement) {
        let (of_file, digest) = in_address(requirement);
        return of_file.map(|purl| (purl, digest));
    }
    let (specifier, _) = rest.split_once(';').unwrap_or((rest, ""));
    let specifier = specifier.trim();
    let is_specifier = specifier.is_empty() || specifier.starts_with(['=', '<', '>', '!', '~', '(']);
    (is_name(name) && is_specifier).then(|| (purl(name, pinned(specifier).unwrap_or_default()), None))
}

/// The version, if there is but one.
fn pinned(specifier: &str) -> Option<&str> {
    let version = specifier.trim_matches(['(', ')', ' ']).strip_prefix("==")?;
    let version = version.strip_prefix('=').unwrap_or(version).trim();
    (!version.contains([',', '*', ' '])).then_some(version)
}

fn is_file_or_address(requirement: &str) -> bool {
    let (path, _) = requirement.split_once([';', ' ']).unwrap_or((requirement, ""));
    requirement.starts_with('.')
        || path.contains(['/', '\\'])
        || path.ends_with(".whl")
        || path.ends_with(".tar.gz")
}

fn in_address(address: &str) -> (Option<Purl>, Option<Digest>) {
    let address = address.split_ascii_whitespace().next().unwrap_or_default();
    let (path, fragment) = address.split_once('#').unwrap_or((address, ""));
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let digest = fragment.split('&').find_map(|part| digest(part).ok().flatten());
    (path.rsplit('/').next().and_then(purl_of_file), digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        Digest::of(Algorithm::Sha256, text.as_bytes()).to_string()
    }

    fn read_one(text: &str) -> (String, usize) {
        let read = read(text).unwrap();
        assert_eq!(read.len(), 1, "{text}");
        (read[0].purl.to_string(), read[0].digests.len())
    }

    #[test]
    fn what_pip_compile_and_uv_write_is_read() {
        let text = format!(
            "\u{feff}# made by a program\n--index-url https://registry.example.org/simple\n-r other.txt\n-c limits.txt\n\n\
             Flask_x[async,dotenv]==1.0 ; python_version >= \"3.8\" \\\n    --hash={one} \\\n    --hash={two}\n    # via\n    #   mine (a)\n\
             b === 2.0.post1 --hash {one}  # why\n-e ./mine\n",
            one = written("1"),
            two = written("2"),
        );
        let read = read(&text).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].purl.to_string(), "pkg:pypi/flask-x@1.0");
        let digests =
            ["1", "2"].map(|text| LockedDigest::Artifact(Digest::of(Algorithm::Sha256, text.as_bytes())));
        assert_eq!(read[0].digests, digests);
        assert_eq!((read[1].purl.to_string().as_str(), read[1].digests.len()), ("pkg:pypi/b@2.0.post1", 1));
    }

    #[test]
    fn all_forms_of_requirements_are_read() {
        let hash = written("1").replace(':', "=");
        for (text, purl, digests) in [
            ("a".to_owned(), "pkg:pypi/a", 0),
            ("a>=1,<2; extra == 'x'".to_owned(), "pkg:pypi/a", 0),
            ("a==1.*".to_owned(), "pkg:pypi/a", 0),
            ("a (==1.0)".to_owned(), "pkg:pypi/a@1.0", 0),
            ("a==1.0 --config-settings x=y".to_owned(), "pkg:pypi/a@1.0", 0),
            (format!("a @ https://registry.example.org/a-1.0-py3-none-any.whl#{hash}"), "pkg:pypi/a@1.0", 1),
            (format!("a @ https://registry.example.org/a.zip#egg=a&{hash} ; x"), "pkg:pypi/a", 1),
            (format!("https://registry.example.org/a-1.0.tar.gz?x#{hash}"), "pkg:pypi/a@1.0", 1),
            ("a==1.0 --hash=blake9:00".to_owned(), "pkg:pypi/a@1.0", 0),
        ] {
            assert_eq!(read_one(&text), (purl.to_owned(), digests), "{text}");
        }
        let after_comment = read("a==1.0 \\\n# a comment ends it \\\nb==2.0\n").unwrap();
        assert_eq!(after_comment.len(), 2);
        for passed in ["./a", "../b.txt", "git+https://registry.example.org/a", "a/b.zip", "#x", "\\", ""] {
            assert_eq!(read(passed), Ok(Vec::new()), "{passed}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_line() {
        assert_eq!(read("a==1\n\nb c\n").unwrap_err().line, Some(3));
        assert_eq!(read("a==1 \\\n --hash=sha256:00\n").unwrap_err().line, Some(1));
        assert_eq!(read("a[x\n").unwrap_err().line, Some(1));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "([a-z=@#;:/\\[\\] \\\\-]{0,20}(--hash)?[=: ]?[a-z0-9:]{0,9}\n){0,6}|\\PC*") {
            drop(read(&text));
        }
    }
}
