//! A plot: layers between two axes, drawn as SVG with a title, a description, a legend, and its numbers as a table.

use super::axis::Axis;
use super::markup::Markup;
use super::table::Table;

/// The picture, in its own units: narrow, so that its texts stay readable on a narrow window.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 260.0;
/// Around what is plotted: for the axes' texts.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;
/// Where a line that goes up has room for its text on the left, where a bound has nothing: from this part of the width on.
const ROOM: f64 = 0.18;
/// The same of a number, which stands on the right while it can.
const MARK_ROOM: f64 = 0.95;

/// What is told by colour and by the form of lines. Each has its own class in the page's style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    First,
    Second,
    Third,
    Fourth,
    /// What is compared with.
    Limit,
    /// What comes from outside.
    Mark,
}

impl Ink {
    /// Those of what is measured, in the order in which they are used.
    pub(super) const SERIES: [Self; 4] = [Self::First, Self::Second, Self::Third, Self::Fourth];

    const fn line(self) -> &'static str {
        match self {
            Self::First => "line i1",
            Self::Second => "line i2",
            Self::Third => "line i3",
            Self::Fourth => "line i4",
            Self::Limit => "line limit",
            Self::Mark => "line mark",
        }
    }

    const fn area(self) -> &'static str {
        match self {
            Self::First => "area i1",
            Self::Second => "area i2",
            Self::Third => "area i3",
            Self::Fourth => "area i4",
            Self::Limit => "area limit",
            Self::Mark => "area mark",
        }
    }
}

/// Points in what is plotted, from left to right.
pub(super) type Points = Vec<(f64, f64)>;

/// What is drawn, the first below.
#[derive(Clone, Debug)]
pub(super) enum Layer {
    Line(Ink, Points),
    /// Goes on as it was until it changes.
    Steps(Ink, Points),
    /// Between two lines of as many points.
    Area(Ink, Points, Points),
    /// From nothing up, each between two places.
    Bars(Ink, Vec<(f64, f64, f64)>),
    /// A line upwards, with a text beside it.
    Upright(Ink, f64, String),
    /// A line across, with a text above it.
    Across(Ink, f64, String),
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// Names it within the page.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What is to be seen, in a sentence.
    pub(super) about: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) layers: Vec<Layer>,
    pub(super) legend: Vec<(Key, String)>,
    pub(super) table: Table,
}

/// How something stands in the legend.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    Line(Ink),
    Area(Ink),
}

impl Plot {
    pub(super) fn write(&self, page: &mut Markup) {
        page.element("figure", &[("id", self.id)], |page| {
            page.element("figcaption", &[], |page| {
                page.line("h3", &[], self.title);
                page.line("p", &[], &self.about);
                self.write_legend(page);
            });
            self.write_picture(page);
            page.element("details", &[], |page| {
                page.line("summary", &[], "As a table");
                self.table.write(page);
            });
        });
    }

    fn write_legend(&self, page: &mut Markup) {
        if self.legend.is_empty() {
            return;
        }
        let item = |page: &mut Markup, (key, text): &(Key, String)| {
            key.write(page);
            page.text(text);
        };
        page.element("ul", &[("class", "legend")], |page| {
            self.legend.iter().for_each(|entry| page.element("li", &[], |page| item(page, entry)));
        });
    }

    fn write_picture(&self, page: &mut Markup) {
        let (title, about) = (format!("{}-title", self.id), format!("{}-about", self.id));
        let (names, size) = (format!("{title} {about}"), format!("0 0 {WIDTH} {HEIGHT}"));
        let attributes =
            [("class", "picture"), ("viewBox", &*size), ("role", "img"), ("aria-labelledby", &*names)];
        page.element("svg", &attributes, |page| {
            page.line("title", &[("id", &title)], self.title);
            page.line("desc", &[("id", &about)], &self.about);
            self.write_axes(page);
            self.layers.iter().for_each(|layer| self.write_layer(page, layer));
        });
    }

    fn write_axes(&self, page: &mut Markup) {
        for (at, text) in &self.y.ticks {
            let y = self.y(at * self.y.unit);
            line(page, "grid", [(LEFT, y), (WIDTH - RIGHT, y)]);
            label(page, "end", (LEFT - 6.0, y + 4.0), text);
        }
        for (at, text) in &self.x.ticks {
            let x = self.x(at * self.x.unit);
            line(page, "tick", [(x, HEIGHT - BOTTOM), (x, HEIGHT - BOTTOM + 5.0)]);
            label(page, "middle", (x, HEIGHT - BOTTOM + 18.0), text);
        }
        line(page, "axis", [(LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM)]);
        label(page, "start", (4.0, 13.0), &self.y.label);
        label(page, "end", (WIDTH - RIGHT, HEIGHT - 8.0), &self.x.label);
    }

