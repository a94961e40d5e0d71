//! How one question is tried: where, how and with what, from one call to the next.

use std::time::Duration;
use std::vec;

use super::line::Way;
use crate::model::outcome::FetchError;
use crate::model::region::Endpoint;
use crate::push_api::signer::Signed;
use crate::push_api::transport::Connection;

/// The call that is to be made, and what was tried before it.
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

    /// Goes on with the next host after `error`, which is the end if there is none.
    pub(super) fn other_host(&mut self, error: FetchError) -> Result<(), FetchError> {
        let Some(other) = self.others.next() else {
            return Err(both(self.unreachable.take(), error));
        };
        self.host = other;
        self.unreachable = Some(error);
        Ok(())
    }
}

/// The error of the host that was asked first, with a word on the second one's.
fn both(first: Option<FetchError>, second: FetchError) -> FetchError {
    match first {
        // Both behind the same broken proxy, say.
        Some(first) if first.message == second.message => first,
        None => second,
        Some(first) => FetchError {
            message: format!("{}; then {}", first.message, second.message),
            ..first
        },
    }
}
