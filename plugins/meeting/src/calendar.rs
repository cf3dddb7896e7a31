//! Dates and times of day for people. Rule: the offset from UTC comes from the configuration, since a mode has no time
//! zone.

use time::{OffsetDateTime, PrimitiveDateTime};

/// A date with a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(OffsetDateTime);

impl Moment {
    /// The moment of a Unix time in ms, at an offset from UTC in minutes (positive: east).
    pub fn of(unix_ms: u64, utc_offset_minutes: i32) -> Self {
        let local =
            i64::try_from(unix_ms / 1_000).unwrap_or(i64::MAX).saturating_add(i64::from(utc_offset_minutes) * 60);
        // Times after the year 9999 are shown as its end.
        Self(OffsetDateTime::from_unix_timestamp(local).unwrap_or(PrimitiveDateTime::MAX.assume_utc()))
    }

    /// Such as `2026-11-21`.
    pub fn date(&self) -> String {
        let (year, month, day) = self.0.to_calendar_date();
        format!("{year:04}-{:02}-{day:02}", u8::from(month))
    }

    /// Such as `09:05:30`.
    pub fn clock(&self) -> String {
        format!("{}:{:02}", self.short_clock(), self.0.second())
    }

    /// Such as `09:05`.
    pub fn short_clock(&self) -> String {
        format!("{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

/// A duration such as `1:58:04` or `12:30`.
pub fn span(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        let at = |ms, offset| Moment::of(ms, offset);
        assert_eq!(at(0, 0).date(), "1970-01-01");
        assert_eq!((at(0, 480).date(), at(0, 480).clock()), ("1970-01-01".into(), "08:00:00".into()));
        assert_eq!(at(0, -60).date(), "1969-12-31");
        assert_eq!(at(1_709_164_800_000, 0).date(), "2024-02-29");
        assert_eq!(at(1_760_000_000_000, 480).date(), "2025-10-09");
        assert_eq!(at(1_760_000_000_000, 480).clock(), "16:53:20");
    }

    #[test]
    fn lengths() {
        assert_eq!((span(5), span(750), span(7_084)), ("0:05".into(), "12:30".into(), "1:58:04".into()));
    }
}
