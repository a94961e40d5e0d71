#!/usr/bin/env python3
"""Checks the CI workflow: its schema, zizmor's audits, and that it runs what .ci/run runs."""

import pathlib
import subprocess
import sys

import yaml

TOP = pathlib.Path(__file__).parents[2]
WORKFLOWS = ".github/workflows"

# Without a network: an audit must not depend on what a server says today.
PROGRAMS = (
    ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
    ("check-jsonschema", "--builtin-schema", "custom.github-workflows-require-timeout"),
    ("zizmor", "--offline", "--no-progress", "--quiet"),
)

EVERYTHING = ("./tests/all", "./tests/peers")


def runs(path: pathlib.Path) -> list[str]:
    document = yaml.safe_load(path.read_text("utf-8"))
    return [step["run"] for job in document["jobs"].values() for step in job["steps"] if "run" in step]


def main() -> int:
    files = sorted((TOP / WORKFLOWS).glob("*.yml"))
    problems = []
    for program in PROGRAMS:
        status = subprocess.call([*program, *files], cwd=TOP)
        if status != 0:
            problems.append(f"{program[0]} ended with status {status}")
    for command in EVERYTHING:
        if not any(command in runs(path) for path in files):
            problems.append(f"{WORKFLOWS}: no step runs {command}")
        if command not in (TOP / ".ci/run").read_text("utf-8").splitlines():
            problems.append(f".ci/run: does not run {command}")
    for problem in problems:
        print(problem)
    print(f"{len(files)} workflows, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
