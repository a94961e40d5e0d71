//! `usersig`: a signature for trying the service by hand.

use std::io::Write;

use super::chosen::{Choice, Chosen};
use crate::clock;
use crate::failure::Failure;
use crate::usersig::sign;

/// As long as the daemon's own signatures.
const VALID_FOR: u64 = 24 * 3600;

/// Prints the signature, then its expiry.
pub fn run(choice: &Choice, out: &mut dyn Write) -> Result<(), Failure> {
    let Chosen { app, key, .. } = Chosen::load(choice)?;
    let sig = sign(
        &key,
        app.sdk_app_id,
        &app.identifier,
        clock::now().unix(),
        VALID_FOR,
    );
    writeln!(out, "{}\nexpires {}", sig.expose(), sig.expires_at)?;
    Ok(())
}
