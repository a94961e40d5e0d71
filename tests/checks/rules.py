#!/usr/bin/env python3
"""Checks the alerts, their tests and their runbooks against each other and against the program.

Then runs the rule tests, side by side.
"""

import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

import yaml

TOP = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "tests/rules"))

import scenarios

PROMETHEUS = TOP / "deploy/prometheus"
RUNBOOKS = TOP / "deploy/runbooks"
TESTS = sorted((TOP / "tests/rules").glob("*.yml"))

# The one place that says where runbooks and dashboards are.
RUNBOOK_URL = "https://github.com/timpush-exporter/timpush-exporter/blob/main/deploy/runbooks/"
DASHBOARD_URL = "https://grafana.example.com/d/"
DASHBOARDS = {
    "timpush-overview", "timpush-errors", "timpush-platforms", "timpush-app", "timpush-campaigns", "timpush-exporter",
}

SCENARIOS = TOP / "tests/rules/scenarios.py"

SEVERITIES = {"critical", "warning", "info", "none"}
AT_ONCE = {"TimpushDataLost"}  # six hours have passed already
CHAPTERS = ["What it means", "How bad", "First three checks", "How to fix it", "How to silence it"]

NAME = re.compile(r"(?<![\w:./-])(?:[a-z_0-9]+:)?timpush_[a-z0-9_]+(?::[a-z0-9_]+)?")


