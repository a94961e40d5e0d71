//! How to continue an incomplete backfill.

use std::error::Error;

use crate::backfill::ask::AskError;
use crate::backfill::destination::Destination;
use crate::failure::Failure;
use crate::model::outcome::chain;

/// What an incomplete run leaves.
pub(super) enum Rest {
    /// The responses, if there is a file: the command that continues from them.
    Kept(String),
    /// Nothing: responses of a simulated service are not worth keeping.
    Demo,
}

impl Rest {
    /// Why the responses are incomplete, and how to continue; without an error, a signal stopped
    /// the run.
    pub(super) fn stopped(
        &self,
        error: Option<AskError>,
        destination: Option<&Destination>,
    ) -> Failure {
        let advice = match (self, destination) {
            (Self::Kept(resumption), Some(destination)) => format!(
                "what was answered is kept in {}: continue with {resumption}",
                destination.journal().display()
            ),
            (Self::Kept(_), None) => {
                "nothing was written; with --output, it could be continued".to_owned()
            }
            (Self::Demo, _) => "nothing was written; start it again".to_owned(),
        };
        match (error, destination) {
            (None, _) => Failure::failed(format!("interrupted; {advice}")),
            (Some(AskError::Keep(error)), Some(destination)) => self.unwritten(error, destination),
            (Some(error), _) if error.is_lasting() => Failure::failed(error),
            (Some(error), _) => Failure::failed(format!("{error}\n{advice}")),
        }
    }

    /// A file that could not be written, and how to continue.
    pub(super) fn unwritten(&self, error: impl Error, destination: &Destination) -> Failure {
        let go_on = match self {
            Self::Kept(resumption) => format!("continue with {resumption}"),
            Self::Demo => "start it again".to_owned(),
        };
        Failure::failed(format!(
            "{}\nmake sure that there is space and that the folder can be written to, then {go_on}; {} is as it was before",
            chain(&error),
            destination.file().display()
        ))
    }
}
