use super::super::fixture;
use super::*;

const HOSTILE: &str = "</pre><script>alert('1')</script>\"><img src=x onerror=y>&\u{202e}";

/// Its name, its attributes, and the text right after its opening tag.
type Element = (String, Vec<(String, String)>, String);

/// What a page's elements are, in order. Fails where the page is
/// not well-formed.
fn elements(page: &str) -> Vec<Element> {
    let body = page.strip_prefix("<!DOCTYPE html>\n").expect("a document type");
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("no end of a tag: {part}"));
        assert!(!text.contains('>'), "a stray bracket: {text}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "what is opened last is closed first");
            continue;
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
        if !is_empty {
            open.push(name.to_owned());
        }
        found.push((name.to_owned(), attributes(rest), text.to_owned()));
    }
    assert!(open.is_empty(), "{open:?} are not closed");
    found
}

fn attributes(rest: &str) -> Vec<(String, String)> {
    let mut parts = rest.split('"');
    let mut found = Vec::new();
    while let Some(name) = parts.next().map(str::trim).filter(|name| !name.is_empty()) {
        let name = name.strip_suffix('=').unwrap_or_else(|| panic!("no value: {rest}"));
        found.push((name.to_owned(), parts.next().expect("a value in quotes").to_owned()));
    }
    found
}

fn value<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn hostile() -> Report {
    let mut report = fixture::report();
    report.scenario.about = HOSTILE.to_owned();
    report.scenario.groups[0].name = HOSTILE.to_owned();
    report.groups[0].name = HOSTILE.to_owned();
    report.verdict.first_violations = vec![HOSTILE.to_owned()];
    report.verdict.violations = 1;
    report.verdict.stopped = Some(HOSTILE.to_owned());
    report.verdict.expectations[0].expectation.group = Some(HOSTILE.to_owned());
    report.series.marks[0].what = HOSTILE.to_owned();
    report.command = HOSTILE.to_owned();
    report.trace.digest = HOSTILE.to_owned();
    report.calibration[0].rate = HOSTILE.to_owned();
    report.crossings[0].from = HOSTILE.to_owned();
    report
}

#[test]
fn whatever_stands_in_a_report_the_page_is_well_formed() {
    for report in [fixture::report(), fixture::nothing(), hostile()] {
        let page = report.to_html();
        assert!(elements(&page).len() > 50);
        assert!(!page.contains("NaN") && !page.contains("inf"), "every number can be drawn");
    }
}

#[test]
fn no_text_of_a_scenario_gets_out_of_its_place() {
    let page = hostile().to_html();
    let ours: Vec<String> =
        elements(&fixture::report().to_html()).into_iter().map(|(name, ..)| name).collect();
    for (name, attributes, _) in elements(&page) {
        assert!(ours.contains(&name) || name == "ul" || name == "li", "{name}");
        assert!(attributes.iter().all(|(name, _)| !name.starts_with("on")), "{attributes:?}");
    }
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)") && !page.contains('\u{202e}'));
}

#[test]
fn a_page_needs_nothing_else() {
    for report in [fixture::report(), hostile()] {
        for (name, attributes, _) in elements(&report.to_html()) {
            assert!(
                !["script", "link", "img", "iframe", "object", "use", "a"].contains(&name.as_str()),
                "{name}"
            );
            let refers = |name: &str| ["src", "href", "xlink:href", "action", "style"].contains(&name);
            assert!(attributes.iter().all(|(name, _)| !refers(name)), "{attributes:?}");
        }
    }
    for word in ["url(", "@import", "http:", "https:"] {
        assert!(!style::STYLE.contains(word), "{word}");
    }
    assert!(POLICY.starts_with("default-src 'none'"));
}

#[test]
fn every_plot_has_a_title_a_description_and_a_table() {
    let elements = elements(&fixture::report().to_html());
    let ids: Vec<&str> = elements.iter().filter_map(|(_, attributes, _)| value(attributes, "id")).collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "each name is of one element");
    let pictures =
        elements.iter().filter(|(name, attributes, _)| name == "svg" && value(attributes, "role").is_some());
    let mut count = 0;
    for (_, attributes, _) in pictures {
        let names = value(attributes, "aria-labelledby").expect("what it is named by");
        for (named, kind) in names.split(' ').zip(["title", "desc"]) {
            let text = elements.iter().find(|(_, attributes, _)| value(attributes, "id") == Some(named));
            let (name, _, text) = text.expect("what names it is there");
            assert!(name == kind && text.len() > 3, "{named}: {text}");
        }
        count += 1;
    }
    let tables = elements.iter().filter(|(name, _, text)| name == "summary" && text == "As a table").count();
    assert_eq!((count, tables), (8, 8));
    let others =
        elements.iter().filter(|(name, attributes, _)| name == "svg" && value(attributes, "role").is_none());
    assert!(others.into_iter().all(|(_, attributes, _)| value(attributes, "aria-hidden") == Some("true")));
}

#[test]
fn the_page_tells_all_that_the_text_tells() {
    let report = fixture::report();
    let page = report.to_html();
    let parts = [
        "FAILED (expectation)",
        "p50-ratio",
        "completed-share of crowd",
        "MISSED",
        "MISSING",
        "1.6",
        "c0ffee",
        "had not begun when the run ended",
        "east to west",
        "1.250",
    ];
    let measured = ["from the seed", "16 real daemons", "[[expectations]]", "bound"];
    for part in parts.into_iter().chain(measured) {
        assert!(page.contains(part), "{part}");
    }
    let commands: Vec<usize> = page.match_indices(&report.command).map(|(at, _)| at).collect();
    assert_eq!(commands.len(), 2, "first and last");
    assert!(commands[0] < page.find("<h1").unwrap() && commands[1] > page.rfind("<h2").unwrap());
}

#[test]
fn the_outline_of_a_page_stays() {
    let told = elements(&fixture::report().to_html());
    let outline = told
        .iter()
        .filter(|(name, ..)| ["title", "h1", "h2", "h3", "desc", "strong"].contains(&name.as_str()));
    let lines: Vec<String> = outline.map(|(name, _, text)| format!("{name}: {text}")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
