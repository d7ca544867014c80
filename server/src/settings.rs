//! What the server can be told: flags, and a file of the same names.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use base::{Bounded, PublicKey};
use clap::Parser as _;
use signal::message::{COMPANIONS_MAX, Companion, IceServer, URL_BYTES_MAX};

use crate::callers;
use crate::proxy::Prefix;

/// A configuration file that is longer is none.
const CONFIG_BYTES_MAX: u64 = 64 * 1024;

/// Serves the Millefeuille page and introduces peers.
#[derive(Debug, clap::Parser)]
#[command(name = "millefeuille-server", version, args_override_self = true)]
pub(crate) struct Settings {
    /// TOML file with settings by the names of these flags, without the dashes; flags given besides
    /// count more, and repeatable ones are added
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Folder of the built page
    #[arg(long, value_name = "DIR", default_value = "target/web")]
    pub(crate) web_dir: PathBuf,
    /// File of the introducer's secret key, made if missing; without it every start is another
    /// network
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Another introducer of the same network, with its public key: whom it vouches for is known here,
    /// and peers keep in touch with both. It must name this one in the same way. Repeatable, three at
    /// most
    #[arg(
        long = "introducer",
        value_name = "URL=KEY",
        value_parser = companion_from_flag
    )]
    pub(crate) companions: Vec<Companion>,
    /// Print the public key of --key, made if missing, and end: for the --introducer of others
    #[arg(long, requires = "key")]
    pub(crate) show_key: bool,
    /// Address for /metrics alone; without it /metrics answers to this machine only
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics_listen: Option<SocketAddr>,
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
    pub(crate) ice_servers: Vec<IceServer>,
    /// TURN server that shares --turn-secret-file (coturn's use-auth-secret): every peer gets
    /// credentials of its own, for ten minutes. Repeatable
    #[arg(
        long = "turn-url",
        value_name = "URL",
        requires = "turn_secret_file",
        value_parser = turn_url_from_flag
    )]
    pub(crate) turn_urls: Vec<String>,
    /// File of the secret shared with the TURN servers
    #[arg(long, value_name = "FILE", requires = "turn_urls")]
    pub(crate) turn_secret_file: Option<PathBuf>,
    /// Origin whose pages may connect, such as https://example.org; repeatable. Without any: pages
    /// of the host that a request names
    #[arg(long = "origin", value_name = "ORIGIN", value_parser = origin_from_flag)]
    pub(crate) origins: Vec<String>,
    /// Origin that may show the page in a frame; repeatable
    #[arg(long = "frame-ancestor", value_name = "ORIGIN", value_parser = origin_from_flag)]
    pub(crate) frame_ancestors: Vec<String>,
    /// File of a token that clients other than pages must bring (Authorization: Bearer …)
    #[arg(long, value_name = "FILE")]
    pub(crate) native_token_file: Option<PathBuf>,
    /// Address or prefix, such as 10.0.0.0/8, of a proxy whose X-Forwarded-For counts; repeatable
    #[arg(long = "trust-proxy", value_name = "PREFIX")]
    pub(crate) trusted_proxies: Vec<Prefix>,
    /// Peers and others connected at once
    #[arg(long, value_name = "N", default_value_t = signal::room::CONNECTIONS_MAX)]
    pub(crate) connections: u32,
    /// Of these, at one IPv4 address or IPv6 /64
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) connections_per_address: u32,
    /// Of these, in one IPv4 /24 or IPv6 /48
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) connections_per_network: u32,
    /// Connections that become WebSockets in a second; further ones are asked to try again
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(crate) joins_per_second: u32,
    /// HTTP requests in a second of one address
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) requests_per_second: u32,
    /// Seconds for a whole request head, from the connection or the last response on
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds_from_flag)]
    pub(crate) head_timeout: Duration,
    /// Seconds in which a peer must take what is written to it
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds_from_flag)]
    pub(crate) write_timeout: Duration,
    /// Seconds between two pings of a WebSocket
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds_from_flag)]
    pub(crate) ping_interval: Duration,
    /// Seconds of silence after which a WebSocket is closed
    #[arg(long, value_name = "SECONDS", default_value = "45", value_parser = seconds_from_flag)]
    pub(crate) silence_timeout: Duration,
    /// Form of the log on stderr
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Why there are no settings.
pub(crate) enum Stop {
    /// Help or the version was asked for.
    Answered(String),
    /// In one line.
    Wrong(String),
}

