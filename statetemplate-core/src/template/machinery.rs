//! The only place that touches minijinja's unstable machinery: parsing, code generation, evaluation.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use minijinja::machinery::{self, CodeGenerator, Instruction, Instructions};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Value};

pub(super) use minijinja::machinery::{Span, ast};

use super::marks::Mark;
use crate::panics;

/// How much memory a program may ask for before it prints anything, in bytes.
const MOST_HINTED: usize = 1 << 20;

/// Code of blocks that a program's expressions call, by name.
pub(super) type Blocks = Arc<BTreeMap<&'static str, Instructions<'static>>>;

/// A piece of compiled template that is evaluated on its own.
#[derive(Debug)]
pub(crate) struct Program {
    code: Instructions<'static>,
    blocks: Blocks,
    escape: AutoEscape,
    size_hint: usize,
    /// About how much the last runs have printed, for as many instances: to ask for memory once.
    printed: AtomicUsize,
}

impl Program {
    /// Runs the program for what it prints.
    pub(crate) fn render(&self, env: &Environment<'static>, root: Value) -> Result<String, minijinja::Error> {
        self.render_many(env, root, 1)
    }

    /// Runs a program that prints `count` instances of the same.
    pub(crate) fn render_many(
        &self,
        env: &Environment<'static>,
        root: Value,
        count: usize,
    ) -> Result<String, minijinja::Error> {
        let usual = self.printed.load(Ordering::Relaxed).max(self.size_hint);
        let mut text = String::with_capacity(usual.saturating_mul(count).min(MOST_HINTED));
        let mut out = machinery::make_string_output(&mut text);
        let outcome = caught(|| {
            machinery::eval(env, &self.code, root, &self.blocks, &mut out, self.escape.clone()).map(drop)
        });
        drop(out);
        outcome?;
        // A little more than it was, and half of it the last run's: one large page is soon forgotten.
        let wanted = (text.len() + text.len() / 16) / count.max(1);
        self.printed.store((usual + wanted) / 2, Ordering::Relaxed);
        Ok(text)
    }

    /// The names of the blocks that the program's expressions call.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &'static str> {
        self.blocks.keys().copied()
    }

    /// Runs the program for the value that it leaves on the stack; what it prints is dropped.
    pub(crate) fn value(&self, env: &Environment<'static>, root: Value) -> Result<Value, minijinja::Error> {
        let mut text = String::new();
        let mut out = machinery::make_string_output(&mut text);
        let (value, _) =
            caught(|| machinery::eval(env, &self.code, root, &self.blocks, &mut out, self.escape.clone()))?;
        Ok(value.unwrap_or_default())
    }
}

/// Writes a [`Program`], statement by statement.
pub(super) struct Writer {
    generator: CodeGenerator<'static>,
    blocks: Blocks,
    /// What `super()` means in the code that comes, and the stretches of code that are to mean that.
    meant_by_super: Option<&'static str>,
    supers: Vec<(Range<u32>, &'static str)>,
    escape: AutoEscape,
    raw_bytes: usize,
}

impl Writer {
    /// A program that runs under the auto-escaping rule of the template `file`.
    pub(super) fn new(file: &'static str, source: &'static str, escape: AutoEscape) -> Self {
        Writer {
            generator: CodeGenerator::new(file, source),
            blocks: Blocks::default(),
            meant_by_super: None,
            supers: Vec::new(),
            escape,
            raw_bytes: 0,
        }
    }

    /// The program may call these blocks.
    pub(super) fn with_blocks(mut self, blocks: &Blocks) -> Self {
        self.blocks = blocks.clone();
        self
    }

    /// From here on `super()` in an expression is a call of the function `name`.
    pub(super) fn mean_by_super(&mut self, name: &'static str) {
        self.meant_by_super = Some(name);
    }

    pub(super) fn statement(&mut self, statement: &ast::Stmt<'static>) {
        self.compile(|generator| generator.compile_stmt(statement));
    }

    pub(super) fn expression(&mut self, expression: &ast::Expr<'static>) {
        self.compile(|generator| generator.compile_expr(expression));
    }

