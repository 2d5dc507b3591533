//! Detections on a schedule.

use super::{Failed, Kind, around, wait};
use crate::alert::Alert;
use crate::flow::UnixMillis;
use crate::query::Asked;
use crate::request::Detect;
use crate::service::{Shared, detecting};

/// Looks for what stands out, again and again, until `service` stops.
pub(super) fn look_out(service: &Shared) {
    let options = &service.options.lookout;
    let Some(detect) = &options.detect else { return };
    loop {
        service.lookout.counters.look(Kind::Detections, || look(service, detect));
        if wait(service, options.detect_every) {
            return;
        }
    }
}

fn look(service: &Shared, detect: &Detect) -> Result<(), Failed> {
    let (around, options) = (around(service), &service.options);
    let parameters = detect.parameters(&options.deciding, &around)?;
    let asked = Asked::new(detect.question(&around)?, service.store.snapshot()?, true);
    let place = (&*service.store, &*options.folder);
    let told = detecting::find(detect, (&asked, &parameters), place, &around)?;
    for (kind, count) in &told.found.left_out {
        tracing::warn!("{count} more of kind {kind}, less grave, are not told");
    }
    for detection in &told.found.detections {
        let alert = Alert::of_detection(detection, &told.called);
        service.alerts().raise(&alert, UnixMillis::now())?;
    }
    Ok(())
}
