"""PromQL by parts.

Two replicas serve the same series: a data series is first folded over everything that is not a
label of the exporter's own (`max by (...)`), then summed. Counters are only used inside
increase(); gauges of the rolling window are used as they are.
"""

from names import POST

# What the viewer chose.
CHOSEN = 'job=~"$job",app=~"$app",region=~"$region"'
INSTANCE = 'job=~"$job",instance=~"$instance"'

TARGET = ("app", "region")
LOSS = (*TARGET, "stage", "err_code")

# Alerts about the exporter as a whole have no label app.
FIRING = 'ALERTS{alertname=~"Timpush.+",alertstate="firing",app=~"$app|"}'


def own_labels(name: str) -> tuple[str, ...]:
    """The labels that the exporter itself gives to a metric about an app and region."""
    labels = TARGET
    if "lost_pushes" in name:
        labels = LOSS
    elif name.startswith(("timpush_window_start", "timpush_window_end", "timpush_target_last")):
        labels = (*TARGET, "api")
    elif name == "timpush_target_up":
        labels = (*TARGET, "api")
    elif name in ("timpush_late_pushes", "timpush_revised_down_pushes"):
        labels = (*TARGET, "stage")
    if "_platform_" in name:
        labels = (*labels, "platform")
    return labels


def select(name: str, *matchers: str) -> str:
    return f"{name}{{{','.join((CHOSEN, *matchers))}}}"


def latest(name: str, *matchers: str, at: str = "", above: str = "") -> str:
    """A gauge as it is, once whatever the number of replicas."""
    return f"max by ({', '.join(own_labels(name))}) ({select(name, *matchers)}{at}{above})"


def grown(name: str, span: str, *matchers: str) -> str:
    """How much a counter grew, once whatever the number of replicas."""
    return f"max by ({', '.join(own_labels(name))}) (increase({select(name, *matchers)}[{span}]))"


def total(inner: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) ({inner})" if by else f"sum({inner})"


def _stage(stage: str) -> str:
    return f'stage="{stage}"'


def _of_platforms(by: tuple[str, ...], matchers: tuple[str, ...]) -> str:
    by_platform = "platform" in by or any(matcher.startswith("platform=") for matcher in matchers)
    return "platform_" if by_platform else ""


def lost(*by: str, matchers: tuple[str, ...] = (), at: str = "") -> str:
    """Losses of the rolling window; those of platforms are another measurement."""
    name = f"timpush_window_{_of_platforms(by, matchers)}lost_pushes"
    return total(latest(name, *matchers, at=at), *by)


def loss_ratio(stage: str, *by: str, at: str = "", matchers: tuple[str, ...] = ()) -> str:
    """The part of the pushes of the rolling window that was lost in a stage.

    0 where nothing was lost; nothing where no push was under way, and where the losses are not
    known because only the statistics are answered.
    """
    step = "sent" if stage == POST else "sendable"
    known = latest("timpush_window_end_timestamp_seconds", 'api="normal_push_loss"', at=at)
    base = latest(f"timpush_window_{_of_platforms(by, matchers)}{step}_pushes", *matchers, at=at)
    whole = total(f"{base} and on (app, region) {known}", *by)
    part = lost(*by, matchers=(_stage(stage), *matchers), at=at)
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def loss_ratio_over(span: str, stage: str, *by: str) -> str:
    """The same over any range, from the counters."""
    step = "sent" if stage == POST else "sendable"
    whole = total(grown(f"timpush_{step}_pushes_total", span), *by)
    part = total(grown("timpush_lost_pushes_total", span, _stage(stage)), *by)
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def change(inner: str, before: str) -> str:
    """How much more than before, where what was not there before was 0."""
    return f"{inner} - ({before} or 0 * {inner})"


def pinned_top(count: int, inner: str, at_end: str, *by: str) -> str:
    """Lines of those that lead at the range's end: the choice does not flicker along it."""
    return f"{inner} and on ({', '.join(by)}) topk({count}, {at_end})"


def texts(*by: str, matchers: tuple[str, ...] = ('platform="all"',)) -> str:
    """One series for each code, with the service's own words as the label err_info."""
    on = ", ".join(by)
    inner = select("timpush_error_description_info", *matchers)
    return f"topk by ({on}) (1, group by ({on}, err_info) ({inner}))"


def by_class(by: tuple[str, ...] = (), matchers: tuple[str, ...] = ()) -> str:
    """Losses of the platforms by who must act."""
    rows = latest("timpush_window_platform_lost_pushes", *matchers)
    classes = 'group by (stage, platform, err_code, class) (timpush_error_code_info{job=~"$job"})'
    joined = f"{rows} * on (stage, platform, err_code) group_left (class) {classes}"
    return total(joined, *by, "class")


def age(*by: str) -> str:
    """Seconds since the oldest of the latest successes."""
    last = latest("timpush_target_last_success_timestamp_seconds", above=" > 0")
    inner = f"min by ({', '.join(by)}) ({last})" if by else f"min({last})"
    return f"time() - {inner}"
