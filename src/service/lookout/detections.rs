//! Detections on a schedule.

use super::{AGAIN, Failed, Kind, around, wait};
use crate::alert::{Alert, AlertsError};
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
    // The gravest at the end, as those that were raised last are read first.
    for detection in told.found.detections.iter().rev() {
        let alert = Alert::of_detection(detection, &told.called);
        if !raise(service, &alert)? {
            break;
        }
    }
    Ok(())
}

/// Raises `alert`, however long the place is away where alerts are kept: to look for all of it again would
/// take far longer. Says whether the service goes on.
fn raise(service: &Shared, alert: &Alert) -> Result<bool, Failed> {
    loop {
        match service.alerts().raise(alert, UnixMillis::now()) {
            Ok(_) => return Ok(true),
            Err(AlertsError::Keeper(error)) if error.may_get_well() => {
                tracing::warn!("detections: {error}; alerts wait");
                if wait(service, AGAIN) {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}
