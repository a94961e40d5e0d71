//! Keeps one app's signature in use: made on demand, renewed at half-life, and renewed early
//! if the service refuses it and a new one may help.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::clock::Now;
use crate::config::{App, KeyError, KeySource};
use crate::files::{PATIENCE, Stuck, apart};
use crate::model::outcome::chain;
use crate::model::window::UnixSeconds;
use crate::scrubber::Scrubber;
use crate::usersig::{SecretKey, UserSig, sign};

/// The service advises at least 24 h (document 34348, code 70001).
const VALID_FOR: u64 = 24 * 3600;

/// A refused signature younger than this is not replaced: the same clock and key would
/// produce the same one, and the service punishes repeated bad signatures.
const MIN_AGE_TO_RENEW: Duration = Duration::from_secs(60);

/// How long nothing is sent after the service reported repeated bad signatures (code 70050
/// demands a minute).
const PAUSE: Duration = Duration::from_secs(60);

/// The maximum number of keys read from files at once, over all apps; further apps wait.
/// Reads that hang count, one for each app.
static READING: Semaphore = Semaphore::const_new(32);

/// Signs for one app.
pub(super) struct Signer {
    app: Arc<App>,
    state: Mutex<State>,
    /// Held while the key is read, even if the caller has given up: a file that hangs then
    /// occupies one thread, however often it is requested.
    turn: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    signed: Option<Signed>,
    /// The key may have changed: read it before the signature is used again.
    look: bool,
    paused_until: Option<Instant>,
}

/// A signature with the key that made it.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) sig: UserSig,
    key: SecretKey,
    /// Scrubs both.
    pub(super) scrubber: Scrubber,
    made: Instant,
}

/// Why no signature is available for a call.
#[derive(Debug)]
pub(super) enum NoSignature {
    Key(KeyError),
    /// The service demanded a pause, with this much time left.
    Paused(Duration),
}

impl Signer {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self {
            app,
            state: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether this signs for exactly that app.
    pub(super) fn is_of(&self, app: &Arc<App>) -> bool {
        *self.app == **app
    }

    /// Checks before the next call whether the key has changed; if so, that call is signed
    /// with the new one.
    pub(super) fn reread(&self) {
        self.lock().look = true;
    }

    /// Whether the key's file holds a different key than the one in use. Reads it on this
    /// thread.
    pub(super) fn has_other_key(&self) -> bool {
        let key = self.lock().signed.as_ref().map(|signed| signed.key.clone());
        let is_file = matches!(self.app.key, KeySource::File(_));
        key.filter(|_| is_file)
            .is_some_and(|key| self.app.key.read().is_ok_and(|read| read != key))
    }

    /// The signature for a call at `now`.
    pub(super) async fn current(&self, now: Now) -> Result<Signed, NoSignature> {
        if let Some(known) = self.lock().known(now) {
            return known;
        }
        let turn = self.turn().await;
        // Another call of the app may have read the key while this one waited.
        if let Some(known) = self.lock().known(now) {
            return known;
        }
        let read = match turn {
            Ok(turn) => self.read(turn).await,
            Err(stuck) => Err(stuck),
        };
        let mut state = self.lock();
        state.look = false;
        if let Some(signed) = &state.signed
            && signed.is_fresh(now)
            && read.as_ref().map_or(true, |key| *key == signed.key)
        {
            return Ok(signed.clone());
        }
        match read {
            Ok(key) => Ok(state.signed.insert(self.sign(key, now)).clone()),
            // A key that cannot be read now does not invalidate a signature that is only past
            // its half-life.
            Err(error) => match state.signed.as_ref().filter(|signed| signed.is_valid(now)) {
                Some(signed) => {
                    warn!(
                        app = %self.app.name,
                        expires = %signed.sig.expires_at,
                        "cannot renew the signature: {}; the old one is used until it expires; make the key readable",
                        chain(&error)
                    );
                    Ok(signed.clone())
                }
                None => Err(NoSignature::Key(error)),
            },
        }
    }

    /// After the service refused `refused`: a signature worth another try, if any.
    pub(super) async fn renew(&self, refused: &Signed, now: Now) -> Option<Signed> {
        let turn = self.turn().await.ok()?;
        // Another call may have been refused and have renewed it in the meantime.
        if let Some(signed) = self.lock().made_after(refused) {
            return Some(signed);
        }
        let key = self.read(turn).await.ok()?;
        let old_enough = now.steady.duration_since(refused.made) > MIN_AGE_TO_RENEW;
        let mut state = self.lock();
        (old_enough || key != refused.key).then(|| state.signed.insert(self.sign(key, now)).clone())
    }

