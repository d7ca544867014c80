//! `millefeuille-server`: serves the page and introduces peers; never in the data path.
//!
//! One task owns the room (`host`); every WebSocket is a task that carries its messages to and
//! from it (`socket`); `accept` guards the door, `app` has the routes. What the room decides is
//! `signal`'s; nothing here reads a message.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use base::Bounded;
use clap::Parser as _;
use signal::message::{ICE_SERVERS_MAX, IceServer};
use signal::room;
use tokio::signal::unix::{self, Signal, SignalKind};
use tokio::sync::watch;
use tracing::{info, warn};

mod accept;
mod app;
mod host;
mod key;
mod metrics;
mod socket;

/// How long connections get to say goodbye after a signal to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// Serves the Millefeuille page and introduces peers.
#[derive(Debug, clap::Parser)]
#[command(name = "millefeuille-server", version)]
struct Flags {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder of the built page
    #[arg(long, value_name = "DIR", default_value = "target/web")]
    web_dir: PathBuf,
    /// File of the introducer's secret key, made if missing; without it every start is another
    /// network
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Address for /metrics alone; without it /metrics is served with the page
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<SocketAddr>,
    /// STUN or TURN server for the peers; for TURN: URL,USERNAME,CREDENTIAL. Repeatable; in the
    /// environment separated by spaces
    #[arg(
        long = "ice-server",
        value_name = "URL",
        env = "MILLEFEUILLE_ICE_SERVERS",
        hide_env_values = true,
        value_delimiter = ' ',
        value_parser = ice_server_from_flag
    )]
    ice_servers: Vec<IceServer>,
    /// Origin of another site whose pages may connect, such as https://example.org. Repeatable
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allow_origins: Vec<String>,
    /// Form of the log on stderr
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) if error.use_stderr() => {
            // One line: what is wrong. `--help` has the rest.
            let words = error.to_string();
            eprintln!("{}", words.lines().next().unwrap_or("error: bad arguments"));
            return ExitCode::from(2);
        }
        Err(help) => {
            print!("{help}");
            return ExitCode::SUCCESS;
        }
    };
    start_log(flags.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime
        .context("cannot start the runtime")
        .and_then(|runtime| runtime.block_on(run(flags)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    let key::Key { secret, existed } = match &flags.key {
        Some(path) => key::load_or_create(path)?,
        None => key::ephemeral()?,
    };
    let ice_servers = Bounded::try_from(flags.ice_servers)
        .map_err(|_| anyhow!("at most {ICE_SERVERS_MAX} --ice-server can be named"))?;
    let network = secret.public();
    if !flags.web_dir.join("index.html").is_file() {
        warn!(folder = %flags.web_dir.display(), "no page is built there; introducing peers only");
    }

    let listener = accept::listen(flags.listen)?;
    let address = listener.local_addr().context("the listener has no address")?;
    let metrics_listener = flags.metrics_listen.map(accept::listen).transpose()?;

    let (stop, stopped) = watch::channel(false);
    let config = room::Config { ice_servers, may_have_members: existed };
    let (host, hosting) = host::start(config, secret, stopped.clone())?;
    let page = app::Page { web_dir: flags.web_dir, allow_origins: flags.allow_origins };
    let metrics_apart = metrics_listener.is_some();
    let accepting =
        tokio::spawn(accept::serve(listener, app::routes(page, host.clone(), metrics_apart)));
    let metrics_address =
        metrics_listener.as_ref().map(tokio::net::TcpListener::local_addr).transpose()?;
    let measuring = metrics_listener
        .map(|listener| tokio::spawn(accept::serve(listener, app::metrics_routes(host))));
    // Whoever reads the announcement may stop this process at once.
    let mut signals = StopSignals::listen()?;
    announce(address, metrics_address, &network);

    signals.next().await;
    info!("stopping; a second signal stops at once");
    accepting.abort();
    if let Some(measuring) = measuring {
        measuring.abort();
    }
    stop.send_replace(true);
    tokio::select! {
        _ = tokio::time::timeout(STOP_PATIENCE, hosting) => {}
        () = signals.next() => {}
    }
    Ok(())
}

/// The one line on stdout, for whoever started this process.
fn announce(address: SocketAddr, metrics: Option<SocketAddr>, network: &base::PublicKey) {
    let mut line = serde_json::json!({
        "event": "listening",
        "address": address.to_string(),
        "url": format!("http://{address}/"),
        "network": network.to_string(),
    });
    if let Some(metrics) = metrics {
        line["metrics_url"] = format!("http://{metrics}/metrics").into();
    }
    // A parent that closed its end does not want to know.
    let _ = writeln!(std::io::stdout(), "{line}");
    info!(%address, ?metrics, %network, "listening");
}

/// SIGTERM and SIGINT, heard from the moment this exists.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> anyhow::Result<Self> {
        Ok(StopSignals {
            terminate: unix::signal(SignalKind::terminate()).context("cannot hear SIGTERM")?,
            interrupt: unix::signal(SignalKind::interrupt()).context("cannot hear SIGINT")?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn start_log(format: LogFormat) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,millefeuille_server=info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            log.with_ansi(colours).init();
        }
        LogFormat::Json => log.json().init(),
    }
}

/// `URL` or `URL,USERNAME,CREDENTIAL`. Browsers refuse TURN without credentials.
fn ice_server_from_flag(text: &str) -> Result<IceServer, String> {
    let (url, username, credential) = match *text.split(',').collect::<Vec<_>>() {
        [url] => (url, "", ""),
        [url, username, credential] => (url, username, credential),
        _ => return Err("expected URL or URL,USERNAME,CREDENTIAL".to_owned()),
    };
    let is_turn = url.starts_with("turn:") || url.starts_with("turns:");
    if !is_turn && !url.starts_with("stun:") && !url.starts_with("stuns:") {
        return Err("the URL begins with stun:, stuns:, turn: or turns:".to_owned());
    }
    if is_turn && (username.is_empty() || credential.is_empty()) {
        return Err("TURN takes credentials: URL,USERNAME,CREDENTIAL".to_owned());
    }
    if text.len() > 512 {
        return Err("at most 512 bytes".to_owned());
    }
    let [url, username, credential] = [url, username, credential].map(str::to_owned);
    Ok(IceServer { url, username, credential })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_consistent() {
        use clap::CommandFactory as _;
        Flags::command().debug_assert();
    }

    #[test]
    fn ice_servers_are_checked() {
        let turn = ice_server_from_flag("turn:relay.example:3478?transport=udp,user,secret");
        let turn = turn.expect("well-formed");
        assert_eq!((&*turn.username, &*turn.credential), ("user", "secret"));
        assert!(ice_server_from_flag("stun:stun.example:3478").is_ok());
        for wrong in ["turn:relay.example", "http://relay.example", "stun:a,b", ""] {
            assert!(ice_server_from_flag(wrong).is_err(), "{wrong}");
        }
    }
}
