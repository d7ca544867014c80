//! How a command ends when it does not end well.

use std::fmt;

/// What went wrong, as a script sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Anything without a code of its own.
    Runtime,
    /// The request makes no sense, or will not be served.
    Usage,
    /// No server, or no peer, can be reached.
    Unreachable,
    /// The job ended before it was done.
    Incomplete,
    /// Cut short by a signal: 130 or 143.
    Signal(u8),
}

impl Code {
    /// For `std::process::exit`.
    pub(crate) fn exit(self) -> u8 {
        match self {
            Code::Runtime => 1,
            Code::Usage => 2,
            Code::Unreachable => 4,
            Code::Incomplete => 6,
            Code::Signal(code) => code,
        }
    }

    /// For `--json`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Code::Runtime => "runtime",
            Code::Usage => "usage",
            Code::Unreachable => "unreachable",
            Code::Incomplete => "incomplete",
            Code::Signal(_) => "interrupted",
        }
    }
}

/// The end of a command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// In words, for the person who asked.
    pub(crate) message: String,
    /// Whether stdout has the details already.
    pub(crate) is_told: bool,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl fmt::Display) -> Self {
        Failure { code, message: message.to_string(), is_told: false }
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Failure::new(Code::Usage, message)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::new(Code::Runtime, format_args!("{error:#}"))
    }
}
