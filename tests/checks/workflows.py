#!/usr/bin/env python3
"""Checks the workflows: their schema, zizmor's audits, and that CI and a release run what .ci/run runs."""

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
# Also what a release calls.
CHECKS = f"{WORKFLOWS}/ci.yml"


def runs(path: pathlib.Path) -> list[str]:
    document = yaml.safe_load(path.read_text("utf-8"))
    return [step["run"] for job in document["jobs"].values() for step in job.get("steps", []) if "run" in step]


def unchecked_jobs(path: pathlib.Path) -> list[str]:
    """Jobs that may write although the checks have not passed, through whatever they wait for."""
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]

    def waits(name: str) -> bool:
        needed = jobs[name].get("needs", [])
        needed = [needed] if isinstance(needed, str) else needed
        return jobs[name].get("uses") == f"./{CHECKS}" or any(waits(each) for each in needed)

    return [
        name for name, job in jobs.items() if "write" in job.get("permissions", {}).values() and not waits(name)
    ]


def main() -> int:
    files = sorted((TOP / WORKFLOWS).glob("*.yml"))
    problems = []
    for program in PROGRAMS:
        status = subprocess.call([*program, *files], cwd=TOP)
        if status != 0:
            problems.append(f"{program[0]} ended with status {status}")
    for path in files:
        problems += [f"{path.name}: {job} may write before the checks have passed" for job in unchecked_jobs(path)]
    for command in EVERYTHING:
        if command not in runs(TOP / CHECKS):
            problems.append(f"{CHECKS}: does not run {command}")
        if command not in (TOP / ".ci/run").read_text("utf-8").splitlines():
            problems.append(f".ci/run: does not run {command}")
    for problem in problems:
        print(problem)
    print(f"{len(files)} workflows, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
