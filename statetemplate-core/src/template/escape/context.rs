//! The HTML context: what the HTML parser is in the middle of after a stretch of template.
//!
//! The states are those of the HTML standard's tokenizer
//! (<https://html.spec.whatwg.org/multipage/parsing.html#tokenization>), as far as they matter for values.

use super::attribute::{self, Kind};
use super::css::Css;
use super::guard::{Escaper, Guard, Place, Whole};
use super::js::Js;
use super::script::Script;
use super::url;
use crate::template::tags::find_end_tag;

/// Where in the HTML a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) state: State,
    /// How many `<svg>` and `<math>` are open: inside of them the content of `<script>` and the like may be read as markup.
    foreign: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Between tags.
    Text,
    /// Right after a `<` or `</` that ends a stretch of the template.
    TagStart {
        end: bool,
    },
    /// Right after a `<!` that ends a stretch of the template, where two dashes would begin a comment.
    CommentStart,
    TagName(Tag),
    /// Inside of a tag, between attributes.
    Tag(Tag),
    /// In the name of an attribute, or behind it.
    Name {
        tag: Tag,
        name: String,
        ended: bool,
    },
    /// Behind an attribute's `=`.
    BeforeValue {
        tag: Tag,
        name: String,
    },
    Value(Tag, Value),
    /// The content of an element that holds text only.
    Content {
        element: String,
        inner: Inner,
        /// Whether entities are read, as in scripts inside of an `<svg>`.
        entities: bool,
    },
    /// A comment, or what browsers take for one, up to this end.
    Comment(&'static str),
    /// After `<plaintext>` nothing ends the text; what is beyond understanding is treated likewise.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) element: String,
    end: bool,
    /// Whether the last character was a slash.
    slash: bool,
    script: Script,
}

/// The value of an attribute that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) kind: Kind,
    pub(super) quote: Option<char>,
    inner: Inner,
}

/// The language inside of an attribute or an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inner {
    Plain,
    Js(Js),
    Css(Css),
    /// HTML in an attribute.
    Document(Box<Context>),
    /// Text that is looked at as a whole: so far this.
    Collected(String),
    /// An address whose start is in sight.
    Address(String),
    /// Addresses with something between them.
    Addresses,
    /// Code in a `javascript:` address.
    Code(Js),
}

impl Context {
    /// Between tags, where every page begins.
    pub(super) fn start() -> Self {
        Context {
            state: State::Text,
            foreign: 0,
        }
    }

    /// Anywhere.
    pub(super) fn unknown() -> Self {
        Context {
            state: State::Unknown,
            foreign: 0,
        }
    }

    fn at(&self, state: State) -> Self {
        Context {
            state,
            foreign: self.foreign,
        }
    }

    /// Reads over text of the template. More than one context comes out where it is not known how the parser reads on.
    pub(super) fn follow(self, text: &str, out: &mut Vec<Context>) {
        let mut here = self;
        let mut rest = text;
        while !rest.is_empty() {
            let (taken, others) = here.step(rest);
            rest = &rest[taken..];
            for other in others {
                other.follow(rest, out);
            }
        }
        if !out.contains(&here) {
            out.push(here);
        }
    }

    /// Reads up to the start of the next value of an attribute that is treated as a whole, because it is checked so or
    /// has no quotes, and returns how much text that was; `None`, untouched, when there is none or the way there is not
    /// certain.
    pub(super) fn follow_to_whole(&mut self, text: &str) -> Option<usize> {
        let mut here = self.clone();
        let mut offset = 0;
        loop {
            if offset == text.len() {
                return None;
            }
            let (taken, others) = here.step(&text[offset..]);
            if !others.is_empty() {
                return None;
            }
            offset += taken;
            if let State::BeforeValue { tag, name } = &here.state {
                let rest = &text[offset..];
                let value = rest.trim_start_matches(is_space);
                let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
                let kind = attribute::kind(&tag.element, name);
                if matches!(kind, Kind::Whole(_)) || quote.is_none() {
                    let start = offset + (rest.len() - value.len()) + quote.map_or(0, char::len_utf8);
                    let tag = tag.clone();
                    *self = here.at(State::Value(tag, Value::new(kind, quote)));
                    return Some(start);
                }
            }
        }
    }

