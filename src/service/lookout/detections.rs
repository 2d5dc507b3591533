//! Detections on a schedule.

use super::{Failed, Kind, around, wait};
use crate::alert::{Alert, suppressions};
use crate::answer::Called;
use crate::flow::UnixMillis;
use crate::load::chain;
use crate::query::Asked;
use crate::request::{Deciding, Detect, Suppressions};
use crate::service::Shared;

/// Looks for what stands out, again and again, until `service` stops.
pub(super) fn look_out(service: &Shared) {
    let options = &service.options.lookout;
    let Some((detect, deciding)) = &options.detect else { return };
    loop {
        service.lookout.counters.look(Kind::Detections, || look(service, detect, deciding));
        if wait(service, options.detect_every) {
            return;
        }
    }
}

fn look(service: &Shared, detect: &Detect, deciding: &Deciding) -> Result<(), Failed> {
    let around = around(service);
    let parameters = detect.parameters(deciding, &around)?;
    let asked = Asked::new(detect.question(&around)?, service.store.snapshot()?, true);
    let lookup = detect.lookup(&asked.question);
    let lists = detect.watch_lists(&*service.store)?;
    let decide = (&parameters, lists.as_deref());
    let found = detect.answer(asked.snapshot(), (&asked.question, &lookup), decide, &around)?;
    let called = Called::by(&*around.meaning()?)?;
    let all = suppressions(&service.options.folder).unwrap_or_else(|error| {
        tracing::warn!("nothing is suppressed: {}", chain(&error));
        Vec::new()
    });
    let (suppressed, wrong) = Suppressions::new(all, &around);
    for (number, why) in wrong {
        tracing::warn!("suppression {number} does not hold: {why}");
    }
    for (kind, count) in &found.left_out {
        tracing::warn!("{count} more of kind {kind}, less grave, are not told");
    }
    for detection in &found.detections {
        if suppressed.holding(detection).is_none() {
            let alert = Alert::of_detection(detection, &called);
            service.alerts().raise(&alert, UnixMillis::now())?;
        }
    }
    Ok(())
}
