//! Moments as text, beside a calendar that counts days one by one.
use crate::{Instant, Timestamp, TimestampError};
use core::time::Duration;
use proptest::prelude::*;

const DAY_MILLIS: u64 = 24 * 3_600 * 1_000;

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of this month.
fn days_before(year: u64, month: u64) -> u64 {
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    years + (1..month).map(|month| days_in(year, month)).sum::<u64>()
}

#[derive(Clone, Copy, Debug)]
struct Parts {
    year: u64,
    month: u64,
    day: u64,
    /// Within the day.
    millis: u64,
}

impl Parts {
    fn moment(self) -> u64 {
        (days_before(self.year, self.month) + self.day - 1) * DAY_MILLIS + self.millis
    }

    fn text(self, decimals: &str, offset: &str) -> String {
        let Self { year, month, day, millis } = self;
        let seconds = millis / 1_000;
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{decimals}{offset}")
    }

    fn utc(self) -> String {
        self.text(&format!(".{:03}", self.millis % 1_000), "Z")
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let month = (1970_u64..9999, 1_u64..=12);
    let day = month.prop_flat_map(|(year, month)| (Just(year), Just(month), 1..=days_in(year, month)));
    (day, 0..DAY_MILLIS).prop_map(|((year, month, day), millis)| Parts { year, month, day, millis })
}

fn parse(text: &str) -> Option<u64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millis)
}

proptest! {
    #[test]
    fn text_is_what_the_calendar_says(parts in parts()) {
        let time = Timestamp::from_millis(parts.moment());
        prop_assert_eq!(time.to_string(), parts.utc());
        prop_assert_eq!(parse(&parts.utc()), Some(parts.moment()));
    }

    #[test]
    fn an_offset_is_taken_off(parts in parts(), hours in 0_u64..=23, minutes in 0_u64..60, east: bool) {
        let offset = (hours * 60 + minutes) * 60_000;
        let sign = if east { '+' } else { '-' };
        let text = parts.text(&format!(".{:03}", parts.millis % 1_000), &format!("{sign}{hours:02}:{minutes:02}"));
        let moment = if east { parts.moment().checked_sub(offset) } else { Some(parts.moment() + offset) };
        prop_assert_eq!(parse(&text), moment, "{}", text);
    }

    #[test]
    fn decimals_beyond_the_third_are_dropped(parts in parts(), nanos in 0_u64..1_000_000_000, digits in 1_usize..=9) {
        let decimals: String = format!("{nanos:09}").chars().take(digits).collect();
        let kept: u64 = format!("{decimals:0<9}")[..3].parse().unwrap();
        let whole = parts.moment() / 1_000 * 1_000;
        prop_assert_eq!(parse(&parts.text(&format!(".{decimals}"), "Z")), Some(whole + kept));
    }

    #[test]
    fn a_text_with_one_wrong_character_is_another_moment_or_none(parts in parts(), place: prop::sample::Index, wrong in "[0-9TZ:.+ tz/-]") {
        let text = parts.utc();
        let place = place.index(text.len());
        let mut changed = text.clone();
        changed.replace_range(place..=place, &wrong);
        if changed != text {
            prop_assert_ne!(parse(&changed), Some(parts.moment()), "{}", changed);
        }
    }

    #[test]
    fn moments_move_as_numbers_do(start in 0..Timestamp::MAX.as_millis(), millis: u32) {
        let (duration, moment) = (Duration::from_millis(millis.into()), Timestamp::from_millis(start));
        let later = moment.after(duration);
        prop_assert_eq!(later.as_millis(), (start + u64::from(millis)).min(Timestamp::MAX.as_millis()));
        prop_assert!(later.since(moment) <= duration && moment.since(later).is_zero());
    }

    #[test]
    fn instants_move_as_numbers_do(start: u64, micros: u64) {
        let (duration, moment) = (Duration::from_micros(micros), Instant::from_micros(start));
        let later = moment.after(duration);
        prop_assert_eq!(later.as_micros(), start.saturating_add(micros));
        prop_assert_eq!(later.since(moment).as_micros(), u128::from(later.as_micros() - start));
        prop_assert!(later >= moment && later <= Instant::NEVER);
    }

    #[test]
    fn a_number_over_the_last_moment_is_refused_and_none_below_is(millis in prop_oneof![
        any::<u64>(),
        Timestamp::MAX.as_millis() - 5..Timestamp::MAX.as_millis() + 5,
    ]) {
        let number = postcard::to_allocvec(&millis).unwrap();
        let read = postcard::from_bytes::<Timestamp>(&number).ok().map(Timestamp::as_millis);
        prop_assert_eq!(read, (millis <= Timestamp::MAX.as_millis()).then_some(millis));
    }
}

