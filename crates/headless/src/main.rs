//! The command line `millefeuille`: what a native peer is started for. The peer is the library beside
//! this program ([`driver`]). Data goes to stdout, everything for people to stderr.

mod album;
mod command;
mod draft;
mod failure;
mod metrics;
mod picture;
mod progress;
mod report;
mod signals;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum};
use headless::{disk, driver, pace, pool, socket};
use tracing_subscriber::EnvFilter;

use crate::failure::{Code, Failure};

const EXIT_CODES: &str = "\
Exit codes:
  0  done, also after a first signal to a peer    4  no server or no peer can be reached
  1  something failed while running               6  the job ended before it was done
  2  the request makes no sense                   130, 143  cut short by a signal

Log: MILLEFEUILLE_LOG sets what is told on stderr, such as debug or warn,millefeuille=trace.";

/// A peer of a network of browser tabs that computes fractal pictures
#[derive(Debug, Parser)]
#[command(name = "millefeuille", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    voice: Voice,
    #[command(subcommand)]
    command: Command,
}

/// How a command speaks.
#[derive(Debug, clap::Args)]
struct Voice {
    /// Results, events and errors as JSON on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Nothing on stderr but errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// The form of the log on stderr
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    #[arg(env = "MILLEFEUILLE_LOG_FORMAT")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Peer(command::peer::Args),
    Render(command::render::Args),
    Watch(command::watch::Args),
    Job(command::job::Args),
    Gallery(command::gallery::Args),
    Zoom(command::zoom::Args),
    Probe(command::probe::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return on_usage(&error),
    };
    start_log(&cli);
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if cli.voice.json && !failure.is_told {
                report::print(&report::failure(&failure));
            }
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.code.exit())
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let Voice { json, quiet, .. } = cli.voice;
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(anyhow::Error::from)
    };
    match &cli.command {
        Command::Peer(args) => runtime()?.block_on(command::peer::run(args, json)),
        Command::Render(args) => runtime()?.block_on(command::render::run(args, json, quiet)),
        Command::Watch(args) => runtime()?.block_on(command::watch::run(args, json, quiet)),
        Command::Job(args) => runtime()?.block_on(command::job::run(args, json)),
        Command::Gallery(args) => runtime()?.block_on(command::gallery::run(args, json, quiet)),
        Command::Zoom(args) => runtime()?.block_on(command::zoom::run(args, json, quiet)),
        Command::Probe(args) => command::probe::run(args, json),
    }
}

/// Help and version are answers; everything else is a mistake of the caller.
fn on_usage(error: &clap::Error) -> ExitCode {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    // Nothing can be told about a stream that cannot be written.
    let _ = error.print();
    if is_answer {
        return ExitCode::SUCCESS;
    }
    if std::env::args_os().any(|arg| arg == "--json") {
        let text = error.to_string();
        let what = text.split("\n\nUsage:").next().unwrap_or_default();
        let what = what.strip_prefix("error: ").unwrap_or(what);
        let message = what.split_whitespace().collect::<Vec<_>>().join(" ");
        report::print(&report::failure(&Failure::usage(message)));
    }
    ExitCode::from(Code::Usage.exit())
}

fn start_log(cli: &Cli) {
    let usual = match &cli.command {
        _ if cli.voice.quiet => "error",
        Command::Peer(_) => "warn,millefeuille=info,headless=info",
        // The bar says the rest.
        _ => "warn",
    };
    let filter = std::env::var("MILLEFEUILLE_LOG").ok();
    let filter = filter.and_then(|text| EnvFilter::try_new(text).ok());
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new(usual)))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !no_colour);
    match cli.voice.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
