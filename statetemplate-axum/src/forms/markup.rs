//! Finds the tags of a rendered page: as much of HTML's tokenizer as that takes.

use memchr::{memchr, memmem};

/// A tag of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) is_end: bool,
    /// What stands between the name and the end of the last attribute.
    attributes: &'a str,
    /// Where another attribute may be put.
    pub(super) end: usize,
    /// Where what follows the tag begins.
    pub(super) after: usize,
}

impl<'a> Tag<'a> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The attributes with their values as they are written. Of two of a name the first counts.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let text = self.attributes;
        let mut at = 0;
        std::iter::from_fn(move || {
            let attribute = attribute(text, at)?;
            at = attribute.end;
            Some((attribute.name, attribute.value))
        })
    }

    /// Where the name begins.
    #[cfg(feature = "test")]
    pub(super) fn start(&self) -> usize {
        self.end - self.attributes.len() - self.name.len()
    }

    /// The value of an attribute as it is written.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// The tags of a page, in their order. What stands in comments, scripts and other raw text is passed over.
pub(super) fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += memchr(b'<', html.as_bytes().get(at..)?)?;
            let rest = &html[at + 1..];
            if let Some(comment) = rest.strip_prefix("!--") {
                // `<!-->` and `<!--->` are comments, too.
                let inside = at + 4;
                at = if comment.starts_with('>') {
                    inside + 1
                } else if comment.starts_with("->") {
                    inside + 2
                } else {
                    inside + memmem::find(comment.as_bytes(), b"-->")? + 3
                };
                continue;
            }
            let is_end = rest.starts_with('/');
            let name = at + 1 + usize::from(is_end);
            match html.as_bytes().get(name)? {
                byte if byte.is_ascii_alphabetic() => {}
                // `<!doctype`, `<!t>`, `<?` and `</>` go to the next `>`; any other `<` is text.
                b'!' | b'?' if !is_end => {
                    at += memchr(b'>', rest.as_bytes())? + 1;
                    continue;
                }
                _ if is_end => {
                    at += memchr(b'>', rest.as_bytes())? + 1;
                    continue;
                }
                _ => {
                    at += 1;
                    continue;
                }
            }
            let tag = tag(html, name, is_end)?;
            at = tag.after;
            if !is_end && is_raw(tag.name) {
                // An end that never comes leaves nothing to find.
                at = raw_end(html, at, tag.name).unwrap_or(html.len());
            }
            return Some(tag);
        }
    })
}

fn tag(html: &str, name: usize, is_end: bool) -> Option<Tag<'_>> {
    let length = html[name..].find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))?;
    let start = name + length;
    let mut end = start;
    while let Some(attribute) = attribute(html, end) {
        end = attribute.end;
    }
    // After the last attribute there is nothing but space and slashes.
    let after = end + memchr(b'>', &html.as_bytes()[end..])? + 1;
    Some(Tag {
        name: &html[name..start],
        is_end,
        attributes: &html[start..end],
        end,
        after,
    })
}

struct Attribute<'a> {
    name: &'a str,
    value: &'a str,
    end: usize,
}

/// The attribute that begins at or after `from`, within a tag.
fn attribute(text: &str, from: usize) -> Option<Attribute<'_>> {
    let bytes = text.as_bytes();
    let skip = |mut at: usize, skipped: fn(u8) -> bool| {
        while bytes.get(at).is_some_and(|&byte| skipped(byte)) {
            at += 1;
        }
        at
    };
    let start = skip(from, |byte| byte.is_ascii_whitespace() || byte == b'/');
    if bytes.get(start).is_none_or(|&byte| byte == b'>') {
        return None;
    }
    // A name may begin with `=`, and then has another one at its end.
    let name_end = skip(start + 1, |byte| {
        !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>' | b'=')
    });
    let name = text.get(start..name_end)?;
    let none = Attribute {
        name,
        value: "",
        end: name_end,
    };
    let equals = skip(name_end, |byte| byte.is_ascii_whitespace());
    if bytes.get(equals) != Some(&b'=') {
        return Some(none);
    }
    let value = skip(equals + 1, |byte| byte.is_ascii_whitespace());
    match bytes.get(value) {
        Some(&quote @ (b'"' | b'\'')) => {
            let length = memchr(quote, &bytes[value + 1..])?;
            Some(Attribute {
                name,
                value: text.get(value + 1..value + 1 + length)?,
                end: value + length + 2,
            })
        }
        Some(b'>') | None => Some(Attribute { end: value, ..none }),
        Some(_) => {
            let end = skip(value, |byte| !byte.is_ascii_whitespace() && byte != b'>');
            Some(Attribute {
                name,
                value: text.get(value..end)?,
                end,
            })
        }
    }
}

