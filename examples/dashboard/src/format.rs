//! How the template writes dates and numbers: its filters.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind};

/// Adds the filters to the template environment; clock times are those of `zone`.
pub(crate) fn add_filters(templates: &mut Environment<'static>, zone: &TimeZone) {
    for (name, layout) in [
        ("datetime", "%b %-d, %Y %-I:%M %p"),
        ("clock", "%-I:%M:%S %p"),
        ("short_clock", "%-I:%M %p"),
    ] {
        let zone = zone.clone();
        templates.add_filter(name, move |moment: &str| clock(moment, layout, &zone));
    }
    templates.add_filter("day", day);
    templates.add_filter("money", money);
    templates.add_filter("thousands", thousands);
    templates.add_filter("fixed", fixed);
    templates.add_filter("chart", chart);
}

fn clock(moment: &str, layout: &str, zone: &TimeZone) -> Result<String, Error> {
    let moment: Timestamp = moment
        .parse()
        .map_err(|error| invalid("a moment", moment, error))?;
    Ok(moment
        .to_zoned_datetime(zone.clone())
        .strftime(layout)
        .to_string())
}

/// `2025-03-01` as `Mar 1`.
fn day(day: &str) -> Result<String, Error> {
    let day: Date = day.parse().map_err(|error| invalid("a day", day, error))?;
    Ok(day.strftime("%b %-d").to_string())
}

/// `1234.5` as `$1,234.50`.
fn money(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let cents = format!("{:.2}", value.abs());
    let (whole, cents) = cents.split_once('.').unwrap_or((&cents, "00"));
    format!("{sign}${}.{cents}", grouped(whole))
}

/// `1234.5` as `1,235`.
fn thousands(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", grouped(&format!("{:.0}", value.abs())))
}

/// `12.345` with two digits as `12.35`.
fn fixed(value: f64, digits: u8) -> String {
    format!("{value:.*}", usize::from(digits))
}

/// Puts a comma before every third digit from the right.
fn grouped(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The points of an SVG polyline, 100 wide and 28 high, that connects the values.
fn chart(values: Vec<f64>) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = if high > low { high - low } else { 1.0 };
    let steps = values.len().saturating_sub(1).max(1) as f64;
    let point = |(at, value): (usize, &f64)| {
        let x = at as f64 / steps * 100.0;
        let y = 26.0 - (value - low) / range * 24.0;
        format!("{x:.1},{y:.1}")
    };
    values.iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
}

fn invalid(what: &str, text: &str, error: jiff::Error) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{text:?} is not {what}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(expression: &str) -> Result<String, Error> {
        let mut templates = Environment::new();
        add_filters(&mut templates, &TimeZone::UTC);
        templates.render_str(&format!("{{{{ {expression} }}}}"), ())
    }

    #[test]
    fn writes_dates_and_numbers() {
        for (expression, expected) in [
            ("'2025-03-01T09:41:07Z'|datetime", "Mar 1, 2025 9:41 AM"),
            ("'2025-03-01T15:04:05Z'|clock", "3:04:05 PM"),
            ("'2025-03-01T00:04:05Z'|short_clock", "12:04 AM"),
            ("'2025-03-09'|day", "Mar 9"),
            ("0|money", "$0.00"),
            ("84637.785|money", "$84,637.79"),
            ("-1234567.1|money", "-$1,234,567.10"),
            ("999.6|thousands", "1,000"),
            ("999|thousands", "999"),
            ("3.456|fixed(1)", "3.5"),
        ] {
            assert_eq!(render(expression).unwrap(), expected, "{expression}");
        }
    }

    #[test]
    fn names_what_is_not_a_date() {
        let error = render("'yesterday'|clock").unwrap_err();
        assert!(
            error.to_string().contains("\"yesterday\" is not a moment"),
            "{error}"
        );
        assert!(render("'2025-02-30'|day").is_err());
    }

    #[test]
    fn draws_any_number_of_values() {
        assert_eq!(render("[1, 3, 2]|chart").unwrap(), "0.0,26.0 50.0,2.0 100.0,14.0");
        assert_eq!(render("[5]|chart").unwrap(), "0.0,26.0");
        assert_eq!(render("[5, 5]|chart").unwrap(), "0.0,26.0 100.0,26.0");
        assert_eq!(render("[]|chart").unwrap(), "");
    }
}
