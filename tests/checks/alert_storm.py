#!/usr/bin/env python3
"""Counts what people hear when one cause hits many apps, through the real Alertmanager.

    tests/checks/alert_storm.py           checks the rules and the Alertmanager example
    tests/checks/alert_storm.py REVISION  prints the same table for an earlier revision, checks nothing

promtool replays each storm through the shipped rules; what fires at which minute is then posted as
Prometheus posts it, some hundred times as fast, to an Alertmanager with the shipped routes, grouping
and inhibition whose timers are shortened likewise. Its receivers are one server here, which counts.
No time is asserted: only how many messages there are, and that each page is over.
"""

import collections
import concurrent.futures
import dataclasses
import datetime
import http.server
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import yaml

TOP = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "tests/rules"))

import lab  # noqa: E402
from scenarios import N403, N500, after, normal, on, promtool, small  # noqa: E402
from world import DAY, HOUR, App, World, between  # noqa: E402

FILES = ("deploy/prometheus/timpush.rules.yml", "deploy/prometheus/timpush.alerts.yml",
         "deploy/alertmanager/alertmanager.example.yml")
SECONDS = 30  # that each storm is replayed in
RESENT = 15  # minutes for which Prometheus goes on saying that an alert is over
RANK = {"none": 0, "info": 1, "warning": 2, "critical": 3}
# A page that is silenced, with ExporterDown open, by what ends before Prometheus stops repeating that it is over.
ENDS_IN_TIME = {("TimpushTargetUnwatched", "TimpushDataLost")}


@dataclasses.dataclass
class Storm:
    """`pages`: incidents at the pager. `names`: what their text must have. `copies`: each app of the world stands for so many."""

    says: str
    world: World
    begin: int
    pages: int
    names: tuple[str, ...] = ()
    copies: int = 1

    def minute(self) -> float:
        """So many seconds."""
        return SECONDS / (self.world.minutes - self.begin + RESENT)


def fleet(count: int, app: App, world: World, name: str = "app", all_users: App | None = None) -> World:
    for number in range(count):
        world.app(f"{name}-{number}", app, all_users)
    return world


def storms() -> list[Storm]:
    day = DAY + 2 * HOUR
    egress = App(normal(3000), dead=[(HOUR, 2 * HOUR)])
    refused = App(normal(3000, N403=between(day, day + HOUR, 1.0)) | normal(9000, "huawei"))
    lone = App(normal(6000, N403=between(day, day + HOUR, 1.0)))
    shard = fleet(4, App(normal(3000)), World(9 * HOUR, 2, {"b:1": [(HOUR, 8 * HOUR, "down")]}))
    fleet(5, App(normal(3000), instances=("b:1",)), shard, "far")
    key = fleet(4, App(normal(3000)), World(9 * HOUR, 2))
    revoked = App(normal(3000), dead=[(HOUR, 8 * HOUR)], refused="auth")
    key.app("revoked", revoked, revoked)
    stale = fleet(1, App(small(N500, between(HOUR, 5 * HOUR, 1.0)), dead=[(2 * HOUR, 6 * HOUR)]), World(7 * HOUR, 2))
    spread = fleet(1, App(
        small(N500, between(HOUR, 3 * HOUR, 1.0))
        | on("apns", between(2 * HOUR, 9 * HOUR, 10.0), {N500: between(2 * HOUR, 5 * HOUR, 1.0)})
        | on("huawei", after(3 * HOUR, 50.0), {})), World(6 * HOUR, 2))
    lost = World(10 * HOUR, 2, {"b:1": [(8 * HOUR, 9 * HOUR, "down")]})
    fleet(4, App(normal(3000)), lost)
    lost.app("unread", App(normal(3000), dead=[(HOUR, 9 * HOUR)], instances=("b:1",)))
    return [
        Storm("the way out of 100 apps is cut", fleet(10, egress, World(4 * HOUR, 2), all_users=egress), HOUR, 1, ("app-0", "app-9"), 10),
        Storm("a vendor refuses 100 apps", fleet(4, refused, World(day + 3 * HOUR, 2)), day, 1, ("apns", "app-0", "app-3"), 25),
        Storm("a shard of 50 apps is down for 7 hours", shard, HOUR, 1, ("b:1",), 10),
        Storm("a key is revoked for 7 hours", key, HOUR, 1, ("revoked",)),
        Storm("a vendor refuses one app", fleet(1, lone, World(day + 3 * HOUR, 2), all_users=lone), day, 1, ("apns", "app-0")),
        Storm("data goes stale while a page is open", stale, HOUR, 1, ("app-0",)),
        Storm("a platform's page begins while the app's is open, and lasts longer", spread, HOUR, 2, ("app-0",)),
        Storm("a shard goes down while a page of its app is open", lost, HOUR, 2, ("unread", "b:1")),
    ]


# -- When which alert fires

Labels = frozenset[tuple[str, str]]
FIRING = re.compile(r"\{__name__=\"ALERTS\", ([^{}]*)\}")


