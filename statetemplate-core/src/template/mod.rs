//! Template plans: what of a page depends on what, and where it sits in the HTML.
//!
//! In the order of the work: [`source`] loads and resolves; [`html`] and [`start_tag`] read the result as HTML;
//! [`skeleton`] asks an HTML parser whether the marks stay where they are put; [`layout`] makes a [`draft`] of each
//! fragment, with its slots and holes; and [`compile`] writes the programs. [`plan`] is what comes out.

mod assemble;
mod blocks;
mod code;
mod compile;
mod condition;
mod cursor;
mod draft;
mod escape;
mod expand;
mod explain;
mod failing;
mod fine;
pub(crate) mod foreign;
mod hash;
mod html;
mod item;
mod layout;
mod left;
mod machinery;
mod marks;
mod mentions;
mod namespace;
mod node;
mod opaque;
mod options;
mod origin;
mod plain;
mod plan;
mod printing;
mod reading;
mod reads;
mod root;
mod rows;
mod shortcuts;
mod skeleton;
mod source;
mod start_tag;
mod syntax;
mod tags;
pub(crate) mod text;
mod trust;
mod ways;

pub use options::PlanOptions;
pub use plan::Plan;

pub(crate) use compile::{ROWS, counter_name, item_name};
pub(crate) use condition::{Found, Lookup};
pub(crate) use draft::{FragmentId, HoleKind, PAGE, Piece};
pub(crate) use fine::{Dependencies, Fill, Fine, Fragment, Hole, Keys, List, Print, Slot, SlotKind};
pub(crate) use machinery::{Program, loop_over};
pub(crate) use marks::{Cut, Cutter, Mark};
pub(crate) use plan::OWN_FORMATTER;
pub(crate) use reading::{print, read};
pub(crate) use reads::LoopId;
pub(crate) use root::{PrintsLists, Root};
