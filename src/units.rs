//! The quantities of a scenario as types, how they are written, and how they are shown to people.
//!
//! Durations are `std::time::Duration`, written `500ms`, `10s`, `1m30s`, `2h`; rates `50/s`, `300/min`;
//! sizes `512KiB`, `1GB`; shares always with `%`.

use std::fmt;
use std::time::Duration;

/// What is wrong with a quantity, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct UnitError {
    pub problem: String,
    pub help: String,
}

impl UnitError {
    fn new(problem: impl Into<String>, help: impl Into<String>) -> Self {
        UnitError { problem: problem.into(), help: help.into() }
    }
}

/// Events per second; finite and never negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(f64);

/// A share between 0 and 1, written in percent.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percent(f64);

/// How many of those who are there leave per time, as a share of them: the same for each moment, whatever was
/// before (an exponential distribution). Written `2%/min`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeavingRate {
    /// The hazard per second: of n who are there, `n · hazard` leave in a second.
    hazard: f64,
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Rate {
    pub const fn per_second(value: f64) -> Self {
        Rate(value)
    }
    pub const fn as_per_second(self) -> f64 {
        self.0
    }
}

impl Percent {
    /// From a share: `0.2` is 20 %.
    pub const fn from_share(share: f64) -> Self {
        Percent(share)
    }
    pub const fn share(self) -> f64 {
        self.0
    }
}

impl LeavingRate {
    /// After `unit`, `share` of them have left: the hazard is `-ln(1 - share) / unit`.
    fn new(share: f64, unit: Duration) -> Self {
        LeavingRate { hazard: -(1.0 - share).ln() / unit.as_secs_f64() }
    }

    /// How long one stays, for a draw from the exponential distribution with mean 1; none for ever.
    pub fn stay(self, draw: f64) -> Option<Duration> {
        // Beyond what is told apart, and for a hazard of 0, it is for ever.
        Duration::try_from_secs_f64(draw / self.hazard).ok().filter(|stay| *stay <= LONGEST)
    }
}

/// The longest duration that is accepted: a hundred days. Longer ones are slips of the pen, and would
/// overflow sums of stages.
const LONGEST: Duration = Duration::from_hours(100 * 24);

/// Reads `500ms`, `10s`, `1m30s`, `2h`, `0.5s`; parts are added up.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let text = text.trim();
    let mut rest = text;
    let mut total = 0.0_f64;
    if rest.is_empty() {
        return Err(UnitError::new("a duration is missing", "write one like `30s` or `1m30s`"));
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let Ok(number) = number.parse::<f64>() else {
            return Err(UnitError::new(
                format!("`{text}` is not a duration"),
                "write a number with a unit, like `500ms`, `10s`, `1m30s` or `2h`",
            ));
        };
        let unit_len = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let seconds = match unit {
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "" => {
                let help = if tail.trim().is_empty() {
                    format!("write `{text}s` for seconds or `{text}ms` for milliseconds")
                } else {
                    "write the unit right behind the number, like `10s` or `1m30s`".to_owned()
                };
                return Err(UnitError::new(format!("`{text}` has no unit"), help));
            }
            other => {
                let meant = match other {
                    "sec" | "secs" | "second" | "seconds" | "S" => "s",
                    "min" | "mins" | "minute" | "minutes" | "M" => "m",
                    "hour" | "hours" | "hr" | "H" => "h",
                    "msec" | "millis" | "MS" | "milliseconds" => "ms",
                    _ => {
                        return Err(UnitError::new(
                            format!("`{other}` is no unit of time"),
                            "the units are `ms`, `s`, `m`, `h` and `d`",
                        ));
                    }
                };
                return Err(UnitError::new(
                    format!("`{other}` is no unit of time"),
                    format!("write `{meant}` instead of `{other}`"),
                ));
            }
        };
        total += number * seconds;
        rest = tail;
    }
    match Duration::try_from_secs_f64(total) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        _ => {
            Err(UnitError::new(format!("`{text}` is too long"), "a duration may be up to 100 days (`100d`)"))
        }
    }
}

/// Reads `50/s`, `300/min`, `10/h`.
pub fn parse_rate(text: &str) -> Result<Rate, UnitError> {
    let wrong = || {
        UnitError::new(
            format!("`{text}` is not a rate"),
            "write a number per time, like `50/s`, `300/min` or `10/h`",
        )
    };
    let (number, unit) = text.trim().split_once('/').ok_or_else(wrong)?;
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    if !number.is_finite() || number < 0.0 {
        return Err(wrong());
    }
    if number / seconds > 10_000_000.0 {
        return Err(UnitError::new(format!("`{text}` is too much"), "a rate may be up to 10000000/s"));
    }
    Ok(Rate(number / seconds))
}