    /// The value whose start was just read.
    pub(super) fn value(&self) -> Option<&Value> {
        match &self.state {
            State::Value(_, value) => Some(value),
            _ => None,
        }
    }

    /// Reads one token, and returns its length and the other ways in which it may be read.
    fn step(&mut self, rest: &str) -> (usize, Vec<Context>) {
        let Some(first) = rest.chars().next() else {
            return (0, Vec::new());
        };
        let length = first.len_utf8();
        let state = std::mem::replace(&mut self.state, State::Unknown);
        let taken;
        (self.state, taken) = match state {
            State::Text => text(rest),
            State::TagStart { end } => tag_start(end, first),
            State::CommentStart => match comment(rest) {
                Ok((state, length)) => (state, length),
                Err(()) => (State::Comment(">"), 0),
            },
            State::TagName(mut tag) => match first {
                '>' => return self.end_of_tag(tag),
                c if is_space(c) || c == '/' => {
                    tag.slash = c == '/';
                    (State::Tag(tag), length)
                }
                c => {
                    tag.element.extend(c.to_lowercase());
                    (State::TagName(tag), length)
                }
            },
            State::Tag(mut tag) => match first {
                '>' => return self.end_of_tag(tag),
                c if is_space(c) || c == '/' => {
                    tag.slash = c == '/';
                    (State::Tag(tag), length)
                }
                // The first character belongs to the name, whatever it is.
                c => {
                    tag.slash = false;
                    let name = c.to_lowercase().collect();
                    (
                        State::Name {
                            tag,
                            name,
                            ended: false,
                        },
                        length,
                    )
                }
            },
            State::Name {
                mut tag,
                mut name,
                mut ended,
            } => match first {
                '>' => return self.end_of_tag(tag),
                '=' => (State::BeforeValue { tag, name }, length),
                '/' => {
                    tag.slash = true;
                    (State::Tag(tag), length)
                }
                c if is_space(c) => {
                    ended = true;
                    (State::Name { tag, name, ended }, length)
                }
                _ if ended => (State::Tag(tag), 0),
                c => {
                    name.extend(c.to_lowercase());
                    (State::Name { tag, name, ended }, length)
                }
            },
            State::BeforeValue { tag, name } => match first {
                c if is_space(c) => (State::BeforeValue { tag, name }, length),
                '>' => return self.end_of_tag(tag),
                c => {
                    let quote = Some(c).filter(|c| matches!(c, '"' | '\''));
                    let kind = attribute::kind(&tag.element, &name);
                    let taken = if quote.is_some() { length } else { 0 };
                    (State::Value(tag, Value::new(kind, quote)), taken)
                }
            },
            State::Value(mut tag, mut value) => {
                let end = match value.quote {
                    Some(quote) => rest.find(quote),
                    None => rest.find(|c: char| is_space(c) || c == '>'),
                };
                let inside = &rest[..end.unwrap_or(rest.len())];
                let others = value.follow(inside);
                if let Some(end) = end {
                    value.close(&mut tag);
                    let taken = end + value.quote.map_or(0, char::len_utf8);
                    (State::Tag(tag), taken)
                } else {
                    let here = self.at(State::Text);
                    self.state = State::Value(tag.clone(), value);
                    let others = others
                        .into_iter()
                        .map(|value| here.at(State::Value(tag.clone(), value)))
                        .collect();
                    return (rest.len(), others);
                }
            }
            State::Content {
                element,
                mut inner,
                entities,
            } => {
                let end = if entities {
                    // Here any tag is one; what can't be told from an operator is taken for code.
                    rest.find("</")
                } else {
                    find_end_tag(rest, &element)
                };
                inner.follow(&rest[..end.unwrap_or(rest.len())], entities);
                match end {
                    Some(end) => (State::Text, end),
                    None => (
                        State::Content {
                            element,
                            inner,
                            entities,
                        },
                        rest.len(),
                    ),
                }
            }
            State::Comment(end) => match rest.find(end) {
                Some(found) => (State::Text, found + end.len()),
                None => (State::Comment(end), rest.len()),
            },
            State::Unknown => (State::Unknown, rest.len()),
        };
        (taken, Vec::new())
    }

