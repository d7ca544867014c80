//! A child process whose standard output is lines of JSON.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{JOB_PATIENCE, PATIENCE};

/// What a process printed next, or that it did not.
#[derive(Debug)]
pub enum Polled {
    /// A line of JSON.
    Line(Value),
    /// Nothing in that time.
    Nothing,
    /// It has closed its output.
    Closed,
}

/// The lines a process has printed and not been asked about yet.
#[derive(Debug)]
pub struct Lines {
    name: String,
    receiver: Receiver<(Instant, String)>,
}

impl Lines {
    /// The next line of JSON, or `None` when the process closed its output.
    ///
    /// # Errors
    /// When nothing came within [`PATIENCE`].
    pub fn next(&self) -> Result<Option<Value>> {
        self.next_within(PATIENCE)
    }

    /// The document that a command prints when its job is done.
    ///
    /// # Errors
    /// When nothing came within [`JOB_PATIENCE`], or the process ended without it.
    pub fn document(&self) -> Result<Value> {
        let name = &self.name;
        self.next_within(JOB_PATIENCE)?.with_context(|| format!("{name} printed no document"))
    }

    fn next_within(&self, patience: Duration) -> Result<Option<Value>> {
        match self.poll(patience)? {
            Polled::Line(line) => Ok(Some(line)),
            Polled::Closed => Ok(None),
            Polled::Nothing => bail!("{} printed nothing for {patience:?}", self.name),
        }
    }

    /// Waits for the next line, but not longer than `patience`.
    ///
    /// # Errors
    /// When it printed what is no JSON.
    pub fn poll(&self, patience: Duration) -> Result<Polled> {
        match self.receiver.recv_timeout(patience) {
            Ok((_, line)) => serde_json::from_str(&line)
                .map(Polled::Line)
                .with_context(|| format!("{} printed {line:?}", self.name)),
            Err(RecvTimeoutError::Disconnected) => Ok(Polled::Closed),
            Err(RecvTimeoutError::Timeout) => Ok(Polled::Nothing),
        }
    }

    /// Skips lines until one for which `wanted` holds.
    ///
    /// # Errors
    /// When none came within [`PATIENCE`], or the process ended before.
    pub fn wait(&self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Value::Null;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self
                .next_within(left)
                .with_context(|| format!("awaiting {what}; last line: {last}"))?;
            match line {
                Some(line) if wanted(&line) => return Ok(line),
                Some(line) => last = line,
                None => bail!("{} ended before {what}; last line: {last}", self.name),
            }
        }
    }

    /// Waits for a line whose `event` is `name`.
    ///
    /// # Errors
    /// As [`Lines::wait`].
    pub fn event(&self, name: &str) -> Result<Value> {
        self.wait(name, |line| line["event"] == name)
    }

    /// What has been printed so far, without waiting.
    pub fn drain(&self) -> Vec<Value> {
        self.drain_with_times().into_iter().map(|(_, line)| line).collect()
    }

    /// The same, each line with when it came.
    pub fn drain_with_times(&self) -> Vec<(Instant, Value)> {
        let lines = self.receiver.try_iter();
        lines.filter_map(|(at, line)| Some((at, serde_json::from_str(&line).ok()?))).collect()
    }
}

/// A child process. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    /// What it prints.
    pub lines: Lines,
}

impl Process {
    /// Starts `command`; its standard error goes to this test's.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        let lines = Lines { name: name.to_owned(), receiver };
        Ok(Process { name: name.to_owned(), child, stdin, lines })
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// When it does not read any more.
    pub fn say(&mut self, line: &Value) -> Result<()> {
        let stdin = self.stdin.as_mut().context("stdin is open")?;
        writeln!(stdin, "{line}").with_context(|| format!("talking to {}", self.name))?;
        stdin.flush().with_context(|| format!("talking to {}", self.name))
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name (`TERM`, `KILL`, `STOP`, …).
    ///
    /// # Errors
    /// When there is no such process any more.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let status =
            Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status()?;
        if !status.success() {
            bail!("kill -{signal} {}: {status}", self.name);
        }
        Ok(())
    }

    /// Waits for its end and returns the exit code (128 + signal when killed).
    ///
    /// # Errors
    /// When it has not ended within [`PATIENCE`].
    pub fn wait(&mut self) -> Result<i32> {
        use std::os::unix::process::ExitStatusExt as _;
        drop(self.stdin.take());
        // Its output closes when it ends: that is the event to wait for.
        let deadline = Instant::now() + PATIENCE;
        while self.lines.next_within(deadline.saturating_duration_since(Instant::now()))?.is_some()
        {
        }
        let status = self.child.wait()?;
        Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
