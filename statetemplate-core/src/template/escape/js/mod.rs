//! JavaScript and JSON: where in a piece of it a value stands, and how values are written there.

mod text;

pub(super) use text::{regex, regex_class, string, value};

use super::guard::Escaper;

/// How a script is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Js {
    lexical: Lexical,
    /// The open braces inside of each open `${`.
    nesting: Vec<usize>,
    /// The last two characters that are no white space, of code.
    last: [char; 2],
    /// The word that ends here, as far as keywords need it.
    word: String,
    /// Whether nothing but white space and comments stands before this on its line.
    line_start: bool,
    /// Whether the next character is escaped.
    escaped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lexical {
    Code,
    /// A string in `'` or `"`.
    Quoted(char),
    Template,
    Regex {
        class: bool,
    },
    LineComment,
    BlockComment,
}

/// Words after which a slash starts a regular expression.
const KEYWORDS: &[&str] = &[
    "await",
    "case",
    "delete",
    "do",
    "else",
    "in",
    "instanceof",
    "new",
    "of",
    "return",
    "throw",
    "typeof",
    "void",
    "yield",
];

/// Longer than any keyword, so that a cut word is none.
const LONGEST_WORD: usize = 16;

impl Js {
    /// The start of a script.
    pub(super) fn new() -> Self {
        Js {
            lexical: Lexical::Code,
            nesting: Vec::new(),
            last: [' ', ' '],
            word: String::new(),
            line_start: true,
            escaped: false,
        }
    }

