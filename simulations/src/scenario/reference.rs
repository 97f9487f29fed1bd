//! One scenario with every field and every word: to be read, and held against what there is.

/// Its text.
pub const REFERENCE: &str = include_str!("../../scenarios/reference.toml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Behaviour, CacheSpec, Cover, FaultKind, Figure, Group, Scenario, Seeds};
    use serde::Serialize;
    use toml::Table;

    /// The lines from a table's first head to the next head.
    fn section(head: &str) -> Vec<&'static str> {
        let mut lines = REFERENCE.lines();
        if !head.is_empty() {
            assert!(lines.any(|line| line.starts_with(head)), "{head}");
        }
        lines.take_while(|line| !line.starts_with('[')).collect()
    }

    /// The line of a field.
    fn line(head: &str, field: &str) -> &'static str {
        let begin = format!("{field} = ");
        let found = section(head).into_iter().find(|line| line.starts_with(&begin));
        found.unwrap_or_else(|| panic!("{head} has no `{field}`"))
    }

    /// The fields of a table: a reader names them to whoever writes another one.
    fn fields(head: &str) -> Vec<String> {
        let text = format!("{head}\nno-field = 1\n");
        let said = toml::from_str::<Scenario>(&text).unwrap_err().to_string();
        let (_, known) = said.split_once("expected ").unwrap_or_else(|| panic!("{said}"));
        known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn it_is_read_and_can_be_run() {
        let reference = Scenario::from_toml(REFERENCE).unwrap();
        assert_eq!(reference.check(), Ok(()));
        assert_eq!(Scenario::from_toml(&toml::to_string(&reference).unwrap()), Ok(reference));
    }

    #[test]
    fn every_field_is_there() {
        let tables = [
            "[seeds]",
            "[[zones]]",
            "[[paths]]",
            "[[caches]]",
            "[[groups]]",
            "[[publishes]]",
            "[[yanks]]",
            "[[faults]]",
            "[[expectations]]",
        ];
        let mut count = 0;
        for head in tables {
            for field in fields(head) {
                line(head, &field);
                count += 1;
            }
        }
        assert!(count > 45, "{count}");
        let of_tables = |field: &str| tables.iter().any(|head| head.trim_matches(['[', ']']) == field);
        for field in fields("").iter().filter(|field| !of_tables(field)) {
            line("", field);
            count += 1;
        }
        assert!(count > 55, "{count}");
    }

    #[test]
    fn every_word_is_there_with_its_meaning() {
        let explained = |word: &str| {
            let begin = format!("#   {word} ");
            let line = REFERENCE.lines().find(|line| line.starts_with(&begin));
            let meaning = line.unwrap_or_else(|| panic!("{word}")).trim_start_matches(&begin).trim();
            assert!(meaning.len() > 10, "{word}: {meaning}");
        };
        Behaviour::ALL.iter().for_each(|one| explained(one.name()));
        Figure::ALL.iter().for_each(|one| explained(one.name()));
        Cover::ALL.iter().for_each(|one| explained(one.name()));
        for name in FaultKind::NAMES {
            let written = [format!("{{ {name} = "), format!("\"{name}\"")];
            assert!(written.iter().any(|text| REFERENCE.contains(text)), "{name}");
        }
    }

    fn defaults_are_true(head: &str, default: impl Serialize) {
        for (field, value) in Table::try_from(default).unwrap() {
            if value.is_table() || value.is_array() || (head, field.as_str()) == ("[[groups]]", "count") {
                continue;
            }
            let told = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let told = if told.is_empty() { "\"\"".to_owned() } else { told };
            let line = line(head, &field);
            let is_told = line.contains(&format!("[default: {told}]")) || field == "version";
            // The ways to arrive take a line more.
            assert!(is_told || field == "arrival", "{head} {line}: {told}");
        }
    }

    #[test]
    fn defaults_are_those_that_are_taken() {
        defaults_are_true("", Scenario::default());
        defaults_are_true("[seeds]", Seeds::default());
        defaults_are_true("[[caches]]", CacheSpec::default());
        defaults_are_true("[[groups]]", Group::default());
    }

    #[test]
    fn who_can_be_so_is_said() {
        for one in Behaviour::ALL.into_iter().filter(|one| *one != Behaviour::Honest) {
            let begin = format!("#   {} ", one.name());
            let line = REFERENCE.lines().rfind(|line| line.starts_with(&begin)).unwrap();
            let (_, who) = line.rsplit_once("; ").unwrap();
            assert_eq!(
                (who.contains("node"), who.contains("seed")),
                (one.is_of_nodes(), one.is_of_seeds()),
                "{line}"
            );
        }
    }
}
