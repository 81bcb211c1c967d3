//! Makes real forms of a rendered page's: the attributes by which a browser without scripts can send them.

use std::borrow::Cow;

use memchr::memmem;

use super::{
    markup::{Tag, tags},
    target::{Event, FormTarget, Values, in_short, with},
};

const VALUE: &str = "st-value-";

/// The page with what its forms need to be sent without scripts:
///
/// - a form with `st-submit` gets `method` and `action`; a button in it that has `st-value-*`, `formaction`;
/// - another form with a button that has `st-click` gets the two for its button, and the button `name` and `value`, or
///   `formaction` where it has a name of its own.
///
/// A form that has `method` or `action` already is its author's, and is left alone. With scripts the client sends the
/// actions itself, and none of this counts. `notice` is a text to show at the page's beginning.
pub(crate) fn annotate(html: String, target: &FormTarget, notice: Option<&str>) -> String {
    let has = |text: &str| memmem::find(html.as_bytes(), text.as_bytes()).is_some();
    let has_forms = has("st-submit") || (has("st-click") && has("<form"));
    if !has_forms && notice.is_none() {
        return html;
    }
    let mut page = Annotator {
        target,
        insertions: Vec::new(),
        form: None,
    };
    let mut body = None;
    for tag in tags(&html) {
        match (tag.name.len(), tag.is_end) {
            (4, true) if tag.is("form") => page.form = None,
            (4, false) if tag.is("form") => page.form_begins(&tag),
            (4, false) if tag.is("body") => body = body.or(Some(tag.after)),
            (5, false) if tag.is("input") => page.button(&tag),
            (6, false) if tag.is("button") => page.button(&tag),
            _ => {}
        }
    }
    let mut insertions = page.insertions;
    if let Some(notice) = notice {
        // Without a `<body>` the end of the text is in it, wherever it begins.
        let at = body.unwrap_or(html.len());
        let text = html_escape::encode_text(notice);
        insertions.push((at, format!("<p class=\"st-notice\" role=\"alert\">{text}</p>")));
    }
    // A form's attributes were perhaps noted after those of what comes before its button.
    insertions.sort_by_key(|&(at, _)| at);
    let added: usize = insertions.iter().map(|(_, text)| text.len()).sum();
    let mut annotated = String::with_capacity(html.len() + added);
    let mut done = 0;
    for (at, text) in insertions {
        annotated.push_str(&html[done..at]);
        annotated.push_str(&text);
        done = at;
    }
    annotated.push_str(&html[done..]);
    annotated
}

struct Annotator<'a> {
    target: &'a FormTarget,
    insertions: Vec<(usize, String)>,
    /// The form that is open.
    form: Option<Form>,
}

enum Form {
    /// It is sent as its author said.
    Authors,
    /// It sends its own action, by this address.
    Submits(String),
    /// It would send whatever its buttons say; its attributes would go to this place.
    Plain(usize),
    /// It does.
    Buttons,
}

impl Annotator<'_> {
    fn form_begins(&mut self, tag: &Tag<'_>) {
        // Forms do not nest: a browser takes no notice of one within another.
        if self.form.is_some() {
            return;
        }
        let submit = tag.attribute("st-submit").map(decode);
        self.form = Some(if tag.attribute("method").or(tag.attribute("action")).is_some() {
            Form::Authors
        } else if let Some(action) = submit.filter(|action| !action.is_empty()) {
            let address = self.target.of(Event::Submit, &action, &values(tag));
            self.insert(
                tag.end,
                format!(" method=\"post\" action=\"{}\"", escape(&address)),
            );
            Form::Submits(address)
        } else {
            Form::Plain(tag.end)
        });
    }

    fn button(&mut self, tag: &Tag<'_>) {
        let Some(form) = &self.form else { return };
        let kind = tag.attribute("type").unwrap_or("");
        let is_image = kind.eq_ignore_ascii_case("image");
        let is_submitter = if tag.is("input") {
            is_image || kind.eq_ignore_ascii_case("submit")
        } else {
            !kind.eq_ignore_ascii_case("button") && !kind.eq_ignore_ascii_case("reset")
        };
        // `form` makes it another form's, `formaction` its author's.
        if !is_submitter || tag.attribute("form").or(tag.attribute("formaction")).is_some() {
            return;
        }
        let click = tag
            .attribute("st-click")
            .map(decode)
            .filter(|action| !action.is_empty());
        match (form, click) {
            (Form::Submits(address), _) => {
                let values = values(tag);
                if !values.is_empty() {
                    let address = with(address, &values);
                    self.insert(tag.end, format!(" formaction=\"{}\"", escape(&address)));
                }
            }
            (&Form::Plain(_) | Form::Buttons, Some(action)) => {
                if let &Form::Plain(at) = form {
                    let address = escape(self.target.bare()).into_owned();
                    self.insert(at, format!(" method=\"post\" action=\"{address}\""));
                    self.form = Some(Form::Buttons);
                }
                // An image sends its name with the place of the click, and no value.
                let has_own = tag.attribute("name").or(tag.attribute("value")).is_some();
                let attributes = if is_image || has_own {
                    let address = self.target.of(Event::Click, &action, &values(tag));
                    format!(" formaction=\"{}\"", escape(&address))
                } else {
                    let short = in_short(&action, &values(tag));
                    format!(" name=\"st\" value=\"{}\"", escape(&short))
                };
                self.insert(tag.end, attributes);
            }
            _ => {}
        }
    }

    fn insert(&mut self, at: usize, text: String) {
        self.insertions.push((at, text));
    }
}

