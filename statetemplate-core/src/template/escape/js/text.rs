//! Writes values as JavaScript, so that the result is at home in JSON as well.

use std::fmt::Write as _;

use minijinja::Value;
use minijinja::value::Kwargs;

/// A value of JSON. `tojson` keeps its output clear of everything that could end a script or an attribute.
pub(in super::super) fn value(value: &Value) -> String {
    if value.is_undefined() {
        return "null".to_owned();
    }
    let json = |value: &Value| {
        let options = Kwargs::from_iter(Vec::<(String, Value)>::new());
        minijinja::filters::tojson(value, None, options).map(|json| json.to_string())
    };
    // What is not data, a function for instance, is what it prints as.
    let json = json(value)
        .or_else(|_| json(&Value::from(value.to_string())))
        .unwrap_or_else(|_| "null".to_owned());
    // Before 2019 these ended a line, and with it a string.
    let json = json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    // A sign must not join an operator before it.
    if json.starts_with('-') {
        format!(" {json}")
    } else {
        json
    }
}

/// The inside of a string or of a template literal.
pub(in super::super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\\' | '\'' | '"' | '`' | '$' | '<' | '>' | '&' | '/' => escape(c, &mut out),
            // With a `<` of the template in front it would be the start of a comment.
            '!' if at == 0 => escape(c, &mut out),
            '\u{2028}' | '\u{2029}' => escape(c, &mut out),
            c if c.is_control() => escape(c, &mut out),
            c => out.push(c),
        }
    }
    out
}

/// A part of a regular expression that matches this text.
pub(in super::super) fn regex(text: &str) -> String {
    // Two slashes with nothing between them are a comment.
    if text.is_empty() {
        return "(?:)".to_owned();
    }
    regex_class(text)
}

/// A part of a class in a regular expression that matches these characters.
pub(in super::super) fn regex_class(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let plain = c.is_ascii_alphanumeric() || matches!(c, ' ' | '_');
        if plain || !(c.is_ascii() || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            out.push(c);
        } else {
            escape(c, &mut out);
        }
    }
    out
}

/// The one form of escape that JavaScript, JSON and regular expressions share.
fn escape(c: char, out: &mut String) {
    let _ = write!(out, "\\u{:04x}", u32::from(c));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn values_are_json_that_ends_no_script() {
        for (data, expected) in [
            (Value::from(42), "42"),
            (Value::from(-42), " -42"),
            (Value::from(0.5), "0.5"),
            (Value::from(-0.5), " -0.5"),
            (Value::from(9_007_199_254_740_993_u64), "9007199254740993"),
            (Value::from(true), "true"),
            (Value::from(()), "null"),
            (Value::UNDEFINED, "null"),
            (Value::from(""), "\"\""),
            (Value::from("foo"), "\"foo\""),
            (Value::from("\r\n\t\u{b}"), r#""\r\n\t\u000b""#),
            (Value::from("</script>"), r#""\u003c/script\u003e""#),
            (Value::from("<!--"), r#""\u003c!--""#),
            (Value::from("]]>"), r#""]]\u003e""#),
            (Value::from("'&\""), r#""\u0027\u0026\"""#),
            (Value::from("\u{1d11e}"), "\"\u{1d11e}\""),
            (Value::from("\u{2028}\u{2029}"), r#""\u2028\u2029""#),
            (Value::from(Vec::<i32>::new()), "[]"),
            (Value::from_safe_string("<b>".to_owned()), r#""\u003cb\u003e""#),
        ] {
            assert_eq!(value(&data), expected);
        }
        let nested = Value::from(BTreeMap::from([("x", vec![Value::from("<"), Value::from(-1)])]));
        assert_eq!(value(&nested).replace(' ', ""), r#"{"x":["\u003c",-1]}"#);
        let function = Value::from_function(|| 1);
        assert!(!value(&function).is_empty());
    }

    #[test]
    fn a_string_cannot_be_left() {
        for (text, expected) in [
            ("", ""),
            ("foo bar! 100% #1, a=b; (c)", "foo bar! 100% #1, a=b; (c)"),
            ("'; alert(1) //", r"\u0027; alert(1) \u002f\u002f"),
            ("\"", r"\u0022"),
            ("\\", r"\u005c"),
            ("\\n", r"\u005cn"),
            ("\0\t\n\r\u{7f}", r"\u0000\u0009\u000a\u000d\u007f"),
            ("\u{2028}\u{2029}", r"\u2028\u2029"),
            ("</script>", r"\u003c\u002fscript\u003e"),
            ("<!--", r"\u003c!--"),
            ("!--", r"\u0021--"),
            ("/script>", r"\u002fscript\u003e"),
            ("]]>", r"]]\u003e"),
            ("&amp;", r"\u0026amp;"),
            ("${alert(1)}`", r"\u0024{alert(1)}\u0060"),
            ("äöü\u{1d11e}", "äöü\u{1d11e}"),
        ] {
            assert_eq!(string(text), expected);
        }
    }

    #[test]
    fn a_regular_expression_cannot_be_left() {
        for (text, expected) in [
            ("", "(?:)"),
            ("foo", "foo"),
            ("/; alert(1)", r"\u002f\u003b alert\u00281\u0029"),
            ("[](){}", r"\u005b\u005d\u0028\u0029\u007b\u007d"),
            ("a.b*c+?^$|", r"a\u002eb\u002ac\u002b\u003f\u005e\u0024\u007c"),
            ("x-y", r"x\u002dy"),
            ("\n", r"\u000a"),
            ("</script>", r"\u003c\u002fscript\u003e"),
        ] {
            assert_eq!(regex(text), expected);
        }
        assert_eq!(regex_class(""), "");
        assert_eq!(regex_class("]"), r"\u005d");
    }
}