    /// Holds back all calls of the app for a while.
    pub(super) fn pause(&self, now: Now) {
        self.lock().paused_until = Some(now.steady + PAUSE);
    }

    fn sign(&self, key: SecretKey, now: Now) -> Signed {
        let sig = sign(
            &key,
            self.app.sdk_app_id,
            &self.app.identifier,
            now.unix(),
            VALID_FOR,
        );
        Signed {
            scrubber: Scrubber::new([sig.expose(), key.expose()]),
            sig,
            key,
            made: now.steady,
        }
    }

    /// The right to read the key; one call of the app has it at a time.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, KeyError> {
        match timeout(PATIENCE, Arc::clone(&self.turn).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(KeyError::Stuck(Stuck::Full)),
        }
    }

    /// Reads the key; a file is read on another thread.
    async fn read(&self, turn: OwnedSemaphorePermit) -> Result<SecretKey, KeyError> {
        if !matches!(self.app.key, KeySource::File(_)) {
            return self.app.key.read();
        }
        let app = Arc::clone(&self.app);
        let read = apart(&READING, move || {
            let key = app.key.read();
            drop(turn);
            key
        });
        read.await
            .unwrap_or_else(|stuck| Err(KeyError::Stuck(stuck)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The result that requires no look at the key, if any.
    fn known(&self, now: Now) -> Option<Result<Signed, NoSignature>> {
        if let Some(rest) = self
            .paused_until
            .and_then(|until| until.checked_duration_since(now.steady))
            && !rest.is_zero()
        {
            return Some(Err(NoSignature::Paused(rest)));
        }
        let signed = self.signed.as_ref().filter(|signed| signed.is_fresh(now));
        signed.filter(|_| !self.look).cloned().map(Ok)
    }

    /// The signature that replaced `refused`, if any.
    fn made_after(&self, refused: &Signed) -> Option<Signed> {
        let signed = self.signed.as_ref();
        signed.filter(|signed| signed.made > refused.made).cloned()
    }
}

impl Signed {
    /// Whether it is in its first half by both clocks: after a wrong wall clock is corrected,
    /// a signature from the future must not stay in use.
    fn is_fresh(&self, now: Now) -> bool {
        let half = VALID_FOR / 2;
        let at = now.unix();
        self.sig.issued_at <= at
            && at < UnixSeconds(self.sig.issued_at.0 + half)
            && now.steady.duration_since(self.made) < Duration::from_secs(half)
    }

    fn is_valid(&self, now: Now) -> bool {
        self.sig.issued_at <= now.unix() && now.unix() < self.sig.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::tests::target;
    use crate::usersig::{SecretKey, verify};
    use std::fs;
    use std::path::Path;

    const HALF: Duration = Duration::from_secs(12 * 3600);

    /// A signer whose key is in a file, and its start time.
    fn signer(key: &Path) -> (Signer, Now) {
        let mut app = Arc::into_inner(target("shop", "singapore").app).unwrap();
        app.key = KeySource::File(key.to_owned());
        let now = Now {
            wall: Duration::from_secs(1_800_000_000),
            steady: Instant::now(),
        };
        (Signer::new(Arc::new(app)), now)
    }

    fn key_file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    /// Advances both clocks.
    fn after(now: Now, passed: Duration) -> Now {
        Now {
            wall: now.wall + passed,
            steady: now.steady + passed,
        }
    }

    #[tokio::test]
    async fn a_key_that_is_a_pipe_is_an_error_and_calls_at_once_read_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.key");
        crate::files::tests::fifo(&path);
        let (signer, start) = signer(&path);
        let Err(NoSignature::Key(error)) = signer.current(start).await else {
            panic!("a pipe holds no key");
        };
        assert_eq!(
            chain(&error),
            format!(
                "cannot read the secret key from {}: it is a named pipe, not a regular file",
                path.display()
            )
        );
        fs::remove_file(&path).unwrap();
        fs::write(&path, "made-up key").unwrap();
        let (first, second) = tokio::join!(signer.current(start), signer.current(start));
        let (first, second) = (first.ok().unwrap(), second.ok().unwrap());
        assert_eq!(first.sig.expose(), second.sig.expose());
    }

    #[tokio::test]
    async fn a_signature_is_used_until_its_half_life_and_then_made_anew() {
        let file = key_file("made-up key");
        let (signer, start) = signer(file.path());
        let first = signer.current(start).await.unwrap();
        let same = signer
            .current(after(start, HALF - Duration::from_secs(1)))
            .await
            .unwrap();
        assert_eq!(first.sig.expose(), same.sig.expose());
        let second = signer.current(after(start, HALF)).await.unwrap();
        assert_eq!(
            second.sig.issued_at,
            UnixSeconds(first.sig.issued_at.0 + HALF.as_secs())
        );
    }

    #[tokio::test]
    async fn a_wall_clock_that_jumps_either_way_gets_a_signature_of_its_own_time() {
        let file = key_file("made-up key");
        for jump in [HALF, Duration::from_secs(400 * 24 * 3600)] {
            let (signer, start) = signer(file.path());
            let ahead = Now {
                wall: start.wall + jump,
                ..start
            };
            for (from, to) in [(start, ahead), (ahead, start)] {
                signer.current(from).await.unwrap();
                assert_eq!(
                    signer.current(to).await.unwrap().sig.issued_at,
                    to.unix(),
                    "{jump:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_clock_that_stands_still_does_not_keep_a_signature_for_ever() {
        let file = key_file("made-up key");
        let (signer, start) = signer(file.path());
        let first = signer.current(start).await.unwrap();
        let stuck = Now {
            steady: start.steady + HALF,
            ..start
        };
        assert!(signer.current(stuck).await.unwrap().made > first.made);
    }

    #[tokio::test]
    async fn a_key_that_is_gone_does_not_spoil_a_signature_before_it_expires() {
        let file = key_file("made-up key");
        let (signer, start) = signer(file.path());
        let first = signer.current(start).await.unwrap();
        fs::remove_file(file.path()).unwrap();
        let late = after(start, 2 * HALF - Duration::from_secs(1));
        assert_eq!(
            signer.current(late).await.unwrap().sig.expose(),
            first.sig.expose()
        );
        assert!(matches!(
            signer.current(after(start, 2 * HALF)).await,
            Err(NoSignature::Key(_))
        ));
        fs::write(file.path(), "made-up key").unwrap();
        assert!(signer.current(after(start, 2 * HALF)).await.is_ok());
    }

    #[tokio::test]
    async fn a_refused_signature_is_renewed_only_for_another_key_or_after_a_minute() {
        let file = key_file("made-up key");
        let (signer, start) = signer(file.path());
        let refused = signer.current(start).await.unwrap();
        assert!(
            signer
                .renew(&refused, after(start, MIN_AGE_TO_RENEW))
                .await
                .is_none()
        );
        let later = after(start, MIN_AGE_TO_RENEW + Duration::from_secs(1));
        let second = signer.renew(&refused, later).await.unwrap();
        assert_eq!(second.sig.issued_at, later.unix());
        // Refused again, but the key was rotated: renewed at once.
        fs::write(file.path(), "another made-up key").unwrap();
        let third = signer.renew(&second, later).await.unwrap();
        let key = SecretKey::new("another made-up key").unwrap();
        assert!(verify(&key, third.sig.expose(), later.unix()).is_ok());
    }

    #[tokio::test]
    async fn a_signature_that_another_call_has_renewed_is_taken_over() {
        let file = key_file("made-up key");
        let (signer, start) = signer(file.path());
        let refused = signer.current(start).await.unwrap();
        let later = after(start, Duration::from_secs(90));
        let renewed = signer.renew(&refused, later).await.unwrap();
        let taken = signer
            .renew(&refused, after(later, Duration::from_secs(1)))
            .await
            .unwrap();
        assert_eq!(taken.sig.expose(), renewed.sig.expose());
    }

    #[tokio::test]
    async fn a_key_that_was_rotated_is_used_at_once_when_it_is_read_again() {
        let file = key_file("made-up key");
        let (signer, start) = signer(file.path());
        let first = signer.current(start).await.unwrap();
        signer.reread();
        assert_eq!(
            signer.current(start).await.unwrap().sig.expose(),
            first.sig.expose()
        );
        fs::write(file.path(), "another made-up key").unwrap();
        signer.reread();
        let key = SecretKey::new("another made-up key").unwrap();
        let second = signer.current(start).await.unwrap();
        assert!(verify(&key, second.sig.expose(), start.unix()).is_ok());
    }

    #[tokio::test]
    async fn after_repeated_bad_signatures_there_is_silence_for_a_minute() {
        let file = key_file("made-up key");
        let (signer, start) = signer(file.path());
        signer.pause(start);
        let almost = after(start, PAUSE - Duration::from_secs(1));
        assert!(
            matches!(signer.current(almost).await, Err(NoSignature::Paused(rest)) if rest == Duration::from_secs(1))
        );
        assert!(signer.current(after(start, PAUSE)).await.is_ok());
    }
}