/// Whether a text looks like a rate rather than a number of users.
pub fn looks_like_rate(text: &str) -> bool {
    text.contains('/')
}

/// Reads `20%` and `0.5%`.
pub fn parse_percent(text: &str) -> Result<Percent, UnitError> {
    let text = text.trim();
    let Some(number) = text.strip_suffix('%') else {
        let help = match text.parse::<f64>() {
            Ok(n) if n > 0.0 && n <= 1.0 => {
                format!("write `{}%` if you mean that share, or `{n}%`", trim_float(n * 100.0))
            }
            Ok(n) => format!("write `{}%`", trim_float(n)),
            Err(_) => "write a number with a percent sign, like `20%`".into(),
        };
        return Err(UnitError::new(format!("the share `{text}` has no `%`"), help));
    };
    match number.trim().parse::<f64>() {
        Ok(n) if (0.0..=100.0).contains(&n) => Ok(Percent(n / 100.0)),
        Ok(_) => Err(UnitError::new(
            format!("`{text}` is not between 0% and 100%"),
            "a share lies between `0%` and `100%`",
        )),
        Err(_) => Err(UnitError::new(
            format!("`{text}` is not a share"),
            "write a number with a percent sign, like `20%`",
        )),
    }
}

/// Reads `2%/min`, `10%/s`, `50%/h`.
pub fn parse_leaving_rate(text: &str) -> Result<LeavingRate, UnitError> {
    let text = text.trim();
    let wrong = |problem: String| UnitError::new(problem, "write a share per time, like `2%/min`");
    let Some((share, unit)) = text.split_once('/') else {
        let problem = format!("`{text}` does not say in what time");
        return Err(match text.strip_suffix('%') {
            Some(_) => UnitError::new(problem, format!("write `{text}/min` for as many in each minute")),
            None => wrong(format!("`{text}` is not a share per time")),
        });
    };
    let unit = match unit.trim() {
        "s" | "sec" => Duration::from_secs(1),
        "m" | "min" => Duration::from_mins(1),
        "h" => Duration::from_hours(1),
        other => return Err(wrong(format!("`{other}` is no time: it is `s`, `min` or `h`"))),
    };
    let share = match parse_percent(share) {
        Ok(share) => share.share(),
        Err(error) if share.contains('%') => return Err(error),
        Err(error) => {
            return Err(UnitError::new(error.problem, "a share has a percent sign, like `2%/min`"));
        }
    };
    if share >= 1.0 {
        return Err(UnitError::new(
            "with `100%` nobody would wait at all",
            "write less, like `2%/min`: so many of those who wait leave in each minute",
        ));
    }
    Ok(LeavingRate::new(share, unit))
}

