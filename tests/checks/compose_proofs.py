"""What Prometheus must say of a composition that runs, and of the demo's past and present."""

import json
import re
import time
import urllib.error
import urllib.parse
from collections.abc import Callable

from container_lab import Container
from lab import Failure, fetch

# Of a whole profile; rules are evaluated once a minute.
PATIENCE = 100
HOUR = 3600
DAY = 24 * HOUR
# Seconds after midnight at +08:00 in which the demo's counters do not show the new day yet.
MIDNIGHT_HOLDS = 600
# SDKAppID by the label app.
DEMO_APPS = {"shop": 1400000001, "game": 1400000002}


class Prometheus:
    """One that runs at an address."""

    def __init__(self, address: str) -> None:
        self._url = f"http://{address}:9090/api/v1"

    def get(self, path: str, **parameters: object) -> dict:
        try:
            return json.loads(fetch(f"{self._url}/{path}?{urllib.parse.urlencode(parameters)}"))["data"]
        except urllib.error.HTTPError as error:
            raise Failure(f"{path} {parameters}: {error.read().decode()[:300]}") from error

    def values(self, promql: str, **parameters: object) -> list[float]:
        return [float(each["value"][1]) for each in self.get("query", query=promql, **parameters)["result"]]


def until(what: str, problems: Callable[[], list[str]], patience: float = PATIENCE) -> None:
    """Waits until there are no problems."""
    end = time.monotonic() + patience
    while found := problems():
        if time.monotonic() > end:
            raise Failure(f"{what}: {found} after {patience:.0f} s")
        time.sleep(1)


def scraped(server: Prometheus) -> list[str]:
    targets = server.get("targets")["activeTargets"]
    return [f"{each['scrapeUrl']}: {each['health']} {each['lastError']}" for each in targets if each["health"] != "up"] \
        or ([] if targets else ["no target"])


def rules(server: Prometheus) -> list[str]:
    """Those that are not well; a group that takes longer than this to have its turn may be unknown."""
    found, some = [], False
    for group in server.get("rules")["groups"]:
        well = {"ok"} if group["interval"] < PATIENCE else {"ok", "unknown"}
        for rule in group["rules"]:
            some = some or rule["health"] == "ok"
            if rule["health"] not in well:
                found.append(f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}")
    return found or ([] if some else ["none was evaluated"])


def alertmanager(server: Prometheus) -> list[str]:
    found = server.get("alertmanagers")
    return [] if found["activeAlertmanagers"] and not found["droppedAlertmanagers"] else [f"{found}"]


def past(server: Prometheus, since: float) -> list[str]:
    """What is missing or wrong in the demo's past and where it goes over into what is scraped `since`."""
    # One app pushes to all users, too.
    targets, found = len(DEMO_APPS) + 1, []
    now = time.time()
    # A point of each target at any time of the default range of the dashboards, and further back.
    for start, end, step in ((now - DAY, now, 97), (now - 6 * DAY + 600, now, HOUR)):
        answer = server.get("query_range", query="count(timpush_window_sent_pushes)", start=start, end=end, step=step)
        counts = [value for each in answer["result"] for _, value in each["values"]]
        wanted = int((end - start) // step) + 1
        if counts != [str(targets)] * wanted:
            found.append(f"{counts.count(str(targets))} of {wanted} points since {start:.0f} have {targets} targets")
    scraped = f"timestamp(timpush_sent_pushes_total) > {since}"
    if server.values(f"count(({scraped}) and timpush_sent_pushes_total offset 1h)") != [targets]:
        found.append("what is scraped does not go on with the series of the past")
    # A counter begins anew with its day and else never.
    counters = [name for name in server.get("label/__name__/values") if re.fullmatch(r"timpush_.*_pushes_total", name)]
    for name in counters:
        target = "(app, region, push)"
        steps = f"max by {target} (resets({name}[30m])) " \
            f"> on {target} max by {target} (changes(timpush_day_anchor_timestamp_seconds[30m]))"
        for each in server.get("query", query=steps)["result"]:
            found.append(f"{name} of {each['metric']['app']} steps down {each['value'][1]} times")
    return found or ([] if counters else ["there are no counters"])


def samples(server: Prometheus, selector: str, at: int) -> list[tuple[float, int]]:
    """Times and values of the one series in the half hour before."""
    series = server.get("query", query=f"{selector}[30m]", time=at)["result"]
    return [(when, int(value)) for when, value in series[0]["values"]] if len(series) == 1 else []


def edges(when: float, window_end: int) -> set[int]:
    """Until when a counter may count: for minutes after midnight it still shows the day that is closed."""
    midnight = int((when + 8 * HOUR) // DAY * DAY - 8 * HOUR)
    return {window_end, midnight} if when - midnight < MIDNIGHT_HOLDS else {window_end}


def increases(server: Prometheus, demo: Container, since: float) -> list[str]:
    """Whether the increase over past and present is anything but what the simulated service knows."""
    simulator = re.search(r"Simulator +(http://\S+)", demo.log.read_text())[1]
    now, found = int(time.time()), []
    for app, number in DEMO_APPS.items():
        sent = samples(server, f'timpush_sent_pushes_total{{app="{app}",push="normal"}}', now)
        labels = f'{{app="{app}",api="normal_push_statistics"}}'
        ends = dict(samples(server, f"timpush_window_end_timestamp_seconds{labels}", now))
        # It begins and ends where the window's end is known; after midnight, there are more in between.
        known = [index for index, (when, _) in enumerate(sent) if when in ends]
        sent = sent[known[0]:known[-1] + 1] if known else []
        if not sent or sent[-1][0] < since or sent[0][0] > now - HOUR // 2 + 600:
            found.append(f"{app}: no samples over past and present")
            continue
        values = [value for _, value in sent]
        increase = sum(after - before if after >= before else after for before, after in zip(values, values[1:]))
        truths = set()
        for start in edges(sent[0][0], ends[sent[0][0]]):
            for end in edges(sent[-1][0], ends[sent[-1][0]]):
                question = f"sdkappid={number}&start={start}&end={end}"
                truth = json.loads(fetch(f"{simulator}/_control/truth?{question}"))
                truths.add(truth["normal_push_statistics"]["SentCount"])
        if increase not in truths:
            found.append(f"{app}: {increase} pushes were sent in half an hour, and in truth {truths}")
    return found


def asked_in_vain(server: Prometheus) -> list[str]:
    """Whether polls failed for want of a network and of nothing else: the key was read and used."""
    found = []
    if set(server.values("timpush_target_up")) != {0}:
        found.append(f"timpush_target_up is {server.values('timpush_target_up')}")
    # An outcome that has occurred exists, though it is 0 for a while.
    bad = 'timpush_api_requests_total{outcome!="ok"}'
    failed = server.get("query", query=f"sum by (outcome) ({bad} or timpush_api_requests_total > 0)")["result"]
    outcomes = {each["metric"]["outcome"] for each in failed}
    if not outcomes or not outcomes <= {"connect", "timeout"}:
        found.append(f"calls ended with {sorted(outcomes)}, not with connect or timeout")
    return found
