//! Which of a region's two hosts to query.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::region::{Endpoint, Region};

/// How long a backup host that responded is queried first, before the main host gets another
/// chance. Without it, every poll of an outage would wait for the main host's deadline.
const HOLD: Duration = Duration::from_secs(300);

/// Remembers for one target whether its backup host responds in place of the main host.
#[derive(Default)]
pub(super) struct BackupUse {
    until: Mutex<Option<Instant>>,
}

impl BackupUse {
    /// The hosts in the order of queries.
    pub(super) fn order<'a>(&self, region: &'a Region, now: Instant) -> Vec<&'a Endpoint> {
        let mut hosts = vec![&region.main];
        hosts.extend(&region.backup);
        if self.until().is_some_and(|until| now < until) {
            hosts.reverse();
        }
        hosts
    }

    /// Records that `host` responded, whatever the response. Returns whether it is the
    /// backup.
    pub(super) fn answered(&self, region: &Region, host: &Endpoint, now: Instant) -> bool {
        let is_backup = region.backup.as_ref() == Some(host);
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = match *until {
            _ if !is_backup => None,
            // A response does not prolong the hold, or the main host would wait for ever.
            Some(until) if now < until => Some(until),
            _ => Some(now + HOLD),
        };
        is_backup
    }

    fn until(&self) -> Option<Instant> {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_backup_that_answered_is_asked_first_for_a_while_and_then_the_main_host_again() {
        let region = Region::known("singapore").unwrap();
        let backup = region.backup.as_ref().unwrap();
        let (used, start) = (BackupUse::default(), Instant::now());
        assert_eq!(used.order(&region, start), [&region.main, backup]);
        assert!(used.answered(&region, backup, start));
        assert_eq!(
            used.order(&region, start + seconds(299)),
            [backup, &region.main]
        );
        assert!(used.answered(&region, backup, start + seconds(299)));
        assert_eq!(used.order(&region, start + HOLD), [&region.main, backup]);
    }

    #[test]
    fn a_main_host_that_answers_is_the_first_at_once() {
        let region = Region::known("singapore").unwrap();
        let (used, start) = (BackupUse::default(), Instant::now());
        assert!(used.answered(&region, region.backup.as_ref().unwrap(), start));
        assert!(!used.answered(&region, &region.main, start));
        assert_eq!(used.order(&region, start)[0], &region.main);
    }

    #[test]
    fn a_custom_host_is_the_only_one() {
        let region = Region::custom("lab".to_owned(), "http://127.0.0.1:1".parse().unwrap());
        assert_eq!(
            BackupUse::default().order(&region, Instant::now()),
            [&region.main]
        );
    }
}