/// Reads `512KiB`, `1GB`, `100B`.
pub fn parse_bytes(text: &str) -> Result<Bytes, UnitError> {
    let text = text.trim();
    let wrong = || {
        UnitError::new(
            format!("`{text}` is not a size"),
            "write a number with a unit, like `512KiB` or `1GB`",
        )
    };
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let factor: f64 = match unit.trim() {
        "B" => 1.0,
        "KB" | "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let bytes = number * factor;
    if bytes.is_finite() && bytes < 1e18 { Ok(Bytes(bytes as u64)) } else { Err(wrong()) }
}

/// A number without needless zeros: `50`, `0.5`, `33.333`.
pub fn trim_float(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// A duration as it would be written in a scenario: `1m30s`, `500ms`.
pub fn scenario_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 && !duration.is_zero() {
        return format!("{}us", duration.as_micros());
    }
    if !millis.is_multiple_of(1000) {
        return if millis < 1000 {
            format!("{millis}ms")
        } else {
            format!("{}s", trim_float(duration.as_secs_f64()))
        };
    }
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
    let mut text = String::new();
    if hours > 0 {
        text += &format!("{hours}h");
    }
    if minutes > 0 {
        text += &format!("{minutes}m");
    }
    if seconds > 0 || text.is_empty() {
        text += &format!("{seconds}s");
    }
    text
}

/// A measured time with three significant digits: `87.3µs`, `1.24ms`, `2.50s`.
pub fn measured_time(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    let (value, unit) = match nanos {
        n if n < 1e3 => (n, "ns"),
        n if n < 999.5e3 => (n / 1e3, "µs"),
        n if n < 999.5e6 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$}{unit}")
}

/// A rate as it is searched for and found, with four digits: `2,121/s`, `418.3/s`, `0.625/s`.
pub fn rate_of(per_second: f64) -> String {
    match per_second {
        rate if rate >= 1000.0 => format!("{}/s", count(rate.round() as u64)),
        rate if rate >= 100.0 => format!("{}/s", trim_float((rate * 10.0).round() / 10.0)),
        rate => format!("{}/s", trim_float(rate)),
    }
}

/// A count with thin separators: `12,345`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", trim_float(self.0))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", trim_float(self.0 * 100.0))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0 as f64;
        match value {
            v if v < 1024.0 => write!(f, "{}B", self.0),
            v if v < 1024.0 * 1024.0 => write!(f, "{:.1}KiB", v / 1024.0),
            v if v < 1024.0 * 1024.0 * 1024.0 => write!(f, "{:.1}MiB", v / 1024.0 / 1024.0),
            v => write!(f, "{:.1}GiB", v / 1024.0 / 1024.0 / 1024.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        let table = [
            ("500ms", 500),
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("0.5s", 500),
            (" 1s ", 1000),
        ];
        for (text, millis) in table {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_wrong_unit_says_the_right_one() {
        assert_eq!(
            parse_duration("10").unwrap_err().help,
            "write `10s` for seconds or `10ms` for milliseconds"
        );
        assert_eq!(parse_duration("10 sec").unwrap_err().problem, "`10 sec` has no unit");
        assert_eq!(parse_duration("10sec").unwrap_err().help, "write `s` instead of `sec`");
        for text in ["", "s", "ten", "1..2s", "-1s", "1e400s", "999999999999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_shares_and_sizes() {
        assert_eq!(parse_rate("300/min"), Ok(Rate(5.0)));
        assert_eq!(parse_rate("50/s"), Ok(Rate(50.0)));
        assert!(parse_rate("50/day").is_err());
        assert!(parse_rate("inf/s").is_err());
        assert_eq!(parse_percent("20%"), Ok(Percent(0.2)));
        assert_eq!(parse_percent("0.2").unwrap_err().help, "write `20%` if you mean that share, or `0.2%`");
        assert!(parse_percent("120%").is_err());
        assert_eq!(parse_bytes("512KiB"), Ok(Bytes(512 * 1024)));
        assert_eq!(parse_bytes("1GB"), Ok(Bytes(1_000_000_000)));
        assert!(parse_bytes("1 parsec").is_err());
    }

    #[test]
    fn who_leaves_has_no_memory() {
        let rate = parse_leaving_rate("50%/min").unwrap();
        // Half of them are gone after a minute, three quarters after two.
        for (left, minutes) in [(0.5_f64, 1), (0.75, 2)] {
            let stay = rate.stay(-(1.0 - left).ln()).unwrap();
            assert!(stay.abs_diff(Duration::from_mins(minutes)) < Duration::from_micros(1), "{stay:?}");
        }
        assert_eq!(parse_leaving_rate("0%/min").unwrap().stay(1.0), None);
        assert_eq!(parse_leaving_rate(" 2% / h ").unwrap(), parse_leaving_rate("2%/h").unwrap());
        for text in ["2%", "2/min", "100%/min", "-1%/min", "2%/day", "", "/", "nan%/s"] {
            assert!(parse_leaving_rate(text).is_err(), "{text}");
        }
        assert_eq!(parse_leaving_rate("2%").unwrap_err().help, "write `2%/min` for as many in each minute");
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["500ms", "10s", "1m30s", "2h", "1h1m1s", "0s"] {
            assert_eq!(scenario_duration(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn figures_for_people() {
        assert_eq!(measured_time(Duration::from_nanos(87_340)), "87.3µs");
        assert_eq!(measured_time(Duration::from_micros(1_240)), "1.24ms");
        assert_eq!(measured_time(Duration::from_micros(999_900)), "1.00s");
        assert_eq!(measured_time(Duration::from_millis(2_500)), "2.50s");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        for (rate, text) in [(2121.4, "2,121/s"), (418.34, "418.3/s"), (50.0, "50/s"), (0.625, "0.625/s")] {
            assert_eq!(rate_of(rate), text);
        }
    }
}
