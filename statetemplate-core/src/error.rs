//! The one error type of the crate: what went wrong, where in which template, and why.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::ops::Range;

type BoxedSource = Box<dyn StdError + Send + Sync + 'static>;

/// Anything that can go wrong in this crate.
///
/// The error is opaque: match on [`Error::kind`] to react, print it to tell a person. `{}` is one line; `{:#}` adds the
/// excerpt of the template with the place marked, and the causes.
///
/// # Examples
///
/// ```
/// use statetemplate_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::SessionNotFound, "no session \"42\" in the store");
/// assert_eq!(error.kind(), ErrorKind::SessionNotFound);
/// assert_eq!(error.to_string(), "session not found: no session \"42\" in the store");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    template: Option<TemplateLocation>,
    source: Option<BoxedSource>,
}

/// What sort of thing went wrong, for code that reacts to it.
///
/// More kinds may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The session's time is over; the page has to be loaded again.
    SessionExpired,
    /// There is no such session, or it belongs to someone else: the two are not told apart.
    SessionNotFound,
    /// A token is malformed, sealed with an unknown key, of another type, revoked or out of time.
    InvalidToken,
    /// The session store does not answer, or answers with a failure of its own.
    StoreUnavailable,
    /// The session was closed, invalidated or evicted.
    SessionClosed,
    /// The session's data cannot be read by this build of the application; the page has to be loaded again.
    SessionOutdated,
    /// The limit on sessions is reached, and each of them is connected.
    MaxSessionsReached,
    /// A session id that the application chose does not have the allowed form.
    InvalidSessionId,
    /// A session id that the application chose is taken.
    SessionIdExists,
    /// Someone else changed the same session first.
    Conflict,
    /// A template does not parse, does not compile or fails with this data.
    Template,
    /// Data cannot be serialised, or stored data cannot be read as the type asked for.
    Data,
    /// The application is configured wrongly.
    Configuration,
    /// The other side does not keep to the protocol.
    Protocol,
    /// Something took longer than its limit.
    Timeout,
    /// A bug or a failure of the platform: a panic, no random numbers.
    Internal,
}

impl ErrorKind {
    /// The kind in a few words, as error messages begin with it.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::SessionExpired => "session expired",
            Self::SessionNotFound => "session not found",
            Self::InvalidToken => "invalid token",
            Self::StoreUnavailable => "session store unavailable",
            Self::SessionClosed => "session closed",
            Self::SessionOutdated => "session outdated",
            Self::MaxSessionsReached => "maximum of sessions reached",
            Self::InvalidSessionId => "invalid session id",
            Self::SessionIdExists => "session id exists",
            Self::Conflict => "conflict",
            Self::Template => "template error",
            Self::Data => "data error",
            Self::Configuration => "configuration error",
            Self::Protocol => "protocol error",
            Self::Timeout => "timeout",
            Self::Internal => "internal error",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl Error {
    /// Makes an error; `message` names the thing that failed and how.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            template: None,
            source: None,
        }))
    }

    /// Keeps what caused this error; [`std::error::Error::source`] returns it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync + 'static>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says where in a template the error is.
    #[must_use]
    pub fn with_template(mut self, location: TemplateLocation) -> Self {
        self.0.template = Some(location);
        self
    }

    /// What sort of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message without its kind, its place and its causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where in a template the error is, for errors of templates.
    #[must_use]
    pub fn template(&self) -> Option<&TemplateLocation> {
        self.0.template.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)?;
        if let Some(place) = &self.0.template {
            write!(f, " (in {place})")?;
        }
        if !f.alternate() {
            return Ok(());
        }
        if let Some(excerpt) = self.0.template.as_ref().and_then(TemplateLocation::excerpt) {
            write!(f, "\n{}", excerpt.trim_end_matches('\n'))?;
        }
        match self.source() {
            Some(source) => match source.downcast_ref::<minijinja::Error>() {
                Some(error) => write_way(error, f),
                None => write_causes(Some(source), f),
            },
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("template", &self.0.template)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind, "no details")
    }
}

impl From<minijinja::Error> for Error {
    /// Takes the place of the innermost engine error: the line in the included file, not that of the `include`.
    fn from(error: minijinja::Error) -> Self {
        let places = places(&error);
        let innermost = places.last().copied().unwrap_or(&error);
        let mut message = match innermost.detail() {
            Some(detail) => format!("{}: {detail}", innermost.kind()),
            None => innermost.kind().to_string(),
        };
        if let Some(remedy) = remedy(innermost.kind()) {
            message = format!("{message}; {remedy}");
        }
        let location = innermost.name().map(|name| {
            let location = TemplateLocation::new(name, innermost.line().unwrap_or(1));
            match innermost.template_source() {
                Some(text) => location.with_excerpt(text, innermost.range()),
                None => location,
            }
        });
        let mut result = Self::new(ErrorKind::Template, message).with_source(error);
        result.0.template = location;
        result
    }
}

