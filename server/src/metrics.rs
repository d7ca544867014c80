//! The room's counters in Prometheus' text form. Never an id or an address: what is counted here
//! may be public.

use std::fmt::Write as _;

use signal::room::Stats;

/// The content type of the text form.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Name, kind, meaning, and samples by labels.
type Family<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, u64)]);

/// All counters as text.
pub(crate) fn render(stats: &Stats) -> String {
    let families: [Family<'_>; 9] = [
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
    ];
    let mut text = String::new();
    for (name, kind, help, samples) in families {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_a_type() {
        let text = render(&Stats { natives: 3, refused: 4, ..Stats::default() });
        assert!(text.contains("\nmillefeuille_peers{kind=\"native\"} 3\n"));
        assert!(text.ends_with("\nmillefeuille_refused_total 4\n"));
        assert_eq!(text.matches("# TYPE ").count(), text.matches("# HELP ").count());
    }
}
