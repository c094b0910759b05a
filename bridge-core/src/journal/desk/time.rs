//! Times and spans in words.

/// Writes a Unix time in milliseconds down: `2026-11-21 16:35:15.123 UTC`.
pub(super) fn utc(ms: i64) -> String {
    let (days, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
    let (seconds, thousandths) = (rest / 1000 % 60, rest % 1000);
    format!(
        "{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}.{thousandths:03} UTC"
    )
}

/// Returns the date of a day, counted from the beginning of 1970. Years are counted from March, so
/// that the day that is not always there is their last; 400 of them have the same number of days.
fn date(days: i64) -> (i64, i64, i64) {
    let from_year_0 = days + 719_468;
    let (era, day_of_era) = (from_year_0.div_euclid(146_097), from_year_0.rem_euclid(146_097));
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Spells a span: its largest unit, and the next where that says more.
pub(super) fn span(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        0 => format!("{} ms", ms.max(0)),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_read_them() {
        assert_eq!(utc(0), "1970-01-01 00:00:00.000 UTC");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00.000 UTC");
        assert_eq!(utc(1_709_251_199_999), "2024-02-29 23:59:59.999 UTC");
        assert_eq!(utc(4_107_542_400_000), "2100-03-01 00:00:00.000 UTC");
        assert_eq!(utc(1_795_278_915_123), "2026-11-21 16:35:15.123 UTC");
        assert_eq!(utc(-1), "1969-12-31 23:59:59.999 UTC");
    }

    #[test]
    fn spans_are_as_long_as_their_largest_unit() {
        let spans = [7, 999, 1000, 59_999, 60_000, 3_600_000, 90_000_000, -5].map(span);
        assert_eq!(
            spans,
            ["7 ms", "999 ms", "1 s", "59 s", "1 min", "1 h 0 min", "1 d 1 h", "0 ms"]
        );
    }
}
