//! Tells the program which revision it was built from and by which compiler.
//!
//! `TIMPUSH_REVISION` in the environment wins (an image is built without the
//! repository's history); else the checked-out commit; else `unknown`. A build
//! never fails for want of either.
#![allow(
    clippy::print_stdout,
    reason = "a build script speaks to cargo on standard output"
)]

use std::env;
use std::path::Path;
use std::process::Command;

const UNKNOWN: &str = "unknown";

fn main() {
    // Naming any file at all keeps cargo from running this on every change.
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=TIMPUSH_REVISION");

    let revision = env::var("TIMPUSH_REVISION")
        .ok()
        .map(|revision| revision.trim().to_owned())
        .filter(|revision| !revision.is_empty())
        .or_else(checked_out_revision)
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let rustc = compiler_version().unwrap_or_else(|| UNKNOWN.to_owned());

    println!("cargo:rustc-env=TIMPUSH_REVISION={revision}");
    println!("cargo:rustc-env=TIMPUSH_RUSTC={rustc}");
}

/// The commit that is checked out, if this crate is the top of a repository:
/// a copy unpacked somewhere below another project must not take that one's.
fn checked_out_revision() -> Option<String> {
    let crate_root = env::var("CARGO_MANIFEST_DIR").ok()?;
    let top = first_line("git", &["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != Path::new(&crate_root).canonicalize().ok()? {
        return None;
    }
    // `HEAD` moves with a checkout, its log with every commit. In a linked work
    // tree both lie elsewhere, so git is asked. A path that does not exist must
    // not be named: cargo would take it for changed each time.
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = first_line("git", &["rev-parse", "--git-path", file])
            && Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    first_line("git", &["rev-parse", "--verify", "HEAD"])
}

/// `1.88.0` of `rustc 1.88.0 (6b00bc388 2025-06-23)`.
fn compiler_version() -> Option<String> {
    let rustc = env::var("RUSTC").ok()?;
    let line = first_line(&rustc, &["--version"])?;
    line.split_whitespace().nth(1).map(str::to_owned)
}

/// What the command says first, or nothing if it cannot be run or fails.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let line = String::from_utf8(output.stdout)
        .ok()?
        .lines()
        .next()?
        .trim()
        .to_owned();
    (!line.is_empty()).then_some(line)
}
