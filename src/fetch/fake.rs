//! A service within the process, for tests of code that queries it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Fetch;
use crate::config::target::Target;
use crate::model::outcome::FetchError;
use crate::model::reading::{Api, Reading};
use crate::model::target_id::TargetId;
use crate::model::window::Range;

/// A query that was received.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) id: TargetId,
    pub(crate) api: Api,
    pub(crate) range: Range,
    pub(crate) at: Instant,
}

type Respond = dyn Fn(&[Asked]) -> Result<Reading, FetchError> + Send + Sync;

/// Responds to every query after the same time.
pub(crate) struct Fake {
    takes: Duration,
    asked: Mutex<Vec<Asked>>,
    respond: Box<Respond>,
}

impl Fake {
    /// `respond` receives all queries up to the current one, which is the last.
    pub(crate) fn new(
        takes: Duration,
        respond: impl Fn(&[Asked]) -> Result<Reading, FetchError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            takes,
            asked: Mutex::default(),
            respond: Box::new(respond),
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Fetch for Fake {
    async fn fetch(&self, target: &Target, api: Api, range: Range) -> Result<Reading, FetchError> {
        let (id, at) = (target.id(), Instant::now());
        let response = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(Asked { id, api, range, at });
            (self.respond)(&asked)
        };
        sleep(self.takes).await;
        response
    }
}
