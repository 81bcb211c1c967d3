//! Which of minijinja's doings an environment has left as they are: those the engine may do itself.
//!
//! An environment can have a formatter of its own, and filters of its own under the names of built-in ones, and does
//! not tell. So samples are run through it, once for each plan: where all come out as they do by default, values are
//! read from the data without running a program. A formatter or filter that asks for anything beside the value it is
//! given is noticed by that. One that lets all samples pass and still changes something else has to be declared:
//! [`PlanOptions::own_formatter`](super::PlanOptions::own_formatter). In debug builds what is read is compared with
//! what programs print.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::formatting::{self, FormatStyle};
use minijinja::value::{Enumerator, Object};
use minijinja::{AutoEscape, Environment, HtmlEscape, Value};
use serde::Serialize;

use super::PlanOptions;
use super::machinery::{Program, Writer, nothing};
use crate::Snapshot;
use crate::snapshot::same_value;

/// What is as minijinja has it by default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shortcuts {
    /// How text, numbers and truth values are printed with HTML escaping.
    pub(super) formatter: bool,
    /// `|items`.
    pub(super) items: bool,
    /// `|format`.
    pub(super) format: bool,
    /// `|length` and `|count`.
    pub(super) length: bool,
    /// `|default` and `|d`, of values that are there.
    pub(super) default: bool,
}

impl Shortcuts {
    /// Those of an environment, for a template whose programs name `file`.
    pub(super) fn of(
        env: &Environment<'static>,
        options: &PlanOptions,
        file: &'static str,
        source: &'static str,
    ) -> Self {
        // Who limits what a render may cost means updates, too.
        if options.has_own_formatter() || env.fuel().is_some() {
            return Shortcuts::default();
        }
        let samples = Samples { env, file, source };
        let own = |names: &[&str]| names.iter().any(|name| options.is_impure(name));
        Shortcuts {
            formatter: samples.print_as_usual(),
            items: !own(&["items"]) && samples.give_pairs(),
            format: !own(&["format"]) && samples.are_formatted(),
            length: !own(&["length", "count"]) && samples.are_counted(),
            default: !own(&["default", "d"]) && samples.are_no_defaults(),
        }
    }
}

/// The names that a sample is evaluated with: none. Remembers whether any was asked for.
#[derive(Debug, Default)]
struct Watch(AtomicBool);

impl Object for Watch {
    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.0.store(true, Ordering::Relaxed);
        Enumerator::Empty
    }
}

struct Samples<'e> {
    env: &'e Environment<'static>,
    file: &'static str,
    source: &'static str,
}

/// What stands between samples.
const BETWEEN: &str = "\n--\n";

