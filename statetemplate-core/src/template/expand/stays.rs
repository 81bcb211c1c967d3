//! Why a call stays a call, and what the template's author can do about it.

/// Why something can't be written out, or not exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Stays {
    /// What is called is no macro, as far as the template tells.
    NoMacro,
    Arguments,
    Recursion,
    Limit,
    Caller,
    Names,
    Body,
}

impl Stays {
    /// The reason, in words that follow "because".
    pub(in super::super) fn reason(self) -> &'static str {
        match self {
            Stays::NoMacro => "the expression may print HTML",
            Stays::Arguments => "it calls a macro with arguments that are spread or do not fit",
            Stays::Recursion => "it calls a macro that calls itself",
            Stays::Limit => "it calls a macro that is too large to be written out",
            Stays::Caller => "it calls a macro that does more with `caller` than to print it",
            Stays::Names => "it calls a macro that reads a name which is something else here",
            Stays::Body => "it calls a macro that includes, imports, defines or shows what is in scope",
        }
    }

    /// What would make it fine-grained.
    pub(in super::super) fn remedy(self) -> &'static str {
        match self {
            Stays::NoMacro => {
                "print text, or keep the element in the template and only its text and attributes in the data"
            }
            Stays::Arguments => "give the macro its arguments one by one",
            Stays::Recursion => "nest as many macros or loops as there are levels",
            Stays::Limit => "call smaller macros, or fewer inside one another",
            Stays::Caller => "print {{ caller() }} by itself, and ask for it with {% if caller %}",
            Stays::Names => "give the macro what it reads as an argument",
            Stays::Body => "include and import outside of the macro",
        }
    }
}
