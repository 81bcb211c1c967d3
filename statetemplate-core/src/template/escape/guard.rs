//! The filters that guarded places use: a language to escape for, and the HTML that the result stands in.

use minijinja::{Environment, State, UndefinedBehavior, Value};
use smol_str::SmolStr;

use super::{comment, css, js, names, refresh, srcset, strict, unquoted, url};
use crate::template::machinery::intern;

/// What a value is escaped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escaper {
    /// Nothing but the HTML around it.
    Plain,
    /// The output of `tojson` in a double-quoted attribute: only its quotes are in the way.
    Json,
    JsValue,
    JsString,
    JsRegex,
    /// Inside `[…]` of a regular expression, where nothing is a fine value.
    JsRegexClass,
    /// A comment of JavaScript or CSS.
    Comment,
    CssValue,
    /// The start of a `style` attribute's declaration: whole declarations are fine.
    CssDeclarations,
    CssString,
    CssUrl,
    CssUrlPart,
    CssUrlRest,
    /// The start of a URL whose end is not in sight.
    Url,
    /// A piece of a list of URLs.
    Urls,
    /// The middle of a URL of which it is not known whether its scheme is complete.
    UrlPart,
    /// Several attributes.
    Attributes,
    AttributeName,
    /// The rest of a name whose beginning makes it harmless.
    NamePart,
    /// The rest of a name that numbers keep harmless.
    Digits,
    TagName,
    /// A place that stands in several contexts at once, or in one that nothing else is made for.
    Strict,
}

impl Escaper {
    const ALL: [Escaper; 22] = [
        Escaper::Plain,
        Escaper::Json,
        Escaper::JsValue,
        Escaper::JsString,
        Escaper::JsRegex,
        Escaper::JsRegexClass,
        Escaper::Comment,
        Escaper::CssValue,
        Escaper::CssDeclarations,
        Escaper::CssString,
        Escaper::CssUrl,
        Escaper::CssUrlPart,
        Escaper::CssUrlRest,
        Escaper::Url,
        Escaper::Urls,
        Escaper::UrlPart,
        Escaper::Attributes,
        Escaper::AttributeName,
        Escaper::NamePart,
        Escaper::Digits,
        Escaper::TagName,
        Escaper::Strict,
    ];

    /// The value as text of its language, before HTML comes into it.
    fn escape(self, value: &Value) -> String {
        // Only JavaScript knows more than text.
        if self == Escaper::JsValue {
            return js::value(value);
        }
        let text = value.to_string();
        match self {
            Escaper::Plain | Escaper::Json | Escaper::JsValue => text,
            Escaper::JsString => js::string(&text),
            Escaper::JsRegex => js::regex(&text),
            Escaper::JsRegexClass => js::regex_class(&text),
            Escaper::Comment => comment::text(&text),
            Escaper::CssValue => css::value(&text),
            Escaper::CssDeclarations => css::declarations(&text),
            Escaper::CssString => css::string(&text),
            Escaper::CssUrl => css::url(&url::whole(&text, url::Use::Picture)),
            Escaper::CssUrlPart => css::url(&url::part(&text)),
            Escaper::CssUrlRest => css::url(&text),
            Escaper::Url => url::whole(&text, url::Use::Link).into_owned(),
            Escaper::Urls => url::list(&text).into_owned(),
            Escaper::UrlPart => url::part(&text).into_owned(),
            Escaper::Attributes => names::attributes(&text),
            Escaper::AttributeName => names::attribute(&text),
            Escaper::NamePart => names::part(&text),
            Escaper::Digits => names::digits(&text),
            Escaper::TagName => names::tag(&text),
            Escaper::Strict => strict::text(&text),
        }
    }
}

/// The HTML that a guarded value stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Text in which entities mean nothing: the content of `<script>` and `<style>`. No escaper lets a `<` through.
    Raw,
    /// Anywhere where the HTML escaping of every value is right: a quoted attribute, a text, a tag.
    Escaped,
    /// An attribute's value without quotes.
    Unquoted,
    /// HTML inside of a quoted attribute, as in `srcdoc`: escaped once for it and once for the attribute.
    Nested,
}

impl Place {
    const ALL: [Place; 4] = [Place::Raw, Place::Escaped, Place::Unquoted, Place::Nested];
}

/// How one place of a template is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guard {
    pub(super) escaper: Escaper,
    pub(super) place: Place,
    /// Whether it stands in a `javascript:` URL, which is percent-decoded before it runs.
    pub(super) percent: bool,
}

impl Guard {
    pub(super) const fn new(escaper: Escaper, place: Place) -> Self {
        Guard {
            escaper,
            place,
            percent: false,
        }
    }

