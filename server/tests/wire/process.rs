//! A server process of a test's own, on a free port, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Nothing that a test waits for takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; it ends with the value.
pub(crate) struct Server {
    child: Child,
    pub(crate) announcement: serde_json::Value,
}

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millefeuille-server"));
    command.args(flags).kill_on_drop(true).env_remove("RUST_LOG");
    command
}

impl Server {
    /// Starts with `flags` on a free port, unless they name one.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        Self::launch(command(&[]), flags, Stdio::null()).await
    }

    /// The same with no more open files than this, and with its log in `log`.
    pub(crate) async fn start_with_files(files: u32, log: std::fs::File) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_millefeuille-server")]);
        shell.kill_on_drop(true).env_remove("RUST_LOG");
        Self::launch(shell, &[], log.into()).await
    }

    async fn launch(mut command: Command, flags: &[&str], log: Stdio) -> Self {
        let mut all = flags.to_vec();
        for (flag, value) in [("--listen", "127.0.0.1:0"), ("--web-dir", "/nonexistent")] {
            if !flags.contains(&flag) {
                all.extend([flag, value]);
            }
        }
        let mut child = command
            .args(&all)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        let mut lines = BufReader::new(stdout);
        let read = timeout(PATIENCE, lines.read_line(&mut line)).await;
        read.expect("in time").expect("a line");
        let announcement = serde_json::from_str(&line).expect("one JSON line");
        Server { child, announcement }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        self.field("address")
    }

    pub(crate) fn field(&self, name: &str) -> String {
        self.announcement[name].as_str().expect("a string").to_owned()
    }

    /// Memory that it has in RAM.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let id = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }

    /// Sends a signal by name.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(sent.expect("kill runs").success());
    }

    pub(crate) async fn wait(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("in time").expect("an exit")
    }

    pub(crate) async fn stop(mut self) {
        self.signal("TERM").await;
        assert!(self.wait().await.success());
    }
}

/// Runs a server that should not start.
pub(crate) async fn run_to_end(flags: &[&str]) -> Output {
    timeout(PATIENCE, command(flags).output()).await.expect("in time").expect("it runs")
}

/// A folder that is removed with the value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("millefeuille-server-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a plain path").to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
