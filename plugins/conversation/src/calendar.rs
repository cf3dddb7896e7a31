//! Dates and times of day from Unix time. Rule: no time zone but the configured offset.

/// A moment as people say it.
#[derive(Debug, PartialEq, Eq)]
pub struct Moment {
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0: Sunday.
    pub weekday: usize,
    pub hour: u32,
    pub minute: u32,
}

impl Moment {
    /// The moment `unix_ms`, as clocks show it `offset_minutes` east of UTC.
    pub fn at(unix_ms: u64, offset_minutes: i32) -> Self {
        let minutes = i64::try_from(unix_ms / 60_000).unwrap_or(i64::MAX / 2) + i64::from(offset_minutes);
        let (days, of_day) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
        // Days are counted from 1 March of year 0, so that a leap day is the last of its year;
        // 146,097 days are 400 years.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year,
            month: month as u32,
            day: day as u32,
            // 1 January 1970 was a Thursday.
            weekday: (days + 4).rem_euclid(7) as usize,
            hour: (of_day / 60) as u32,
            minute: (of_day % 60) as u32,
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
