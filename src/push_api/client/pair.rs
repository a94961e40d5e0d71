//! Two concurrent calls that show what the service's limit counts.

use tokio::time::Instant;

use super::failure::{Failure, Remedy};
use super::line::{Call, Way};
use super::{Client, unconfigured};
use crate::clock;
use crate::config::target::Target;
use crate::fetch::Pair;
use crate::model::outcome::FetchError;
use crate::model::reading::{Api, Reading};
use crate::model::window::Range;
use crate::push_api::transport::Connection;

impl Pair for Client {
    /// Waits for one turn of the limiter and then makes both calls, so that calls before and
    /// after keep their distance. Neither call is repeated, whatever the response.
    async fn pair(
        &self,
        target: &Target,
        questions: [(Api, Range); 2],
    ) -> [Result<Reading, FetchError>; 2] {
        let id = target.id();
        let (Some(signer), Some(backup), Some(limiter)) = (
            self.signers.get(&target.app.name),
            self.backups.get(&id),
            self.limiters.get(&target.app.sdk_app_id),
        ) else {
            return [Err(unconfigured(target)), Err(unconfigured(target))];
        };
        let signature = match self.signature(signer, &target.app.name).await {
            Ok(signature) => signature,
            Err(error) => return [Err(error.clone()), Err(error)],
        };
        let hosts = backup.order(&target.region, Instant::now());
        let host = hosts.first().copied().unwrap_or(&target.region.main);
        let calls = questions.map(|(api, range)| Call::counts(target, api, range));
        // On a kept connection, a call could be lost with it.
        let way = Way {
            connection: Connection::Fresh,
            within: target.app.polling.timeout,
        };
        let (permit, _place) = limiter.acquire(self.places.acquire()).await;
        let (first, second) = tokio::join!(
            self.line.call(&calls[0], host, &signature, way),
            self.line.call(&calls[1], host, &signature, way)
        );
        drop(permit);
        let answers = [first, second];
        let is_silence = |failure: &Failure| matches!(failure.remedy, Remedy::Silence);
        if answers
            .iter()
            .any(|answer| answer.as_ref().is_err_and(is_silence))
        {
            signer.pause(clock::now());
        }
        answers.map(|answer| answer.map_err(|failure| failure.error))
    }
}
