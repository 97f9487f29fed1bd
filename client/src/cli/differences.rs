//! How two lists of packages differ, in words.

use super::output::some;
use pollux_packages::list::{Changed, Difference, Listed};

/// `1 updated, 0 added, 2 changed, 0 removed`.
pub(super) fn counts(difference: &Difference) -> String {
    let Difference { updated, added, changed, removed } = difference;
    let (updated, added) = (updated.len(), added.len());
    format!("{updated} updated, {added} added, {} changed, {} removed", changed.len(), removed.len())
}

/// A line for each package.
pub(super) fn lines(lines: &mut Vec<String>, difference: &Difference) {
    let Difference { updated, added, changed, removed } = difference;
    some(lines, updated.iter().map(|one| format!("  updated {}", versions(one))));
    some(lines, added.iter().map(|one| format!("  added   {}", named(one))));
    some(lines, changed.iter().map(|one| format!("  changed {}", named(&one.after))));
    some(lines, removed.iter().map(|one| format!("  removed {}", named(one))));
}

/// `pkg:npm/is-odd 3.0.0 -> 3.0.1`
fn versions(updated: &Changed) -> String {
    let Changed { before, after } = updated;
    let version = |listed: &Listed| listed.purl.version_text().unwrap_or_default().to_owned();
    format!("{} {} -> {}{}", after.purl.unversioned(), version(before), version(after), from(after))
}

fn named(listed: &Listed) -> String {
    format!("{}{}", listed.purl, from(listed))
}

fn from(listed: &Listed) -> String {
    listed.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_packages::Program;
    use pollux_packages::list::PackageList;
    use pollux_packages::purl::Purl;

    fn listed(name: &str, version: &str, source: Option<&str>) -> Listed {
        Listed {
            program: Program::Npm,
            purl: Purl::new("npm", name).version(version),
            files: vec![version.to_owned()],
            digest: None,
            source: source.map(str::to_owned),
            bytes: 3,
            unused: 0,
        }
    }

    #[test]
    fn an_update_is_one_line() {
        let before = PackageList::new([listed("is-odd", "3.0.0", None), listed("gone", "1", None)]);
        let after =
            [listed("is-odd", "3.0.1", Some("https://registry.example.org/x")), listed("new", "1", None)];
        let difference = before.compare(&PackageList::new(after));
        assert_eq!(counts(&difference), "1 updated, 1 added, 0 changed, 1 removed");
        let mut said = Vec::new();
        lines(&mut said, &difference);
        let expected = [
            "  updated pkg:npm/is-odd 3.0.0 -> 3.0.1 from https://registry.example.org/x",
            "  added   pkg:npm/new@1",
            "  removed pkg:npm/gone@1",
        ];
        assert_eq!(said, expected);
    }
}