/// The engine's errors that name a place, from the page inwards.
fn places(error: &minijinja::Error) -> Vec<&minijinja::Error> {
    let mut found = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(source) = next {
        let engine = source.downcast_ref::<minijinja::Error>();
        found.extend(engine.filter(|error| error.name().is_some()));
        next = source.source();
    }
    found
}

/// Writes how the engine came to the place of an error, which is told already, and what made it fail there.
fn write_way(error: &minijinja::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    /// Templates that include one another for ever come through as many places as the engine lets them.
    const SHOWN: usize = 8;

    let places = places(error);
    let innermost = places.last().copied().unwrap_or(error);
    let around = places.split_last().map_or(&[][..], |(_, around)| around);
    for outer in around.iter().rev().take(SHOWN) {
        let way = match outer.kind() {
            minijinja::ErrorKind::BadInclude => "included",
            minijinja::ErrorKind::EvalBlock => "in a block",
            _ => "called",
        };
        let line = outer.line().unwrap_or(1);
        write!(f, "\n{way} from {}:{line}", outer.name().unwrap_or_default())?;
    }
    if around.len() > SHOWN {
        write!(f, "\nand so on, {} places more", around.len() - SHOWN)?;
    }
    write_causes(innermost.source(), f)
}

fn write_causes(mut cause: Option<&(dyn StdError + 'static)>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    while let Some(source) = cause {
        write!(f, "\ncaused by: {source}")?;
        cause = source.source();
    }
    Ok(())
}

/// What to do about an error, where its kind alone tells.
fn remedy(kind: minijinja::ErrorKind) -> Option<&'static str> {
    use minijinja::ErrorKind;
    Some(match kind {
        ErrorKind::UnknownFilter => "`Environment::add_filter` adds filters",
        ErrorKind::UnknownTest => "`Environment::add_test` adds tests",
        ErrorKind::UnknownFunction => "`Environment::add_function` adds functions",
        ErrorKind::TemplateNotFound => {
            "`Environment::add_template` adds templates, `Environment::set_loader` finds them"
        }
        ErrorKind::OutOfFuel => "`Environment::set_fuel` says how much a page may compute",
        _ => return None,
    })
}

/// A place in a template's source.
#[derive(Clone, PartialEq, Eq)]
pub struct TemplateLocation {
    name: String,
    line: usize,
    excerpt: Option<String>,
}

impl TemplateLocation {
    /// Lines shown before and after the one that is wrong.
    const CONTEXT: usize = 2;
    /// Longer lines are cut: minified templates have lines of megabytes.
    const WIDTH: usize = 160;

    /// A line (from 1) of the template `name`.
    pub fn new(name: impl Into<String>, line: usize) -> Self {
        Self {
            name: name.into(),
            line,
            excerpt: None,
        }
    }

    /// The place of the byte `range` in the `source` of the template `name`, with its excerpt.
    ///
    /// A range outside `source` counts as its end.
    pub fn of(name: impl Into<String>, source: &str, range: Range<usize>) -> Self {
        let start = source.floor_char_boundary(range.start);
        let line = source[..start].matches('\n').count() + 1;
        Self::new(name, line).with_excerpt(source, Some(range))
    }

    /// Adds the lines around this place, with the byte `range` marked when it is known.
    #[must_use]
    pub fn with_excerpt(mut self, source: &str, range: Option<Range<usize>>) -> Self {
        self.excerpt = Some(excerpt(source, self.line, range));
        self
    }

    /// The template's name, as the environment knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The lines around the place, numbered, the place underlined with carets.
    #[must_use]
    pub fn excerpt(&self) -> Option<&str> {
        self.excerpt.as_deref()
    }
}

impl fmt::Display for TemplateLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.line)
    }
}

impl fmt::Debug for TemplateLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn excerpt(source: &str, line: usize, range: Option<Range<usize>>) -> String {
    let first = line.saturating_sub(TemplateLocation::CONTEXT).max(1);
    let last = line.saturating_add(TemplateLocation::CONTEXT);
    let range = range.map(|range| {
        let start = source.floor_char_boundary(range.start);
        start..source.floor_char_boundary(range.end).max(start)
    });