impl Samples<'_> {
    fn writer(&self) -> Writer {
        Writer::new(self.file, self.source, AutoEscape::Html)
    }

    /// What a program prints, if it asks for no names.
    fn print(&self, program: &Program) -> Option<String> {
        let watch = Arc::new(Watch::default());
        let printed = program
            .render(self.env, Value::from_dyn_object(watch.clone()))
            .ok()?;
        (!watch.0.load(Ordering::Relaxed)).then_some(printed)
    }

    /// The value that a filter gives for a sample, if it asks for no names.
    fn filter(&self, name: &'static str, value: &Value, arguments: &[Value]) -> Option<Value> {
        let mut writer = self.writer();
        writer.constant(value.clone());
        arguments
            .iter()
            .for_each(|argument| writer.constant(argument.clone()));
        writer.filter_with(name, arguments.len());
        let watch = Arc::new(Watch::default());
        let value = writer
            .finish()
            .value(self.env, Value::from_dyn_object(watch.clone()))
            .ok()?;
        (!watch.0.load(Ordering::Relaxed)).then_some(value)
    }

    fn print_as_usual(&self) -> bool {
        let mut writer = self.writer();
        let mut expected = String::new();
        for sample in samples() {
            writer.constant(sample.clone());
            writer.emit_here();
            writer.raw(BETWEEN);
            let _ = write!(expected, "{}{BETWEEN}", HtmlEscape(&sample.to_string()));
        }
        writer.statement(nothing());
        self.print(&writer.finish())
            .is_some_and(|printed| printed == expected)
    }

    fn give_pairs(&self) -> bool {
        let Ok(data) = Snapshot::of(&Unsorted::default()) else {
            return false;
        };
        let Some(pairs) = data.view().pairs() else {
            return false;
        };
        let Some(given) = self
            .filter("items", &data.value(), &[])
            .and_then(|given| Some(given.try_iter().ok()?.collect::<Vec<Value>>()))
        else {
            return false;
        };
        given.len() == pairs.len()
            && given.iter().enumerate().all(|(at, pair)| {
                let own = pairs.value(at);
                pair.is_tuple() == own.is_tuple() && same_value(pair, &own)
            })
    }

    fn are_formatted(&self) -> bool {
        ["%.2f", "%.0f of %s", "%s", "%d%%", "%05.1f|"]
            .iter()
            .all(|style| {
                numbers().into_iter().all(|number| {
                    let arguments: Vec<Value> = match *style {
                        "%.0f of %s" => vec![number, Value::from("x <&> y")],
                        _ => vec![number],
                    };
                    let usual = formatting::format(FormatStyle::Printf, style, &arguments).ok();
                    let given = self.filter("format", &Value::from(*style), &arguments);
                    usual.as_deref() == given.as_ref().and_then(Value::as_str)
                        && given.is_none_or(|given| !given.is_safe())
                })
            })
    }

    fn are_counted(&self) -> bool {
        let texts = ["", "a", "größe 😀", "a<b>&"].map(|text| (Value::from(text), text.chars().count()));
        let lists = [0usize, 1, 7].map(|length| (Value::from(vec![0; length]), length));
        let maps = [("a", 1), ("b", 2)];
        let map = (Value::from_iter(maps), maps.len());
        let mut all = texts.into_iter().chain(lists).chain([map]);
        all.all(|(value, length)| {
            ["length", "count"].iter().all(|name| {
                let given = self.filter(name, &value, &[]);
                given.is_some_and(|given| given == Value::from(length) && given.is_integer())
            })
        })
    }

    fn are_no_defaults(&self) -> bool {
        samples().into_iter().all(|sample| {
            ["default", "d"].iter().all(|name| {
                let given = self.filter(name, &sample, &[Value::from("another")]);
                given.is_some_and(|given| same_value(&given, &sample))
            })
        })
    }
}

/// A map whose keys have another order than the alphabet.
#[derive(Default, Serialize)]
struct Unsorted {
    b: u8,
    a: Vec<u8>,
    #[serde(rename = "")]
    empty: &'static str,
    #[serde(rename = "B")]
    large: Option<u8>,
}

/// Numbers of all sizes.
fn numbers() -> Vec<Value> {
    let powers = (0..19).map(|power| 10i64.pow(power));
    let whole = powers.flat_map(|power| [power, -power, power - 1, power + 1, 7 * (power / 2)]);
    let mut numbers: Vec<Value> = whole.map(Value::from).collect();
    numbers.extend([i64::MAX, i64::MIN, 2024, 404, 65536].map(Value::from));
    numbers.extend([u64::MAX, u64::MAX / 3].map(Value::from));
    numbers.extend([i128::MAX, i128::MIN].map(Value::from));
    let parts = [
        0.0,
        -0.0,
        0.1,
        0.25,
        1.0,
        1.005,
        2.5,
        99.99,
        100.0,
        1234.5,
        1_234_567.891,
        1e-7,
        1e15,
        1e21,
        1e300,
    ];
    numbers.extend(parts.iter().flat_map(|part| [*part, -part]).map(Value::from));
    numbers.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE].map(Value::from));
    numbers
}

