"""Queries about tasks: pushes to all users, to a tag or to listed UserIDs.

Their gauges are counts since the task began, and have no label push: all are pushes of operators.
The exporter drops a task after some time: one that it had within the dashboard's range is shown as
it was then, to be compared with.
"""

from names import POST
from queries import classes

OF_APPS = 'job=~"$job",app=~"$app",region=~"$region"'
CHOSEN = f'{OF_APPS},task=~"$task"'

TASK = ("app", "region", "task")
CODE = ("stage", "platform", "err_code")
SCHEDULED = ("app", "region", "scheduled_task")

# After so many seconds a task that was not dispatched is overdue, as in the alert TimpushTaskOverdue.
LATE = 600

# Of hundreds of tasks, those that began last can be chosen: $task is one of them, or all of them.
NEWEST = 30


def _by(aggregation: str, *labels: str) -> str:
    return f"{aggregation} by ({', '.join(labels)})"


def _on(*labels: str) -> str:
    return f"on ({', '.join(labels)})"


_ANSWERED = f"timpush_tasks_last_success_timestamp_seconds{{{OF_APPS}}}"
_BEGAN = f"timpush_task_start_timestamp_seconds{{{CHOSEN}}}"


def _latest(series: str) -> str:
    """The values now or, of a task that is no longer watched, its last ones within the range.

    A task is watched for hours: what it had at each full hour is enough to find the last.
    """
    return f"({series} or last_over_time({series}[$__range:1h]) unless {_on(*TASK)} {_BEGAN})"


def _each(series: str) -> str:
    """The values at each point of a range."""
    return f"({series})"


def start() -> str:
    return f"{_by('max', *TASK)} {_latest(_BEGAN)}"


def info(find=_latest) -> str:
    """One series for each task, with its type and its name, which is its TaskID if it has none."""
    known = f'label_join({find(f"timpush_task_info{{{CHOSEN}}}")}, "both", "|", "name", "task")'
    whole = f'label_replace({known}, "name", "$1", "both", "[|](.+)")'
    return f"{_by('topk', *TASK)} (1, {_by('max', *TASK, 'name', 'type')} ({whole}))"


def named(expr: str, find=_latest) -> str:
    """With the task's name, of an expression with the labels of a task."""
    return f"({expr}) * {_on(*TASK)} group_left (name) {info(find)}"


def choices() -> str:
    """The tasks that can be chosen, by name and TaskID, the newest first."""
    every = named(f"topk({NEWEST}, {start()})").replace(CHOSEN, OF_APPS)
    return f"sort_desc(max by (name, task) ({every}))"


def number(state: str) -> str:
    return f'sum({_by("max", "app", "region")} (timpush_tasks{{{OF_APPS},state="{state}"}}))'


def _over_time(count: int, expr: str) -> str:
    """The lines of those tasks that began last, each while it is watched."""
    began = f"{_by('max', *TASK)} ({_BEGAN} @ end() or last_over_time({_BEGAN}[$__range:1h] @ end()))"
    return named(f"{expr} and {_on(*TASK)} topk({count}, {began})", _each)


def step(name: str, *by: str, find=_latest) -> str:
    """A step of the funnel; those of platforms are another measurement."""
    platform = ("platform",) if "platform" in by else ()
    series = f"timpush_task_{'platform_' if platform else ''}{name}_pushes{{{CHOSEN}}}"
    return f"{_by('sum', *by)} ({_by('max', *TASK, *platform)} {find(series)})"


def lost(*by: str, stage: str = "", find=_latest) -> str:
    platform = ("platform",) if "platform" in by else ()
    matcher = f',stage="{stage}"' if stage else ""
    series = f"timpush_task_{'platform_' if platform else ''}lost_pushes{{{CHOSEN}{matcher}}}"
    return f"{_by('sum', *by)} ({_by('max', *TASK, 'stage', *platform, 'err_code')} {find(series)})"


def loss_ratio(stage: str, *by: str) -> str:
    """The part of the pushes that was lost in a stage, 0 where nothing was.

    Nothing of apps about whose tasks the service never answered all: losses may be unknown.
    """
    labels = (*TASK, "platform") if "platform" in by else TASK
    answered = f"and on (app, region) {_by('max', 'app', 'region')} ({_ANSWERED} > 0)"
    whole = f"{_by('sum', *by)} ({step('sent' if stage == POST else 'sendable', *labels)} {answered})"
    part = f"{_by('sum', *by)} ({lost(*labels, stage=stage)} {answered})"
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def causes(count: int) -> str:
    """The codes that each task lost most by, with their class and the service's own words."""
    rows = f"{_by('topk', *TASK)} ({count}, {lost(*TASK, *CODE)}) > 0"
    said = f'timpush_error_description_info{{{OF_APPS},platform!="all"}}'
    texts = f"{_by('topk', *CODE)} (1, {_by('group', *CODE, 'err_info')} ({said}))"
    texts = f"({texts} or {_on(*CODE)} {_by('group', *CODE)} ({rows}))"
    classed = f"({rows}) * {_on(*CODE)} group_left (class) ({classes(rows)})"
    return named(f"{classed} * {_on(*CODE)} group_left (err_info) {texts}")


def _scheduled(name: str) -> str:
    return f"{_by('max', *SCHEDULED)} (timpush_scheduled_task_{name}{{{OF_APPS}}})"


def sent_over_time(count: int) -> str:
    return _over_time(count, step("sent", *TASK, find=_each))


def lost_over_time(count: int) -> str:
    return _over_time(count, lost(*TASK, stage=POST, find=_each))


def due() -> str:
    return _scheduled("scheduled_timestamp_seconds")


def failed() -> str:
    return f"{_scheduled('dispatch_failed')} == 1"


def overdue() -> str:
    waits = f"{_scheduled('dispatched')} == 0 unless {_on(*SCHEDULED)} ({failed()})"
    return f"({waits}) and {_on(*SCHEDULED)} {due()} < time() - {LATE}"


def dispatches() -> str:
    """All scheduled tasks, to count them where none is late."""
    return _scheduled("dispatched")


def state() -> str:
    """0 waits, 1 dispatched, 2 overdue, 3 failed."""
    return f"3 * ({failed()}) or 2 + ({overdue()}) or {dispatches()}"


def scheduled_info() -> str:
    labels = (*SCHEDULED, "task", "name", "type", "status")
    known = f"{_by('max', *labels)} (timpush_scheduled_task_info{{{OF_APPS}}})"
    return f"{_by('topk', *SCHEDULED)} (1, {known})"


def answered_ago() -> str:
    """Seconds since the tasks of the app that waited longest were last answered about."""
    last = f"{_by('max', 'app', 'region')} ({_ANSWERED} > 0)"
    return f"time() - min({last})"