    fn write_layer(&self, page: &mut Markup, layer: &Layer) {
        match layer {
            Layer::Line(ink, points) => path(page, ink.line(), &self.path(points)),
            Layer::Steps(ink, points) => path(page, ink.line(), &self.path(&steps(points))),
            Layer::Area(ink, lower, upper) => {
                let back = lower.iter().rev().copied();
                let around: Points = upper.iter().copied().chain(back).collect();
                path(page, ink.area(), &format!("{}Z", self.path(&around)));
            }
            Layer::Bars(ink, bars) => {
                for &(from, to, most) in bars {
                    let around = vec![(from, 0.0), (from, most), (to, most), (to, 0.0)];
                    path(page, ink.area(), &format!("{}Z", self.path(&around)));
                }
            }
            Layer::Upright(ink, at, text) => {
                let x = self.x(*at);
                line(page, ink.line(), [(x, TOP), (x, HEIGHT - BOTTOM)]);
                let room = if *ink == Ink::Mark { MARK_ROOM } else { ROOM };
                let left = self.x.place(*at) > room;
                let (anchor, aside) = if left { ("end", -5.0) } else { ("start", 5.0) };
                // What comes from outside stands where curves of sums have not come yet.
                let y = if *ink == Ink::Mark { TOP + 11.0 } else { HEIGHT - BOTTOM - 8.0 };
                if !text.is_empty() {
                    label(page, anchor, (x + aside, y), text);
                }
            }
            Layer::Across(ink, at, text) => {
                let y = self.y(*at);
                line(page, ink.line(), [(LEFT, y), (WIDTH - RIGHT, y)]);
                label(page, "end", (WIDTH - RIGHT - 4.0, y - 5.0), text);
            }
        }
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let places: Vec<String> =
            points.iter().map(|(x, y)| format!("{:.1} {:.1}", self.x(*x), self.y(*y))).collect();
        if places.is_empty() { String::new() } else { format!("M{}", places.join("L")) }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)
    }
}

impl Key {
    fn write(self, page: &mut Markup) {
        page.element("svg", &[("viewBox", "0 0 26 12"), ("aria-hidden", "true")], |page| match self {
            Self::Line(ink) => line(page, ink.line(), [(0.0, 6.0), (26.0, 6.0)]),
            Self::Area(ink) => path(page, ink.area(), "M1 1L25 1L25 11L1 11Z"),
        });
    }
}

/// Corners between points, so that each value holds until the next one.
fn steps(points: &[(f64, f64)]) -> Points {
    let corners = points.iter().zip(points.iter().skip(1)).map(|(before, after)| (after.0, before.1));
    let last = points.len().saturating_sub(1);
    let all = points.iter().take(last).zip(corners).flat_map(|(point, corner)| [*point, corner]);
    all.chain(points.last().copied()).collect()
}

fn line(page: &mut Markup, class: &str, [from, to]: [(f64, f64); 2]) {
    path(page, class, &format!("M{:.1} {:.1}L{:.1} {:.1}", from.0, from.1, to.0, to.1));
}

fn path(page: &mut Markup, class: &str, way: &str) {
    if !way.is_empty() {
        page.empty("path", &[("class", class), ("d", way)]);
    }
}

fn label(page: &mut Markup, anchor: &str, (x, y): (f64, f64), text: &str) {
    let (x, y) = (format!("{x:.1}"), format!("{y:.1}"));
    page.line("text", &[("x", &x), ("y", &y), ("text-anchor", anchor)], text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_until_it_changes_has_corners() {
        assert_eq!(
            steps(&[(0.0, 1.0), (2.0, 3.0), (5.0, 0.0)]),
            [(0.0, 1.0), (2.0, 1.0), (2.0, 3.0), (5.0, 3.0), (5.0, 0.0)]
        );
        assert_eq!(steps(&[]), []);
        assert_eq!(steps(&[(1.0, 1.0)]), [(1.0, 1.0)]);
    }

    #[test]
    fn a_plot_stands_within_its_picture() {
        let axis = || Axis::new("of it".to_owned(), 1.0, 10.0);
        let plot = Plot {
            id: "it",
            title: "It",
            about: "What it is.".to_owned(),
            x: axis(),
            y: axis(),
            layers: vec![Layer::Line(Ink::First, vec![(0.0, 0.0), (10.0, 99.0)])],
            legend: vec![(Key::Line(Ink::First), "one & only".to_owned())],
            table: Table::default(),
        };
        let mut page = Markup::default();
        plot.write(&mut page);
        let text = page.finish();
        assert!(text.contains("M46.0 216.0L406.0 26.0"), "{text}");
        assert!(text.contains("one &amp; only") && text.contains("<desc id=\"it-about\">What it is.</desc>"));
    }
}
