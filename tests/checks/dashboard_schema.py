#!/usr/bin/env python3
"""Checks each dashboard against Grafana's own types, of which a JSON schema is made.

The types are in the npm package @grafana/schema; tests/schema/dashboard.ts says which are meant.
"""

import json
import pathlib
import shutil
import subprocess
import sys

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

TOP = pathlib.Path(__file__).parents[2]
SOURCE = TOP / "tests/schema"
NODE = TOP / ".tools/node"

FILES = ("package.json", "package-lock.json", "tsconfig.json", "dashboard.ts")


def run(*command: str) -> None:
    subprocess.run(command, cwd=NODE, check=True, stdout=subprocess.DEVNULL)


def schema() -> dict:
    """Made anew only when what it is made from changed."""
    made = NODE / "schema.json"
    if made.exists() and all((NODE / name).read_bytes() == (SOURCE / name).read_bytes() for name in FILES):
        return json.loads(made.read_text())
    NODE.mkdir(parents=True, exist_ok=True)
    made.unlink(missing_ok=True)
    for name in FILES:
        shutil.copy(SOURCE / name, NODE)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    run("node_modules/.bin/tsc", "--project", "tsconfig.json")
    generator = ["--path", "dashboard.ts", "--tsconfig", "tsconfig.json", "--type", "Checked", "--no-type-check"]
    run("node_modules/.bin/ts-json-schema-generator", *generator, "--out", "made.json")
    (NODE / "made.json").rename(made)
    return json.loads(made.read_text())


class Checker:
    def __init__(self, made: dict) -> None:
        self._definitions = made["definitions"]
        checked = made["definitions"]["Checked"]["properties"]
        self._dashboard = self._validator(checked["dashboard"])
        self._panels = {kind: self._validator(part) for kind, part in checked["panels"]["properties"].items()}

    def _validator(self, part: dict) -> Draft7Validator:
        return Draft7Validator({**part, "definitions": self._definitions})

    def dashboard(self, document: dict) -> list[str]:
        problems = self._problems(self._dashboard, document)
        for panel in document["panels"]:
            for each in (panel, *panel.get("panels", ())):
                validator = self._panels.get(each["type"])
                found = self._problems(validator, each) if validator else ["is of a kind that has no types here"]
                problems += [f"panel {each['title']!r}: {problem}" for problem in found]
        return problems

    @staticmethod
    def _problems(validator: Draft7Validator, value: dict) -> list[str]:
        found = []
        for error in validator.iter_errors(value):
            deepest = best_match([error])
            found.append(f"{deepest.json_path}: {deepest.message[:300]}")
        return found


def main() -> int:
    made = schema()
    paths = sorted((TOP / "dashboards").glob("*.json"))
    checker = Checker(made)
    problems = [f"{path.name}: {problem}" for path in paths for problem in checker.dashboard(json.loads(path.read_text()))]
    for problem in problems:
        print(problem)
    print(f"{len(paths)} dashboards, {len(problems)} problems")
    return bool(problems) or not paths


if __name__ == "__main__":
    sys.exit(main())
