//! Other programs, and the stages of a command.
//!
//! Every program is started through [`spawn`], in a process group of its own and in one list, so
//! that nothing outlives xtask: not after an error, not after Ctrl-C. What xtask itself says goes to
//! stdout, because a test run ends with its result on the last line of stdout.

use std::env;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a stopped program may take to leave: a peer hands its leases back within 5 s.
const GRACE: Duration = Duration::from_secs(7);
const POLL: Duration = Duration::from_millis(20);

/// Where the checkout and its build output are.
pub(crate) struct Repo {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// `target/`, or what `CARGO_TARGET_DIR` says.
    pub(crate) target: PathBuf,
}

impl Repo {
    /// The checkout that `cargo xtask` was called in, whatever the current folder is.
    pub(crate) fn find() -> Result<Repo> {
        let here = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.ancestors().nth(2).context("xtask is not at crates/xtask")?.to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(path) => env::current_dir()?.join(path),
            None => root.join("target"),
        };
        Ok(Repo { root, target })
    }

    /// A cargo command in the root. The variables that `cargo run` set for xtask are taken away:
    /// build scripts look at them and would run again with every change of caller.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(name);
            }
        }
        cargo.args(args).current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        cargo
    }

    /// Another program, in the root.
    pub(crate) fn program(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root);
        command
    }

    /// `path` as a person would type it in the root.
    pub(crate) fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

// ---- programs -------------------------------------------------------------------------------

/// The process groups that are alive, and whether xtask is on its way out.
struct Running {
    groups: Vec<Pid>,
    leaving: bool,
    /// Exit code after a signal, where that is how the command is meant to end.
    code: Option<i32>,
}

static RUNNING: Mutex<Running> =
    Mutex::new(Running { groups: Vec::new(), leaving: false, code: None });

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A started program. Dropping it stops it, and everything it started.
pub(crate) struct Process {
    child: Child,
    name: String,
    done: bool,
}

/// Starts `command` in its own process group, without a terminal to read from.
pub(crate) fn spawn(command: &mut Command) -> Result<Process> {
    use std::os::unix::process::CommandExt;
    let name = Path::new(command.get_program())
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    command.stdin(Stdio::null()).process_group(0);
    let mut running = running();
    if running.leaving {
        drop(running);
        // The signal thread ends this process; starting more would outlive it.
        loop {
            thread::park();
        }
    }
    let child = command.spawn().with_context(|| format!("{name} does not start"))?;
    running.groups.push(Pid::from_child(&child));
    Ok(Process { child, name, done: false })
}

impl Process {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The process group is named by the program that leads it.
    fn group(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for the program's own end.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        self.forget();
        Ok(status)
    }

    /// Asks the program to stop, insists after [`GRACE`], and returns when it is gone.
    pub(crate) fn stop(&mut self) {
        if self.done {
            return;
        }
        stop_groups(&[self.group()], || false);
        let _ = self.child.wait();
        self.forget();
    }

    fn forget(&mut self) {
        self.done = true;
        let group = self.group();
        running().groups.retain(|other| *other != group);
    }

    /// The lines of a program that was started with a piped stdout. They are read to the end even
    /// when nobody listens any more, so that the program never waits for us.
    pub(crate) fn lines(&mut self) -> Result<mpsc::Receiver<String>> {
        let stdout = self.child.stdout.take().context("stdout is not piped")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for_each_line(stdout, |line| {
                let _ = sender.send(line.to_owned());
            })
        });
        Ok(receiver)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// TERM to all groups, KILL to whatever is left after [`GRACE`] or when `hurry` says so.
fn stop_groups(groups: &[Pid], mut hurry: impl FnMut() -> bool) {
    for &group in groups {
        let _ = kill_process_group(group, Signal::TERM);
    }
    let watch = Stopwatch::start();
    while !groups.iter().all(|&group| has_ended(group)) && watch.elapsed() < GRACE && !hurry() {
        thread::sleep(POLL);
    }
    // Also after an orderly end: a helper of the program may have stayed behind in its group.
    for &group in groups {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Whether a child of ours has ended, without collecting its exit status.
fn has_ended(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
}

/// From here on Ctrl-C, SIGTERM and SIGHUP stop everything that was started, then this process.
/// A second signal does not wait.
pub(crate) fn stop_on_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        let (groups, code) = {
            let mut running = running();
            running.leaving = true;
            (running.groups.clone(), running.code)
        };
        say("\nstopping");
        stop_groups(&groups, || signals.pending().next().is_some());
        std::process::exit(code.unwrap_or(128 + signal));
    });
    Ok(())
}