#[test]
fn the_29th_of_february_is_a_day_in_leap_years_only() {
    for year in 1970..=9999 {
        let text = format!("{year}-02-29T12:00:00Z");
        assert_eq!(parse(&text).is_some(), is_leap(year), "{text}");
    }
}

#[test]
fn every_month_ends_on_its_last_day() {
    for (year, month) in
        [1999, 2000, 2023, 2024, 2100].into_iter().flat_map(|year| (1..=12).map(move |month| (year, month)))
    {
        let last = Parts { year, month, day: days_in(year, month), millis: DAY_MILLIS - 1 };
        assert_eq!(parse(&last.utc()), Some(last.moment()));
        let over = Parts { day: last.day + 1, ..last };
        assert_eq!(over.utc().parse::<Timestamp>(), Err(TimestampError), "{}", over.utc());
    }
}

#[test]
fn what_is_out_of_range_or_of_another_format_is_refused() {
    for text in [
        "2026-00-03T09:05:00Z",
        "2026-11-00T09:05:00Z",
        "2026-11-03T24:00:00Z",
        "2026-11-03T09:60:00Z",
        "2026-11-03T09:05:61Z",
        "2026-11-03T09:05:00.Z",
        "2026-11-03T09:05:00.1234567890Z",
        "2026-11-03T09:05:00+24:60",
        "2026-11-03t09:05:00z",
        "2026-11-03 09:05:00Z",
        "2026-11-03T09:05:00,5Z",
        " 2026-11-03T09:05:00Z",
        "2026-11-03T09:05:00Z\n",
        "2026-W45-2T09:05:00Z",
        "２026-11-03T09:05:00Z",
        "26-11-03T09:05:00Z",
    ] {
        assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
    }
}

#[test]
fn the_edges_of_time_are_read_with_their_offsets() {
    assert_eq!(parse("1970-01-01T05:30:00+05:30"), Some(0));
    assert_eq!(parse("1969-12-31T19:00:00-05:00"), Some(0));
    assert_eq!(parse("1970-01-01T05:29:59.999+05:30"), None, "before the first moment");
    assert_eq!(parse("9999-12-30T22:00:00.000Z"), Some(Timestamp::MAX.as_millis()));
    assert_eq!(parse("9999-12-30T22:00:00.001Z"), None, "after the last");
    assert_eq!(parse("2026-11-03T09:05:00-00:00"), parse("2026-11-03T09:05:00Z"));
}

#[test]
fn json_has_text_and_nothing_else() {
    for json in ["1793696700000", "null", "\"\"", "[\"2026-11-03T09:05:00Z\"]", "\"1793696700000\""] {
        assert!(serde_json::from_str::<Timestamp>(json).is_err(), "{json}");
    }
    let escaped = "\"2026-11-03T09:05:00\\u005a\"";
    assert_eq!(
        serde_json::from_str::<Timestamp>(escaped).ok().map(Timestamp::as_millis),
        Some(1_793_696_700_000)
    );
}

#[test]
fn what_other_readers_would_not_take_is_refused() {
    for text in [
        "2026-11-03T09:05Z",
        "2026-11-03T09Z",
        "20261103T090500Z",
        "20261103T09:05:00Z",
        "2026-11-03T090500Z",
        "2026-11-03T09:05:00+05",
        "2026-11-03T09:05:00+0530",
        "2026-11-03T09:05:00+05:30:15",
        "2026-11-03T09:05:00+24:00",
        "+002026-11-03T09:05:00Z",
    ] {
        assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
    }
}

#[test]
fn a_leap_second_is_the_second_before() {
    assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2016-12-31T23:59:59Z"));
}
