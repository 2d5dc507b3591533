//! Alerts, as Prometheus reads how they went.

use crate::alert::{Counts, Source};
use crate::collect::Exposition;

/// The page of them.
pub(super) fn page(counts: &Counts) -> String {
    let mut page = Exposition::of("earlgrey_alerts_");
    page.head("raised_total", "counter", "How often alerts were raised, by source.");
    for source in Source::ALL {
        let raised = counts.raised.get(&source).copied().unwrap_or_default();
        page.sample("raised_total", &[("source", &source)], raised);
    }
    let by_way = [
        ("sent_total", "counter", "Messages that were delivered, by way."),
        ("failed_total", "counter", "Tries to deliver a message that failed, by way."),
        ("undelivered_total", "counter", "Messages that were given up, by way."),
        ("waiting", "gauge", "Messages that wait to be delivered, by way."),
    ];
    for (name, kind, help) in by_way {
        page.head(name, kind, help);
        for (way, counts) in &counts.ways {
            let value = match name {
                "sent_total" => Some(counts.sent),
                "failed_total" => Some(counts.failed),
                "undelivered_total" => Some(counts.undelivered),
                _ => counts.waiting,
            };
            if let Some(value) = value {
                page.sample(name, &[("way", way)], value);
            }
        }
    }
    page.text()
}
