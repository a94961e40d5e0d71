"""What the queries of the dashboards must be like, by their syntax trees."""

from collections.abc import Iterator

import promql_parser as ast

# Series that are not the exporter's own and carry no job.
FOREIGN = {"ALERTS"}

# How names begin that alerts look at, too: recorded without a job, which others must limit them to.
WITHOUT_JOB = "app_region"

# Labels of which each value belongs to one push.
ONE_PUSH = {"push", "api"}

# What has no label push, since all of it is pushes of operators.
OF_TASKS = ("timpush_task_", "timpush_tasks", "timpush_scheduled_task_")

GROWTH = {"increase", "rate", "histogram_quantile"}

# Selectors of a past span that is no counter's.
OVER_TIME = {
    ("min_over_time", "timpush_window_end_timestamp_seconds"): "the oldest data that there is",
    ("changes", "process_start_time_seconds"): "restarts",
}

# Denominators that cannot be 0.
NEVER_ZERO = {
    "timpush_target_interval_seconds": "a configured time",
    "timpush_target_series_limit": "a configured limit",
    "process_max_fds": "a process has files",
    "up": "count() of nothing is nothing",
}


def children(node: ast.Expr) -> list[ast.Expr]:
    if isinstance(node, ast.BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, ast.AggregateExpr):
        return [node.expr, *([node.param] if node.param is not None else [])]
    if isinstance(node, ast.Call):
        return list(node.args)
    if isinstance(node, (ast.ParenExpr, ast.UnaryExpr, ast.SubqueryExpr)):
        return [node.expr]
    return []


def walk(node: ast.Expr, above: tuple[ast.Expr, ...] = ()) -> Iterator[tuple[ast.Expr, tuple[ast.Expr, ...]]]:
    """Each node with those above it, the nearest last."""
    yield node, above
    for child in children(node):
        yield from walk(child, (*above, node))


def selector(node: ast.Expr) -> ast.VectorSelector | None:
    if isinstance(node, ast.MatrixSelector):
        return node.vector_selector
    return node if isinstance(node, ast.VectorSelector) else None


def selectors(tree: ast.Expr) -> Iterator[ast.VectorSelector]:
    for node, _ in walk(tree):
        found = selector(node)
        if found is not None:
            yield found


def labels_named(tree: ast.Expr) -> set[str]:
    """Labels by which a query groups and joins."""
    named = set()
    for node, _ in walk(tree):
        if isinstance(node, ast.AggregateExpr) and node.modifier:
            named.update(node.modifier.labels)
        if isinstance(node, ast.BinaryExpr) and node.modifier:
            if node.modifier.matching:
                named.update(node.modifier.matching.labels)
            named.update(node.modifier.group_labels or ())
    return named


def is_counter(name: str) -> bool:
    return name.endswith(("_total", "_bucket", "_count", "_sum"))


def problems(promql: str, instant: bool) -> list[str]:
    try:
        tree = ast.parse(promql)
    except ValueError as error:
        return [f"does not parse: {error}"]
    found = []
    for node, above in walk(tree):
        chosen = selector(node)
        if chosen is not None:
            found += _selector(chosen, node, above)
        if isinstance(node, ast.AggregateExpr) and str(node.op) in ("topk", "bottomk"):
            pinned = all(_pinned(each, around) for each, around in walk(node) if selector(each) is not None)
            per_group = node.modifier is not None
            if not (instant or pinned or per_group):
                found.append("topk() over a range without @ end(): its lines flicker")
        if isinstance(node, ast.BinaryExpr) and str(node.op) == "/":
            found += _division(node)
        found += _mixed(node)
    return found


def _pinned(node: ast.Expr, above: tuple[ast.Expr, ...]) -> bool:
    return "@ end()" in str(node) or any(
        isinstance(each, ast.SubqueryExpr) and str(each).endswith("@ end()") for each in above
    )


def _mixed(node: ast.Expr) -> list[str]:
    """An app in a region is two targets where it has both pushes: none is joined with, or folded into, the other."""
    labels = set()
    if any(each.name.startswith(OF_TASKS) for each in selectors(node)):
        return []
    if isinstance(node, ast.BinaryExpr) and node.modifier and node.modifier.matching:
        labels = set(node.modifier.matching.labels)
    if isinstance(node, ast.AggregateExpr) and node.modifier and str(node.op) in ("max", "min"):
        labels = set(node.modifier.labels)
    if labels >= {"app", "region"} and not labels & ONE_PUSH:
        return [f"by ({', '.join(sorted(labels))}) mixes up the pushes of an app"]
    return []


def _selector(chosen: ast.VectorSelector, node: ast.Expr, above: tuple[ast.Expr, ...]) -> list[str]:
    found = []
    name = chosen.name
    matched = {matcher.name for matcher in chosen.matchers.matchers}
    if name not in FOREIGN and "job" not in matched and not (name.startswith(WITHOUT_JOB) and _joined(above)):
        found.append(f"{name} is not limited to the job")
    function = str(above[-1].func.name) if above and isinstance(above[-1], ast.Call) else ""
    if is_counter(name) and function not in GROWTH:
        found.append(f"{name} is a counter outside rate() and increase()")
    if isinstance(node, ast.MatrixSelector) and not is_counter(name) and (function, name) not in OVER_TIME:
        found.append(f"{function}() over {name}, which is no counter")
    if name.endswith(("_pushes", "_pushes_total")) and "instance" not in matched:
        fold = next((each for each in reversed(above) if not _keeps(each)), None)
        folds = isinstance(fold, ast.AggregateExpr) and str(fold.op) == "max" and fold.modifier is not None
        if not folds:
            found.append(f"{name} is not folded over replicas by max by (...)")
    return found


def _keeps(node: ast.Expr) -> bool:
    """Whether what is below comes through as it is, or not at all."""
    sets = isinstance(node, ast.BinaryExpr) and str(node.op) in ("or", "and", "unless")
    return sets or isinstance(node, (ast.Call, ast.ParenExpr, ast.SubqueryExpr))


def _joined(above: tuple[ast.Expr, ...]) -> bool:
    """Whether it is limited by `and` to targets of a job."""
    return any(
        isinstance(each, ast.BinaryExpr) and str(each.op) == "and"
        and any("job" in {matcher.name for matcher in other.matchers.matchers} for other in selectors(each.rhs))
        for each in above
    )


def _division(node: ast.BinaryExpr) -> list[str]:
    below = node.rhs.expr if isinstance(node.rhs, ast.ParenExpr) else node.rhs
    names = {each.name for each in selectors(below)}
    guarded = isinstance(below, ast.BinaryExpr) and str(below.op) == ">"
    if not names or guarded or names <= NEVER_ZERO.keys():
        return []
    return [f"divides by {', '.join(sorted(names))} without > 0"]