/// Values of the kinds that are read in place, as various as formatters may care about.
fn samples() -> Vec<Value> {
    let mut samples = numbers();
    samples.extend([true, false].map(Value::from));
    samples.push(Value::from(()));
    samples.extend(TEXTS.iter().map(|text| Value::from(*text)));
    samples.push(Value::from("long ".repeat(400)));
    samples
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "  around  ",
    "a",
    "Word",
    "UPPER lower",
    "<b>bold</b> & \"quoted\" 'twice' a/b",
    "größer, é, e\u{301}, 漢字, 😀, \u{200f}",
    "one\ntwo\r\nthree\r\tfour\u{a0}five\n\nsix",
    "\0\u{1}\u{7f}\u{ad}\u{200b}\u{feff}\u{fffd}",
    "0",
    "-1.50",
    "1234567.891",
    "1,234",
    "2024-02-29",
    "2024-02-29T23:59:60+01:00",
    "23:59",
    "https://example.com/a?b=c&d#e www.example.com",
    "someone@example.com",
    "+49 30 1234567",
    "4111 1111 1111 1111",
    "123-45-6789",
    "DE89370400440532013000",
    "a password, a secret and a token",
    "true",
    "none",
    "null",
    "undefined",
    "NaN",
    "...",
    "don't -- \"really\" -- (c) 1/2 x^2 :-)",
    "*strong* _weak_ `code` [link](#) # heading",
    "{{ name }} {% tag %} ${value} %s %(name)s",
    "damn fuck shit",
    "@user #topic $12.50 €3 50% 10kg",
];

#[cfg(test)]
mod tests {
    use minijinja::escape_formatter;

    use super::*;

    fn of(env: &Environment<'static>) -> Shortcuts {
        Shortcuts::of(env, &PlanOptions::new(), "page.html", "")
    }

    #[test]
    fn an_environment_as_it_comes_allows_all() {
        let all = of(&Environment::new());
        assert!(
            all.formatter && all.items && all.format && all.length && all.default,
            "{all:?}"
        );
    }

    #[test]
    fn what_was_declared_is_believed() {
        let options = PlanOptions::new().own_formatter();
        let none = Shortcuts::of(&Environment::new(), &options, "page.html", "");
        assert!(!none.formatter && !none.items && !none.format && !none.length && !none.default);
        let impure = PlanOptions::new().impure("items").impure("d");
        let some = Shortcuts::of(&Environment::new(), &impure, "page.html", "");
        assert!(
            some.formatter && !some.items && some.format && some.length && !some.default,
            "{some:?}"
        );
    }

    #[test]
    fn a_formatter_of_ones_own_is_noticed() {
        type Changed = fn(&Value) -> Option<Value>;
        let changes: [Changed; 6] = [
            |value| value.is_none().then_some(Value::UNDEFINED),
            |value| value.is_undefined().then(|| Value::from("-")),
            |value| (value.kind() == minijinja::value::ValueKind::Bool).then(|| Value::from("yes")),
            |value| {
                f64::try_from(value.clone())
                    .ok()
                    .filter(|number| *number > 1e6)
                    .map(|_| Value::from("many"))
            },
            |value| {
                value
                    .as_str()
                    .filter(|text| text.contains('@'))
                    .map(|_| Value::from("(hidden)"))
            },
            |value| {
                value
                    .as_str()
                    .filter(|text| text.len() > 1000)
                    .map(|text| Value::from(&text[..9]))
            },
        ];
        for changed in changes {
            let mut env = Environment::new();
            env.set_formatter(move |out, state, value| {
                escape_formatter(out, state, changed(value).as_ref().unwrap_or(value))
            });
            assert!(!of(&env).formatter);
        }
    }

    #[test]
    fn a_formatter_that_asks_for_a_name_is_noticed() {
        let mut env = Environment::new();
        env.set_formatter(|out, state, value| match state.lookup("currency") {
            Some(currency) => escape_formatter(out, state, &currency),
            None => escape_formatter(out, state, value),
        });
        assert!(!of(&env).formatter);
    }

    #[test]
    fn filters_of_ones_own_are_noticed() {
        let mut env = Environment::new();
        env.add_filter("items", |value: Value| {
            let mut keys: Vec<Value> = value.try_iter().into_iter().flatten().collect();
            keys.sort();
            keys
        });
        env.add_filter("format", |style: String, _value: Value| style);
        env.add_filter("length", |_value: Value| 1.0);
        env.add_filter("default", |_value: Value, default: Value| default);
        let some = of(&env);
        assert!(
            some.formatter && !some.items && !some.format && !some.length && !some.default,
            "{some:?}"
        );
    }
}