impl Settings {
    /// From the command line and the file that it names.
    pub(crate) fn read() -> Result<Self, Stop> {
        let given: Vec<OsString> = std::env::args_os().collect();
        let first = Self::try_parse_from(&given).map_err(stop)?;
        let Some(path) = &first.config else { return Ok(first) };
        let mut all = given[..1].to_vec();
        all.extend(
            flags_from_file(path).map_err(|error| Stop::Wrong(format!("error: {error:#}")))?,
        );
        all.extend_from_slice(&given[1..]);
        Self::try_parse_from(all).map_err(stop)
    }

    /// The other introducers of this server's network.
    ///
    /// # Errors
    /// When they are too many, name one twice, or name this one.
    pub(crate) fn companions(
        &self,
        own: &PublicKey,
    ) -> anyhow::Result<Bounded<Companion, COMPANIONS_MAX>> {
        let mut keys: Vec<PublicKey> = self.companions.iter().map(|other| other.key).collect();
        if keys.len() > COMPANIONS_MAX {
            bail!("--introducer: a network has at most {COMPANIONS_MAX} besides this one");
        }
        if keys.contains(own) {
            bail!("--introducer: {own} is the key of this server");
        }
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("--introducer: {} is named twice", twice[0]);
        }
        Ok(Bounded::truncating(self.companions.clone()))
    }

    pub(crate) fn callers(&self) -> callers::Limits {
        callers::Limits {
            per_address: self.connections_per_address,
            per_network: self.connections_per_network,
            requests_per_second: self.requests_per_second,
        }
    }
}

fn stop(error: clap::Error) -> Stop {
    let words = error.to_string();
    if error.use_stderr() {
        // What is wrong, in one line. `--help` has the rest.
        let what = words.split("\n\n").next().unwrap_or_default();
        Stop::Wrong(what.split_whitespace().collect::<Vec<_>>().join(" "))
    } else {
        Stop::Answered(words)
    }
}

/// A file's settings as flags, so that there is one list of names and one check of values.
fn flags_from_file(path: &Path) -> anyhow::Result<Vec<OsString>> {
    let name = || format!("--config {}", path.display());
    let length = std::fs::metadata(path).with_context(name)?.len();
    if length > CONFIG_BYTES_MAX {
        bail!("{}: {length} bytes; at most {CONFIG_BYTES_MAX} are read", name());
    }
    let text = std::fs::read_to_string(path).with_context(name)?;
    flags_from_text(&text).with_context(name)
}

fn flags_from_text(text: &str) -> anyhow::Result<Vec<OsString>> {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let error: toml::de::Error = error;
            let line = error.span().map_or(0, |span| text[..span.start].lines().count().max(1));
            bail!("line {line}: {}", error.message());
        }
    };
    let mut flags = Vec::new();
    for (key, value) in &table {
        let values = match value {
            toml::Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values {
            let text = match value {
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(number) => number.to_string(),
                _ => bail!("{key} takes a string, a number or a list of them"),
            };
            flags.push(format!("--{key}={text}").into());
        }
    }
    Ok(flags)
}

fn seconds_from_flag(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=3_600) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a number of seconds from 1 to 3600".to_owned()),
    }
}

/// `https://host` or `http://host:port`, as browsers write an origin.
fn origin_from_flag(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = |host: &str| {
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@,;'\"\\*".contains(&byte))
    };
    match host {
        Some(host) if is_plain(host) => Ok(text.to_ascii_lowercase()),
        _ => Err("expected an origin, such as https://example.org or http://host:8080".to_owned()),
    }
}

/// `URL=KEY`: the URL as a visitor would write it, or that of the WebSocket.
fn companion_from_flag(text: &str) -> Result<Companion, String> {
    let (url, key) = text.rsplit_once('=').ok_or("expected URL=KEY")?;
    let key: PublicKey = key.parse().map_err(str::to_owned)?;
    Ok(Companion { key, url: socket_url(url)? })
}

/// Where the WebSocket of the server at `url` is.
fn socket_url(url: &str) -> Result<String, String> {
    let wrong = || "expected a server's URL, such as https://other.example".to_owned();
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let scheme = match scheme {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return Err(wrong()),
    };
    let rest = rest.trim_end_matches('/');
    let host = rest.split('/').next().unwrap_or_default();
    // It goes into a header besides.
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#@,;'\"\\*".contains(&byte);
    if host.is_empty() || host.starts_with(':') || !rest.bytes().all(is_plain) {
        return Err(wrong());
    }
    let path = if rest.ends_with("/v1/ws") { "" } else { "/v1/ws" };
    let url = format!("{scheme}://{rest}{path}");
    if url.len() > URL_BYTES_MAX {
        return Err(format!("the URL has at most {URL_BYTES_MAX} bytes"));
    }
    Ok(url)
}