def timeline(storm: Storm, rules: list[str]) -> tuple[list[int], list[set[Labels]], dict[str, dict]]:
    """Asks for what cannot be at each step, since promtool prints what it got."""
    world = storm.world
    times = list(range(storm.begin - 2, world.minutes + 1, world.step))
    asked = [{"expr": f'ALERTS{{alertstate="firing",at!="{at}"}}', "eval_time": f"{at}m", "exp_samples": []} for at in times]
    test = world.test(storm.says, rules, asked)
    # The texts of what is about many apps: half an hour after it began.
    test["tests"][0]["alert_rule_test"] = [
        {"eval_time": f"{storm.begin + 30}m", "alertname": name, "exp_alerts": []}
        for name in ("TimpushPlatformDown", "TimpushTargetsDown")
    ]
    _, text = promtool(test)
    firing: dict[int, set[Labels]] = {at: set() for at in times}
    for part in text.split("expr: ")[1:]:
        at = re.search(r'at!=\\?"(\d+)', part)
        for found in FIRING.findall(part.replace('\\"', '"')):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', found))
            if at and labels.pop("alertstate"):
                firing[int(at[1])].add(frozenset(labels.items()))
    assert any(firing.values()), f"{storm.says}: nothing fires:\n{text[:2000]}"
    said = {}
    for name, found in re.findall(r'alertname: ?(\w+).*?got:(.*?)(?=alertname:|expr:|\Z)', text, re.S):
        said[name] = dict(re.findall(r'(summary|description)="([^"]*)"', found))
    return times, [copied(firing[at], storm.copies) for at in times], said


def copied(firing: set[Labels], copies: int) -> set[Labels]:
    many = set()
    for labels in firing:
        for copy in range(copies if "app" in dict(labels) else 1):
            many.add(frozenset((key, f"{value}.{copy}" if key == "app" and copy else value) for key, value in labels))
    return many


# -- What people hear


class Ear(http.server.ThreadingHTTPServer):
    """Keeps what each Alertmanager sends to each receiver."""

    def __init__(self) -> None:
        self.heard: dict[str, list[tuple[str, dict]]] = collections.defaultdict(list)
        super().__init__(("127.0.0.1", 0), Mouth)