/// Returns never: the command goes on until a signal ends it, and that is success.
pub(crate) fn until_signal() -> ! {
    running().code = Some(0);
    loop {
        thread::park();
    }
}

/// Runs `command` with its output on ours; an unsuccessful end is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    say(&format!("$ {}", shown(command)));
    let mut process = spawn(command)?;
    let status = process.wait()?;
    if !status.success() {
        bail!("{} failed: {status}", process.name());
    }
    Ok(())
}

/// Runs `command` and returns what it printed on stdout; stderr goes to ours.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let mut process = spawn(command.stdout(Stdio::piped()))?;
    let mut text = String::new();
    process.child.stdout.take().context("stdout is piped")?.read_to_string(&mut text)?;
    let status = process.wait()?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(text)
}

/// Whether `command` starts and succeeds. What it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
        .and_then(|mut process| process.wait())
        .is_ok_and(|status| status.success())
}

/// Runs `command`, shows its stdout as it comes and hands each line to `see`. At `limit` it is
/// stopped, which is an error; its exit status is not.
pub(crate) fn follow(
    command: &mut Command,
    limit: Duration,
    mut see: impl FnMut(&str),
) -> Result<ExitStatus> {
    say(&format!("$ {}", shown(command)));
    let mut process = spawn(command.stdout(Stdio::piped()))?;
    let stdout = process.child.stdout.take().context("stdout is piped")?;
    let group = process.group();
    let (ended, watched) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let late = watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if late {
            stop_groups(&[group], || false);
        }
        late
    });
    for_each_line(stdout, |line| {
        say(line);
        see(line);
    });
    let status = process.wait()?;
    drop(ended);
    if watchdog.join().unwrap_or(false) {
        bail!("{} was stopped after its limit of {limit:?}", process.name());
    }
    Ok(status)
}

fn for_each_line(stdout: ChildStdout, mut see: impl FnMut(&str)) {
    let mut reader = BufReader::new(stdout);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
        see(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
        bytes.clear();
    }
}

/// A program on the PATH.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The command as it would be typed: without the variables that every cargo command gets.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        match value {
            Some(value) if name != "CARGO_TARGET_DIR" => {
                words.push(format!("{}={value:?}", name.to_string_lossy()));
            }
            _ => {}
        }
    }
    words.push(program.file_name().unwrap_or_default().to_string_lossy().into_owned());
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Prints a line; a closed stdout is nobody's problem.
pub(crate) fn say(line: &str) {
    if cfg!(test) {
        // The macro's output is kept back by the test harness, a lock's is not.
        println!("{line}");
    } else {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

// ---- stages ---------------------------------------------------------------------------------

/// Wall-clock time since its start.
#[expect(clippy::disallowed_types, reason = "xtask is a tool: it measures its stages")]
pub(crate) struct Stopwatch(std::time::Instant);

#[expect(clippy::disallowed_types, reason = "xtask is a tool: it measures its stages")]
impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Tests that passed and failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    /// Work that is no test.
    pub(crate) const NONE: Counts = Counts { passed: 0, failed: 0 };
    /// A check that passed.
    pub(crate) const ONE: Counts = Counts { passed: 1, failed: 0 };

    /// What one line of a test runner's output adds: `cargo test` prints a sum per binary,
    /// node's runner one `pass` and one `fail` line at its end.
    pub(crate) fn of_line(line: &str) -> Counts {
        let number = |text: &str| text.trim().parse().unwrap_or(0);
        if let Some(sums) = line.strip_prefix("test result: ") {
            let sum_before = |word: &str| {
                let before = sums.split(word).next().unwrap_or("").trim_end();
                if before.len() == sums.trim_end().len() { 0 } else { last_number(before) }
            };
            return Counts { passed: sum_before(" passed"), failed: sum_before(" failed") };
        }
        for mark in ["# ", "ℹ "] {
            let Some(rest) = line.strip_prefix(mark) else { continue };
            if let Some(passed) = rest.strip_prefix("pass ") {
                return Counts { passed: number(passed), failed: 0 };
            }
            if let Some(failed) = rest.strip_prefix("fail ") {
                return Counts { passed: 0, failed: number(failed) };
            }
        }
        Counts::NONE
    }
}

fn last_number(text: &str) -> u64 {
    text.rsplit([' ', '.', ';']).next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The error of a stage that has already said what went wrong.
#[derive(Debug)]
pub(crate) struct StageFailed;

impl fmt::Display for StageFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stage failed; its error is above")
    }
}

impl std::error::Error for StageFailed {}

struct Row {
    name: String,
    elapsed: Option<Duration>,
    counts: Counts,
    note: String,
}

/// The stages of one command in the order they ran.
#[derive(Default)]
pub(crate) struct Stages {
    rows: Vec<Row>,
}