    fn compile(&mut self, compile: impl FnOnce(&mut CodeGenerator<'static>)) {
        let start = self.generator.next_instruction();
        compile(&mut self.generator);
        if let Some(name) = self.meant_by_super {
            self.supers.push((start..self.generator.next_instruction(), name));
        }
    }

    /// Stores the top of the stack in the target of a `set`, `with` or `for`.
    pub(super) fn assignment(&mut self, target: &ast::Expr<'static>) {
        self.generator.compile_assignment(target);
    }

    pub(super) fn raw(&mut self, html: &str) {
        if !html.is_empty() {
            self.raw_bytes += html.len();
            self.generator.add(Instruction::EmitRaw(intern(html)));
        }
    }

    /// Prints a mark of ours.
    pub(super) fn mark(&mut self, mark: Mark) {
        self.raw(mark.text());
    }

    pub(super) fn store(&mut self, name: &'static str) {
        self.generator.add(Instruction::StoreLocal(name));
    }

    pub(super) fn lookup(&mut self, name: &'static str) {
        self.generator.add(Instruction::Lookup(name));
    }

    pub(super) fn constant(&mut self, value: impl Into<Value>) {
        self.generator.add(Instruction::LoadConst(value.into()));
    }

    /// Replaces the values on top of the stack by a list; their count lies above them.
    pub(super) fn counted_list(&mut self) {
        self.generator.add(Instruction::BuildList(None));
    }

    /// With the count of a list under a new value: puts the value under the count and counts it.
    pub(super) fn count_value(&mut self) {
        self.generator.add(Instruction::Swap);
        self.constant(1usize);
        self.generator.add(Instruction::Add);
    }

    pub(super) fn discard(&mut self) {
        self.generator.add(Instruction::DiscardTop);
    }

    pub(super) fn duplicate(&mut self) {
        self.generator.add(Instruction::DupTop);
    }

    pub(super) fn unpack(&mut self, count: usize) {
        self.generator.add(Instruction::UnpackList(count));
    }

    pub(super) fn enter(&mut self) {
        self.generator.add(Instruction::PushWith);
    }

    pub(super) fn leave(&mut self) {
        self.generator.add(Instruction::PopFrame);
    }

    pub(super) fn push_auto_escape(&mut self) {
        self.generator.add(Instruction::PushAutoEscape);
    }

    pub(super) fn pop_auto_escape(&mut self) {
        self.generator.add(Instruction::PopAutoEscape);
    }

    /// From here on what is printed is kept instead.
    pub(super) fn begin_capture(&mut self) {
        self.generator.add(begin_capture());
    }

    /// Leaves what was printed since [`Writer::begin_capture`] on the stack, as a safe string.
    pub(super) fn end_capture(&mut self) {
        self.generator.add(Instruction::EndCapture);
    }

    /// Applies a filter without arguments to the top of the stack.
    pub(super) fn filter(&mut self, name: &'static str) {
        self.filter_with(name, 0);
    }

    /// Applies a filter to what lies under its arguments on the stack.
    pub(super) fn filter_with(&mut self, name: &'static str, arguments: usize) {
        // `!0` is minijinja's "look the filter up by name each time": its cache slots are handed out by the generator.
        let count = u16::try_from(arguments + 1).unwrap_or(u16::MAX);
        self.generator
            .add(Instruction::ApplyFilter(name, Some(count), !0));
    }

    pub(super) fn emit(&mut self, span: Span) {
        self.generator.add_with_span(Instruction::Emit, span);
    }

    pub(super) fn emit_here(&mut self) {
        self.generator.add(Instruction::Emit);
    }

    pub(super) fn start_if(&mut self) {
        self.generator.start_if();
    }

    pub(super) fn start_else(&mut self) {
        self.generator.start_else();
    }

    pub(super) fn end_if(&mut self) {
        self.generator.end_if();
    }

    pub(super) fn start_for(&mut self, with_loop_variable: bool, recursive: bool) {
        self.generator.start_for_loop(with_loop_variable, recursive);
    }

    /// Ends a loop; `ask` leaves on the stack whether it had no items.
    pub(super) fn end_for(&mut self, ask: bool) {
        self.generator.end_for_loop(ask);
    }

    /// The code as that of a block.
    pub(super) fn finish_block(self) -> Instructions<'static> {
        self.finish().code
    }

