//! How far the model is from reality, as it was measured: the files that `calibrate` of the tests wrote, of one crowd each,
//! come along.

use core::fmt;
use serde::{Deserialize, Serialize};

/// What was measured: a crowd whose links are all alike, one with a seed at four times the rate, one with a larger cache.
const MEASURED: [&str; 3] = [
    include_str!("../../calibration/even.json"),
    include_str!("../../calibration/fast-seed.json"),
    include_str!("../../calibration/larger.json"),
];

/// One crowd of real daemons, and how far the simulator was from it. Other fields of the file are not looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Nodes.
    pub nodes: u32,
    /// The cache.
    pub size: String,
    /// Each node's link, each way.
    pub rate: String,
    /// The seed's link.
    pub seed_rate: String,
    /// What one must know of how it was measured.
    #[serde(default)]
    pub note: Option<String>,
    /// Figures, each with its error.
    pub compared: Vec<Deviation>,
}

/// How far one figure is off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// Which figure, with its unit.
    pub what: String,
    /// How much more the simulator says, in per cent of what was measured; where several were measured, the largest.
    pub error_percent: f64,
    /// Where several were measured: the other end of them.
    #[serde(default)]
    pub or_percent: Option<f64>,
    /// What it may be off; none: it is only told.
    pub bar_percent: Option<f64>,
}

impl Calibration {
    /// What came along.
    #[must_use]
    pub fn measured() -> Vec<Self> {
        // A test reads them all.
        MEASURED.iter().filter_map(|text| Self::from_json(text).ok()).collect()
    }

    /// `beside 16 real daemons (24MB), off by makespan +2.5 %, …`, for a line of text.
    #[must_use]
    pub fn short(&self) -> String {
        let seed = if self.seed_rate == self.rate { "" } else { ", a faster seed" };
        let told: Vec<String> = self.judged().map(Deviation::short).collect();
        format!("beside {} real daemons ({}{seed}), off by {}", self.nodes, self.size, told.join(", "))
    }

    /// The figures that are judged.
    fn judged(&self) -> impl Iterator<Item = &Deviation> {
        self.compared.iter().filter(|one| one.bar_percent.is_some())
    }

    /// Reads what `calibrate` wrote.
    ///
    /// # Errors
    /// Where it is no such file.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl fmt::Display for Calibration {
    /// `beside 16 real daemons (24MB, links of 50Mbit/s, the seed's 50Mbit/s) the model is off by: makespan +2.1 %, …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, size, rate, seed_rate, .. } = self;
        write!(
            f,
            "beside {nodes} real daemons ({size}, links of {rate}, the seed's {seed_rate}) the model is off by: "
        )?;
        let told: Vec<String> = self.judged().map(Deviation::to_string).collect();
        f.write_str(&told.join(", "))?;
        self.note.iter().try_for_each(|note| write!(f, " ({note})"))
    }
}

impl Deviation {
    fn what(&self) -> &str {
        self.what.split(',').next().unwrap_or_default()
    }

    /// Where several were measured, how far the farthest is off.
    fn short(&self) -> String {
        let (what, most) = (self.what(), self.error_percent.abs());
        match self.or_percent {
            Some(other) => format!("{what} \u{b1}{:.1} %", most.max(other.abs())),
            None => format!("{what} {:+.1} %", self.error_percent),
        }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what();
        let from = self.or_percent.map_or_else(String::new, |other| format!("{other:+.1} to "));
        write!(f, "{what} {from}{:+.1} %", self.error_percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_along_can_be_read() {
        let measured = Calibration::measured();
        assert_eq!(measured.len(), MEASURED.len());
        for one in measured {
            let text = one.to_string();
            assert!(text.contains("makespan") && text.contains("from the seed"), "{text}");
            assert!(one.short().len() < 140, "{}", one.short());
            assert!(one.nodes >= 16 && !one.rate.is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_told_has_a_sign() {
        let text = r#"{"nodes": 16, "size": "24MB", "rate": "1MB/s", "seed_rate": "4MB/s", "more": 1, "compared": [
            {"what": "makespan, s", "error_percent": -3.14, "bar_percent": 10.0, "model": {}},
            {"what": "seed's link, copies", "error_percent": 9.0, "bar_percent": null},
            {"what": "p50, s", "error_percent": 8.0, "or_percent": -8.0, "bar_percent": 10.0}]}"#;
        let one = Calibration::from_json(text).unwrap();
        assert_eq!(
            one.to_string(),
            "beside 16 real daemons (24MB, links of 1MB/s, the seed's 4MB/s) the model is off by: makespan -3.1 %, p50 -8.0 to +8.0 %"
        );
    }
}