    /// The filter's name.
    pub(super) fn name(self) -> &'static str {
        let percent = if self.percent { "_percent" } else { "" };
        intern(&format!("{PREFIX}{:?}_{:?}{percent}", self.escaper, self.place).to_ascii_lowercase())
    }

    fn apply(self, value: &Value) -> Value {
        if self.escaper == Escaper::Json {
            return Value::from_safe_string(value.to_string().replace('"', "&quot;"));
        }
        // A safe string is HTML already: its references stay as they are.
        let html = self.escaper == Escaper::Plain && value.is_safe();
        let mut text = self.escaper.escape(value);
        if self.percent {
            text = text.replace('%', "%25");
        }
        match self.place {
            Place::Raw => Value::from_safe_string(text),
            Place::Escaped if html => value.clone(),
            Place::Escaped => Value::from(text),
            Place::Unquoted => Value::from_safe_string(unquoted::escape(&text, html)),
            Place::Nested if html => Value::from(text),
            Place::Nested => Value::from(html_escape::encode_quoted_attribute(&text).into_owned()),
        }
    }
}

/// A guard that makes text of text, which is then escaped as any other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextGuard(Escaper);

impl TextGuard {
    /// The text that is safe for the place.
    pub(in crate::template) fn text(self, text: SmolStr) -> SmolStr {
        match self.0 {
            Escaper::Plain => text,
            escaper => escaper.escape(&Value::from(text.as_str())).into(),
        }
    }
}

/// The guard of a filter, if it makes text of text.
pub(in crate::template) fn text_guard(filter: &str) -> Option<TextGuard> {
    let guards = Escaper::ALL
        .into_iter()
        .filter(|escaper| !matches!(escaper, Escaper::Json | Escaper::JsValue));
    guards
        .map(|escaper| Guard::new(escaper, Place::Escaped))
        .find(|guard| guard.name() == filter)
        .map(|guard| TextGuard(guard.escaper))
}

/// How a whole attribute is checked, whatever its value is put together from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// An address that may be gone to.
    Url,
    /// The address of a picture, a sound or a video.
    Media,
    /// Addresses with white space or semicolons between them.
    Urls,
    Srcset,
    /// The `content` of a `<meta>`.
    Refresh,
    /// The name of the attribute that an SVG animation changes.
    Animated,
}

impl Whole {
    const ALL: [Whole; 6] = [
        Whole::Url,
        Whole::Media,
        Whole::Urls,
        Whole::Srcset,
        Whole::Refresh,
        Whole::Animated,
    ];

    /// The filter's name, for a value in quotes or without them.
    pub(super) fn name(self, quoted: bool) -> &'static str {
        let quotes = if quoted { "" } else { "_unquoted" };
        intern(&format!("{PREFIX}whole_{self:?}{quotes}").to_ascii_lowercase())
    }

    /// Checks a value as it stands in the HTML. What is fine stays as it is, to the byte.
    fn check(self, html: String, quoted: bool) -> String {
        let text = html_escape::decode_html_entities(&html);
        let checked = match self {
            Whole::Url => url::whole(&text, url::Use::Link),
            Whole::Media => url::whole(&text, url::Use::Picture),
            Whole::Urls => url::list(&text),
            Whole::Srcset => srcset::candidates(&text),
            Whole::Refresh => refresh::content(&text),
            Whole::Animated => names::animated(&text),
        };
        if *checked == *text {
            html
        } else if quoted {
            html_escape::encode_quoted_attribute(&checked).into_owned()
        } else {
            unquoted::escape(&checked, false)
        }
    }
}

/// What the names of all filters here start with.
pub(super) const PREFIX: &str = "statetemplate_";

/// The filter for what a whole value without quotes prints: where it is nothing, the parser would take the next
/// attribute for it, with everything that was escaped for another place.
pub(in crate::template) const NEVER_EMPTY: &str = "statetemplate_never_empty";

/// Gives the plan's own environment the filters that guarded nodes use.
pub(in crate::template) fn register(env: &mut Environment<'static>) {
    env.add_filter(NEVER_EMPTY, |html: String| {
        Value::from_safe_string(if html.is_empty() { "\"\"".to_owned() } else { html })
    });
    for escaper in Escaper::ALL {
        for place in Place::ALL {
            for percent in [false, true] {
                let guard = Guard {
                    escaper,
                    place,
                    percent,
                };
                env.add_filter(guard.name(), move |state: &State, value: Value| {
                    if is_forbidden(state, &value) {
                        value
                    } else {
                        guard.apply(&value)
                    }
                });
            }
        }
    }
    for whole in Whole::ALL {
        for quoted in [true, false] {
            env.add_filter(whole.name(quoted), move |html: String| {
                Value::from_safe_string(whole.check(html, quoted))
            });
        }
    }
}

/// Whether printing the value is the environment's to decide: it may be an error there, and is reported as such.
fn is_forbidden(state: &State, value: &Value) -> bool {
    value.is_undefined()
        && matches!(
            state.undefined_behavior(),
            UndefinedBehavior::Strict | UndefinedBehavior::SemiStrict
        )
}
