//! `millefeuille-server`: serves the page and introduces peers; never in the data path.
//!
//! One task owns the room (`host`); every WebSocket is a task that carries its messages to and
//! from it (`socket`); `accept` guards the door with what `callers` knows, `app` has the routes.
//! What the room decides is `signal`'s; nothing here reads a message.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use base::Bounded;
use signal::message::{COMPANIONS_MAX, Companion, ICE_SERVERS_MAX};
use signal::room;
use tokio::signal::unix::{self, Signal, SignalKind};
use tokio::sync::watch;
use tracing::{info, warn};

mod accept;
mod app;
mod callers;
mod files;
mod headers;
mod host;
mod key;
mod meters;
mod metrics;
mod origins;
mod patient;
mod problem;
mod proxy;
mod settings;
mod socket;

use settings::{LogFormat, Settings, Stop};

/// How long connections get to say goodbye after a signal to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(Stop::Answered(words)) => {
            print!("{words}");
            return ExitCode::SUCCESS;
        }
        Err(Stop::Wrong(words)) => {
            eprintln!("{words}");
            return ExitCode::from(2);
        }
    };
    start_log(settings.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime
        .context("cannot start the runtime")
        .and_then(|runtime| runtime.block_on(run(settings)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    let key::Key { secret, existed } = match &settings.key {
        Some(path) => key::load_or_create(path)?,
        None => key::ephemeral()?,
    };
    let network = secret.public();
    if settings.show_key {
        return writeln!(std::io::stdout(), "{network}").context("nobody reads the key");
    }
    let companions = settings.companions(&network)?;
    if !settings.web_dir.join("index.html").is_file() {
        warn!(folder = %settings.web_dir.display(), "the page is not built: cargo xtask web");
    }
    files::raise_limit(settings.connections);
    let listener = accept::listen(settings.listen)?;
    let address = listener.local_addr().context("no address")?;
    let metrics_listener = settings.metrics_listen.map(accept::listen).transpose()?;
    let metrics_address =
        metrics_listener.as_ref().map(tokio::net::TcpListener::local_addr).transpose()?;

    let (stop, stopped) = watch::channel(false);
    let (host, hosting) =
        host::start(room_config(&settings, companions, existed)?, secret, stopped)?;
    let app = Arc::new(app::App::new(settings, host, network)?);
    let accepting =
        tokio::spawn(accept::serve(listener, app::routes(Arc::clone(&app)), Arc::clone(&app)));
    let measuring = metrics_listener.map(|listener| {
        let routes = app::metrics_routes(Arc::clone(&app));
        tokio::spawn(accept::serve(listener, routes, Arc::clone(&app)))
    });
    // Whoever reads the announcement may stop this process at once.
    let mut signals = StopSignals::listen()?;
    announce(address, metrics_address, &network);

    signals.next().await;
    info!("stopping; a second signal stops at once");
    app.accepting.store(false, Ordering::Relaxed);
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

fn room_config(
    settings: &Settings,
    companions: Bounded<Companion, COMPANIONS_MAX>,
    may_have_members: bool,
) -> anyhow::Result<room::Config> {
    let relays = settings.turn_urls.len();
    let named = settings.ice_servers.len() + relays;
    if named > ICE_SERVERS_MAX {
        return Err(anyhow!("at most {ICE_SERVERS_MAX} STUN and TURN servers can be named"));
    }
    let turn = match &settings.turn_secret_file {
        Some(file) => Some(room::Turn {
            urls: Bounded::truncating(settings.turn_urls.clone()),
            secret: settings::secret_from_file(file)?,
            unix_zero: host::unix_now(),
        }),
        None => None,
    };
    Ok(room::Config {
        ice_servers: Bounded::truncating(settings.ice_servers.clone()),
        turn,
        companions,
        connections_max: settings.connections,
        may_have_members,
    })
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
    info!(%address, metrics = metrics.map(display), %network, "listening");
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