    /// Reads the `>` of a tag.
    fn end_of_tag(&mut self, tag: Tag) -> (usize, Vec<Context>) {
        self.state = State::Text;
        if matches!(tag.element.as_str(), "svg" | "math") {
            match (tag.end, tag.slash) {
                (true, _) => self.foreign = self.foreign.saturating_sub(1),
                (false, true) => {}
                (false, false) => self.foreign += 1,
            }
        }
        if tag.end {
            return (1, Vec::new());
        }
        let inner = match tag.element.as_str() {
            "script" => tag.script.content(),
            "style" => Inner::Css(Css::new(false)),
            "title" | "textarea" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript" => Inner::Plain,
            "plaintext" if self.foreign == 0 => {
                self.state = State::Content {
                    // No end tag has this name.
                    element: ">".to_owned(),
                    inner: Inner::Plain,
                    entities: false,
                };
                return (1, Vec::new());
            }
            _ => return (1, Vec::new()),
        };
        let content = |inner: Inner, entities| State::Content {
            element: tag.element.clone(),
            inner,
            entities,
        };
        let mut others = Vec::new();
        // Inside of SVG and MathML these hold markup, unless HTML has begun again; nothing ends at a slash in HTML.
        if self.foreign > 0 {
            if tag.slash {
                others.push(self.clone());
            } else if matches!(tag.element.as_str(), "script" | "style") {
                others.push(self.at(content(inner.clone(), true)));
            } else {
                others.push(self.clone());
            }
        } else if tag.element == "noscript" {
            // Where scripts are switched off, it holds markup.
            others.push(self.clone());
        }
        self.state = content(inner, false);
        (1, others)
    }

    /// What a value needs here, `None` being the HTML escaping of every value. Afterwards the reader is behind it.
    /// `apart`: white space or the end of the tag follows.
    pub(super) fn emit(&mut self, apart: bool) -> Option<Guard> {
        let escaped = |escaper| Some(Guard::new(escaper, Place::Escaped));
        let state = std::mem::replace(&mut self.state, State::Unknown);
        let guard;
        (self.state, guard) = match state {
            State::Text => (State::Text, None),
            State::TagStart { end } => {
                let tag = Tag::new("st-blocked", end);
                (State::TagName(tag), escaped(Escaper::TagName))
            }
            State::CommentStart => (State::Comment(">"), escaped(Escaper::TagName)),
            State::TagName(mut tag) => {
                let escaper = if tag.element.contains('-') {
                    Escaper::NamePart
                } else {
                    Escaper::Digits
                };
                tag.element.push('0');
                (State::TagName(tag), escaped(escaper))
            }
            State::Tag(mut tag) => {
                tag.slash = false;
                if apart {
                    (State::Tag(tag), escaped(Escaper::Attributes))
                } else {
                    let name = "st-blocked".to_owned();
                    let state = State::Name {
                        tag,
                        name,
                        ended: false,
                    };
                    (state, escaped(Escaper::AttributeName))
                }
            }
            State::Name {
                tag,
                name: _,
                ended: true,
            } => {
                // It may be the next attribute, but must not be an `=`.
                let next = State::Tag(tag);
                let mut again = self.at(next);
                let guard = again.emit(apart);
                (again.state, guard)
            }
            State::Name { tag, mut name, .. } => {
                let harmless =
                    name.contains('-') && !["st-", "http-", "on"].iter().any(|s| name.starts_with(s));
                let escaper = if harmless {
                    Escaper::NamePart
                } else {
                    Escaper::Digits
                };
                name.push('0');
                let state = State::Name {
                    tag,
                    name,
                    ended: false,
                };
                (state, escaped(escaper))
            }
            State::BeforeValue { tag, name } => {
                let kind = attribute::kind(&tag.element, &name);
                let mut value = Value::new(kind, None);
                let guard = value.emit();
                (State::Value(tag, value), guard)
            }
            State::Value(tag, mut value) => {
                let guard = value.emit();
                (State::Value(tag, value), guard)
            }
            State::Content {
                element,
                mut inner,
                entities,
            } => {
                let guard = inner.emit().map(|escaper| Guard::new(escaper, Place::Raw));
                let state = State::Content {
                    element,
                    inner,
                    entities,
                };
                (state, guard)
            }
            State::Comment(end) => (State::Comment(end), None),
            State::Unknown => (State::Unknown, escaped(Escaper::Strict)),
        };
        guard
    }

