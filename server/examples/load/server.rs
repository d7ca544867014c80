//! The server process under load.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

pub(crate) struct Server {
    child: Child,
    flags: Vec<String>,
    key: std::path::PathBuf,
    pub(crate) address: String,
}

impl Server {
    /// With its caps for an address as they are, and no cap on joins: that is what is measured.
    pub(crate) async fn start(peers: usize) -> Result<Self> {
        Self::launch(peers, &["--joins-per-second", "1000000"]).await
    }

    /// With every limit as it is.
    pub(crate) async fn start_as_shipped(peers: usize) -> Result<Self> {
        Self::launch(peers, &[]).await
    }

    async fn launch(peers: usize, more: &[&str]) -> Result<Self> {
        let name = format!("millefeuille-load-{}.key", std::process::id());
        let key = std::env::temp_dir().join(name);
        // A tenth of the places is kept for peers that come back.
        let connections = (peers + peers / 4).to_string();
        let flags = ["--web-dir", "/nonexistent", "--connections", &connections];
        let flags: Vec<String> = flags.iter().chain(more).map(|&flag| flag.to_owned()).collect();
        let (child, address) = spawn(&flags, &key, "127.0.0.1:0").await?;
        Ok(Server { child, flags, key, address })
    }

    /// Ends the process without a word, and starts another at the same address.
    pub(crate) async fn kill_and_restart(mut self) -> Result<Self> {
        self.child.kill().await?;
        let (child, address) = spawn(&self.flags, &self.key, &self.address).await?;
        self.child = child;
        self.address = address;
        Ok(self)
    }

    /// Memory that the process has in RAM.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        let id = self.child.id().context("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let words = line.context("no VmRSS")?.split_whitespace().next();
        Ok(words.context("no number")?.parse()?)
    }

    /// Processor time that it has used: what a busy machine does not change.
    pub(crate) fn processor_seconds(&self) -> Result<f64> {
        // Ticks of 10 ms on every Linux there is.
        const TICKS_PER_SECOND: f64 = 100.0;
        let id = self.child.id().context("the server has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The name before it may contain anything, blanks too.
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        Ok(ticks.sum::<Result<u64, _>>()? as f64 / TICKS_PER_SECOND)
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        let id = self.child.id().context("the server has ended")?;
        let pid = Pid::from_raw(i32::try_from(id)?).context("no process")?;
        kill_process(pid, Signal::TERM)?;
        let status = self.child.wait().await?;
        let _ = std::fs::remove_file(&self.key);
        ensure!(status.success(), "the server: {status}");
        Ok(())
    }
}

async fn spawn(flags: &[String], key: &std::path::Path, listen: &str) -> Result<(Child, String)> {
    let program = std::env::var_os("MILLEFEUILLE_SERVER_BIN")
        .unwrap_or_else(|| "target/release/millefeuille-server".into());
    let mut child = Command::new(program)
        .args(flags)
        .args(["--listen", listen, "--key"])
        .arg(key)
        .env("RUST_LOG", "error")
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .spawn()
        .context("the server does not start")?;
    let stdout = child.stdout.take().context("it is piped")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    let announcement: serde_json::Value =
        serde_json::from_str(&line).context("the server does not listen")?;
    let address = announcement["address"].as_str().context("no address")?.to_owned();
    Ok((child, address))
}
