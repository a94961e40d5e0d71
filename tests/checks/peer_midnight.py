#!/usr/bin/env python3
"""What VictoriaMetrics says the increase was over two restarts of the exporter and a midnight between them.

It must be what the simulated service knows to have happened. The midnight is that of a `day_offset` that comes soon.
"""

import json
import pathlib
import sys
import tempfile
import time
import urllib.parse

from go_programs import tool
from lab import Failure, exporter, fetch, free_port, running, serving, until
from peer_lab import Source, Wire, offset_of_a_day_that_began, simulator
from peer_programs import Job, VictoriaMetrics

DAY = 86_400
# A closed day's values are served for the lag, an interval, six timeouts and both holds: half a minute.
CONFIG = """
listen: 127.0.0.1:{port}
scrape_interval: 1s
state_file: state.json
day_offset: "{offset}"
defaults: {{interval: 10s, timeout: 1s, lag: 5s, step: 5s}}
apps:
"""
APPS = {"shop": 1400000001, "game": 1400000002}
# What the service calls the numbers.
COUNTED = {"timpush_sent_pushes_total": "SentCount", "timpush_sendable_pushes_total": "TotalCount"}
# In seconds from midnight: from -45 on it counts, is down twice, and is read at the end.
RESTARTS = (-25, 45)
DOWN = 4
END = 65


def sleep_until(moment: float) -> None:
    time.sleep(max(0, moment - time.time()))


class Reader(VictoriaMetrics):
    interval = "1s"

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.jobs = self.jobs[:1]

    def samples(self, name: str) -> dict[str, list[tuple[float, float]]]:
        """By app: time and value, as they were scraped."""
        query = urllib.parse.urlencode({"match[]": name})
        found = {}
        for line in fetch(f"http://{self.address}/api/v1/export?{query}").splitlines():
            each = json.loads(line)
            pairs = zip(each["timestamps"], each["values"], strict=True)
            # Null is where the exporter was down.
            found[each["metric"]["app"]] = [(at / 1000, value) for at, value in pairs if value is not None]
        return found

    def increase(self, name: str, app: str, start: float, end: float) -> float:
        query = f'increase({name}{{app="{app}"}}[{(end - start) * 1000:.0f}ms] @ {end:.3f})'
        (found,) = self.ask(query)
        return float(found["value"][1])


def counts(source: Source) -> bool:
    """Serves the counters of both apps, that are no longer held at 0."""
    sent = [value for (name, _), value in source.values().items() if name in COUNTED]
    return len(sent) == len(APPS) * len(COUNTED) and all(sent)


def truth(service: str, app: str, start: float, end: float) -> dict[str, int]:
    query = urllib.parse.urlencode({"sdkappid": APPS[app], "start": round(start), "end": round(end)})
    return json.loads(fetch(f"{service}/_control/truth?{query}"))["normal_push_statistics"]


def check(peer: Reader, service: str, midnight: float, end: float) -> list[str]:
    wrong = []
    for name, number in COUNTED.items():
        samples = peer.samples(name)
        for app in APPS:
            of_app = [(at, value) for at, value in samples[app] if at <= end]
            (first_at, first), (_, last) = of_app[0], of_app[-1]
            if not any(value == 0 for at, value in of_app if at > midnight):
                wrong.append(f"{name} of {app} did not begin anew: it is {last} at the end")
            final = truth(service, app, midnight - DAY, midnight)[number]
            # The increase is from the newest sample before the range on.
            found = peer.increase(name, app, first_at + 0.5, end)
            expected = final - first + last
            print(f"{name} of {app}: {first:.0f}, {final} at midnight, {last:.0f} of the next day; increase {found:.0f}")
            if found != expected:
                wrong.append(f"increase of {name} of {app}: {found}, not {expected}")
            if first >= final or not last:
                wrong.append(f"{name} of {app} did not rise on both sides of midnight")
    return wrong


def run(folder: pathlib.Path) -> list[str]:
    # A whole minute, since offsets are.
    midnight = (time.time() + 90) // 60 * 60 + 60
    source = Source(free_port())
    config, log = folder / "timpush.yml", folder / "exporter.log"
    with simulator(folder / "simulator.log") as (service, apps):
        config.touch(0o600)
        offset = offset_of_a_day_that_began(time.time() - midnight + DAY)
        config.write_text(CONFIG.format(port=source.port, offset=offset) + apps)
        command = [exporter(), "run", "--config", config]
        peer = Reader(folder)
        with serving(Wire(source)) as wire:
            peer.jobs[0].wire = wire
            with peer.running():
                for number, restart in enumerate([*RESTARTS, END]):
                    with running(folder / f"exporter-{number}.log", *command):
                        log = folder / f"exporter-{number}.log"
                        until("counters", log, lambda: counts(source), 60)
                        if number == 0 and time.time() > midnight + RESTARTS[0] - 10:
                            raise Failure("too slow to see a day end")
                        sleep_until(midnight + restart)
                    time.sleep(DOWN)
                return check(peer, service, midnight, midnight + END)


def main() -> int:
    tool("victoria-metrics")
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(pathlib.Path(folder))
    for each in wrong:
        print(each)
    return bool(wrong)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(str(failure))