    /// Whether `tojson` of a value is what its place needs, as it is or with its quotes escaped.
    pub(super) fn takes_json(&self) -> Option<Json> {
        match &self.state {
            State::Text | State::Comment(_) => Some(Json::Bare),
            State::Content { inner, .. } => inner.takes_json().then_some(Json::Bare),
            State::Value(_, value) => match value.quote {
                Some(quote) if value.inner.takes_json() => {
                    Some(if quote == '"' { Json::Quoted } else { Json::Bare })
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// How the output of `tojson` is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Bare,
    /// In double quotes, so that its own must be escaped.
    Quoted,
}

impl Tag {
    fn new(element: &str, end: bool) -> Self {
        Tag {
            element: element.to_owned(),
            end,
            slash: false,
            script: Script::default(),
        }
    }
}

impl Value {
    pub(super) fn new(kind: Kind, quote: Option<char>) -> Self {
        let inner = match kind {
            Kind::Plain => Inner::Plain,
            Kind::Script => Inner::Js(Js::new()),
            Kind::Style => Inner::Css(Css::new(true)),
            Kind::Document => Inner::Document(Box::new(Context::start())),
            Kind::ScriptType => Inner::Collected(String::new()),
            Kind::Whole(Whole::Url | Whole::Media) => Inner::Address(String::new()),
            Kind::Whole(_) => Inner::Addresses,
        };
        Value { kind, quote, inner }
    }

    /// Reads over text inside of the value, and returns the other ways in which it may be read.
    fn follow(&mut self, text: &str) -> Vec<Value> {
        if let Inner::Document(context) = &self.inner {
            let mut contexts = Vec::new();
            let text = html_escape::decode_html_entities(text);
            context.as_ref().clone().follow(&text, &mut contexts);
            let mut values = contexts.into_iter().map(|context| Value {
                inner: Inner::Document(Box::new(context)),
                ..self.clone()
            });
            let first = values.next();
            let others = values.collect();
            if let Some(first) = first {
                *self = first;
            }
            return others;
        }
        self.inner.follow(text, true);
        Vec::new()
    }

    /// The value is read.
    fn close(&self, tag: &mut Tag) {
        if let Inner::Collected(text) = &self.inner {
            tag.script = Script::of(text);
        }
    }

    fn emit(&mut self) -> Option<Guard> {
        let place = if self.quote.is_some() {
            Place::Escaped
        } else {
            Place::Unquoted
        };
        let plain = self.quote.is_none().then_some(Guard::new(Escaper::Plain, place));
        match &mut self.inner {
            Inner::Document(context) => {
                // HTML in HTML is escaped twice; anything more is not worth an escaper.
                let escaper = match context.emit(false) {
                    None => Escaper::Plain,
                    Some(_) => Escaper::Strict,
                };
                Some(if self.quote.is_some() && escaper == Escaper::Plain {
                    Guard::new(escaper, Place::Nested)
                } else {
                    Guard::new(Escaper::Strict, place)
                })
            }
            inner => {
                let percent = matches!(inner, Inner::Code(_));
                match inner.emit() {
                    None => plain,
                    Some(escaper) => Some(Guard {
                        percent,
                        ..Guard::new(escaper, place)
                    }),
                }
            }
        }
    }
}

/// Forgets how an address began once its scheme is settled: contexts that differ in nothing that matters are one.
fn settle(so_far: &mut String) {
    if url::settles_scheme(so_far) && !url::is_data(so_far) {
        so_far.clear();
        so_far.push('/');
    }
}

impl Inner {
    fn follow(&mut self, text: &str, entities: bool) {
        let text = if entities {
            html_escape::decode_html_entities(text)
        } else {
            text.into()
        };
        match self {
            Inner::Plain | Inner::Document(_) | Inner::Addresses => {}
            Inner::Js(js) | Inner::Code(js) => js.follow(&text),
            Inner::Css(css) => css.follow(&text),
            Inner::Collected(so_far) => so_far.push_str(&text),
            Inner::Address(so_far) => {
                so_far.push_str(&text);
                if url::is_script(so_far) {
                    let code = so_far.split_once(':').map_or("", |(_, code)| code).to_owned();
                    let mut js = Js::new();
                    js.follow(&code);
                    *self = Inner::Code(js);
                } else {
                    settle(so_far);
                }
            }
        }
    }

    /// What a value needs, apart from the HTML around.
    fn emit(&mut self) -> Option<Escaper> {
        match self {
            Inner::Plain => None,
            Inner::Js(js) | Inner::Code(js) => Some(js.value()),
            Inner::Css(css) => Some(css.value()),
            // What names the language of a script may name any.
            Inner::Collected(text) => {
                text.push_str("javascript");
                None
            }
            Inner::Document(_) => Some(Escaper::Strict),
            Inner::Addresses => Some(Escaper::Urls),
            Inner::Address(so_far) if url::is_data(so_far) => Some(Escaper::Strict),
            Inner::Address(so_far) => {
                let escaper = if so_far.is_empty() {
                    Some(Escaper::Url)
                } else if url::settles_scheme(so_far) {
                    None
                } else {
                    Some(Escaper::UrlPart)
                };
                // Something came, which is not known to settle the scheme. In a loop it comes any number of times.
                if !so_far.ends_with('x') {
                    so_far.push('x');
                }
                settle(so_far);
                escaper
            }
        }
    }

    fn takes_json(&self) -> bool {
        match self {
            Inner::Plain => true,
            Inner::Js(js) => js.clone().value() == Escaper::JsValue,
            Inner::Css(css) => matches!(css.clone().value(), Escaper::CssValue | Escaper::CssDeclarations),
            _ => false,
        }
    }
}

/// Between tags: text up to the next `<` that starts a tag.
fn text(rest: &str) -> (State, usize) {
    let Some(at) = rest.find('<') else {
        return (State::Text, rest.len());
    };
    let markup = &rest[at + 1..];
    let state = match markup.chars().next() {
        None => State::TagStart { end: false },
        Some('/') => match markup[1..].chars().next() {
            None => return (State::TagStart { end: true }, rest.len()),
            Some(c) if c.is_ascii_alphabetic() => State::TagName(Tag::new("", true)),
            Some('>') => State::Text,
            Some(_) => State::Comment(">"),
        },
        Some('!') => match comment(&markup[1..]) {
            Ok((state, length)) => return (state, at + 2 + length),
            Err(()) => State::Comment(">"),
        },
        Some('?') => State::Comment(">"),
        Some(c) if c.is_ascii_alphabetic() => State::TagName(Tag::new("", false)),
        Some(_) => State::Text,
    };
    let sign = if matches!(&state, State::TagName(tag) if tag.end) {
        2
    } else {
        1
    };
    (state, at + sign)
}

/// What follows `<!`, if it is a comment: where it leads, and its length.
fn comment(rest: &str) -> Result<(State, usize), ()> {
    if matches!(rest, "" | "-") {
        return Ok((State::CommentStart, rest.len()));
    }
    let inside = rest.strip_prefix("--").ok_or(())?;
    // `<!-->` and `<!--->` are whole comments.
    for short in [">", "->"] {
        if inside.starts_with(short) {
            return Ok((State::Text, 2 + short.len()));
        }
    }
    Ok((State::Comment("-->"), 2))
}

/// The first character behind a `<` or `</` after which a value stood.
fn tag_start(end: bool, first: char) -> (State, usize) {
    match first {
        '/' if !end => (State::TagStart { end: true }, 1),
        '!' | '?' => (State::Comment(">"), 1),
        c if c.is_ascii_alphabetic() => (State::TagName(Tag::new("", end)), 0),
        _ => (State::Text, 0),
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}