def rules(file: str, kind: str) -> list[dict]:
    groups = yaml.safe_load((PROMETHEUS / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def served() -> set[str]:
    """Every name that the program gives to a metric: the golden sample's, and all string
    literals of its sources that look like one."""
    golden = (TOP / "tests/golden/document_sample.prom").read_text()
    names = set(re.findall(r"^# TYPE (\w+)", golden, re.M))
    for source in (TOP / "src").rglob("*.rs"):
        names |= set(re.findall(r'"(timpush_[a-z_]+)"', source.read_text()))
    return names


def check_names(known: set[str]) -> list[str]:
    problems = []
    places = [
        *PROMETHEUS.glob("*"), *RUNBOOKS.glob("*.md"), *(TOP / "deploy/alertmanager").glob("*"), *TESTS, SCENARIOS,
        TOP / "tests/rules/world.py",
    ]
    for path in places:
        for name in set(NAME.findall(path.read_text())):
            if name.endswith("_"):  # timpush_window_*, timpush_*_pushes_total
                continue
            if name not in known and re.sub(r"_(bucket|sum|count)$", "", name) not in known:
                problems.append(f"{path.relative_to(TOP)}: nobody serves or records {name}")
    return problems


def check_alert(rule: dict) -> list[str]:
    problems, annotations = [], rule["annotations"]
    # What is in strings and selectors is no comparison of values.
    bare = re.sub(r'"[^"]*"|\{[^}]*\}', "", rule["expr"])
    if not re.search(r"[<>]|[=!]=", bare):
        problems.append("compares nothing")
    if re.search(r"\b(topk|bottomk)\b", bare):
        problems.append("topk makes alerts flap")
    if re.search(r"(rate|increase)\(timpush_window_", bare):
        problems.append("rate or increase of a window gauge")
    if rule["labels"].get("severity") not in SEVERITIES:
        problems.append(f"severity {rule['labels'].get('severity')}")
    if ("for" in rule) == (rule["alert"] in AT_ONCE):
        problems.append("needs `for`, or a reason in AT_ONCE")
    for name in ("summary", "description"):
        if not annotations.get(name):
            problems.append(f"has no {name}")
    if annotations.get("runbook_url") != f"{RUNBOOK_URL}{rule['alert']}.md":
        problems.append(f"runbook_url {annotations.get('runbook_url')}")
    url = annotations.get("dashboard_url", "")
    uid = re.match(re.escape(DASHBOARD_URL) + r"([\w-]+)", url)
    if not uid or uid[1] not in DASHBOARDS:
        problems.append(f"dashboard_url {url}")
    return problems


def check_runbook(path: pathlib.Path, alerts: set[str]) -> list[str]:
    text = path.read_text()
    problems = []
    if path.name != "README.md":
        if path.stem not in alerts:
            problems.append("no alert has this runbook")
        if re.findall(r"^## (.*)$", text, re.M) != CHAPTERS:
            problems.append(f"its chapters are not {CHAPTERS}")
        if text.count("```sh") < 4 or not text.startswith(f"# {path.stem}\n"):
            problems.append("needs its name as title, three checks with commands, and the silence's")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if not urllib.parse.urlparse(target).scheme and not (path.parent / target).exists():
            problems.append(f"links to {target}, which is not there")
    return problems


def check_queries(folder: pathlib.Path) -> list[str]:
    """Every query of the runbooks is PromQL."""
    queries = []
    for path in sorted(RUNBOOKS.glob("*.md")):
        queries += re.findall(r"\$PROMETHEUS(?: \\\n +)? '([^']+)'", path.read_text())
    queries = [{"record": f"query:number_{number}", "expr": query} for number, query in enumerate(queries)]
    file = folder / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": queries}]}))
    return run(["promtool", "check", "rules", str(file)]) if len(queries) > 30 else ["where are the queries?"]


def check_tests(alerts: set[str]) -> list[str]:
    """Every alert fires in a test and is silent in another: of the scenarios, or here with all its annotations."""
    words = SCENARIOS.read_text()
    fires = {name for name in alerts if f'"{name}"' in words or f'\\"{name}\\"' in words or f'{name}|' in words or f'|{name}' in words}
    # All scenarios check that no alert fires that they do not name.
    silent = set(alerts)
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", ()):
                if not case["exp_alerts"]:
                    silent.add(case["alertname"])
                elif all("summary" in alert.get("exp_annotations", {}) for alert in case["exp_alerts"]):
                    fires.add(case["alertname"])
    return [f"{name}: no test in which it fires" for name in alerts - fires] + [
        f"{name}: no test in which it is silent" for name in alerts - silent
    ]


def quick_tests(folder: pathlib.Path) -> list[pathlib.Path]:
    """The test files as they are, each with the rules alone that it needs."""
    made = []
    for path in TESTS:
        text = path.read_text()
        own = folder / path.stem
        own.mkdir()
        scenarios.needed_rules(own, text)
        made.append(own / path.name)
        # As text, since YAML reads the 30 zeros of `0x30` as a number.
        made[-1].write_text(text.replace("../../deploy/prometheus", str(own)))
    return made


def run(command: list[str]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, env=scenarios.ENVIRONMENT)
    return [f"{' '.join(command)}:\n{done.stdout}{done.stderr}"] if done.returncode else []


def main() -> int:
    alerting = rules("timpush.alerts.yml", "alert")
    recorded = {rule["record"] for rule in rules("timpush.rules.yml", "record")}
    alerts = {rule["alert"] for rule in alerting}
    problems = check_names(served() | recorded) + check_tests(alerts)
    for rule in alerting:
        problems += [f"{rule['alert']}: {problem}" for problem in check_alert(rule)]
    for path in sorted(RUNBOOKS.glob("*.md")):
        problems += [f"{path.relative_to(TOP)}: {problem}" for problem in check_runbook(path, alerts)]
    overview = (RUNBOOKS / "README.md").read_text()
    problems += [f"{name}: not in the runbooks' overview" for name in alerts if f"({name}.md)" not in overview]

    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        folder = pathlib.Path(name)
        problems += check_queries(folder)
        commands = [
            ["promtool", "check", "rules", *map(str, sorted(PROMETHEUS.glob("timpush.*.yml")))],
            ["promtool", "check", "config", "--syntax-only", str(PROMETHEUS / "scrape.example.yml")],
            # The longest first; it runs two at a time itself.
            [sys.executable, str(SCENARIOS)],
            *[["promtool", "test", "rules", str(path)] for path in quick_tests(folder)],
        ]
        problems += [problem for found in pool.map(run, commands) for problem in found]
    for problem in problems:
        print(problem)
    print(f"{len(alerting)} alert rules, {len(recorded)} recorded names, {len(TESTS)} test files, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
