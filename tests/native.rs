//! The server and native peers as processes.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{Process, built};

fn millefeuille() -> PathBuf {
    built("MILLEFEUILLE_BIN", "target/debug/millefeuille")
}

/// `millefeuille-server`, listening.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where it listens, `http://127.0.0.1:PORT/`.
    pub url: String,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

impl Server {
    /// Starts a server of its own network on a free port.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn start() -> Result<Self> {
        Self::start_with("127.0.0.1:0", None)
    }

    /// Starts a server that lets pages of these origins connect.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn start_for(origins: &[&str]) -> Result<Self> {
        let allowed = origins.iter().flat_map(|origin| ["--origin", origin]);
        Self::start_by("127.0.0.1:0", allowed.map(OsString::from).collect())
    }

    /// Starts a server at an address, with the introducer's key in a file.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn start_with(listen: &str, key: Option<&Path>) -> Result<Self> {
        let key = key.map(|key| ["--key".into(), key.into()]);
        Self::start_by(listen, key.into_iter().flatten().collect())
    }

    /// Starts servers that introduce into one network, each with a key in a file of this folder.
    /// Each lets the pages of all connect.
    ///
    /// # Errors
    /// When one of them does not listen.
    pub fn start_companions<const COUNT: usize>(folder: &Path) -> Result<[Self; COUNT]> {
        // Each is to know where the others will be: ports that are free, all at once.
        let listeners: Vec<_> =
            (0..COUNT).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let address = |listener: TcpListener| Ok(listener.local_addr()?.to_string());
        let addresses: Vec<String> = listeners.into_iter().map(address).collect::<Result<_>>()?;
        let files: Vec<PathBuf> =
            (0..COUNT).map(|number| folder.join(format!("introducer-{number}.key"))).collect();
        let keys: Vec<String> = files.iter().map(|file| shown_key(file)).collect::<Result<_>>()?;
        let start = |own: usize| {
            let mut flags: Vec<OsString> = vec!["--key".into(), files[own].clone().into()];
            for (number, (address, key)) in addresses.iter().zip(&keys).enumerate() {
                flags.extend(["--origin".into(), format!("http://{address}").into()]);
                if number != own {
                    flags
                        .extend(["--introducer".into(), format!("http://{address}/={key}").into()]);
                }
            }
            Self::start_by(&addresses[own], flags)
        };
        let servers: Vec<Self> = (0..COUNT).map(start).collect::<Result<_>>()?;
        servers.try_into().map_err(|_| anyhow::anyhow!("as many as were asked for"))
    }

    fn start_by(listen: &str, more: Vec<OsString>) -> Result<Self> {
        let mut command = server_command();
        command.args(["--listen", listen]);
        // All peers of a test share one address.
        for limit in ["--connections-per-address", "--connections-per-network"] {
            command.args([limit, "1000"]);
        }
        command.arg("--web-dir");
        command.arg(built("MILLEFEUILLE_WEB_DIR", "target/web"));
        command.args(more);
        let process = Process::start("server", command)?;
        let line = process.lines.event("listening")?;
        let text = |name: &str| line[name].as_str().map(str::to_owned).context(name.to_owned());
        Ok(Server { url: text("url")?, address: text("address")?, process })
    }

    /// The value of a counter on `/metrics`, summed over its labels; 0 when it is not there.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let page = http_get(&self.address, "/metrics")?;
        let samples = page.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        Ok(samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }
}

fn server_command() -> Command {
    Command::new(built("MILLEFEUILLE_SERVER_BIN", "target/debug/millefeuille-server"))
}

