//! CSS: where in a style sheet or a `style` attribute a value stands, and what may stand there.

mod text;

pub(super) use text::{declarations, string, url, value};

use super::guard::Escaper;
use super::url as address;

/// How a style is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Css {
    lexical: Lexical,
    /// Whether this is a `style` attribute at the start of a declaration.
    declaration: bool,
    attribute: bool,
    /// The word that ends here, as far as it could be `url`.
    word: String,
    /// Whether the next character is escaped.
    escaped: bool,
    /// What is known of the URL that is being read.
    url: UrlState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lexical {
    Code,
    /// A string in `'` or `"`.
    Quoted(char),
    /// Inside of `url(`, before its first character.
    UrlStart,
    /// Inside of `url(`, with or without quotes.
    Url(Option<char>),
    Comment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UrlState {
    Start,
    /// The scheme may not be complete.
    Part,
    /// The scheme is settled.
    Rest,
}

impl Css {
    /// The start of a style sheet, or of a `style` attribute.
    pub(super) fn new(attribute: bool) -> Self {
        Css {
            lexical: Lexical::Code,
            declaration: attribute,
            attribute,
            word: String::new(),
            escaped: false,
            url: UrlState::Start,
        }
    }

    /// Reads over text of the template.
    pub(super) fn follow(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let mut taken = c.len_utf8();
            if std::mem::take(&mut self.escaped) {
                // An escaped character is part of whatever it stands in, and ends nothing.
            } else if c == '\\' && self.lexical != Lexical::Comment {
                self.escaped = true;
            } else {
                taken = self.step(c, rest);
            }
            rest = &rest[taken..];
        }
    }

    /// Reads one token or character, and returns its length.
    fn step(&mut self, c: char, rest: &str) -> usize {
        match self.lexical {
            Lexical::Code if rest.starts_with("/*") => {
                self.lexical = Lexical::Comment;
                return 2;
            }
            Lexical::Code => self.code(c),
            Lexical::Quoted(quote) if c == quote || c == '\n' => self.lexical = Lexical::Code,
            Lexical::UrlStart if c.is_ascii_whitespace() => {}
            Lexical::UrlStart if matches!(c, '"' | '\'') => self.lexical = Lexical::Url(Some(c)),
            Lexical::UrlStart => {
                self.lexical = Lexical::Url(None);
                return self.step(c, rest);
            }
            Lexical::Url(Some(quote)) if c == quote || c == '\n' => self.lexical = Lexical::Code,
            Lexical::Url(None) if c == ')' => self.lexical = Lexical::Code,
            Lexical::Url(_) => {
                self.url = match self.url {
                    UrlState::Rest => UrlState::Rest,
                    _ if address::settles_scheme(c.encode_utf8(&mut [0; 4])) => UrlState::Rest,
                    _ => UrlState::Part,
                };
            }
            Lexical::Comment if rest.starts_with("*/") => {
                self.lexical = Lexical::Code;
                return 2;
            }
            Lexical::Quoted(_) | Lexical::Comment => {}
        }
        c.len_utf8()
    }

    fn code(&mut self, c: char) {
        match c {
            '"' | '\'' => self.lexical = Lexical::Quoted(c),
            '(' if self.word.eq_ignore_ascii_case("url") => {
                self.lexical = Lexical::UrlStart;
                self.url = UrlState::Start;
            }
            _ => {}
        }
        if !c.is_whitespace() {
            self.declaration = self.attribute && c == ';';
        }
        if c.is_alphanumeric() || matches!(c, '-' | '_') {
            if self.word.len() < 8 {
                self.word.push(c);
            }
        } else {
            self.word.clear();
        }
    }

    /// What a value needs here. Afterwards the reader is behind the value.
    pub(super) fn value(&mut self) -> Escaper {
        self.escaped = false;
        match self.lexical {
            Lexical::Code => {
                self.word.clear();
                if self.declaration {
                    Escaper::CssDeclarations
                } else {
                    Escaper::CssValue
                }
            }
            Lexical::Quoted(_) => Escaper::CssString,
            Lexical::UrlStart | Lexical::Url(_) => {
                if self.lexical == Lexical::UrlStart {
                    self.lexical = Lexical::Url(None);
                }
                let state = self.url;
                if state == UrlState::Start {
                    self.url = UrlState::Part;
                }
                match state {
                    UrlState::Start => Escaper::CssUrl,
                    UrlState::Part => Escaper::CssUrlPart,
                    UrlState::Rest => Escaper::CssUrlRest,
                }
            }
            Lexical::Comment => Escaper::Comment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, attribute: bool) -> Escaper {
        let mut css = Css::new(attribute);
        css.follow(text);
        css.value()
    }

    #[test]
    fn values_strings_urls_and_comments_are_told_apart() {
        for (text, expected) in [
            ("", Escaper::CssValue),
            ("a { color: ", Escaper::CssValue),
            ("a { content: \"", Escaper::CssString),
            ("a { content: '\\'", Escaper::CssString),
            ("a { content: 'x' ", Escaper::CssValue),
            ("a { background: url(", Escaper::CssUrl),
            ("a { background: URL( ", Escaper::CssUrl),
            ("a { background: url('", Escaper::CssUrl),
            ("a { background: url( \"", Escaper::CssUrl),
            ("a { background: url(/", Escaper::CssUrlRest),
            ("a { background: url('java", Escaper::CssUrlPart),
            ("a { background: url(https:", Escaper::CssUrlRest),
            ("a { background: url(x) ", Escaper::CssValue),
            ("a { background: url('x') ", Escaper::CssValue),
            ("a { background: image-url(", Escaper::CssValue),
            ("a { background: my_url(", Escaper::CssValue),
            ("/* it's ", Escaper::Comment),
            ("/* it's */ a", Escaper::CssValue),
            ("a\\' { color: ", Escaper::CssValue),
        ] {
            assert_eq!(after(text, false), expected, "{text:?}");
        }
    }

    #[test]
    fn an_attribute_may_be_given_whole_declarations() {
        for (text, expected) in [
            ("", Escaper::CssDeclarations),
            (" ", Escaper::CssDeclarations),
            ("color: red;", Escaper::CssDeclarations),
            ("color: red; ", Escaper::CssDeclarations),
            ("color: ", Escaper::CssValue),
            ("color: red; --x", Escaper::CssValue),
        ] {
            assert_eq!(after(text, true), expected, "{text:?}");
        }
    }
}