    let mut out = String::new();
    let mut offset = 0;
    for (index, text) in source.split('\n').enumerate() {
        let number = index + 1;
        if number > last {
            break;
        }
        if number >= first {
            let text = text.trim_end_matches('\r');
            let marked = range.as_ref().filter(|_| number == line);
            let marked = marked.and_then(|range| within(text, offset, range));
            // What stands far into a long line is shown with what is before it cut.
            let skipped = match &marked {
                Some((before, _)) if before + 20 > TemplateLocation::WIDTH => before - 40,
                _ => 0,
            };
            let cut = if skipped > 0 { "…" } else { "" };
            let rest = text.chars().skip(skipped).take(TemplateLocation::WIDTH);
            let shown = format!("{cut}{}", rest.collect::<String>()).replace('\t', " ");
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{number:>5} | {shown}");
            if number == line {
                let marks = marked.map(|(before, width)| {
                    let before = before - skipped + cut.chars().count();
                    let width = width.min(shown.chars().count().saturating_sub(before)).max(1);
                    format!("{}{}", " ".repeat(before), "^".repeat(width))
                });
                let _ = writeln!(out, "      | {}", marks.unwrap_or_else(|| underline(&shown)));
            }
        }
        offset += source[offset..]
            .find('\n')
            .map_or(source.len() - offset, |length| length + 1);
    }
    out
}

/// The part of `range` that lies in `text`, which begins at `offset`: how many characters are before it, and how many
/// it has.
fn within(text: &str, offset: usize, range: &Range<usize>) -> Option<(usize, usize)> {
    let start = range
        .start
        .checked_sub(offset)
        .filter(|start| *start <= text.len())?;
    let end = (range.end - offset).min(text.len()).max(start);
    let before = text.get(..start)?.chars().count();
    let width = text.get(start..end)?.trim_end().chars().count().max(1);
    Some((before, width))
}

/// The marks under a whole line, its indentation left out.
fn underline(text: &str) -> String {
    let indent = text.chars().take_while(|c| c.is_whitespace()).count();
    let width = text.trim().chars().count().max(1);
    format!("{}{}", " ".repeat(indent), "^".repeat(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debug_environment() -> minijinja::Environment<'static> {
        let mut env = minijinja::Environment::new();
        env.set_debug(true);
        env
    }

    #[test]
    fn marks_the_failing_expression_of_a_template() {
        let mut env = debug_environment();
        env.add_template("page.html", "<p>\n  <b>{{ a + b }}</b>\n</p>")
            .unwrap();
        let cause = env
            .get_template("page.html")
            .unwrap()
            .render(minijinja::context!(a => "x", b => 1))
            .unwrap_err();
        let error = Error::from(cause);

        assert_eq!(error.kind(), ErrorKind::Template);
        let place = error.template().unwrap();
        assert_eq!((place.name(), place.line()), ("page.html", 2));
        let expected = "    1 | <p>\n    2 |   <b>{{ a + b }}</b>\n      |         ^^^^^\n    3 | </p>\n";
        assert_eq!(place.excerpt(), Some(expected));
        assert!(format!("{error}").ends_with("(in page.html:2)"), "{error}");
        assert!(format!("{error:#}").contains("^^^^^\n"), "{error:#}");
        assert!(!format!("{error}").contains('\n'));
    }

    #[test]
    fn names_the_included_file_rather_than_the_include() {
        let mut env = debug_environment();
        env.add_template("outer.html", "\n\n{% include 'inner.html' %}")
            .unwrap();
        env.add_template("inner.html", "{{ 1|nothing }}").unwrap();
        let cause = env.get_template("outer.html").unwrap().render(()).unwrap_err();
        let error = Error::from(cause);
        assert_eq!(error.template().unwrap().to_string(), "inner.html:1");
        assert!(error.source().unwrap().is::<minijinja::Error>());
    }

    #[test]
    fn keeps_the_source_and_prints_it_in_the_long_form_only() {
        let error = Error::new(ErrorKind::StoreUnavailable, "no answer from \"memory\"")
            .with_source(std::io::Error::other("the wire is cut"));
        assert_eq!(
            error.to_string(),
            "session store unavailable: no answer from \"memory\""
        );
        assert!(format!("{error:#}").ends_with("\ncaused by: the wire is cut"));
        assert!(error.source().unwrap().downcast_ref::<std::io::Error>().is_some());
    }

    #[test]
    fn excerpts_survive_ranges_and_lines_that_do_not_exist() {
        let text = "äöü\n{{ x }}";
        for range in [0..1, 1..2, 5..400, 400..401, 8..8] {
            let place = TemplateLocation::of("t", text, range);
            assert!(place.line() <= 2);
            assert!(place.excerpt().unwrap().contains('^'));
        }
        assert_eq!(
            TemplateLocation::new("t", 9).with_excerpt(text, None).excerpt(),
            Some("")
        );
        let long = "x".repeat(10_000);
        assert!(
            TemplateLocation::of("t", &long, 9_000..9_001)
                .excerpt()
                .unwrap()
                .len()
                < 500
        );
    }
}
