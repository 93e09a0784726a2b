//! Sends what is in the outbox, beside the drills: a channel that is slow or dead keeps none of them waiting.

use std::thread;
use std::time::Duration;

use super::alerts::group_seconds;
use super::fleet::Fleet;
use super::ledger::LedgerError;
use super::outbox::{Delivery, Outbox};
use crate::clock::Clock;
use crate::notify::Secrets;

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// How long it waits if the outbox cannot be read or written.
const AFTER_ERROR: Duration = Duration::from_secs(10);

/// Sends messages until it is over, and then once more whatever does not wait for the end of quiet hours.
///
/// # Errors
/// When the outbox cannot be read or written.
pub fn courier(
    mut outbox: Outbox,
    fleet: &Fleet,
    secrets: &Secrets<'_>,
    clock: &dyn Clock,
    over: &dyn Fn() -> bool,
    tell: &dyn Fn(&Delivery),
) -> Result<(), LedgerError> {
    if fleet.alerts.is_none() {
        return Ok(());
    }
    loop {
        let last = over();
        // What comes together has come by now.
        let wait = if last { group_seconds(fleet) } else { 0 };
        let now = clock.now().unix().saturating_add(wait);
        match outbox.deliver(fleet, secrets, now) {
            Ok(deliveries) => deliveries.iter().for_each(tell),
            Err(error) if last => return Err(error),
            Err(error) => {
                let channel = "everyone".to_owned();
                tell(&Delivery { channel, notices: 0, error: Some(error.to_string()) });
                thread::sleep(AFTER_ERROR);
            }
        }
        if last {
            return Ok(());
        }
        thread::sleep(LOOK);
    }
}