/// The `st-value-*` of an element.
fn values(tag: &Tag<'_>) -> Values {
    tag.attributes()
        .filter_map(|(name, value)| {
            let name = name
                .get(..VALUE.len())
                .filter(|start| start.eq_ignore_ascii_case(VALUE))
                .and(name.get(VALUE.len()..))?;
            (!name.is_empty()).then(|| (name.to_ascii_lowercase(), decode(value).into_owned()))
        })
        .collect()
}

fn decode(value: &str) -> Cow<'_, str> {
    html_escape::decode_html_entities(value)
}

fn escape(value: &str) -> Cow<'_, str> {
    html_escape::encode_double_quoted_attribute(value)
}

/// The page as it was before, for the test kit, whose pages are those of a browser with scripts.
#[cfg(feature = "test")]
pub(crate) fn strip(html: &str) -> String {
    let mut removals: Vec<(usize, usize)> = Vec::new();
    let mut stripped = String::new();
    let mut done = 0;
    for tag in tags(html) {
        if tag.is_end || !(tag.is("form") || tag.is("input") || tag.is("button")) {
            continue;
        }
        // What was put in stands at the end of the tag, each thing in a row.
        let whole = &html[tag.start()..tag.end];
        let ours = format!("{}/act/", crate::http::assets::PREFIX);
        let from = [
            " method=\"post\" action=\"",
            " formaction=\"",
            " name=\"st\" value=\"",
        ]
        .iter()
        .filter_map(|begin| Some((whole.rfind(begin)?, *begin)))
        .find(|&(at, begin)| begin.starts_with(" name") || whole[at..].contains(&ours));
        if let Some((from, _)) = from {
            removals.push((tag.start() + from, tag.end));
        }
    }
    for (from, to) in removals {
        stripped.push_str(&html[done..from]);
        done = to;
    }
    stripped.push_str(&html[done..]);
    stripped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(html: &str) -> String {
        let target = FormTarget::new("", "P", "/").unwrap();
        let view = target.bare().split_once("v=").unwrap().1[..12].to_owned();
        let page = annotate(html.to_owned(), &target, None);
        #[cfg(feature = "test")]
        assert_eq!(strip(&page), html);
        page.replace(&view, "V")
    }

    const BARE: &str = "/_statetemplate/act/P?v=V&amp;to=%2F";

    #[test]
    fn a_form_sends_its_action_with_its_values() {
        assert_eq!(
            annotated(
                r#"<form class="x" st-submit="add" st-value-Task="a &amp; b" st="0"><input name="t"></form>"#
            ),
            format!(
                r#"<form class="x" st-submit="add" st-value-Task="a &amp; b" st="0" method="post" action="{BARE}&amp;submit=add&amp;task=a+%26+b"><input name="t"></form>"#
            )
        );
    }

    #[test]
    fn a_button_in_it_sends_its_values_beside() {
        let (form, after) = (
            format!(r#"<form st-submit="add" method="post" action="{BARE}&amp;submit=add">"#),
            "<button>save</button></form>",
        );
        assert_eq!(
            annotated(&format!(
                r#"<form st-submit="add"><button name="n" value="v" st-value-draft=1>draft</button>{after}"#
            )),
            format!(
                r#"{form}<button name="n" value="v" st-value-draft=1 formaction="{BARE}&amp;submit=add&amp;draft=1">draft</button>{after}"#
            )
        );
    }

    #[test]
    fn a_button_with_a_click_makes_a_real_form_of_the_one_around_it() {
        let form = format!(r#"<form id="f" method="post" action="{BARE}">"#);
        assert_eq!(
            annotated(
                r#"<form id="f"><button type="button" st-click="no">x</button><button st-click="edit" st-value-task="5">e</button><input type="submit" st-click="del"></form>"#
            ),
            format!(
                r#"{form}<button type="button" st-click="no">x</button><button st-click="edit" st-value-task="5" name="st" value="edit?task=5">e</button><input type="submit" st-click="del" name="st" value="del"></form>"#
            )
        );
        assert_eq!(
            annotated(
                r#"<form id="f"><button st-click="a" name="n">x</button><input type=image st-click="b"></form>"#
            ),
            format!(
                r#"{form}<button st-click="a" name="n" formaction="{BARE}&amp;click=a">x</button><input type=image st-click="b" formaction="{BARE}&amp;click=b"></form>"#
            )
        );
    }

    #[test]
    fn what_cannot_be_sent_or_is_its_authors_is_left_alone() {
        for html in [
            r#"<button st-click="a">outside of a form</button>"#,
            r#"<form method="dialog"><button st-click="a">x</button></form>"#,
            r#"<form st-submit="a" action="/own"><button st-value-a="1">x</button></form>"#,
            r#"<form><button>plain</button></form><button st-click="a">x</button>"#,
            r#"<form><button st-click="a" form="other">x</button><button st-click="a" formaction="/own">x</button></form>"#,
            r#"<!-- <form st-submit="a"> --><script>"<form st-submit='a'>"</script><p title="<form st-submit=a>">"#,
            r#"<form st-submit=""></form>"#,
            "<p>nothing of the kind</p>",
        ] {
            assert_eq!(annotated(html), html);
        }
    }

    #[test]
    fn a_notice_is_text_at_the_pages_beginning() {
        let target = FormTarget::new("", "P", "/").unwrap();
        let notice = r#"<p class="st-notice" role="alert">a &lt;b&gt; &amp; c</p>"#;
        assert_eq!(
            annotate(
                "<title>x</title><body class=\"y\"><p>z".to_owned(),
                &target,
                Some("a <b> & c")
            ),
            format!("<title>x</title><body class=\"y\">{notice}<p>z")
        );
        assert_eq!(
            annotate("<p>z".to_owned(), &target, Some("a <b> & c")),
            format!("<p>z{notice}")
        );
    }
}
