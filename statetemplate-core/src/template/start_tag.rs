//! Reads start tags: which attributes are static, which have a dynamic value, which come and go.

use super::cursor::{Next, Place, Reader, plain_text};
use super::escape;
use super::item::{TagPart, Unbalanced};
use super::node::Node;
use super::tags::{fits_tag, fits_value};

impl<'a> Reader<'_, 'a> {
    /// The inside of a start tag, after its name, up to and with its `>`.
    pub(super) fn tag(
        &mut self,
        opening: &str,
        element: &str,
        foreign: bool,
    ) -> Result<(Vec<TagPart<'a>>, bool), Unbalanced> {
        let mut parts = vec![TagPart::Static(opening.to_owned())];
        let mut seen: Vec<String> = Vec::new();
        let mut certain = true;
        loop {
            match self.next() {
                Next::End => {
                    return Err(Unbalanced(format!(
                        "the tag <{element}> is not closed where it was opened"
                    )));
                }
                Next::Node(node) if node.is_silent() => {
                    self.scope(node);
                    parts.push(TagPart::Attributes(vec![node.clone()]));
                    self.skip_node();
                }
                Next::Node(_) => {
                    let start = self.at;
                    self.attribute_text()?;
                    certain = false;
                    parts.push(TagPart::Attributes(self.slice(start, self.at)));
                }
                Next::Text(rest) => {
                    let first = rest.chars().next().unwrap_or('>');
                    if rest.starts_with("/>") || first == '>' {
                        let close = if first == '>' { ">" } else { "/>" };
                        self.skip(close.len());
                        parts.push(TagPart::Static(close.to_owned()));
                        return Ok((parts, close == "/>"));
                    }
                    if first.is_whitespace() || first == '/' {
                        let length = first.len_utf8();
                        push_static(&mut parts, &rest[..length]);
                        self.skip(length);
                        continue;
                    }
                    let start = self.at;
                    match self.attribute()? {
                        Found::Static(name) => {
                            let text = plain_text(&self.slice(start, self.at)).unwrap_or_default();
                            certain &= !seen.contains(&name);
                            seen.push(name);
                            push_static(&mut parts, &text);
                        }
                        Found::Dynamic => {
                            certain = false;
                            parts.push(TagPart::Attributes(self.slice(start, self.at)));
                        }
                        Found::Value {
                            name,
                            quote,
                            from,
                            to,
                        } => {
                            certain &= !seen.contains(&name);
                            let written = plain_text(&self.slice(start, from)).unwrap_or_default();
                            push_static(&mut parts, &written);
                            let mut value = self.slice(from, to);
                            // What the guard of a whole value prints beside it is no part of the value.
                            if let [Node::Captured(escape::NEVER_EMPTY, inside)] = value.as_slice() {
                                value = inside.to_vec();
                            }
                            let index = certain.then_some(seen.len()).filter(|index| *index < 36);
                            let shown = if foreign { original(&written) } else { name.clone() };
                            parts.push(TagPart::Attribute {
                                name: shown,
                                index,
                                quote,
                                value,
                            });
                            push_static(
                                &mut parts,
                                quote.map_or("", |q| if q == '"' { "\"" } else { "'" }),
                            );
                            seen.push(name);
                        }
                    }
                }
            }
        }
    }

    /// Reads one attribute that starts with text of the template.
    fn attribute(&mut self) -> Result<Found, Unbalanced> {
        let Next::Text(rest) = self.next() else {
            unreachable!("the caller saw text")
        };
        // The first character belongs to the name, whatever it is.
        let mut ends = rest.char_indices().skip(1);
        let length = ends
            .find(|(_, c)| c.is_whitespace() || matches!(c, '=' | '>' | '/'))
            .map_or(rest.len(), |(at, _)| at);
        let name = rest[..length].to_ascii_lowercase();
        self.skip(length);
        if matches!(self.next(), Next::Node(node) if !node.is_silent()) && length == rest.len() {
            self.attribute_text()?;
            return Ok(Found::Dynamic);
        }
        let after_name = self.at;
        self.whitespace();
        match self.next() {
            Next::Text(rest) if rest.starts_with('=') => self.skip(1),
            _ => {
                self.at = after_name;
                return Ok(Found::Static(name));
            }
        }
        self.whitespace();
        let quote = match self.next() {
            Next::Text(rest) => rest.chars().next().filter(|c| matches!(c, '"' | '\'')),
            _ => None,
        };
        if quote.is_some() {
            self.skip(1);
        }
        let from = self.at;
        let mut dynamic = false;
        loop {
            match self.next() {
                Next::End => {
                    return Err(Unbalanced(format!(
                        "the attribute {name} is not closed where it was opened"
                    )));
                }
                Next::Node(node) => {
                    self.scope(node);
                    if !fits_value(node, quote) {
                        return Err(Unbalanced(format!(
                            "the attribute {name} ends inside a branch or loop"
                        )));
                    }
                    dynamic = true;
                    self.skip_node();
                }
                Next::Text(rest) => {
                    let end = match quote {
                        Some(quote) => rest.find(quote),
                        None => rest.find(|c: char| c.is_whitespace() || c == '>'),
                    };
                    match end {
                        Some(end) => {
                            self.skip(end);
                            break;
                        }
                        None => self.skip(rest.len()),
                    }
                }
            }
        }
        let to = self.at;
        if quote.is_some() {
            self.skip(1);
        }
        Ok(if dynamic {
            Found::Value {
                name,
                quote,
                from,
                to,
            }
        } else {
            Found::Static(name)
        })
    }

    /// Skips attribute text with something dynamic in it, up to whitespace or the tag's end.
    fn attribute_text(&mut self) -> Result<(), Unbalanced> {
        let mut quote: Option<char> = None;
        loop {
            match self.next() {
                Next::End => return Err(Unbalanced("a tag is not closed where it was opened".to_owned())),
                Next::Node(node) => {
                    let fits = if quote.is_some() {
                        fits_value(node, quote)
                    } else {
                        fits_tag(node)
                    };
                    if !fits {
                        return Err(Unbalanced("a tag ends inside a branch or loop".to_owned()));
                    }
                    self.scope(node);
                    self.skip_node();
                }
                Next::Text(rest) => {
                    let mut end = rest.len();
                    for (offset, c) in rest.char_indices() {
                        match quote {
                            Some(open) if c == open => quote = None,
                            Some(_) => {}
                            None if matches!(c, '"' | '\'') => quote = Some(c),
                            None if c.is_whitespace() || c == '>' || rest[offset..].starts_with("/>") => {
                                end = offset;
                                break;
                            }
                            None => {}
                        }
                    }
                    self.skip(end);
                    if end < rest.len() {
                        return Ok(());
                    }
                }
            }
        }
    }
}

enum Found {
    Static(String),
    Value {
        name: String,
        quote: Option<char>,
        from: Place,
        to: Place,
    },
    Dynamic,
}

/// The name of the last attribute in a tag's text, as it is written.
fn original(written: &str) -> String {
    let name = written
        .trim_end_matches(['"', '\''])
        .trim_end()
        .trim_end_matches('=')
        .trim_end();
    name.rsplit(char::is_whitespace).next().unwrap_or(name).to_owned()
}

fn push_static(parts: &mut Vec<TagPart<'_>>, text: &str) {
    match parts.last_mut() {
        Some(TagPart::Static(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => parts.push(TagPart::Static(text.to_owned())),
    }
}
