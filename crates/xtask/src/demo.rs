//! The whole thing on one machine: a server, three native peers, a rendered picture, and the page
//! for whoever wants to join them.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::run::{Process, Repo, Stopwatch, find_program, run as run_command, say, spawn};
use crate::run::{stop_together, until_signal};
use crate::stages::Stages;
use crate::web::{self, Mode};

const PEERS: usize = 3;
/// How long a program may take to say that it is up. Chosen: a busy machine, not a broken one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Seahorse valley, where the spiral arms of the Mandelbrot set are.
const VIEW: [&str; 10] = [
    "--re",
    "-0.743643887037151",
    "--im",
    "0.131825904205330",
    "--zoom",
    "4000",
    "--max-iter",
    "4000",
    "--size",
    "2048x1536",
];

/// What the command line may say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Ends after the picture.
    once: bool,
    /// Where the server listens.
    listen: String,
}

impl Options {
    pub(crate) fn parse(mut args: &[&str]) -> Result<Options> {
        let mut options = Options { once: false, listen: "127.0.0.1:0".into() };
        while let [first, rest @ ..] = args {
            args = match (*first, rest) {
                ("--once", rest) => {
                    options.once = true;
                    rest
                }
                ("--listen", [address, rest @ ..]) => {
                    options.listen = (*address).to_owned();
                    rest
                }
                _ => bail!("demo takes --once and --listen ADDR, not {}", args.join(" ")),
            };
        }
        Ok(options)
    }
}

pub(crate) fn run(repo: &Repo, stages: &mut Stages, options: &Options) -> Result<()> {
    web::build(repo, stages, Mode::Release)?;
    stages.step("build", || {
        let packages = ["-p", "headless", "-p", "millefeuille-server"];
        run_command(repo.cargo(&["build", "--release"]).args(packages))
    })?;
    let folder = repo.target.join("demo");
    fs::create_dir_all(&folder)?;
    let binary = |name: &str| repo.target.join("release").join(name);

    let (_server, url) = stages.step("server", || {
        let mut command = lasting(repo, &binary("millefeuille-server"));
        // The peers and the visitor's tabs share one address.
        command.args(["--listen", &options.listen, "--connections-per-address", "64"]);
        command.arg("--web-dir").arg(web::served(repo));
        let (server, event) = start(command, &folder.join("server.log"), "listening")?;
        let url = event["url"].as_str().context("listening names no url")?.to_owned();
        say(&format!("the server listens at {url}"));
        Ok((server, url))
    })?;
    let mut peers = stages.step("peers", || {
        let peer = |number: usize| {
            let mut command = lasting(repo, &binary("millefeuille"));
            command.args(["peer", "--server", &url, "--threads", "1", "--json"]);
            let log = folder.join(format!("peer-{number}.log"));
            let (peer, event) = start(command, &log, "ready")?;
            say(&format!("peer {number} is ready: {}", event["id"].as_str().unwrap_or("?")));
            Ok(peer)
        };
        (1..=PEERS).map(peer).collect::<Result<Vec<Process>>>()
    })?;
    let picture = folder.join("seahorse-valley.png");
    stages.step("render", || render(repo, &binary("millefeuille"), &url, &picture))?;

    if options.once {
        stop_together(&mut peers);
        return Ok(());
    }
    stages.print();
    let line = "─".repeat(url.len() + 28);
    say(&format!("\n{line}\n  The page:  {url}\n  Ctrl-C stops everything.\n{line}"));
    until_signal()
}

fn render(repo: &Repo, program: &Path, url: &str, picture: &Path) -> Result<()> {
    if picture.exists() {
        fs::remove_file(picture)?;
    }
    let watch = Stopwatch::start();
    let mut command = repo.program(program);
    command.args(["render", "--server", url]).args(VIEW).arg("-o").arg(picture);
    run_command(&mut command)?;
    let elapsed = watch.elapsed().as_secs_f64();
    let bytes = fs::metadata(picture).context("render wrote no picture")?.len();
    ensure!(bytes > 0, "render wrote an empty picture");
    let path = picture.display();
    say(&format!(
        "\n{PEERS} peers and the creator rendered {bytes} bytes of PNG in {elapsed:.1} s"
    ));
    say(&format!("the picture: {path}"));
    Ok(())
}

/// A program that must not outlive this one, not even when this one is killed outright.
fn lasting(repo: &Repo, program: &Path) -> Command {
    match find_program("setpriv") {
        Some(setpriv) => {
            let mut command = repo.program(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            command
        }
        None => repo.program(program),
    }
}

/// Starts a program that reports events as lines of JSON, and waits for the first one of `name`.
/// What it logs goes to a file, whose end is shown when the event does not come.
fn start(mut command: Command, log: &Path, name: &str) -> Result<(Process, Value)> {
    let file = File::create(log).with_context(|| log.display().to_string())?;
    let mut process = spawn(command.stdout(Stdio::piped()).stderr(file))?;
    let lines = process.lines()?;
    match wait_for(&lines, name, PATIENCE) {
        Ok(event) => Ok((process, event)),
        Err(error) => {
            process.stop();
            Err(error.context(format!("{}:\n{}", log.display(), tail(log))))
        }
    }
}

fn wait_for(lines: &Receiver<String>, name: &str, patience: Duration) -> Result<Value> {
    let watch = Stopwatch::start();
    loop {
        match lines.recv_timeout(patience.saturating_sub(watch.elapsed())) {
            Ok(line) => match serde_json::from_str::<Value>(&line) {
                Ok(event) if event["event"] == name => return Ok(event),
                _ => {}
            },
            Err(RecvTimeoutError::Timeout) => bail!("no event `{name}` within {patience:?}"),
            Err(RecvTimeoutError::Disconnected) => bail!("it ended before its event `{name}`"),
        }
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let parse = |args: &[&str]| Options::parse(args).ok().map(|o| (o.once, o.listen));
        assert_eq!(parse(&[]), Some((false, "127.0.0.1:0".into())));
        let both = parse(&["--listen", "0.0.0.0:8080", "--once"]);
        assert_eq!(both, Some((true, "0.0.0.0:8080".into())));
        assert_eq!(parse(&["--listen"]), None);
        assert_eq!(parse(&["--twice"]), None);
    }

    fn started(script: &str) -> Result<(Process, Value)> {
        let name = std::thread::current().name().unwrap_or("x").replace("::", "-");
        let log = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let result = start(command, &log, "ready");
        fs::remove_file(log).unwrap();
        result
    }

    #[test]
    fn a_program_is_up_when_it_says_so() {
        let script = r#"echo warming up; echo '{"event":"other"}'; echo '{"event":"ready","id":7}';
            sleep 600"#;
        let (_process, event) = started(script).unwrap();
        assert_eq!(event["id"], 7);
    }

    #[test]
    fn a_program_that_ends_early_shows_its_log() {
        let error = format!("{:#}", started("echo the port is taken >&2; exit 1").err().unwrap());
        assert!(error.contains("the port is taken") && error.contains("ended before"), "{error}");
    }
}
