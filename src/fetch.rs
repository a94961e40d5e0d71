//! The interface to the service for code that queries it: the service itself, or a stand-in.

#[cfg(test)]
pub(crate) mod fake;

use std::future::Future;

use crate::config::target::Target;
use crate::model::outcome::FetchError;
use crate::model::reading::{Api, Reading};
use crate::model::task::{TaskList, TaskReadings};
use crate::model::trace::Id;
use crate::model::window::Range;

/// Sends one query to the service; all retries and their pauses are up to the implementation.
pub trait Fetch: Send + Sync + 'static {
    fn fetch(
        &self,
        target: &Target,
        api: Api,
        range: Range,
    ) -> impl Future<Output = Result<Reading, FetchError>> + Send;
}

/// Makes two calls at the same time, with no limiter between them.
pub trait Pair: Fetch {
    /// Both are made whatever the outcome of the other, and neither is repeated.
    fn pair(
        &self,
        target: &Target,
        questions: [(Api, Range); 2],
    ) -> impl Future<Output = [Result<Reading, FetchError>; 2]> + Send;
}

/// Queries pushes to all users, to tags and to listed users.
pub trait FetchTasks: Send + Sync + 'static {
    /// The counts of at most [`MAX_ASKED`](crate::model::task::MAX_ASKED) tasks.
    fn tasks(
        &self,
        target: &Target,
        api: Api,
        range: Range,
        tasks: &[Id],
    ) -> impl Future<Output = Result<TaskReadings, FetchError>> + Send;

    /// The tasks scheduled for a range of time, the latest first.
    fn scheduled(
        &self,
        target: &Target,
        range: Range,
    ) -> impl Future<Output = Result<TaskList, FetchError>> + Send;
}