    pub(super) fn finish(self) -> Program {
        // As minijinja does: twice the template's own text.
        let size_hint = (self.raw_bytes * 2).next_power_of_two();
        let (mut code, _) = self.generator.finish();
        for (stretch, meant) in self.supers {
            for at in stretch {
                if let Some(Instruction::CallFunction(name @ "super", Some(0))) = code.get_mut(at) {
                    *name = meant;
                }
            }
        }
        Program {
            code,
            blocks: self.blocks,
            escape: self.escape,
            size_hint,
            printed: AtomicUsize::new(0),
        }
    }
}

/// The instruction that begins a capture. Its argument has a private type, so it is taken from a compiled sample.
fn begin_capture() -> Instruction<'static> {
    static SAMPLE: OnceLock<Instructions<'static>> = OnceLock::new();
    let sample = SAMPLE.get_or_init(|| {
        let block = machinery::parse("{% set x %}{% endset %}", "sample", SyntaxConfig::default())
            .expect("the sample is a valid template");
        let mut generator = CodeGenerator::new("sample", "");
        generator.compile_stmt(&block);
        generator.finish().0
    });
    sample
        .get(0)
        .expect("a set block starts with an instruction")
        .clone()
}

/// Whether text that is safe where `escape` holds is printed as it is, and what is left out not at all: an environment
/// can have a formatter of its own.
pub(super) fn prints_as_it_is(env: &Environment<'static>, escape: &AutoEscape) -> bool {
    const SAMPLE: &str = "Ab 1 <i title=\"c\">&amp;'é\n</i>";
    let sample = match escape {
        AutoEscape::None => Value::from(SAMPLE),
        _ => Value::from_safe_string(SAMPLE.to_owned()),
    };
    let mut writer = Writer::new("sample", "", escape.clone());
    writer.constant(sample);
    writer.emit_here();
    writer.statement(nothing());
    let printed = writer.finish().render(env, Value::UNDEFINED);
    printed.is_ok_and(|printed| printed == SAMPLE)
}

/// A template that prints what a missing `else` prints.
pub(super) fn nothing() -> &'static ast::Stmt<'static> {
    static NOTHING: OnceLock<ast::Stmt<'static>> = OnceLock::new();
    NOTHING.get_or_init(|| {
        machinery::parse("{{ 1 if false }}", "sample", SyntaxConfig::default())
            .expect("the sample is a valid template")
    })
}

/// What a statement that needs no data prints.
pub(super) fn printed(
    env: &Environment<'static>,
    escape: &AutoEscape,
    statement: &ast::Stmt<'static>,
) -> Option<&'static str> {
    let mut writer = Writer::new("constant", "", escape.clone());
    writer.statement(statement);
    let printed = writer.finish().render(env, Value::UNDEFINED).ok()?;
    Some(intern(&printed))
}

/// Runs code of the environment, whose filters and functions may panic: an error like any other of the template.
pub(super) fn caught<T>(run: impl FnOnce() -> Result<T, minijinja::Error>) -> Result<T, minijinja::Error> {
    panics::caught(run).unwrap_or_else(|message| {
        let message = format!("something that the template calls has panicked: {message}");
        Err(minijinja::Error::new(
            minijinja::ErrorKind::InvalidOperation,
            message,
        ))
    })
}

/// Loops over a value as `{% for %}` does, without doing anything.
///
/// # Errors
/// What the loop fails with, as one over something undefined does in a strict environment.
pub(crate) fn loop_over(env: &Environment<'static>, value: Value) -> Result<(), minijinja::Error> {
    let mut writer = Writer::new("loop", "", AutoEscape::None);
    writer.constant(value);
    writer.start_for(false, false);
    writer.discard();
    writer.end_for(false);
    writer.finish().render(env, Value::UNDEFINED).map(drop)
}

/// Parses a template; `name` and `source` live as long as the process.
pub(super) fn parse(
    name: &'static str,
    source: &'static str,
    syntax: SyntaxConfig,
) -> Result<ast::Stmt<'static>, minijinja::Error> {
    machinery::parse(source, name, syntax)
}

/// Returns an equal string that lives as long as the process. minijinja's code borrows from its source; equal texts
/// are kept once, so that compiling the same templates again keeps nothing more.
pub(super) fn intern(text: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(&known) = kept.get(text) {
        return known;
    }
    let text: &'static str = Box::leak(text.into());
    kept.insert(text);
    text
}
