//! All counters in Prometheus' text form. Never an id or an address: what is counted here
//! may be public.

use std::fmt::Write as _;

use std::sync::atomic::Ordering;

use signal::room::Stats;

use crate::meters::{CLASSES_MICROS, Meters};

/// The content type of the text form.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Name, kind, meaning, and samples by labels.
type Family<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, u64)]);

/// All counters as text.
pub(crate) fn render(stats: &Stats, meters: &Meters) -> String {
    let families: [Family<'_>; 11] = [
        (
            "millefeuille_peers",
            "gauge",
            "Logged-in peers.",
            &[("{kind=\"browser\"}", stats.browsers), ("{kind=\"native\"}", stats.natives)],
        ),
        (
            "millefeuille_members",
            "gauge",
            "Logged-in peers that are ready members of the ring.",
            &[("", stats.members)],
        ),
        ("millefeuille_logins_total", "counter", "Logins.", &[("", stats.logins)]),
        (
            "millefeuille_introductions_total",
            "counter",
            "Newcomers that were named at least one anchor.",
            &[("", stats.introductions)],
        ),
        (
            "millefeuille_signal_messages_total",
            "counter",
            "Messages between peers and the server.",
            &[
                ("{direction=\"in\"}", stats.messages_in),
                ("{direction=\"out\"}", stats.messages_out),
            ],
        ),
        (
            "millefeuille_signal_bytes_total",
            "counter",
            "Bytes of messages between peers and the server.",
            &[("{direction=\"in\"}", stats.bytes_in), ("{direction=\"out\"}", stats.bytes_out)],
        ),
        (
            "millefeuille_relayed_signals_total",
            "counter",
            "Offers and answers passed on.",
            &[("", stats.signals)],
        ),
        (
            "millefeuille_relayed_signal_bytes_total",
            "counter",
            "Bytes of offers and answers passed on.",
            &[("", stats.signal_bytes)],
        ),
        (
            "millefeuille_refused_total",
            "counter",
            "Messages and connections refused.",
            &[("", stats.refused)],
        ),
        (
            "millefeuille_ws_connections",
            "gauge",
            "Open WebSockets.",
            &[("", meters.sockets.load(Ordering::Relaxed))],
        ),
        (
            "millefeuille_rate_limited_total",
            "counter",
            "Requests and connections refused for their number or rate.",
            &[("", meters.limited.load(Ordering::Relaxed))],
        ),
    ];
    let mut text = String::new();
    for (name, kind, help, samples) in families {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    durations(&mut text, meters);
    text
}

/// The one histogram.
fn durations(text: &mut String, meters: &Meters) {
    const NAME: &str = "millefeuille_http_request_duration_seconds";
    let _ = writeln!(text, "# HELP {NAME} From the request's head to the response's.");
    let _ = writeln!(text, "# TYPE {NAME} histogram");
    let mut sum = 0;
    for (class, count) in meters.requests.iter().enumerate() {
        sum += count.load(Ordering::Relaxed);
        let bound = CLASSES_MICROS.get(class).map_or("+Inf".to_owned(), |&bound| seconds(bound));
        let _ = writeln!(text, "{NAME}_bucket{{le=\"{bound}\"}} {sum}");
    }
    let micros = meters.request_micros.load(Ordering::Relaxed);
    let _ = writeln!(text, "{NAME}_sum {}\n{NAME}_count {sum}", seconds(micros));
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_a_type() {
        let meters = Meters::default();
        meters.request(std::time::Duration::from_millis(1));
        meters.request(std::time::Duration::from_millis(7));
        let text = render(&Stats { natives: 3, refused: 4, ..Stats::default() }, &meters);
        assert!(text.contains("\nmillefeuille_peers{kind=\"native\"} 3\n"));
        assert!(text.contains("\nmillefeuille_refused_total 4\n"));
        assert!(text.contains("_bucket{le=\"0.001000\"} 1\n"), "{text}");
        assert!(text.contains("_bucket{le=\"0.025000\"} 2\n"));
        assert!(text.ends_with(
            "_seconds_sum 0.008000\nmillefeuille_http_request_duration_seconds_count 2\n"
        ));
        assert_eq!(text.matches("# TYPE ").count(), text.matches("# HELP ").count());
    }
}
