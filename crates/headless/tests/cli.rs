//! The command line, as a script sees it: exit codes, JSON, files. No server is needed here; the
//! whole system is tested in `tests/`.

#![expect(clippy::unwrap_used, reason = "a test panics where it fails")]

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {:?}", self.stdout))
    }

    fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn millefeuille(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millefeuille"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MILLEFEUILLE_")) {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Run {
    finished(&millefeuille(args).output().unwrap())
}

fn finished(output: &Output) -> Run {
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

/// An empty directory that vanishes with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mf-cli-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn names(&self) -> usize {
        fs::read_dir(&self.0).unwrap().count()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pixels(file: &str) -> (u32, u32, Vec<u8>) {
    let decoder = png::Decoder::new(std::io::BufReader::new(File::open(file).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

#[test]
fn mistakes_of_the_caller_exit_2_and_say_what_is_wrong() {
    let directory = Directory::new("usage");
    let out = directory.file("a.png");
    for (args, words) in [
        (&["render", "--alone"][..], "--output"),
        (&["render", "-o", &out], "--server"),
        (&["render", "--alone", "-o", &out, "--size", "12"], "width x height"),
        (&["render", "--alone", "-o", &out, "--size", "99999x9"], "16384"),
        (&["render", "--alone", "-o", &out, "--re", "-1.5x"], "real part"),
        (&["render", "--alone", "-o", &out, "--re", "NaN"], "real part"),
        (&["render", "--alone", "-o", &out, "--im", "infinity"], "imaginary part"),
        (&["render", "--alone", "-o", &out, "--re", &"1".repeat(10_000)], "real part"),
        (&["render", "--alone", "-o", &out, "--zoom", "0"], "at least 1/1000"),
        (&["render", "--alone", "-o", &out, "--zoom", "1e-5000"], "at least 1/1000"),
        (&["render", "--alone", "-o", &out, "--max-iter", "0"], "iteration"),
        (&["render", "--alone", "-o", &out, "--max-iter", "1099511627776"], "max-iter"),
        (&["render", "--alone", "-o", &out, "--zoom", "1e5000"], "too deep"),
        (&["render", "--alone", "-o", &out, "--family", "tricorn", "--zoom", "1e30"], "64-bit"),
        (&["render", "--alone", "-o", &out, "--palette", "mud"], "pastry"),
        (&["render", "--alone", "-o", &out, "--family", "cubism"], "burning-ship"),
        (&["render", "--alone", "-o", &out, "--power", "9"], "2 to 8"),
        (&["probe", "--re", "1", "--im", "0", "--constant", "1"], "two numbers"),
        (&["render", "--server", "https://host", "-o", &out], "TLS"),
        (&["peer", "--server", "host:80"], "http://HOST:PORT"),
        (&["peer", "--server", "http://h", "--threads", "0"], "threads"),
        (&["peer", "--server", "http://h", "--server", "host:80"], "http://HOST:PORT"),
        (
            &[
                "peer",
                "--server",
                "http://a http://b http://c http://d http://e http://f http://g http://h http://i",
            ],
            "at most 8",
        ),
        (&["probe", "--im", "0"], "--re"),
        (&["probe", "--re", "one", "--im", "0"], "decimal number"),
        (&["bake"], "bake"),
    ] {
        let plain = run(args);
        assert_eq!(plain.code, 2, "{args:?}: {}", plain.stderr);
        assert!(plain.stderr.contains(words), "{args:?}: {}", plain.stderr);
        assert_eq!(plain.stdout, "", "{args:?}");
        let json = run(&[args, &["--json"]].concat());
        let document = json.document();
        assert_eq!((json.code, &document["error"]["code"]), (2, &json!("usage")), "{args:?}");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{args:?}: {message}");
    }
    assert_eq!(directory.names(), 0, "nothing is left behind");
}

#[test]
fn a_picture_alone() {
    let directory = Directory::new("alone");
    let view = ["--re", "-0.75", "--im", "-.1", "--zoom", "3", "--max-iter", "300"];
    let (one, two) = (directory.file("one.png"), directory.file("two.png"));
    let common = ["render", "--alone", "--json", "--size", "600x300", "--palette", "ocean"];
    let first = run(&[&common[..], &view, &["--threads", "1", "-o", &one]].concat());
    let second = run(&[&common[..], &view, &["--threads", "3", "-o", &two]].concat());
    assert_eq!((first.code, second.code), (0, 0), "{}", first.stderr);
    let document = first.document();
    let expected = [("tiles", json!(6)), ("width", json!(600)), ("height", json!(300))];
    for (field, value) in expected.into_iter().chain([
        ("job", json!(null)),
        ("peers", json!([])),
        ("reassigned", json!(0)),
        ("duplicates", json!(0)),
        ("file", json!(one)),
        ("bytes", json!({ "sent": { "control": 0, "results": 0 }, "received": { "control": 0, "results": 0 } })),
    ]) {
        assert_eq!(document[field], value, "{field}");
    }
    assert!(document["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    let (width, height, colours) = pixels(&one);
    assert_eq!((width, height, colours.len()), (600, 300, 600 * 300 * 3));
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap(), "threads change nothing");
    assert_eq!(directory.names(), 2, "no draft is left behind");
}

#[test]
fn frames_that_are_here_are_kept_and_the_rest_is_computed() {
    let directory = Directory::new("zoom");
    let out = directory.file("frames");
    let common = ["zoom", "--alone", "--json", "--to", "seahorse", "--frames", "3"];
    let zoom = || run(&[&common[..], &["--size", "60x40", "--out", &out]].concat());
    let frame = |number: u32| PathBuf::from(&out).join(format!("{number:05}.png"));
    let first = zoom();
    assert_eq!((first.code, &first.document()["tiles"]), (0, &json!(3)), "{}", first.stderr);
    let frames: Vec<_> = (0..3).map(|number| fs::read(frame(number)).unwrap()).collect();
    fs::remove_file(frame(1)).unwrap();
    let again = zoom();
    assert_eq!((again.code, &again.document()["tiles"]), (0, &json!(1)), "{}", again.stderr);
    assert!((0..3).all(|number| fs::read(frame(number)).unwrap() == frames[number as usize]));
    let whole = zoom();
    assert_eq!((whole.code, &whole.document()["tiles"]), (0, &json!(0)), "{}", whole.stderr);
}

#[test]
fn an_unreachable_server_exits_4() {
    let directory = Directory::new("unreachable");
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [server, other] = listeners
        .map(|listener| format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port()));
    let out = directory.file("a.png");
    let render = millefeuille(&["render", "--server", &server, "--json", "-o", &out])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let peer = run(&["peer", "--server", &server, "--server", &other, "--json"]);
    let render = finished(&render.wait_with_output().unwrap());
    assert_eq!((render.code, peer.code), (4, 4));
    assert_eq!(render.document()["error"]["code"], "unreachable");
    assert!(render.stderr.contains(&server), "{}", render.stderr);
    // A peer's first line is `ready`: what goes wrong before is for people, but for the end.
    let lines = peer.lines();
    assert!(lines.len() == 1 && lines[0]["error"]["code"] == "unreachable", "{lines:?}");
    let message = lines[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains(&server) && message.contains(&other), "{message}");
    assert!(peer.stderr.matches("cannot be reached").count() >= 3, "{}", peer.stderr);
    assert_eq!(directory.names(), 0, "nothing is left behind");
}

#[test]
fn points() {
    let escapes = run(&["probe", "--family", "mandelbrot", "--re", "1", "--im", "-0"]);
    assert_eq!((escapes.code, escapes.stdout.as_str()), (0, "escapes after 5 iterations\n"));
    let args = ["probe", "--re", "-1", "--im", "0", "--max-iter", "77", "--json"];
    assert_eq!(run(&args).stdout, "{\"iterations\":null}\n");
    let julia = ["probe", "--family", "julia", "--re", "4", "--im", "0", "--c-re", "-0", "--json"];
    assert_eq!(run(&julia).stdout, "{\"iterations\":3}\n");
    for (args, answer) in [
        (&["--family", "multibrot", "--power", "3", "--re", "1", "--im", "0"][..], "4"),
        (&["--family", "multibrot", "--power", "3", "--re", "0", "--im", "1"], "null"),
        (&["--family", "burning-ship", "--re", "0", "--im", "1"], "6"),
        (&["--family", "tricorn", "--constant", "0,0", "--re", "4", "--im", "0"], "3"),
        (&["--family", "newton", "--power", "3", "--re", "10", "--im", "0"], "9"),
    ] {
        let probe = run(&[&["probe", "--json"], args].concat());
        assert_eq!(probe.stdout, format!("{{\"iterations\":{answer}}}\n"), "{args:?}");
    }
}

#[test]
fn a_batch_of_points_is_a_line_each() {
    let points = json!([
        { "family": "mandelbrot", "re": "1", "im": "0", "max_iter": 50 },
        { "family": "mandelbrot", "re": "x", "im": "0", "max_iter": 50 },
        { "family": "julia", "re": "0", "im": "0", "c_re": "-1", "c_im": "0", "max_iter": 50 },
    ]);
    let mut child = millefeuille(&["probe", "--batch", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(points.to_string().as_bytes()).unwrap();
    let batch = finished(&child.wait_with_output().unwrap());
    let lines = batch.lines();
    assert_eq!(lines.len(), 3, "{}", batch.stdout);
    assert_eq!(
        (&lines[0], &lines[2]),
        (&json!({ "iterations": 5 }), &json!({ "iterations": null }))
    );
    assert!(lines[1]["error"].as_str().is_some_and(|error| error.contains("decimal")));
    assert_eq!(batch.code, 2, "a point was none: {}", batch.stderr);

    let directory = Directory::new("batch");
    let file = directory.file("points.json");
    fs::write(&file, "[]").unwrap();
    let empty = run(&["probe", "--batch", &file]);
    assert_eq!((empty.code, empty.stdout.as_str()), (0, ""));
    fs::write(&file, "{}").unwrap();
    assert_eq!(run(&["probe", "--batch", &file]).code, 2);
    assert_eq!(run(&["probe", "--batch", &directory.file("none")]).code, 1);
}

#[test]
fn a_data_directory_in_use_is_refused() {
    let directory = Directory::new("data");
    let lock = File::create(directory.0.join("lock")).unwrap();
    lock.lock().unwrap();
    let data = directory.0.to_str().unwrap();
    let second = run(&["peer", "--server", "http://127.0.0.1:1", "--data-dir", data]);
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("in use by another process"), "{}", second.stderr);
}

#[test]
fn help_names_the_exit_codes() {
    let help = run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("Exit codes"), "{}", help.stdout);
}
