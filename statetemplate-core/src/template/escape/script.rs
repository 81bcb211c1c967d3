//! What the `type` of a `<script>` makes of its content
//! (<https://html.spec.whatwg.org/multipage/scripting.html#attr-script-type>).

use super::context::Inner;
use super::js::Js;

/// What a `<script>` holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Script {
    /// JavaScript or JSON.
    #[default]
    Code,
    /// Something that no browser runs: a template for a client-side library, a shader.
    Data,
}

impl Script {
    /// What a `type` says. What is not known to be data counts as code.
    pub(super) fn of(kind: &str) -> Self {
        let kind = kind.trim().to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let code = kind.is_empty()
            || matches!(kind, "module" | "importmap" | "speculationrules" | "babel")
            || [
                "javascript",
                "ecmascript",
                "jscript",
                "livescript",
                "json",
                "jsx",
                "typescript",
            ]
            .iter()
            .any(|word| kind.contains(word));
        if code { Script::Code } else { Script::Data }
    }

    pub(super) fn content(self) -> Inner {
        match self {
            Script::Code => Inner::Js(Js::new()),
            Script::Data => Inner::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_browser_runs_is_data() {
        for code in [
            "",
            " ",
            "module",
            "text/javascript",
            "TEXT/JavaScript; charset=utf-8",
            "application/x-ecmascript",
            "application/json",
            "application/ld+json",
            "importmap",
            "speculationrules",
            "text/jscript",
            "text/babel+jsx",
        ] {
            assert_eq!(Script::of(code), Script::Code, "{code:?}");
        }
        for data in [
            "text/template",
            "text/x-handlebars",
            "text/html",
            "x-shader/x-vertex",
            "text/plain",
        ] {
            assert_eq!(Script::of(data), Script::Data, "{data:?}");
        }
    }
}
