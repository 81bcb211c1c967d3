//! The annotated HTML that a fragment's statics make of its values.

use crate::fragment::Tree;
use crate::template::{Fill, Fine, FragmentId, Piece};

/// The HTML of one instance of a fragment.
pub(super) fn of(fine: &Fine, fragment: FragmentId, values: &[Tree]) -> String {
    let mut out = String::new();
    write(fine, fragment, values, &mut out);
    out
}

/// The HTML between the marks of a branch or of a list.
pub(super) fn inside(fine: &Fine, tree: &Tree) -> String {
    let mut out = String::new();
    write_inside(fine, tree, &mut out);
    out
}

fn write(fine: &Fine, fragment: FragmentId, values: &[Tree], out: &mut String) {
    let fragment = &fine.fragments[fragment];
    let mut html = fragment.html.iter();
    out.push_str(html.next().map_or("", String::as_str));
    for (fill, after) in fragment.fills().zip(html) {
        match fill {
            Fill::Text { pieces, .. } | Fill::Attribute(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Static { html, .. } => out.push_str(html),
                        Piece::Hole(hole) => write_inside(fine, &values[*hole], out),
                    }
                }
            }
            Fill::Hole(hole) | Fill::List(hole, _) => write_inside(fine, &values[hole], out),
        }
        out.push_str(after);
    }
}

fn write_inside(fine: &Fine, tree: &Tree, out: &mut String) {
    match tree {
        Tree::Branch(Some((arm, values)))
        | Tree::List {
            otherwise: Some((arm, values)),
            ..
        } => write(fine, *arm, values, out),
        Tree::List { item, rows, .. } => rows.iter().for_each(|row| write(fine, *item, row, out)),
        Tree::Text(text) => escape(text, out),
        Tree::Raw(html) | Tree::Tag { html, .. } => out.push_str(html),
        Tree::Branch(None) => {}
    }
}

/// Text for an element's content or a quoted attribute: the characters that PROTOCOL.md names are escaped.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use minijinja::Environment;
    use serde_json::json;

    use super::*;
    use crate::update::make::page_values;
    use crate::{Plan, Snapshot};

    fn plan(source: &str) -> Plan {
        let mut env = Environment::new();
        env.add_template_owned("page.html", source.to_owned()).unwrap();
        Plan::compile(&env, "page.html").unwrap()
    }

    fn built(source: &str, data: serde_json::Value) -> (String, String) {
        let (plan, data) = (plan(source), Snapshot::of(&data).unwrap());
        let fine = plan.fine().expect("the template can be followed");
        let values = page_values(&plan, fine, &data).unwrap().unwrap();
        (
            of(fine, crate::template::PAGE, &values),
            plan.render(&data, "").unwrap(),
        )
    }

    #[test]
    fn built_html_is_what_the_page_renders() {
        let source = "<h1 class='{{ c }}' title={{ t }}>{{ t }}</h1>{% if a %}<b>{{ t }}</b>{% else %}no{% endif %}\
                      <ul>{% for x in xs %}<li{% if x.on %} data-on{% endif %}>{{ x.n }}{% for y in x.ys %}<i>{{ y }}</i>{% endfor %}</li>\
                      {% else %}<li>none {{ t }}</li>{% endfor %}</ul><script>let x = {{ t|tojson }};</script>";
        for data in [
            json!({"c": "k", "t": "text", "a": true, "xs": [{"n": 1, "on": true, "ys": [1, 2]}, {"n": 2, "ys": []}]}),
            json!({"c": "", "t": "", "a": false, "xs": []}),
        ] {
            let (built, rendered) = built(source, data);
            // Statics put quotes round every dynamic attribute.
            assert_eq!(built.replace(['"', '\''], ""), rendered.replace(['"', '\''], ""));
        }
    }

    #[test]
    fn text_cannot_leave_its_place() {
        let attack = "<b>&amp;\"'</b>";
        let (built, _) = built("<p title='{{ t }}'>{{ t }}</p>", json!({"t": attack}));
        let escaped = "&lt;b&gt;&amp;amp;&quot;&#39;&lt;/b&gt;";
        assert_eq!(built, format!("<p title='{escaped}' st=0.>{escaped}</p>"));
    }

    #[test]
    fn trusted_html_stays_html() {
        let (built, rendered) = built("<p>{{ t|safe }}</p>", json!({"t": "<b>x</b>"}));
        assert_eq!(built, rendered);
        assert!(built.contains("<b>x</b>"));
    }
}
