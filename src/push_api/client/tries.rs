//! The tries of one query: host, connection and signature, from one call to the next.

use std::time::Duration;
use std::vec;

use super::line::Way;
use crate::model::outcome::FetchError;
use crate::model::region::Endpoint;
use crate::push_api::signer::Signed;
use crate::push_api::transport::Connection;

/// The next call, and what was tried before it.
pub(super) struct Tries<'a> {
    pub(super) host: &'a Endpoint,
    pub(super) way: Way,
    pub(super) signature: Signed,
    pub(super) has_paused: bool,
    pub(super) has_renewed: bool,
    others: vec::IntoIter<&'a Endpoint>,
    unreachable: Option<FetchError>,
}

impl<'a> Tries<'a> {
    /// Begins with `main` if `hosts` is empty.
    pub(super) fn new(
        hosts: Vec<&'a Endpoint>,
        main: &'a Endpoint,
        signature: Signed,
        timeout: Duration,
    ) -> Self {
        let mut others = hosts.into_iter();
        Self {
            host: others.next().unwrap_or(main),
            way: Way {
                connection: Connection::Kept,
                within: timeout,
            },
            signature,
            has_paused: false,
            has_renewed: false,
            others,
            unreachable: None,
        }
    }

    /// Moves on to the next host after `error`; fails if there is none.
    pub(super) fn other_host(&mut self, error: FetchError) -> Result<(), FetchError> {
        let Some(other) = self.others.next() else {
            return Err(both(self.unreachable.take(), error));
        };
        self.host = other;
        self.unreachable = Some(error);
        Ok(())
    }
}

/// The error of the first host, with a note on the second one's.
fn both(first: Option<FetchError>, second: FetchError) -> FetchError {
    match first {
        // For example, both hosts are behind the same broken proxy.
        Some(first) if first.message == second.message => first,
        None => second,
        Some(first) => FetchError {
            message: format!("{}; then {}", first.message, second.message),
            ..first
        },
    }
}
