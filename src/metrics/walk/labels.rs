//! The labels of samples, in the order of the metric contract: one function for each label
//! set.

use super::super::Labels;
use crate::model::catalogue::{CodeClass, loss_code};
use crate::model::outcome::Outcome;
use crate::model::reading::{Api, CountKey, LossKey, Platform, Stage};
use crate::model::target_id::TargetId;
use crate::model::task::{ScheduledTask, Task};
use crate::model::trace::Id;

type Label<'a> = (&'static str, &'a str);

/// The owner of counts: a target or a task.
pub(super) type Owner<'a> = [Label<'a>; 3];

/// Label names that other sources must not use.
pub const NAMES: [&str; 8] = [
    "app", "region", "push", "api", "stage", "platform", "err_code", "class",
];

/// The label `platform` in knowledge about the overall rows.
const ALL_PLATFORMS: &str = "all";

pub fn target(id: &TargetId) -> Owner<'_> {
    let [app, region] = app_and_region(id);
    [app, region, ("push", id.push.as_str())]
}

pub fn api(id: &TargetId, api: Api) -> [Label<'_>; 4] {
    with(id, ("api", api.as_str()))
}

pub(super) fn stage(id: &TargetId, stage: Stage) -> [Label<'_>; 4] {
    with(id, ("stage", stage.as_str()))
}

pub(super) fn outcome(id: &TargetId, of: Api, outcome: Outcome) -> [Label<'_>; 5] {
    let [app, region, push, api] = api(id, of);
    [app, region, push, api, ("outcome", outcome.as_str())]
}

pub(super) fn code<'a>(id: &'a TargetId, of: Api, code: &'a str) -> [Label<'a>; 5] {
    let [app, region, push, api] = api(id, of);
    [app, region, push, api, ("code", code)]
}

pub(super) fn host<'a>(id: &'a TargetId, sdk_app_id: &'a str, host: &'a str) -> [Label<'a>; 5] {
    let [app, region, push] = target(id);
    [
        app,
        region,
        push,
        ("sdk_app_id", sdk_app_id),
        ("host", host),
    ]
}

/// Passes the labels of a count of the funnel to `write`.
pub(super) fn step<T>(
    owner: Owner<'_>,
    platform: Option<Platform>,
    write: impl FnOnce(&Labels<'_>) -> T,
) -> T {
    let [app, region, third] = owner;
    match platform {
        None => write(&owner),
        Some(platform) => write(&[app, region, third, ("platform", &platform.to_string())]),
    }
}

/// Passes the labels of a loss to `write`.
pub(super) fn loss<T>(
    [app, region, owner]: Owner<'_>,
    key: &LossKey,
    write: impl FnOnce(&Labels<'_>) -> T,
) -> T {
    let (stage, code) = (stage_of(key), code_of(key));
    match key.platform {
        None => write(&[app, region, owner, stage, code]),
        Some(platform) => {
            let platform = platform.to_string();
            write(&[app, region, owner, stage, ("platform", &platform), code])
        }
    }
}

/// Passes the labels of a count to `write`.
pub fn count<T>(id: &TargetId, key: &CountKey, write: impl FnOnce(&Labels<'_>) -> T) -> T {
    match key {
        CountKey::Loss(key) => loss(target(id), key, write),
        CountKey::Funnel(_, platform) => step(target(id), *platform, write),
    }
}

/// Passes the labels of a loss's description to `write`.
pub(super) fn description(
    id: &TargetId,
    key: &LossKey,
    description: &str,
    write: impl FnOnce(&Labels<'_>),
) {
    let [app, region, push] = target(id);
    let platform = platform_or_all(key);
    write(&[
        app,
        region,
        push,
        stage_of(key),
        ("platform", &platform),
        code_of(key),
        ("err_info", description),
    ]);
}

/// Passes the labels of a code's class to `write`. Descriptions may have `decided` the class.
pub fn class<T>(
    key: &LossKey,
    decided: Option<CodeClass>,
    write: impl FnOnce(&Labels<'_>) -> T,
) -> T {
    let class = decided.unwrap_or_else(|| general_class(key));
    let platform = platform_or_all(key);
    write(&[
        stage_of(key),
        ("platform", &platform),
        code_of(key),
        ("class", class.as_str()),
    ])
}

/// The class of a code, regardless of its descriptions.
pub(super) fn general_class(key: &LossKey) -> CodeClass {
    loss_code(key.stage, key.platform, &key.code, "").class
}

/// The labels of what is about a target's tasks, which have a population of their own.
pub(super) fn app_and_region(id: &TargetId) -> [Label<'_>; 2] {
    [("app", &id.app), ("region", &id.region)]
}

pub(super) fn task<'a>(id: &'a TargetId, task: &'a Id) -> Owner<'a> {
    let [app, region] = app_and_region(id);
    [app, region, ("task", task.as_str())]
}

pub(super) fn task_state<'a>(id: &'a TargetId, state: &'a str) -> [Label<'a>; 3] {
    let [app, region] = app_and_region(id);
    [app, region, ("state", state)]
}

pub(super) fn task_info<'a>(id: &'a TargetId, of: &'a Task) -> [Label<'a>; 6] {
    let [app, region, task] = task(id, &of.id);
    let (kind, source) = (of.kind.as_str(), of.source.as_str());
    let name = of.name.as_str();
    [
        app,
        region,
        task,
        ("name", name),
        ("type", kind),
        ("source", source),
    ]
}

pub(super) fn scheduled_task<'a>(id: &'a TargetId, number: &'a str) -> [Label<'a>; 3] {
    let [app, region] = app_and_region(id);
    [app, region, ("scheduled_task", number)]
}

/// Passes the labels of a scheduled task's description to `write`.
pub(super) fn scheduled_info(id: &TargetId, of: &ScheduledTask, write: impl FnOnce(&Labels<'_>)) {
    let number = of.number.to_string();
    let [app, region, scheduled] = scheduled_task(id, &number);
    write(&[
        app,
        region,
        scheduled,
        ("task", of.push.as_ref().map_or("", Id::as_str)),
        ("name", &of.name),
        ("type", of.kind.as_str()),
        ("status", &of.status),
    ]);
}

fn with<'a>(id: &'a TargetId, label: Label<'a>) -> [Label<'a>; 4] {
    let [app, region, push] = target(id);
    [app, region, push, label]
}

fn stage_of(key: &LossKey) -> Label<'_> {
    ("stage", key.stage.as_str())
}

fn code_of(key: &LossKey) -> Label<'_> {
    ("err_code", key.code.as_str())
}

fn platform_or_all(key: &LossKey) -> String {
    key.platform
        .map_or_else(|| ALL_PLATFORMS.to_owned(), |platform| platform.to_string())
}
