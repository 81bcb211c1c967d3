//! What attributes mean: which hold code, style or addresses.
//!
//! From the attribute tables of HTML (<https://html.spec.whatwg.org/multipage/indices.html#attributes-3>) and SVG, and
//! those of HTML 4, which browsers still know.

use super::guard::Whole;

/// What an attribute's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// An event handler.
    Script,
    Style,
    /// HTML.
    Document,
    /// What the content of a `<script>` is.
    ScriptType,
    /// Checked as a whole.
    Whole(Whole),
}

/// What the attribute `name` of the element `element` holds; both in lower case.
pub(super) fn kind(element: &str, name: &str) -> Kind {
    // `xlink:href` is an address, and so is what an old or a custom prefix makes of one.
    let local = match name.split_once(':') {
        Some(("xmlns", _)) => return Kind::Whole(Whole::Url),
        Some((_, local)) => local,
        None => name,
    };
    if local.starts_with("on") && local.len() > 2 {
        return Kind::Script;
    }
    match local {
        "style" => Kind::Style,
        "srcdoc" => Kind::Document,
        "type" | "language" if element == "script" => Kind::ScriptType,
        "content" if element == "meta" => Kind::Whole(Whole::Refresh),
        "attributename" if is_animation(element) => Kind::Whole(Whole::Animated),
        "to" | "from" | "by" | "values" if is_animation(element) => Kind::Whole(Whole::Urls),
        "srcset" | "imagesrcset" => Kind::Whole(Whole::Srcset),
        "ping" | "archive" | "attributionsrc" => Kind::Whole(Whole::Urls),
        "src" | "href" if shows(element) => Kind::Whole(Whole::Media),
        "background" | "poster" | "lowsrc" | "dynsrc" => Kind::Whole(Whole::Media),
        "data" | "code" if !matches!(element, "object" | "applet" | "embed" | "") => Kind::Plain,
        "action" | "base" | "cite" | "classid" | "code" | "codebase" | "data" | "formaction" | "href"
        | "icon" | "longdesc" | "manifest" | "profile" | "src" | "usemap" | "xmlns" => {
            Kind::Whole(Whole::Url)
        }
        _ => Kind::Plain,
    }
}

/// Elements whose address is a picture, a sound or a video.
fn shows(element: &str) -> bool {
    matches!(
        element,
        "img" | "image" | "feimage" | "input" | "audio" | "video" | "source" | "track"
    )
}

fn is_animation(element: &str) -> bool {
    matches!(
        element,
        "animate" | "set" | "animatecolor" | "animatetransform" | "animatemotion"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_known_by_element_and_name() {
        for (element, name, expected) in [
            ("a", "href", Kind::Whole(Whole::Url)),
            ("a", "xlink:href", Kind::Whole(Whole::Url)),
            ("use", "href", Kind::Whole(Whole::Url)),
            ("base", "href", Kind::Whole(Whole::Url)),
            ("image", "href", Kind::Whole(Whole::Media)),
            ("iframe", "src", Kind::Whole(Whole::Url)),
            ("img", "src", Kind::Whole(Whole::Media)),
            ("img", "srcset", Kind::Whole(Whole::Srcset)),
            ("link", "imagesrcset", Kind::Whole(Whole::Srcset)),
            ("video", "poster", Kind::Whole(Whole::Media)),
            ("object", "data", Kind::Whole(Whole::Url)),
            ("div", "data", Kind::Plain),
            ("button", "formaction", Kind::Whole(Whole::Url)),
            ("blockquote", "cite", Kind::Whole(Whole::Url)),
            ("html", "manifest", Kind::Whole(Whole::Url)),
            ("a", "ping", Kind::Whole(Whole::Urls)),
            ("animate", "values", Kind::Whole(Whole::Urls)),
            ("set", "to", Kind::Whole(Whole::Urls)),
            ("animate", "attributename", Kind::Whole(Whole::Animated)),
            ("meta", "content", Kind::Whole(Whole::Refresh)),
            ("div", "onclick", Kind::Script),
            ("div", "onwhatever", Kind::Script),
            ("div", "on", Kind::Plain),
            ("div", "style", Kind::Style),
            ("iframe", "srcdoc", Kind::Document),
            ("script", "type", Kind::ScriptType),
            ("input", "type", Kind::Plain),
            ("div", "title", Kind::Plain),
            ("div", "data-href", Kind::Plain),
            ("svg", "xmlns:xlink", Kind::Whole(Whole::Url)),
        ] {
            assert_eq!(kind(element, name), expected, "{name} of <{element}>");
        }
    }
}
