"""PromQL by parts.

Two replicas serve the same series: a data series is first folded over everything that is not a
label of the exporter's own (`max by (...)`), then summed. Counters are only used inside
increase(); gauges of the rolling window are used as they are.

A target is an app in a region, and a push: what the service counts of chat messages is apart from
what it counts of all-user pushes. Sums over both are right, joins must tell them apart.
"""

from names import POST

# What the viewer chose.
# Series from before there was the label push have none: the variable's All is `.*`, which finds them.
CHOSEN = 'job=~"$job",app=~"$app",region=~"$region",push=~"$push"'
INSTANCE = 'job=~"$job",instance=~"$instance"'

TARGET = ("app", "region", "push")
_SAME = f"on ({', '.join(TARGET)})"
LOSS = (*TARGET, "stage", "err_code")

# Each push has an API of losses.
LOSS_API = 'api=~".+_push_loss"'

# Alerts about the exporter as a whole have no label app, and those about both pushes no label push.
_FIRES = 'alertname=~"Timpush.+",alertstate="firing"'
FIRING = f'(ALERTS{{{_FIRES},app=~"$app",push=~"$push|"}} or ALERTS{{{_FIRES},app=""}})'

# Always fires where the alerting rules are loaded: without it nobody knows that nothing fires.
WATCHDOG = 'ALERTS{alertname="PushLossWatchdog",alertstate="firing"}'

# Gauges that the rules of the group timpush-dashboards record, folded over replicas and codes, by
# the same name after `board:`, and once more after `fleet:` over all apps, with their codes. A
# query works on each: $series is how the names begin, which is `board:timpush_` where the rules
# are loaded, else `timpush_`. Where a result has no label of apps, $sums begins the names, and
# $codes if it needs the codes: `fleet:timpush_` if all apps and regions are chosen.
RECORDED = {
    "timpush_window_end_timestamp_seconds",
    "timpush_window_lost_pushes",
    "timpush_window_platform_lost_pushes",
    *(f"timpush_window_{step}_pushes" for step in ("sendable", "sent", "delivered", "clicked")),
    *(f"timpush_window_platform_{step}_pushes" for step in ("sendable", "sent", "delivered")),
}


def _ranked_series() -> str:
    """The beginnings of names that there are, the better one first.

    The recorded ones are, unless they begin within the range and the exporter's do not.
    """
    served = 'group(timpush_window_end_timestamp_seconds{job=~"$job"}%s)'
    recorded = served.replace("timpush_", "board:timpush_")
    start = " offset $__range"
    whole = f"{recorded % ''} and {recorded % start} or {recorded % ''} unless {served % start}"
    ranks = {"board:timpush_": f"3 * ({whole}) or {recorded % ''}", "timpush_": f"2 * {served % ''}"}
    named = [f'label_replace({rank}, "series", "{name}", "", "")' for name, rank in ranks.items()]
    return f"sort_desc({' or '.join(named)})"


RANKED_SERIES = _ranked_series()


def _ranked_sums() -> str:
    """The beginnings of names of sums, the better one first: the fleet's, if all of it is chosen.

    The fleet's rows say by labels of which series they are the sum, and of which choice. They
    are, unless they begin within the range and those of apps do not.
    """
    chosen = [f'label_replace(vector(1), "choice", "{each}", "", "")' for each in ("$app", "$region")]
    rows = 'fleet:timpush_window_end_timestamp_seconds{job=~"$job",of="$series"}%s'
    rows = f"group({' and on (choice) '.join((rows, *chosen))})"
    apps = 'group(board:timpush_window_end_timestamp_seconds{job=~"$job"} offset $__range)'
    start = " offset $__range"
    whole = f"{rows % ''} and {rows % start} or {rows % ''} unless {apps}"
    fleet = f'label_replace(2 * ({whole}), "sums", "fleet:timpush_", "", "")'
    return f'sort_desc({fleet} or label_replace(vector(1), "sums", "$series", "", ""))'


RANKED_SUMS = _ranked_sums()

# The recorded series of apps have no codes.
CODES = 'label_replace(vector(1), "codes", "$sums", "", "")'


def own_labels(name: str) -> tuple[str, ...]:
    """The labels that the exporter itself gives to a metric about an app and region."""
    labels = TARGET
    if "lost_pushes" in name:
        labels = LOSS
    elif any(part in name for part in ("window_start", "window_end", "target_last", "target_up", "consecutive")):
        labels = (*TARGET, "api")
    elif name in ("timpush_late_pushes", "timpush_revised_down_pushes"):
        labels = (*TARGET, "stage")
    if "platform_" in name:
        labels = (*labels, "platform")
    return labels


def select(name: str, *matchers: str) -> str:
    return f"{name}{{{','.join((CHOSEN, *matchers))}}}"