fn is_turn(url: &str) -> bool {
    url.starts_with("turn:") || url.starts_with("turns:")
}

fn turn_url_from_flag(text: &str) -> Result<String, String> {
    if is_turn(text) && text.len() <= 256 && text.is_ascii() {
        Ok(text.to_owned())
    } else {
        Err("the URL begins with turn: or turns: and has at most 256 bytes".to_owned())
    }
}

/// `URL` or `URL,USERNAME,CREDENTIAL`. Browsers refuse TURN without credentials.
fn ice_server_from_flag(text: &str) -> Result<IceServer, String> {
    let (url, username, credential) = match *text.split(',').collect::<Vec<_>>() {
        [url] => (url, "", ""),
        [url, username, credential] => (url, username, credential),
        _ => return Err("expected URL or URL,USERNAME,CREDENTIAL".to_owned()),
    };
    if !is_turn(url) && !url.starts_with("stun:") && !url.starts_with("stuns:") {
        return Err("the URL begins with stun:, stuns:, turn: or turns:".to_owned());
    }
    if is_turn(url) && (username.is_empty() || credential.is_empty()) {
        return Err("TURN takes credentials: URL,USERNAME,CREDENTIAL".to_owned());
    }
    if text.len() > 512 {
        return Err("at most 512 bytes".to_owned());
    }
    let [url, username, credential] = [url, username, credential].map(str::to_owned);
    Ok(IceServer { url, username, credential })
}

/// The first line of a small file: a secret.
pub(crate) fn secret_from_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the secret in {}", path.display()))?;
    match text.trim_end() {
        secret if (16..=256).contains(&secret.len()) && !secret.contains('\n') => {
            Ok(secret.as_bytes().to_vec())
        }
        _ => bail!("{} holds no secret: one line of 16 to 256 bytes", path.display()),
    }
}

/// Whether a caller is this machine.
pub(crate) fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_consistent() {
        use clap::CommandFactory as _;
        Settings::command().debug_assert();
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

    #[test]
    fn origins_are_checked() {
        assert_eq!(origin_from_flag("https://Ours.example"), Ok("https://ours.example".to_owned()));
        assert!(origin_from_flag("http://192.0.2.1:8080").is_ok());
        for wrong in ["ours.example", "https://", "https://a/", "https://*", "null", "https://a;b"]
        {
            assert!(origin_from_flag(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn companions_are_checked() {
        let key = "ab".repeat(32);
        for (url, socket) in [
            ("https://other.example", "wss://other.example/v1/ws"),
            ("http://192.0.2.1:8080/", "ws://192.0.2.1:8080/v1/ws"),
            ("https://[2001:db8::1]/behind/", "wss://[2001:db8::1]/behind/v1/ws"),
            ("wss://other.example/v1/ws", "wss://other.example/v1/ws"),
        ] {
            let companion = companion_from_flag(&format!("{url}={key}")).expect(url);
            assert_eq!((companion.url.as_str(), companion.key), (socket, PublicKey([0xab; 32])));
        }
        let long = format!("https://{}.example", "x".repeat(300));
        for wrong in [
            "other.example",
            "https://",
            "ftp://other.example",
            "https://a;script-src",
            "https://a b",
            "https://a/'self'",
            "https://:80",
            &long,
        ] {
            assert!(companion_from_flag(&format!("{wrong}={key}")).is_err(), "{wrong}");
        }
        for wrong in ["", "abcd", &"zz".repeat(32)] {
            let text = format!("https://other.example={wrong}");
            assert!(companion_from_flag(&text).is_err(), "{text}");
        }
        assert!(companion_from_flag("https://other.example").is_err());
    }

    #[test]
    fn a_file_says_what_flags_say() {
        let text =
            "listen = \"127.0.0.1:0\"\nconnections = 9\norigin = [\"https://a\", \"https://b\"]";
        let flags = flags_from_text(text).expect("well-formed");
        let given = ["program".into(), "--connections".into(), "7".into()];
        let all = [&given[..1], &flags, &given[1..]].concat();
        let settings = Settings::try_parse_from(all).expect("settings");
        assert_eq!((settings.connections, settings.origins.len()), (7, 2));
        for (wrong, words) in [
            ("listen = \"127.0.0.1:0\"\nx = = 1", "line 2"),
            ("listen = 1.5", "listen takes"),
            ("[listen]\na = 1", "listen takes"),
        ] {
            let error = flags_from_text(wrong).expect_err(wrong).to_string();
            assert!(error.contains(words), "{error}");
        }
        let unknown = flags_from_text("no-such = 1").expect("flags");
        assert!(Settings::try_parse_from([&given[..1], &unknown].concat()).is_err());
    }
}
