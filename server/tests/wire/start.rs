//! Starting and stopping: what an operator sees.

use std::os::unix::fs::PermissionsExt as _;

use base::Secret;

use crate::http::get;
use crate::process::{Folder, Server, run_to_end};

#[tokio::test]
async fn a_key_file_names_one_network_for_ever() {
    let folder = Folder::new();
    let key = folder.file("introducer.key");
    let first = Server::start(&["--key", &key]).await;
    let network = first.field("network");
    assert_eq!(network.len(), 64);
    first.stop().await;
    let mode = std::fs::metadata(&key).expect("the key file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let names = std::fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(names, 1, "nothing is left beside the key");

    let second = Server::start(&["--key", &key]).await;
    assert_eq!(second.field("network"), network);
    let ephemeral = Server::start(&[]).await;
    assert_ne!(ephemeral.field("network"), network);
}

/// A file with the secret key of so many equal bytes, and the public one.
fn key_file(folder: &Folder, seed: u8) -> (String, String) {
    let name = format!("{seed}.key");
    folder.write(&name, format!("{seed:02x}").repeat(32));
    (folder.file(&name), Secret::from_seed(&[seed; 32]).public().to_string())
}

#[tokio::test]
async fn the_key_is_shown_to_whoever_sets_up_a_companion() {
    let folder = Folder::new();
    let (file, public) = key_file(&folder, 7);
    let output = run_to_end(&["--key", &file, "--show-key"]).await;
    // The log may say that others can read the file.
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), public);
    check_fails(&["--show-key"], "--key").await;
}

#[tokio::test]
async fn companions_that_are_none_are_refused_in_one_line() {
    let folder = Folder::new();
    let (own_file, own) = key_file(&folder, 7);
    let start = async |companions: &[&str], words: &str| {
        let named = companions.iter().flat_map(|companion| ["--introducer", companion]);
        let flags: Vec<&str> =
            ["--listen", "127.0.0.1:0", "--key", &own_file].into_iter().chain(named).collect();
        check_fails(&flags, words).await;
    };
    let url = "https://other.example";
    let named = |seed: u8| format!("{url}={}", Secret::from_seed(&[seed; 32]).public());
    start(&[url], "expected URL=KEY").await;
    start(&[&format!("{url}=abcd")], "64 hexadecimal digits").await;
    start(&[&format!("other.example={own}")], "expected a server's URL").await;
    start(&[&format!("{url};script-src={own}")], "expected a server's URL").await;
    start(&[&format!("{url}={own}")], "is the key of this server").await;
    start(&[&named(1), &named(2), &named(1)], "is named twice").await;
    start(&[&named(1), &named(2), &named(3), &named(4)], "at most 3 besides").await;
    folder.write("server.toml", format!("introducer = [\"{url}={own}\"]\n"));
    let file = folder.file("server.toml");
    check_fails(&["--config", &file, "--key", &own_file], "is the key of this server").await;
}

#[tokio::test]
async fn the_announcement_names_the_page() {
    let server = Server::start(&[]).await;
    assert_eq!(server.field("event"), "listening");
    assert_eq!(server.field("url"), format!("http://{}/", server.address()));
}

#[tokio::test]
async fn both_signals_end_the_server_in_peace() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[]).await;
        server.signal(signal).await;
        assert_eq!(server.wait().await.code(), Some(0), "{signal}");
    }
}

async fn check_fails(flags: &[&str], words: &str) {
    let output = run_to_end(flags).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains(words), "{stderr}");
    let lines = stderr.lines().filter(|line| line.starts_with("error")).count();
    assert_eq!(lines, 1, "{stderr}");
    assert!(output.stdout.is_empty() && !stderr.contains("backtrace"), "{stderr}");
}

#[tokio::test]
async fn what_cannot_start_says_so_in_one_line() {
    let running = Server::start(&[]).await;
    check_fails(&["--listen", &running.address()], "cannot listen on").await;
    check_fails(&["--listen", "nowhere"], "--listen").await;
    check_fails(&["--no-such-flag"], "--no-such-flag").await;
    check_fails(&["--ice-server", "http://example.org"], "begins with stun:").await;
    let folder = Folder::new();
    folder.write("short.key", "abcdef");
    let listen = ["--listen", "127.0.0.1:0", "--key"];
    check_fails(&[&listen[..], &[&folder.file("short.key")]].concat(), "holds no key").await;
    let absent = folder.file("absent/introducer.key");
    check_fails(&[&listen[..], &[&absent]].concat(), "cannot keep the key").await;
    check_fails(&["--turn-url", "turn:relay.example"], "--turn-secret-file").await;
    check_fails(&["--trust-proxy", "10.0.0.0/99"], "--trust-proxy").await;
    check_fails(&["--origin", "ours.example"], "expected an origin").await;
    folder.write("short.token", "short");
    let token = ["--native-token-file", &folder.file("short.token")];
    check_fails(&[&listen[..2], &token].concat(), "holds no secret").await;
    folder.write("bad.toml", "listen = \"127.0.0.1:0\"\nno-such-setting = 1\n");
    check_fails(&["--config", &folder.file("bad.toml")], "--no-such-setting").await;
    folder.write("broken.toml", "listen = ");
    check_fails(&["--config", &folder.file("broken.toml")], "line 1").await;
    folder.write("huge.toml", vec![b'#'; 70_000]);
    check_fails(&["--config", &folder.file("huge.toml")], "at most 65536").await;
    check_fails(&["--config", &folder.file("absent.toml")], "absent.toml").await;
    let unreadable = folder.path().to_str().expect("plain");
    check_fails(&[&listen[..], &[unreadable]].concat(), "cannot read the key").await;
}

#[tokio::test]
async fn a_file_sets_what_flags_set() {
    let folder = Folder::new();
    folder.write("server.toml", "listen = \"127.0.0.1:0\"\nconnections-per-address = 1\n");
    let server = Server::start(&["--config", &folder.file("server.toml")]).await;
    let config = get(&server.address(), "/v1/config", "").await.body;
    assert!(config.contains("\"connections_per_address\":1"), "{config}");
}

#[tokio::test]
async fn help_is_not_an_error() {
    let output = run_to_end(&["--help"]).await;
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(String::from_utf8_lossy(&output.stdout).contains("--origin"));
}