def _of_codes(*words: str) -> bool:
    return any(word.startswith("err_code") for word in words)


def latest(name: str, *matchers: str, at: str = "", codes: bool = False) -> str:
    """A gauge as it is, once whatever the number of replicas; of `codes`, never the recorded one of apps."""
    if name in RECORDED:
        begin = "${codes}" if codes or _of_codes(*matchers) else "${series}"
        name = f"{begin}{name.removeprefix('timpush_')}"
    return f"max by ({', '.join(own_labels(name))}) ({select(name, *matchers)}{at})"


def grown(name: str, span: str, *matchers: str) -> str:
    """How much a counter grew, once whatever the number of replicas."""
    return f"max by ({', '.join(own_labels(name))}) (increase({select(name, *matchers)}[{span}]))"


def _over_all(expr: str, *by: str) -> str:
    """The same from the sums over all apps, unless the result has them apart."""
    if {"app", "region", "instance"} & {*by}:
        return _of_apps(expr)
    return expr.replace("${series}", "${sums}")


def _of_apps(expr: str) -> str:
    return expr.replace("${codes}", "timpush_").replace("${sums}", "${series}")


def total(inner: str, *by: str) -> str:
    inner = _over_all(inner, *by)
    return f"sum by ({', '.join(by)}) ({inner})" if by else f"sum({inner})"


def _stage(stage: str) -> str:
    return f'stage="{stage}"'


def _of_platforms(by: tuple[str, ...], matchers: tuple[str, ...]) -> str:
    by_platform = "platform" in by or any(matcher.startswith("platform=") for matcher in matchers)
    return "platform_" if by_platform else ""


def lost(*by: str, matchers: tuple[str, ...] = (), at: str = "", where: str = "") -> str:
    """Losses of the rolling window; those of platforms are another measurement.

    `where` narrows them to some targets, as in ` and on (app, region, push) ...`.
    """
    name = f"timpush_window_{_of_platforms(by, matchers)}lost_pushes"
    return total(latest(name, *matchers, at=at, codes=_of_codes(*by)) + where, *by)


def known(at: str = "", codes: bool = False) -> str:
    """Targets whose losses are known."""
    return latest("timpush_window_end_timestamp_seconds", LOSS_API, at=at, codes=codes)


def loss_ratio(stage: str, *by: str, at: str = "", matchers: tuple[str, ...] = ()) -> str:
    """The part of the pushes of the rolling window that was lost in a stage.

    0 where nothing was lost; nothing where no push was under way. An app stays out of both
    sides if only its losses are known, or only its statistics.
    """
    step = "sent" if stage == POST else "sendable"
    base = latest(f"timpush_window_{_of_platforms(by, matchers)}{step}_pushes", *matchers, at=at)
    whole = total(f"{base} and {_SAME} {known(at)}", *by)
    counted = f" and {_SAME} {latest(f'timpush_window_{step}_pushes', at=at)}"
    part = lost(*by, matchers=(_stage(stage), *matchers), at=at, where=counted)
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def loss_ratio_over(span: str, stage: str, *by: str) -> str:
    """The same over any range, from the counters."""
    step = "sent" if stage == POST else "sendable"
    base = grown(f"timpush_{step}_pushes_total", span)
    whole = total(f"{base} and {_SAME} {known()}", *by)
    part = total(f"{grown('timpush_lost_pushes_total', span, _stage(stage))} and {_SAME} {base}", *by)
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def loss_ratio_lately(stage: str, *by: str) -> str:
    """The same of the last 10 minutes: from the counters or, where $series chooses what is recorded, from
    what the rules of the group timpush-recording make of them. Those have no label job."""
    step = "sent" if stage == POST else "sendable"
    served = f"max by ({', '.join(TARGET)}) (increase({select(f'${{series}}{step}_pushes_total')}[10m]))"
    recorded = f'app_region_window:timpush_{step}_pushes:increase{{window="10m",{_OF_TARGETS}}}'
    base = f"({served} or {_SAME} {recorded}) and {_SAME} {known()}"
    served = f"max by ({', '.join(LOSS)}) (increase({select('${series}lost_pushes_total', _stage(stage))}[10m]))"
    served = f"sum by ({', '.join(TARGET)}) ({served})"
    lately = f'window="10m",{_stage(stage)},{_OF_TARGETS}'
    recorded = f"app_region_stage_window:timpush_lost_pushes:increase{{{lately}}}"
    part = f"({served} or {_SAME} {recorded}) and {_SAME} ({base})"
    part, whole = (_of_apps(total(inner, *by)) for inner in (part, base))
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


# What chooses targets among recorded series that have no label job.
_OF_TARGETS = 'app=~"$app",region=~"$region",push=~"$push"'

DAY_AGO = " offset 1d"


