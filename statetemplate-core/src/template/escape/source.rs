//! Guards what minijinja runs by itself: macros that are called as such, and templates whose names are data.
//!
//! The compiler sees no nodes of these, so the guards are written into their source. A macro, the body of a `call`, and a
//! template of its own are taken to begin between tags, as nearly all do.

use std::rc::Rc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind};

use super::guard::NEVER_EMPTY;
use super::walk::Walk;
use crate::template::machinery::ast::Stmt;
use crate::template::machinery::{intern, parse};
use crate::template::node::{For, If, Node, Nodes, emitted};
use crate::template::{blocks, syntax};

/// Makes the environment guard each template that it loads from here on.
pub(in crate::template) fn guard_templates(env: &mut Environment<'static>) {
    let plain = env.clone();
    env.clear_templates();
    env.set_loader(move |name| {
        let template = match plain.get_template(name) {
            Ok(template) => template,
            Err(error) if error.kind() == ErrorKind::TemplateNotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let source = template.source();
        if *template.new_state().auto_escape() != AutoEscape::Html {
            return Ok(Some(source.to_owned()));
        }
        rewritten(name, source, plain.syntax().clone(), false).map(Some)
    });
}

/// The source with the values in its macros and `call` blocks guarded.
pub(in crate::template) fn guard_macros(
    name: &str,
    source: &str,
    syntax: SyntaxConfig,
) -> Result<String, Error> {
    rewritten(name, source, syntax, true)
}

fn rewritten(name: &str, source: &str, syntax: SyntaxConfig, macros_only: bool) -> Result<String, Error> {
    let tree = parse(intern(name), intern(source), syntax)?;
    let statements = match &tree {
        Stmt::Template(template) => template.children.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut guards = Vec::new();
    if !macros_only {
        guards_in(statements, false, &mut guards);
    }
    syntax::each_statement(statements, &mut |statement| match statement {
        Stmt::Macro(found) => guards_in(&found.body, macros_only, &mut guards),
        Stmt::CallBlock(found) => guards_in(&found.macro_decl.body, macros_only, &mut guards),
        _ => {}
    });
    // What stands in a macro inside of a macro was found with both.
    guards.sort_unstable();
    guards.dedup_by_key(|(start, ..)| *start);
    let mut out = String::with_capacity(source.len() + guards.len() * 40);
    let mut done = 0;
    for (start, end, filters) in guards {
        let (Some(before), Some(value)) = (source.get(done..start), source.get(start..end)) else {
            continue;
        };
        out.push_str(before);
        out.push('(');
        out.push_str(value);
        out.push(')');
        for filter in filters {
            out.push('|');
            out.push_str(filter);
        }
        done = end;
    }
    out.push_str(&source[done..]);
    Ok(out)
}

/// Where an expression starts and ends, and the filters that it needs.
type Guarded = (usize, usize, Vec<&'static str>);

fn guards_in(statements: &[Stmt<'static>], macros: bool, out: &mut Vec<Guarded>) {
    let mut nodes = Vec::new();
    statements
        .iter()
        .for_each(|statement| push(statement, &mut nodes));
    for node in Walk::in_pieces().start(&nodes) {
        node.walk(&mut |node| match node {
            Node::Captured(NEVER_EMPTY, inside) => {
                if let [Node::Guarded(filter, statement)] = &**inside {
                    let mut filters = vec![*filter];
                    // The quotes would become part of the value where a macro is written out in place.
                    filters.extend((!macros).then_some(NEVER_EMPTY));
                    found(statement, filters, out);
                }
            }
            Node::Guarded(filter, statement) => found(statement, vec![*filter], out),
            _ => {}
        });
    }
}

fn found(statement: &Stmt<'static>, filters: Vec<&'static str>, out: &mut Vec<Guarded>) {
    let span = emitted(statement).span();
    let (start, end) = (span.start_offset as usize, span.end_offset as usize);
    if !out.iter().any(|(known, ..)| *known == start) {
        out.push((start, end, filters));
    }
}

/// A statement as nodes, as far as the walk looks at them.
fn push<'a>(statement: &'a Stmt<'static>, out: &mut Vec<Node<'a>>) {
    let all = |statements: &'a [Stmt<'static>]| -> Nodes<'a> {
        let mut nodes = Vec::new();
        statements
            .iter()
            .for_each(|statement| push(statement, &mut nodes));
        nodes.into()
    };
    match statement {
        Stmt::Template(template) => template.children.iter().for_each(|inside| push(inside, out)),
        Stmt::EmitRaw(raw) => out.push(Node::Raw(raw.raw)),
        // What a block prints was guarded where it stands.
        Stmt::EmitExpr(emit) if blocks::are_called(&emit.expr) => out.push(Node::Native(statement)),
        Stmt::EmitExpr(_) => out.push(Node::Emit(statement)),
        Stmt::ForLoop(syntax) => out.push(Node::For(Rc::new(For {
            syntax,
            body: all(&syntax.body),
            otherwise: all(&syntax.else_body),
        }))),
        Stmt::IfCond(branch) => out.push(Node::If(Rc::new(If {
            arms: vec![(&branch.expr, all(&branch.true_body))],
            otherwise: all(&branch.false_body),
        }))),
        Stmt::WithBlock(with) => with.body.iter().for_each(|inside| push(inside, out)),
        Stmt::Block(block) => block.body.iter().for_each(|inside| push(inside, out)),
        Stmt::SetBlock(set) => out.push(Node::Capture(set, all(&set.body))),
        Stmt::AutoEscape(block) => out.push(Node::AutoEscape(block, all(&block.body))),
        Stmt::FilterBlock(block) => out.push(Node::Filter(block, all(&block.body))),
        Stmt::Include(_) | Stmt::CallBlock(_) | Stmt::Do(_) => out.push(Node::Native(statement)),
        Stmt::Set(_) | Stmt::Macro(_) | Stmt::Import(_) | Stmt::FromImport(_) | Stmt::Extends(_) => {
            out.push(Node::Define(statement));
        }
        Stmt::Continue(_) | Stmt::Break(_) => out.push(Node::Jump(statement)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(source: &str) -> String {
        rewritten("page.html", source, SyntaxConfig::default(), false).unwrap()
    }

    #[test]
    fn guards_stand_where_the_values_do() {
        assert_eq!(all("<p>{{ x }}</p>"), "<p>{{ x }}</p>");
        assert_eq!(
            all("<a href=\"{{- a or b -}}\">é {{ x }}</a>"),
            "<a href=\"{{- (a or b)|statetemplate_url_escaped -}}\">é {{ x }}</a>"
        );
        assert_eq!(
            all(
                "<p title={{x}}>{% if a %}<script>f({{ y if z else 1 }}, '{{ x|tojson }}')</script>{% endif %}"
            ),
            "<p title={{(x)|statetemplate_plain_unquoted|statetemplate_never_empty}}>{% if a %}<script>\
             f({{ (y if z else 1)|statetemplate_jsvalue_raw }}, '{{ (x|tojson)|statetemplate_jsstring_raw }}')\
             </script>{% endif %}"
        );
    }

    #[test]
    fn each_macro_begins_between_tags() {
        let source = "<script>{% macro m(x) %}<a onclick=\"{{ x }}\">{{ x }}</a>{% endmacro %}</script>";
        let macros = guard_macros("page.html", source, SyntaxConfig::default()).unwrap();
        assert_eq!(
            macros,
            "<script>{% macro m(x) %}<a onclick=\"{{ (x)|statetemplate_jsvalue_escaped }}\">{{ x }}</a>{% endmacro %}</script>"
        );
        assert_eq!(all(source), macros);
        let call =
            "{% call m() %}<a href={{ x }}>{% call m() %}<b style=\"{{ y }}\">{% endcall %}</a>{% endcall %}";
        assert_eq!(
            all(call),
            "{% call m() %}<a href={{ (x)|statetemplate_url_unquoted|statetemplate_never_empty }}>{% call m() %}\
             <b style=\"{{ (y)|statetemplate_cssdeclarations_escaped }}\">{% endcall %}</a>{% endcall %}"
        );
    }

    #[test]
    fn the_author_s_word_and_blocks_are_left_alone() {
        for source in [
            "<a href=\"{{ x|safe }}\"><script>f({{ x|tojson }})</script>",
            "<script>{% block a %}{{ super() }}{% endblock %}{{ self.a() }}</script>",
            "{% autoescape false %}<a href=\"{{ x }}\">{% endautoescape %}",
        ] {
            assert_eq!(all(source), source);
        }
    }
}