impl Stages {
    /// Runs a stage that others build on: its value, or [`StageFailed`].
    pub(crate) fn step<T>(&mut self, name: &str, body: impl FnOnce() -> Result<T>) -> Result<T> {
        self.timed(name, || body().map(|value| (value, Counts::NONE)))
    }

    /// Runs a stage that is one test or many. A failing one leaves the later stages alone.
    pub(crate) fn check(&mut self, name: &str, body: impl FnOnce() -> Result<Counts>) -> bool {
        self.timed(name, || body().map(|counts| (counts, counts)))
            .is_ok_and(|counts| counts.failed == 0)
    }

    fn timed<T>(&mut self, name: &str, body: impl FnOnce() -> Result<(T, Counts)>) -> Result<T> {
        say(&format!("\n== {name}"));
        let watch = Stopwatch::start();
        let result = body();
        let elapsed = watch.elapsed();
        let counts = match &result {
            Ok((_, counts)) => *counts,
            Err(_) => Counts { passed: 0, failed: 1 },
        };
        if let Err(error) = &result
            && !error.is::<StageFailed>()
        {
            say(&format!("error: {error:#}"));
        }
        let end = if counts.failed == 0 { "done" } else { "FAILED" };
        say(&format!("== {name}: {end} after {:.1} s", elapsed.as_secs_f64()));
        let note = if counts.failed == 0 { "" } else { "FAILED" }.to_owned();
        self.rows.push(Row { name: name.to_owned(), elapsed: Some(elapsed), counts, note });
        match result {
            Ok((value, _)) => Ok(value),
            Err(_) => Err(StageFailed.into()),
        }
    }

    /// Notes a stage that did not run.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        say(&format!("\n== {name}: skipped, {why}"));
        let note = format!("skipped: {why}");
        self.rows.push(Row { name: name.to_owned(), elapsed: None, counts: Counts::NONE, note });
    }

    pub(crate) fn total(&self) -> Counts {
        let mut total = Counts::default();
        for row in &self.rows {
            total += row.counts;
        }
        total
    }

    pub(crate) fn print(&self) {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(5);
        say(&format!("\n{:width$}  {:>8}  {:>7}  {:>7}", "stage", "seconds", "passed", "failed"));
        let mut sum = Duration::ZERO;
        for Row { name, elapsed, counts, note } in &self.rows {
            sum += elapsed.unwrap_or_default();
            let seconds = elapsed.map_or("-".into(), |time| format!("{:.1}", time.as_secs_f64()));
            let count = |n: u64| if n == 0 { "-".into() } else { n.to_string() };
            let (passed, failed) = (count(counts.passed), count(counts.failed));
            let line = format!("{name:width$}  {seconds:>8}  {passed:>7}  {failed:>7}  {note}");
            say(line.trim_end());
        }
        say(&format!("{:width$}  {:>8.1}", "in all", sum.as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_from_the_runners_sums() {
        let check = |line: &str, passed, failed| {
            assert_eq!(Counts::of_line(line), Counts { passed, failed }, "{line}");
        };
        check("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out", 12, 0);
        check("test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured", 5, 2);
        check("# pass 7", 7, 0);
        check("# fail 3", 0, 3);
        check("ℹ pass 7", 7, 0);
        check("ℹ fail 0", 0, 0);
        check("# passed the salt", 0, 0);
        check("test leaf_set::keeps_the_closest ... ok", 0, 0);
        check("test result: unknown", 0, 0);
    }

    #[test]
    fn a_failed_step_counts_and_is_not_repeated() {
        let mut stages = Stages::default();
        let error = stages.step("bad", || -> Result<()> { bail!("no") }).unwrap_err();
        assert!(error.is::<StageFailed>());
        assert!(stages.check("good", || Ok(Counts::ONE)));
        assert!(!stages.check("some", || Ok(Counts { passed: 3, failed: 1 })));
        assert_eq!(stages.total(), Counts { passed: 4, failed: 2 });
    }

    #[test]
    fn a_dropped_process_takes_its_children_along() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped());
        let mut process = spawn(&mut command).unwrap();
        let inner: i32 = process.lines().unwrap().recv().unwrap().parse().unwrap();
        drop(process);
        let stat = std::fs::read_to_string(format!("/proc/{inner}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
    }

    #[test]
    fn a_program_over_its_limit_is_stopped() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo started; sleep 600"]);
        let mut lines: Vec<String> = Vec::new();
        let end = follow(&mut command, Duration::from_millis(300), |line| lines.push(line.into()));
        assert!(end.unwrap_err().to_string().contains("limit"));
        assert_eq!(lines, ["started"]);
    }
}