def lost_of_watched(*by: str, matchers: tuple[str, ...] = ()) -> str:
    """Losses of the targets whose losses were known a day ago, too: of others nobody can say what is new."""
    return _of_apps(lost(*by, matchers=matchers, where=f" and {_SAME} {known(DAY_AGO, codes=True)}"))


def change(*by: str, matchers: tuple[str, ...] = ()) -> str:
    """How much more of a code is lost than a day ago, where a code that was not there then was 0.

    One sum of what is lost now and, negative, what was then: each is looked at once.
    """
    labels = ", ".join(by)
    now = _of_apps(latest("timpush_window_lost_pushes", *matchers, codes=True))
    watched = f"{now} and {_SAME} {_of_apps(known(DAY_AGO, codes=True))}"
    grown = f"sum by ({labels}) ({watched} or -1 * {lost_a_day_ago(*by, matchers=matchers)})"
    return f"({grown} and on ({labels}) {lost(*by, matchers=matchers)})"


def lost_a_day_ago(*by: str, matchers: tuple[str, ...] = ()) -> str:
    """From the exporter's own series: what the rules record may begin later."""
    return _of_apps(lost(*by, matchers=matchers, at=DAY_AGO))


def worst(count: int, inner: str, rank: str, *by: str) -> str:
    """The lines that rank first at the range's end: the choice does not flicker along it."""
    return f"{inner} and on ({', '.join(by)}) topk({count}, {rank})"


def of_leading(variable: str, expr: str) -> str:
    """The same of those apps alone that a hidden variable found."""
    return expr.replace('app=~"$app"', f'app=~"${variable}"')


def texts(*by: str, matchers: tuple[str, ...] = ('platform="all"',)) -> str:
    """One series for each code, with the service's own words as the label err_info."""
    on = ", ".join(by)
    inner = select("${codes}error_description_info", *matchers)
    return _over_all(f"topk by ({on}) (1, group by ({on}, err_info) ({inner}))", *by)


def classes(rows: str) -> str:
    """One class for each code of some rows, whatever versions of the catalogue the exporters have."""
    code = "stage, platform, err_code"
    info = 'timpush_error_code_info{job=~"$job"}'
    unknown = f'label_replace(max by ({code}) ({rows}) ^ 0, "class", "unknown", "", "")'
    return f"topk by ({code}) (1, count by ({code}, class) ({info})) ^ 0 or on ({code}) {unknown}"


def by_class(by: tuple[str, ...] = (), matchers: tuple[str, ...] = (), codes: bool = True) -> str:
    """Losses of the platforms by who must act; without `codes`, the recorded ones if there are any."""
    # The recorded gauge of apps has no codes: it is left out, and the classes are recorded.
    begin, with_codes = ("${codes}", ()) if codes else ("${series}", ('err_code!=""',))
    rows = select(f"{begin}window_platform_lost_pushes", *with_codes, *matchers)
    folded = f"max by ({', '.join((*LOSS, 'platform'))}) ({rows})"
    joined = f"{folded} * on (stage, platform, err_code) group_left (class) ({classes(rows)})"
    if codes:
        return total(joined, *by, "class")
    recorded = f"max by ({', '.join(TARGET)}, class) ({select('${series}window_class_lost_pushes')})"
    return f"{total(joined, *by, 'class')} or {total(recorded, *by, 'class')}"


def causes() -> str:
    """Losses of each app by platform and code, with the code's class.

    Recorded by the group timpush-recording; without it, joined here as it joins them.
    """
    code = ("stage", "platform", "err_code")
    labels = ", ".join((*TARGET, *code))
    rows = select("${series}window_platform_lost_pushes", 'err_code!=""')
    joined = f"on ({', '.join(code)}) group_left (class) ({classes(rows)})"
    served = f"max by ({labels}) ({rows}) * {joined}"
    recorded = f"app_region_code:timpush_window_lost_pushes:max{{{_OF_TARGETS}}} and {_SAME} {known()}"
    both = _of_apps(f"{served} or on ({labels}) ({recorded})")
    return f"sum by (app, {', '.join(code)}, class) ({both})"


def last_success(*also: str, choice: str = CHOSEN, at: str = "") -> str:
    """When each API of a target was last answered; if never, when its exporter started."""
    by = ", ".join((*also, *TARGET, "api"))
    last = f"timpush_target_last_success_timestamp_seconds{{{choice}}}{at}"
    started = 'max by (job, instance) (process_start_time_seconds{job=~"$job"}%s)' % at
    never = f"({last} == 0) + on (job, instance) group_left () {started}"
    return f"(max by ({by}) ({last} > 0) or min by ({by}) ({never}))"


def age(*by: str, at: str = "") -> str:
    """Seconds since the oldest of the latest successes."""
    last = last_success(at=at)
    inner = f"min by ({', '.join(by)}) {last}" if by else f"min {last}"
    return f"time() - {inner}"