/// The public key of a server that will have its secret in this file.
fn shown_key(file: &Path) -> Result<String> {
    let output = server_command().arg("--show-key").arg("--key").arg(file).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

/// The body of a plain GET.
fn http_get(address: &str, path: &str) -> Result<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// One thread that mostly rests. For jobs that somebody is to leave: then it is not the speed of the
/// machine that decides whether they are still under way.
pub const GENTLY: [&str; 4] = ["--threads", "1", "--intensity", "15"];

/// `millefeuille peer`, ready.
#[derive(Debug)]
pub struct Peer {
    /// The process.
    pub process: Process,
    /// Its node id.
    pub id: String,
}

impl Peer {
    /// Starts a peer and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(server: &Server, arguments: &[&str]) -> Result<Self> {
        Self::start_with(Command::new(millefeuille()), &server.url, arguments)
    }

    /// Starts many peers at once and waits until all are ready.
    ///
    /// # Errors
    /// When one of them does not become ready.
    pub fn start_all(server: &Server, count: usize, arguments: &[&str]) -> Result<Vec<Self>> {
        let start = |_| Self::begin(Command::new(millefeuille()), &server.url, arguments);
        let started: Vec<Process> = (0..count).map(start).collect::<Result<_>>()?;
        started.into_iter().map(Self::ready).collect()
    }

    /// Starts a peer that is told of these servers, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_at(servers: &[&str], arguments: &[&str]) -> Result<Self> {
        Self::ready(Self::begin_at(servers, arguments)?)
    }

    /// Starts peers at once, each told of one of these servers, and waits until all are ready.
    ///
    /// # Errors
    /// When one of them does not become ready.
    pub fn start_each(servers: &[&Server], arguments: &[&str]) -> Result<Vec<Self>> {
        let start = |server: &&Server| Self::begin_at(&[&server.url], arguments);
        let started: Vec<Process> = servers.iter().map(start).collect::<Result<_>>()?;
        started.into_iter().map(Self::ready).collect()
    }

    fn begin_at(servers: &[&str], arguments: &[&str]) -> Result<Process> {
        let mut command = Command::new(millefeuille());
        command.args(["peer", "--json"]).args(arguments);
        command.args(servers.iter().flat_map(|server| ["--server", server]));
        Process::start("peer", command)
    }

    /// Starts a peer by another program, such as `ip netns exec`, which starts what it is given.
    ///
    /// # Errors
    /// As [`Peer::start`].
    pub fn start_by(mut launcher: Command, url: &str, arguments: &[&str]) -> Result<Self> {
        launcher.arg(millefeuille());
        Self::start_with(launcher, url, arguments)
    }

    fn start_with(command: Command, url: &str, arguments: &[&str]) -> Result<Self> {
        Self::ready(Self::begin(command, url, arguments)?)
    }

    fn begin(mut command: Command, url: &str, arguments: &[&str]) -> Result<Process> {
        command.args(["peer", "--json", "--server", url]).args(arguments);
        Process::start("peer", command)
    }

    /// Starts a peer of which every tile is wrong, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn lying(server: &Server) -> Result<Self> {
        let mut command = Command::new(built("MILLEFEUILLE_LIAR_BIN", "target/debug/liar"));
        command.arg(&server.url);
        Self::ready(Process::start("liar", command)?)
    }

    fn ready(process: Process) -> Result<Self> {
        let ready = process.lines.event("ready")?;
        let id = ready["id"].as_str().context("ready names the id")?.to_owned();
        Ok(Peer { process, id })
    }
}

/// Starts `millefeuille render --json` in the network of `server`.
///
/// # Errors
/// When it cannot be started.
pub fn render(server: &Server, view: &[impl AsRef<OsStr>], file: &Path) -> Result<Process> {
    render_at(&[&server.url], view, file)
}

/// The same in the network of the first of these servers that answers.
///
/// # Errors
/// When it cannot be started.
pub fn render_at(servers: &[&str], view: &[impl AsRef<OsStr>], file: &Path) -> Result<Process> {
    let mut command = Command::new(millefeuille());
    command.args(["render", "--json"]).args(view).arg("-o").arg(file);
    command.args(servers.iter().flat_map(|server| ["--server", server]));
    Process::start("render", command)
}

/// Starts `millefeuille watch --json` of a job in the network of `server`.
///
/// # Errors
/// When it cannot be started.
pub fn watch(server: &Server, job: &str, arguments: &[&str], file: &Path) -> Result<Process> {
    let mut command = Command::new(millefeuille());
    command.args(["watch", job, "--json", "--server", &server.url]).args(arguments);
    command.arg("-o").arg(file);
    Process::start("watch", command)
}

/// A job that was left to the network.
#[derive(Debug)]
pub struct Detached {
    /// Its id.
    pub job: String,
    /// How many peers held its record when the creator left.
    pub copies: u64,
}

/// Hands a view to the network of `server` with `render --detach`.
///
/// # Errors
/// When the network does not take it.
pub fn detach(server: &Server, view: &[impl AsRef<OsStr>]) -> Result<Detached> {
    let mut command = Command::new(millefeuille());
    command.args(["render", "--json", "--detach", "--server", &server.url]).args(view);
    let told = document(command)?;
    let job = told["job"].as_str().map(str::to_owned).context("detach names the job")?;
    let copies = told["record_copies"].as_u64().context("detach counts the copies")?;
    Ok(Detached { job, copies })
}

/// What `job ls` prints.
///
/// # Errors
/// When it fails.
pub fn job_list(server: &Server) -> Result<Value> {
    let mut command = Command::new(millefeuille());
    command.args(["job", "ls", "--json", "--server", &server.url]);
    document(command)
}

/// Renders a view with `render --alone` and returns what it printed.
///
/// # Errors
/// When it fails.
pub fn alone(view: &[impl AsRef<OsStr>], file: &Path) -> Result<Value> {
    let mut command = Command::new(millefeuille());
    command.args(["render", "--json", "--alone"]).args(view).arg("-o").arg(file);
    document(command)
}

/// Computes a `zoom` or a `gallery` in one process into a directory and returns what it printed.
///
/// # Errors
/// When it fails.
pub fn frames_alone(
    kind: &str,
    arguments: &[impl AsRef<OsStr>],
    directory: &Path,
) -> Result<Value> {
    let mut command = Command::new(millefeuille());
    command.args([kind, "--json", "--alone"]).args(arguments).arg("--out").arg(directory);
    document(command)
}

/// Runs a command to its end and reads the one document that it prints.
fn document(mut command: Command) -> Result<Value> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}
