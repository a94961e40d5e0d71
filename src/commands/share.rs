//! The part of an app's call limit that the running daemon needs. Other commands leave it to the
//! daemon, because the service counts calls per SDKAppID, whoever makes them.

use std::sync::Arc;

use crate::config::Config;
use crate::config::plan::Plan;

/// The smallest part of a limit that a command uses, however busy the daemon is.
const LEAST: f64 = 0.1;

/// How many apps are listed individually.
const TOLD: usize = 5;

/// Lowers the limits by the needs of a daemon with this configuration. Returns a sentence about it,
/// with calls per second, unless there is no limit.
pub(super) fn leave_to_daemon(config: &mut Config) -> Option<String> {
    let loads = Plan::of(config).loads();
    let mut told = Vec::new();
    // A configuration that was just read has no other owner.
    for app in config.apps.iter_mut().filter_map(Arc::get_mut) {
        let limit = app.calls_per_second;
        if let Some(load) = loads.get(&app.sdk_app_id)
            && limit.is_finite()
        {
            let load = load.calls_per_second;
            app.calls_per_second = rest(limit, load);
            told.push(format!("{} {load:.3} of {limit}", app.name));
        }
    }
    let more = told.len().saturating_sub(TOLD);
    if more > 0 {
        told.truncate(TOLD);
        told.push(format!("and {more} more apps"));
    }
    (!told.is_empty()).then(|| {
        let told = told.join(", ");
        format!("left to the daemon: {told} calls per second; --whole-limit takes all")
    })
}

/// Cut to thousandths, for readability.
fn rest(limit: f64, load: f64) -> f64 {
    let rest = (limit - load).max(limit * LEAST);
    let cut = (rest * 1000.0).floor() / 1000.0;
    if cut > 0.0 { cut } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_limit_is_what_the_daemon_does_not_need_and_never_nothing() {
        for (limit, load, expected) in [
            (0.9, 0.0667, 0.833),
            (50.0, 4.0, 46.0),
            (1.0, 0.95, 0.1),
            (1.0, 3.0, 0.1),
            (0.001, 0.0, 0.001),
            (0.0005, 0.0001, 0.0004),
        ] {
            let rest = rest(limit, load);
            assert!((rest - expected).abs() < 1e-9, "{limit} {load} {rest}");
        }
    }
}
