//! Other programs: how they are started, followed, and stopped.
//!
//! Every program is started through [`spawn`], in a process group of its own and in one list, so
//! that nothing outlives xtask: not after an error, not after Ctrl-C. What xtask itself says goes to
//! stdout, because a test run ends with its result on the last line of stdout.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
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
/// How long the kernel may take to end what it was told to kill.
const KILLED: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(30);

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

    /// Tells `command`, a test or a bench, where it finds what was built in `profile`'s folder.
    pub(crate) fn with_products(&self, profile: &str, mut command: Command) -> Command {
        let programs = self.target.join(profile);
        command
            .env("MILLEFEUILLE_BIN", programs.join("millefeuille"))
            .env("MILLEFEUILLE_SERVER_BIN", programs.join("millefeuille-server"))
            .env("MILLEFEUILLE_TILES_BIN", programs.join("tiles"))
            .env("MILLEFEUILLE_LINKS_BIN", programs.join("examples/links"))
            .env("MILLEFEUILLE_DEEP_BIN", programs.join("examples/deep"))
            .env("MILLEFEUILLE_ROUTE_BIN", programs.join("examples/route"))
            .env("MILLEFEUILLE_SIM_BIN", programs.join("sim"))
            .env("MILLEFEUILLE_VERDICTS_BIN", programs.join("verdicts"))
            .env("MILLEFEUILLE_WEB_DIR", self.target.join("web"));
        command
    }

    /// `path` as a person would type it in the root.
    pub(crate) fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

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
        stop_together(std::slice::from_mut(self));
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

/// Stops several programs in the time of the slowest.
pub(crate) fn stop_together(processes: &mut [Process]) {
    let groups: Vec<Pid> = processes.iter().filter(|one| !one.done).map(Process::group).collect();
    stop_groups(&groups, || false);
    for process in processes.iter_mut().filter(|one| !one.done) {
        let _ = process.child.wait();
        process.forget();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// TERM to all groups, KILL to whatever is left after [`GRACE`] or when `hurry` says so.
fn stop_groups(groups: &[Pid], mut hurry: impl FnMut() -> bool) {
    let signal = |signal| {
        for &group in groups {
            let _ = kill_process_group(group, signal);
        }
    };
    let wait = |patience, hurry: &mut dyn FnMut() -> bool| {
        let watch = Stopwatch::start();
        while groups.iter().any(|&group| is_alive(group)) {
            if watch.elapsed() >= patience || hurry() {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    };
    signal(Signal::TERM);
    if !wait(GRACE, &mut hurry) {
        signal(Signal::KILL);
        wait(KILLED, &mut || false);
    }
}

/// Whether any process of the group still runs: its leader may end before its helpers, and a helper
/// that is killed at once cannot close the browser that it drives. Ended processes that nobody has
/// collected yet do not count.
fn is_alive(group: Pid) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return !has_ended(group) };
    processes.flatten().any(|process| {
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        // "pid (name) state parent group …", where the name may contain anything.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let is_running = fields.next().is_some_and(|state| !matches!(state, "Z" | "X"));
        is_running
            && fields.nth(1).and_then(|raw| raw.parse().ok()).and_then(Pid::from_raw) == Some(group)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_process_takes_its_children_along() {
        let mut command = Command::new("sh");
        command.args(["-c", "sh -c 'echo $$; exec sleep 600' & wait"]);
        command.stdout(Stdio::piped());
        let mut process = spawn(&mut command).unwrap();
        let inner: i32 = process.lines().unwrap().recv().unwrap().parse().unwrap();
        drop(process);
        let stat = fs::read_to_string(format!("/proc/{inner}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
    }

    #[test]
    fn a_program_that_does_not_listen_is_killed() {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo $$; exec sleep 600"]).stdout(Stdio::piped());
        let mut process = spawn(&mut command).unwrap();
        process.lines().unwrap().recv().unwrap();
        let group = process.group();
        stop_groups(&[group], || true);
        assert!(!is_alive(group));
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
