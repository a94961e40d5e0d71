//! What asks, as those see it who want to know: the service itself, or a stand-in.

use std::future::Future;

use crate::api::FetchError;
use crate::reading::{Api, Reading};
use crate::target::Target;
use crate::window::Range;

/// Asks the service one question; all retries and their pauses are the answerer's own.
pub trait Fetch: Send + Sync + 'static {
    fn fetch(
        &self,
        target: &Target,
        api: Api,
        range: Range,
    ) -> impl Future<Output = Result<Reading, FetchError>> + Send;
}