class Mouth(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        _, storm, receiver = self.path.split("/")
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard[storm].append((receiver, message))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def hurried(config: dict, ear: str, minute: float) -> dict:
    """The same routes with shorter timers, and every receiver that has an address here."""
    units = {"s": 1 / 60, "m": 1.0, "h": 60.0, "d": 1440.0}

    def hurry(route: dict) -> None:
        for timer in ("group_wait", "group_interval", "repeat_interval"):
            if timer in route:
                minutes = sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([smhd])", route[timer]))
                route[timer] = f"{max(1, round(minutes * minute * 1000))}ms"
        for child in route.get("routes", ()):
            hurry(child)

    hurry(config["route"])
    config["receivers"] = [
        {"name": each["name"]} | ({"webhook_configs": [{"url": f"{ear}/{each['name']}", "send_resolved": True}]} if len(each) > 1 else {})
        for each in config["receivers"]
    ]
    config.pop("templates", None)
    return config


def replay(storm: Storm, made: tuple, config: pathlib.Path, folder: pathlib.Path, ear: Ear, number: int) -> list[tuple[str, dict]]:
    times, firing, said = made
    settings, log = folder / f"{number}.yml", folder / f"{number}.log"
    settings.write_text(json.dumps(hurried(yaml.safe_load(config.read_text()), f"http://127.0.0.1:{ear.server_address[1]}/{number}", storm.minute())))
    address = f"127.0.0.1:{lab.free_port()}"
    command = [
        shutil.which("prometheus-alertmanager") or "alertmanager", f"--config.file={settings}",
        f"--storage.path={folder / f'{number}.data'}", f"--web.listen-address={address}", "--cluster.listen-address=",
    ]
    url = f"http://{address}/api/v2/alerts"
    now = lambda: datetime.datetime.now(datetime.timezone.utc)  # noqa: E731
    began: dict[Labels, str] = {}
    ended: dict[Labels, tuple[str, str, int]] = {}
    with lab.running(log, *command):
        lab.until("Alertmanager", log, lambda: lab.fetch(f"http://{address}/-/ready"))
        start = time.monotonic()
        for minute in range(times[0], times[-1] + RESENT):
            step = min((minute - times[0]) // storm.world.step, len(times) - 1)
            for labels in firing[step] - began.keys():
                began[labels] = now().isoformat()
                ended.pop(labels, None)
            for labels in began.keys() - firing[step]:
                ended[labels] = began.pop(labels), now().isoformat(), minute
            ended = {labels: each for labels, each in ended.items() if minute - each[2] <= RESENT}
            later = (now() + datetime.timedelta(minutes=2)).isoformat()
            body = [
                {"labels": dict(labels), "annotations": said.get(dict(labels)["alertname"], {}), "startsAt": since, "endsAt": until}
                for labels, since, until in itertools.chain(
                    ((labels, since, later) for labels, since in began.items()),
                    ((labels, since, until) for labels, (since, until, _) in ended.items()))
            ]
            lab.fetch(url, "POST", json.dumps(body).encode(), {"Content-Type": "application/json"})
            time.sleep(max(0.0, start + (minute + 1 - times[0]) * storm.minute() - time.monotonic()))
        time.sleep(25 * storm.minute() + 0.5)
    return ear.heard[str(number)]


@dataclasses.dataclass
class Heard:
    pages: int = 0
    over: int = 0
    again: int = 0
    chat: int = 0
    chat_over: int = 0
    names: set[str] = dataclasses.field(default_factory=set)
    open: list[str] = dataclasses.field(default_factory=list)
    text: str = ""


def counted(messages: list[tuple[str, dict]]) -> Heard:
    """A pager opens an incident for a group, adds to it, and closes it when all of the group is over."""
    heard, open_groups = Heard(), set()
    for receiver, message in messages:
        over = message["status"] == "resolved"
        alerts = {each["labels"]["alertname"] for each in message["alerts"]}
        if "watchdog" in receiver:
            continue
        if "page" not in receiver:
            heard.chat += not over
            heard.chat_over += over
            continue
        group = message["groupKey"]
        heard.names |= alerts
        heard.text += json.dumps(message)
        if over:
            heard.over += group in open_groups
            open_groups.discard(group)
        elif group in open_groups:
            heard.again += 1
        else:
            heard.pages += 1
            open_groups.add(group)
    heard.open = sorted(open_groups)
    return heard


def silenced_pages(config: dict, alerts: list[dict]) -> list[str]:
    """What is wrong with the pairs of a page and an alert that silences it, by name and severity."""
    pairs = {(rule["alert"], rule["labels"]["severity"]) for rule in alerts}

    def chosen(matchers: list[str]) -> set[tuple[str, str]]:
        def holds(alert: tuple[str, str]) -> bool:
            for matcher in matchers:
                name, operator, value = re.fullmatch(r'(\w+) *(=~|!~|!=|=) *"?(.*?)"?', matcher, re.S).groups()
                if name in ("alertname", "severity"):
                    is_it = re.fullmatch(value, alert[name == "severity"]) is not None
                    if is_it == operator.startswith("!"):
                        return False
            return True

        return {alert for alert in pairs if holds(alert)}

    def routes(route: dict):
        yield route
        for child in route.get("routes", ()):
            yield from routes(child)

    one_incident = [chosen(route["matchers"]) for route in routes(config["route"]) if route.get("group_by") == ["platform"]]
    found = []
    for rule in config["inhibit_rules"]:
        for source, target in itertools.product(chosen(rule["source_matchers"]), chosen(rule["target_matchers"])):
            if target[1] != "critical" or (source[0], target[0]) in ENDS_IN_TIME:
                continue
            if RANK[source[1]] < RANK["critical"]:
                found.append(f"{source[0]} ({source[1]}) silences the page {target[0]}")
            elif not any({source, target} <= incident for incident in one_incident):
                found.append(f"{source[0]} silences {target[0]}, which is another incident and may never be over")
    return found


def main() -> int:
    revision = sys.argv[1] if len(sys.argv) > 1 else None
    problems = []
    with tempfile.TemporaryDirectory() as name, lab.serving(Ear()) as ear:
        folder = pathlib.Path(name)
        files = [TOP / file for file in FILES]
        if revision:
            files = [folder / pathlib.Path(file).name for file in FILES]
            for file, path in zip(FILES, files):
                path.write_bytes(subprocess.run(["git", "show", f"{revision}:{file}"], cwd=TOP, check=True, capture_output=True).stdout)
        rules, config = [str(file) for file in files[:2]], files[2]
        alerts = [rule for group in yaml.safe_load(files[1].read_text())["groups"] for rule in group["rules"]]
        problems += silenced_pages(yaml.safe_load(config.read_text()), alerts)
        all_storms = storms()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            made = list(pool.map(lambda storm: timeline(storm, rules), all_storms))
        with concurrent.futures.ThreadPoolExecutor(len(all_storms)) as pool:
            messages = list(pool.map(
                lambda number: replay(all_storms[number], made[number], config, folder, ear, number), range(len(all_storms))))
    print("alerts  pages  over  added  chat  over  storm")
    for storm, (_, firing, _), each in zip(all_storms, made, messages):
        heard = counted(each)
        fired = {labels for step in firing for labels in step if dict(labels)["severity"] != "none"}
        print(f"{len(fired):6} {heard.pages:6} {heard.over:5} {heard.again:6} {heard.chat:5} {heard.chat_over:5}  {storm.says}"
              f" ({', '.join(sorted(heard.names)).replace('Timpush', '')})")
        problems += [f"{storm.says}: never over at the pager: {group}" for group in heard.open]
        if heard.pages != storm.pages:
            problems.append(f"{storm.says}: {heard.pages} pages, not {storm.pages}")
        problems += [f"{storm.says}: no page names {name}" for name in storm.names if name not in heard.text]
    for problem in problems:
        print(problem)
    return 0 if revision else bool(problems)


if __name__ == "__main__":
    sys.exit(main())
