//! Keeps one app's signature in use: made at need, renewed at half-life, renewed early
//! when the service refuses it and there is reason to hope.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::clock::Now;
use crate::config::{App, KeyError};
use crate::usersig::{SecretKey, UserSig, sign};
use crate::window::UnixSeconds;

/// The service advises at least 24 h (document 34348, code 70001).
const VALID_FOR: u64 = 24 * 3600;

/// A refused signature younger than this is not made anew: the same clock and the same
/// key would make the same again, and the service punishes repeated bad signatures.
const MIN_AGE_TO_RENEW: Duration = Duration::from_secs(60);

/// How long nothing is sent after the service complained of repeated bad signatures
/// (code 70050 asks for a minute).
const PAUSE: Duration = Duration::from_secs(60);

/// Signs for one app.
pub(super) struct Signer {
    app: Arc<App>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    signed: Option<Signed>,
    paused_until: Option<Instant>,
}

/// A signature with the key that made it, which the scrubber needs to know.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) sig: UserSig,
    pub(super) key: SecretKey,
    made: Instant,
}

/// Why there is no signature to call with.
#[derive(Debug)]
pub(super) enum NoSignature {
    Key(KeyError),
    /// The service asked for silence, for this much longer.
    Paused(Duration),
}

impl Signer {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self {
            app,
            state: Mutex::default(),
        }
    }

    /// The signature to call with now.
    pub(super) fn current(&self, now: Now) -> Result<Signed, NoSignature> {
        let mut state = self.lock();
        if let Some(rest) = state
            .paused_until
            .and_then(|until| until.checked_duration_since(now.steady))
            && !rest.is_zero()
        {
            return Err(NoSignature::Paused(rest));
        }
        if let Some(signed) = state.signed.as_ref().filter(|signed| signed.is_fresh(now)) {
            return Ok(signed.clone());
        }
        match self.sign(now) {
            Ok(signed) => Ok(state.signed.insert(signed).clone()),
            // A key that cannot be read just now does not spoil a signature that is
            // only past its half-life.
            Err(error) => match state.signed.as_ref().filter(|signed| signed.is_valid(now)) {
                Some(signed) => {
                    warn!(
                        app = %self.app.name,
                        expires = %signed.sig.expires_at,
                        "cannot renew the signature: {error}; the old one is used until it expires; make the key readable"
                    );
                    Ok(signed.clone())
                }
                None => Err(NoSignature::Key(error)),
            },
        }
    }

    /// After the service refused `refused`: a signature worth another try, if there is one.
    pub(super) fn renew(&self, refused: &Signed, now: Now) -> Option<Signed> {
        let mut state = self.lock();
        // Another call may have been refused and have renewed it in the meantime.
        if let Some(signed) = &state.signed
            && signed.made > refused.made
        {
            return Some(signed.clone());
        }
        let old_enough = now.steady.duration_since(refused.made) > MIN_AGE_TO_RENEW;
        let signed = self.sign(now).ok()?;
        (old_enough || signed.key != refused.key).then(|| state.signed.insert(signed).clone())
    }

    /// Keeps every call of the app back for a while.
    pub(super) fn pause(&self, now: Now) {
        self.lock().paused_until = Some(now.steady + PAUSE);
    }

    fn sign(&self, now: Now) -> Result<Signed, KeyError> {
        let key = self.app.key.read()?;
        let sig = sign(
            &key,
            self.app.sdk_app_id,
            &self.app.identifier,
            now.unix(),
            VALID_FOR,
        );
        Ok(Signed {
            sig,
            key,
            made: now.steady,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signed {
    /// Within its first half by both clocks: a wall clock that was set right after a
    /// wrong start must not leave a signature from the future in use.
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
