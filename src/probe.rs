//! Measures on a user's own account what the documents leave open about the service.
//!
//! ```text
//! ground      which API and which days have something to count
//! sums        do adjacent days, and adjacent hours, add up
//! resolution  the shortest ranges that the service resolves
//! edges       is a push at exactly StartTime or EndTime counted
//! freshness   is there anything of today, and how old is the newest
//! limit       what the limit of one call a second counts
//! all_member  are there pushes to all users that are not watched
//! settling    how long the counts of a range keep changing
//! settings    what follows from all of it
//! report      the same for people and for machines
//! ```
//!
//! All queries except those about the limit pass the caller's own limiter, one at a time.
//! Every verdict comes with the responses behind it, and zeros are never accepted as proof.

mod all_member;
mod edges;
mod finding;
mod freshness;
mod ground;
mod limit;
mod report;
mod resolution;
mod settings;
mod settling;
mod sums;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::time::Duration;

pub use finding::{Asked, Finding};
pub use report::Report;
pub use settings::{Proposal, Setting};

use crate::config::duration;
use crate::config::target::Target;
use crate::fetch::Pair;
use crate::model::outcome::FetchError;
use crate::model::reading::{Api, Reading};
use crate::model::window::{DayOffset, Range, UnixSeconds};
use crate::poll::additivity::AnswerCounts;

/// Why nothing was proved, in the same words for every experiment.
const QUIET: &str = "unknown: no pushes in these ranges, or too few";

/// What an experiment requires to query and to wait.
pub struct Probe<'a, F> {
    pub fetch: &'a F,
    pub target: &'a Target,
    /// The wall clock. Waits are on tokio's clock, which is assumed to run at the same pace.
    pub clock: &'a dyn Fn() -> UnixSeconds,
    /// Receives progress messages, a line at a time.
    pub progress: &'a dyn Fn(&str),
    asked: RefCell<Vec<Asked>>,
}

impl<'a, F: Pair> Probe<'a, F> {
    pub fn new(
        fetch: &'a F,
        target: &'a Target,
        clock: &'a dyn Fn() -> UnixSeconds,
        progress: &'a dyn Fn(&str),
    ) -> Self {
        Self {
            fetch,
            target,
            clock,
            progress,
            asked: RefCell::default(),
        }
    }

    /// Makes all measurements; `quick` skips the one that waits for counts to settle.
    ///
    /// Sends 40 to 80 queries, and takes up to half an hour more unless `quick`.
    pub async fn run(&self, quick: bool) -> Result<Report, FetchError> {
        let started = (self.clock)();
        let own_offset = self.target.app.day_offset;
        self.tell("looking for days with losses");
        let ground = ground::find(self, own_offset).await?;
        self.tell("comparing adjacent days");
        let days = sums::days(self, &ground).await?;
        let service_days = sums::service_days(self, &ground, &days).await?;
        self.tell("looking for the shortest ranges that are told apart");
        let resolution = resolution::measure(self, &ground).await?;
        self.tell("comparing adjacent hours");
        let hours = sums::hours(self, &ground, &resolution).await?;
        self.tell("looking at the edges of ranges");
        let edges = edges::measure(self, &ground, &resolution, &days).await?;
        self.tell("looking for the newest data");
        let offset = service_days
            .as_ref()
            .filter(|days| days.passes())
            .map_or(own_offset, |days| days.offset);
        let freshness = freshness::measure(self, &ground, &resolution, offset).await?;
        self.tell("making two calls at once, up to four times");
        let limit = limit::measure(self, &ground).await;
        self.tell("looking for pushes to all users");
        let all_member = all_member::measure(self, &ground).await;
        let settling = if quick {
            self.finding("skipped", "left out, as --quick asks for it")
        } else {
            settling::measure(self, &ground, &resolution, &freshness).await?
        };
        let settings = settings::recommend(
            &self.target.app.polling,
            &days,
            service_days.as_ref(),
            &resolution,
            &freshness,
            &settling,
            all_member.as_ref(),
        );
        Ok(Report {
            app: self.target.app.name.clone(),
            region: self.target.region.name.clone(),
            push: self.target.push,
            api: ground.api.as_str(),
            measured_at: started.to_string(),
            day_additivity: days.finding,
            service_day_additivity: service_days.map(|days| days.sums.finding),
            hour_additivity: hours.finding,
            edges,
            resolution: resolution.finding,
            freshness,
            settling,
            call_limit: limit,
            all_member,
            settings,
        })
    }

    fn tell(&self, what: &str) {
        (self.progress)(what);
    }

    /// Sends one query, and keeps it as evidence.
    async fn ask(&self, api: Api, range: Range) -> Result<AnswerCounts, FetchError> {
        let answer = self.fetch.fetch(self.target, api, range).await;
        self.keep(api, range, &answer);
        answer.map(|reading| AnswerCounts::from(&reading))
    }

    fn keep(&self, api: Api, range: Range, answer: &Result<Reading, FetchError>) {
        let asked = Asked::new(api, range, (self.clock)(), answer);
        self.asked.borrow_mut().push(asked);
    }

    /// A verdict; the queries and responses since the last one are its evidence.
    fn finding(&self, verdict: &'static str, explanation: impl Into<String>) -> Finding {
        Finding {
            verdict,
            explanation: explanation.into(),
            seconds: None,
            evidence: self.asked.take(),
        }
    }
}

/// Where the service's days may begin: at +08:00 as in its own samples, or in UTC as in most
/// services.
const SERVICE_OFFSETS: [DayOffset; 2] = [DayOffset::DEFAULT, DayOffset::UTC];

/// A time in seconds, as the configuration writes it.
fn text(seconds: u64) -> String {
    duration::text(Duration::from_secs(seconds))
}
