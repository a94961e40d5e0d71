//! One loop for each target whose app's tasks are watched: finds tasks in the service's list and in
//! the user's file, and queries the counts of the newest.
//!
//! A round makes at most one call for the list, and one for each API and five tasks. It shares the
//! call limit with the app's polls, and delays each of them by at most one call.

pub mod file;
mod told;
pub mod watch;
