//! One loop for each target whose app's tasks are watched: learns of tasks from the service's
//! list and from the user's file, and asks for the counts of the newest.
//!
//! A round takes at most one call for the list, and one for each API and five tasks. It waits
//! for the limit of calls that the app's polls share, and delays none of them by more than one
//! call.

pub mod file;
mod told;
pub mod watch;
