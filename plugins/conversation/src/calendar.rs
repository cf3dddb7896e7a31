//! Dates and times of day from Unix time. Rule: no time zone except the configured offset.

use time::{OffsetDateTime, PrimitiveDateTime};

/// A date with a time of day.
#[derive(Debug, PartialEq, Eq)]
pub struct Moment {
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 is Sunday.
    pub weekday: usize,
    pub hour: u32,
    pub minute: u32,
}

impl Moment {
    /// The moment of a Unix time in ms, at an offset from UTC in minutes (positive: east).
    pub fn at(unix_ms: u64, offset_minutes: i32) -> Self {
        let local = i64::try_from(unix_ms / 1_000).unwrap_or(i64::MAX).saturating_add(i64::from(offset_minutes) * 60);
        // Times after the year 9999 are shown as its end.
        let local = OffsetDateTime::from_unix_timestamp(local).unwrap_or(PrimitiveDateTime::MAX.assume_utc());
        Self {
            year: i64::from(local.year()),
            month: u32::from(u8::from(local.month())),
            day: u32::from(local.day()),
            weekday: usize::from(local.weekday().number_days_from_sunday()),
            hour: u32::from(local.hour()),
            minute: u32::from(local.minute()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn known_days() {
        let cases = [
            (0, 0, (1970, 1, 1, 4, 0, 0)),
            (1_709_164_800_000, 0, (2024, 2, 29, 4, 0, 0)),
            (1_735_689_599_000, 0, (2024, 12, 31, 2, 23, 59)),
            (1_735_689_599_000, 480, (2025, 1, 1, 3, 7, 59)),
            (0, -60, (1969, 12, 31, 3, 23, 0)),
        ];
        for (ms, offset, expected) in cases {
            let m = Moment::at(ms, offset);
            assert_eq!((m.year, m.month, m.day, m.weekday, m.hour, m.minute), expected);
        }
    }
}