    /// Reads over text of the template.
    pub(super) fn follow(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let taken = if std::mem::take(&mut self.escaped) {
                c.len_utf8()
            } else {
                self.step(c, rest)
            };
            rest = &rest[taken..];
        }
    }

    /// Reads one token or character, and returns its length.
    fn step(&mut self, c: char, rest: &str) -> usize {
        let end_of_line = matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}');
        match self.lexical {
            Lexical::Code => return self.code(c, rest),
            Lexical::Quoted(_) | Lexical::Template | Lexical::Regex { .. } if c == '\\' => {
                self.escaped = true;
            }
            // A line that ends inside of a string is an error, after which the next line is code.
            Lexical::Quoted(quote) if c == quote || matches!(c, '\n' | '\r') => self.end_operand(),
            Lexical::Template if c == '`' => self.end_operand(),
            Lexical::Template if rest.starts_with("${") => {
                self.nesting.push(0);
                self.lexical = Lexical::Code;
                self.seen('{');
                return 2;
            }
            Lexical::Regex { class: false } if c == '/' || end_of_line => self.end_operand(),
            Lexical::Regex { .. } if c == '[' => self.lexical = Lexical::Regex { class: true },
            Lexical::Regex { .. } if c == ']' => self.lexical = Lexical::Regex { class: false },
            Lexical::LineComment if end_of_line => {
                self.lexical = Lexical::Code;
                self.line_start = true;
            }
            Lexical::BlockComment if rest.starts_with("*/") => {
                self.lexical = Lexical::Code;
                return 2;
            }
            _ => {}
        }
        c.len_utf8()
    }

    fn code(&mut self, c: char, rest: &str) -> usize {
        match c {
            '"' | '\'' => self.lexical = Lexical::Quoted(c),
            '`' => self.lexical = Lexical::Template,
            '/' if rest.starts_with("//") => self.lexical = Lexical::LineComment,
            '/' if rest.starts_with("/*") => {
                self.lexical = Lexical::BlockComment;
                return 2;
            }
            '/' if self.regex_may_follow() => self.lexical = Lexical::Regex { class: false },
            // Comments of the time when browsers had to be kept from showing scripts; they still are comments.
            '<' if rest.starts_with("<!--") => self.lexical = Lexical::LineComment,
            '-' if self.line_start && rest.starts_with("-->") => self.lexical = Lexical::LineComment,
            '#' if self.last == [' ', ' '] && rest.starts_with("#!") => self.lexical = Lexical::LineComment,
            '{' => {
                if let Some(open) = self.nesting.last_mut() {
                    *open += 1;
                }
                self.seen(c);
            }
            '}' => {
                self.seen(c);
                match self.nesting.last_mut() {
                    Some(0) => {
                        self.nesting.pop();
                        self.lexical = Lexical::Template;
                    }
                    Some(open) => *open -= 1,
                    None => {}
                }
            }
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => self.line_start = true,
            c if c.is_whitespace() => {
                if !self.word.is_empty() && !self.word.ends_with(' ') {
                    self.word.push(' ');
                }
            }
            c => self.seen(c),
        }
        c.len_utf8()
    }

    fn seen(&mut self, c: char) {
        // Of three signs in a row, the first two are one operator.
        let before = if self.last == [c, c] { ' ' } else { self.last[1] };
        self.last = [before, c];
        self.line_start = false;
        let in_word = c.is_alphanumeric() || matches!(c, '_' | '$');
        if !in_word || self.word.ends_with(' ') {
            self.word.clear();
        }
        if in_word && self.word.len() < LONGEST_WORD {
            self.word.push(c);
        }
    }

    /// A string, a regular expression or a value has ended: what follows divides it, if it is a slash.
    fn end_operand(&mut self) {
        self.lexical = Lexical::Code;
        self.last = ['x', ')'];
        self.word.clear();
        self.line_start = false;
    }

    fn regex_may_follow(&self) -> bool {
        match self.last {
            ['+', '+'] | ['-', '-'] | [_, ')' | ']'] => false,
            [_, c] if c.is_alphanumeric() || matches!(c, '_' | '$') => {
                KEYWORDS.contains(&self.word.trim_end())
            }
            _ => true,
        }
    }

    /// What a value needs here. Afterwards the reader is behind the value.
    pub(super) fn value(&mut self) -> Escaper {
        self.escaped = false;
        match self.lexical {
            Lexical::Code => {
                self.end_operand();
                Escaper::JsValue
            }
            Lexical::Quoted(_) | Lexical::Template => Escaper::JsString,
            Lexical::Regex { class: false } => Escaper::JsRegex,
            Lexical::Regex { class: true } => Escaper::JsRegexClass,
            Lexical::LineComment | Lexical::BlockComment => Escaper::Comment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Escaper {
        let mut js = Js::new();
        js.follow(text);
        js.value()
    }

    #[test]
    fn a_slash_divides_or_starts_a_regular_expression() {
        for before in [
            "", ";", "}", "{", "(", "[", "=", "+=", "*", "!", "+", "-", "x-- -", "return", "return ",
            "return\n", "typeof", "case", "a\n=", "?", ":", ",", "&&", "~", "^", "<", ">", "%", "=> ",
            "/* x */", "// x\n",
        ] {
            assert_eq!(after(&format!("{before}/")), Escaper::JsRegex, "{before:?}");
        }
        for before in [
            ")", "]", "x", "x ", "x\n", "preturn", "return1", "0", "0.5", "x++", "x--", "\"s\"", "'s'",
            "`t`", "/re/", "$", "_", "a.b",
        ] {
            assert_eq!(after(&format!("{before}/")), Escaper::JsValue, "{before:?}");
        }
    }

    #[test]
    fn values_strings_and_comments_are_told_apart() {
        for (text, expected) in [
            ("var a = ", Escaper::JsValue),
            ("var a = '", Escaper::JsString),
            ("var a = \"", Escaper::JsString),
            ("var a = 'it\\'s", Escaper::JsString),
            ("var a = 'it\\\\', b = ", Escaper::JsValue),
            ("var a = `", Escaper::JsString),
            ("a = /['\"/]/; b = ", Escaper::JsValue),
            ("a = /[", Escaper::JsRegexClass),
            ("a = /[\\]", Escaper::JsRegexClass),
            ("a = /[x]", Escaper::JsRegex),
            ("a = b / c; d = '", Escaper::JsString),
            ("// don't\n", Escaper::JsValue),
            ("// don't ", Escaper::Comment),
            ("// don't \u{2028}", Escaper::JsValue),
            ("/* don't */ `", Escaper::JsString),
            ("/* don't * / ", Escaper::Comment),
            ("<!-- ", Escaper::Comment),
            ("a\n --> ", Escaper::Comment),
            ("while (n --> ", Escaper::JsValue),
            ("#!/bin/node ", Escaper::Comment),
            ("a = '\n", Escaper::JsValue),
            ("'</script", Escaper::JsString),
        ] {
            assert_eq!(after(text), expected, "{text:?}");
        }
    }

    #[test]
    fn template_literals_nest() {
        for (text, expected) in [
            ("`a ${", Escaper::JsValue),
            ("`a ${b}", Escaper::JsString),
            ("`a ${b}`; c = ", Escaper::JsValue),
            ("`a ${{x: {}}.x} ", Escaper::JsString),
            ("`a ${`b ${", Escaper::JsValue),
            ("`a ${`b ${c}", Escaper::JsString),
            ("`a ${`b ${c}`", Escaper::JsValue),
            ("`a ${`b ${c}`}", Escaper::JsString),
            ("`a ${'}", Escaper::JsString),
            ("`a \\${", Escaper::JsString),
            ("`a ${ /}/ } ", Escaper::JsString),
            ("{ `a` } ", Escaper::JsValue),
        ] {
            assert_eq!(after(text), expected, "{text:?}");
        }
    }
}
