//! Instants as people read them. Rule: the offset from UTC comes from the configuration, since a
//! mode knows no clock.

/// Ms of a day.
const DAY_MS: i64 = 86_400_000;

/// A place on the calendar and the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
}

impl Moment {
    /// The moment of a Unix time in ms.
    pub fn of(unix_ms: u64, utc_offset_minutes: i32) -> Self {
        let local = i64::try_from(unix_ms).unwrap_or(0) + i64::from(utc_offset_minutes) * 60_000;
        let (days, within) = (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS) / 1_000);
        let (year, month, day) = civil(days);
        Self { year, month, day, hour: within / 3_600, minute: within / 60 % 60, second: within % 60 }
    }

    /// Such as `2026-11-21`.
    pub fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// Such as `09:05:30`.
    pub fn clock(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    /// Such as `09:05`.
    pub fn short_clock(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }
}

/// Year, month and day of a count of days since 1970 (the Gregorian calendar, counted in eras of
/// 400 years that begin in March, so that the leap day comes last).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A length of time such as `1:58:04` or `12:30`.
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
