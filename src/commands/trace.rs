//! `trace`: one push from Chat to its user's devices, for people.

mod told;

use std::io::Write;

use clap::{ArgGroup, Args};

use super::chosen::{Choice, Chosen};
use super::output::Output;
use crate::failure::Failure;
use crate::model::trace::{Id, Trail};
use told::Told;

#[derive(Args)]
#[command(group = ArgGroup::new("push").required(true).args(["push_id", "task_id"]))]
pub struct TraceArgs {
    #[command(flatten)]
    choice: Choice,
    /// One of the app's regions; without it, all of them
    #[arg(long)]
    region: Option<String>,
    /// A push that followed a chat message: the message's id, which the console calls `Push ID`
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    push_id: Option<Id>,
    /// A push to all users, to a tag or to listed users: the task's id, with --user-id
    #[arg(
        long,
        value_name = "ID",
        requires = "user_id",
        allow_hyphen_values = true
    )]
    task_id: Option<Id>,
    /// The user whose devices are meant
    #[arg(
        long,
        value_name = "ID",
        requires = "task_id",
        allow_hyphen_values = true
    )]
    user_id: Option<Id>,
    /// A table for people, or JSON for programs
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// Queries the trace and prints it. A push that no region knows is a failure.
pub async fn run(args: TraceArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let trail = trail(args.push_id, args.task_id, args.user_id)?;
    let chosen = Chosen::load(&args.choice)?;
    let (targets, client) = chosen.targets(args.region.as_deref())?;
    let mut told = Vec::new();
    let mut failures = Vec::new();
    for target in &targets {
        match client.trace(target, &trail).await {
            Ok(trace) if trace.devices.is_empty() => failures.push(format!(
                "{}: the service knows nothing of {}; check the id: the service keeps traces for 7 days, and only of pushes on the offline channel",
                target.id(),
                told::name(&trail)
            )),
            Ok(trace) => told.push(Told::new(target, &trail, &trace)),
            Err(error) => failures.push(format!("{}: {error}; {}", target.id(), error.advice)),
        }
    }
    if told.is_empty() {
        return Err(Failure::failed(failures.join("\n")));
    }
    // A push belongs to one region, so failures of the others add nothing.
    for failure in failures {
        tracing::debug!("{failure}");
    }
    args.output.print(&told, out, Told::write)
}

fn trail(push: Option<Id>, task: Option<Id>, user: Option<Id>) -> Result<Trail, Failure> {
    match (push, task, user) {
        (Some(push), None, None) => Ok(Trail::Push { push }),
        (None, Some(task), Some(user)) => Ok(Trail::Task { task, user }),
        // The command line has already ruled this out.
        _ => Err(Failure::usage(
            "give --push-id, or --task-id and --user-id".to_owned(),
        )),
    }
}