/// Elements whose content is text. `noscript` is none: where these tags count, scripts do not run.
fn is_raw(name: &str) -> bool {
    const RAW: [&str; 9] = [
        "script",
        "style",
        "textarea",
        "title",
        "xmp",
        "iframe",
        "noembed",
        "noframes",
        "plaintext",
    ];
    // Most tags are none of these by their length alone.
    matches!(name.len(), 3 | 5..=9) && RAW.iter().any(|raw| raw.eq_ignore_ascii_case(name))
}

/// Where the end tag of a raw element begins.
fn raw_end(html: &str, from: usize, name: &str) -> Option<usize> {
    let mut at = from;
    loop {
        at += memmem::find(&html.as_bytes()[at..], b"</")?;
        let rest = &html.as_bytes()[at + 2..];
        let is_it = rest
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
            && rest
                .get(name.len())
                .is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
        if is_it {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(html: &str) -> Vec<String> {
        tags(html)
            .map(|tag| format!("{}{}", if tag.is_end { "/" } else { "" }, tag.name))
            .collect()
    }

    #[test]
    fn tags_are_found_where_a_browser_finds_them() {
        for (html, found) in [
            ("<!doctype html><p>a < b</p>", vec!["p", "/p"]),
            ("<!t>x<!-- <p> --><b>", vec!["b"]),
            ("<!--><b><!---><i>", vec!["b", "i"]),
            (
                "<script>if (a </b>) '<form>'</script ><u>",
                vec!["script", "/script", "u"],
            ),
            (
                "<textarea><form></textareas></TEXTAREA><u>",
                vec!["textarea", "/TEXTAREA", "u"],
            ),
            (
                "<title><b></title><noscript><b></noscript>",
                vec!["title", "/title", "noscript", "b", "/noscript"],
            ),
            ("</ p><? x><a title='>' b=\">\"><br/>", vec!["a", "br"]),
            ("<p", vec![]),
            ("<p a='", vec![]),
            ("<style><b>", vec!["style"]),
            ("ä<ä><b>", vec!["b"]),
        ] {
            assert_eq!(names(html), found, "{html}");
        }
    }

    #[test]
    fn attributes_are_read_as_a_browser_reads_them() {
        let html = "<input  a=1 B = '2'/c \"d\" e==f g=h/ =i i= >";
        let tag = tags(html).next().unwrap();
        let attributes: Vec<_> = tag.attributes().collect();
        let expected = [
            ("a", "1"),
            ("B", "2"),
            ("c", ""),
            ("\"d\"", ""),
            ("e", "=f"),
            ("g", "h/"),
            ("=i", ""),
            ("i", ""),
        ];
        assert_eq!(attributes, expected);
        assert_eq!(tag.attribute("b"), Some("2"));
        assert_eq!(&html[tag.end..], ">");
    }

    #[test]
    fn another_attribute_goes_before_the_slash_but_not_into_a_value() {
        for (html, after) in [
            ("<br/>", "/>"),
            ("<br />x", " />x"),
            ("<br a=b/>", ">"),
            ("<br a='b' >", " >"),
            ("<br>", ">"),
        ] {
            assert_eq!(&html[tags(html).next().unwrap().end..], after, "{html}");
        }
    }
}
