#!/usr/bin/env python3
"""Checks each dashboard against Grafana's own types, of which JSON schemas are made.

The types are those of the npm package @grafana/schema of the newest and the oldest Grafana that
the dashboards are for; tests/schema/dashboard.ts says which are meant.
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

CONFIGURATIONS = {"newest": "tsconfig.json", "oldest": "tsconfig.oldest.json"}
FILES = ("package.json", "package-lock.json", "dashboard.ts", *CONFIGURATIONS.values())


def run(*command: str) -> None:
    subprocess.run(command, cwd=NODE, check=True, stdout=subprocess.DEVNULL)


def make_schemas() -> None:
    """Makes them anew only when what they are made from changed."""
    done = NODE / "done"
    if done.exists() and all((NODE / name).read_bytes() == (SOURCE / name).read_bytes() for name in FILES):
        return
    NODE.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    for name in FILES:
        shutil.copy(SOURCE / name, NODE)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    for age, configuration in CONFIGURATIONS.items():
        run("node_modules/.bin/tsc", "--project", configuration)
        made = ["--tsconfig", configuration, "--path", "dashboard.ts", "--type", "Checked", "--out", f"{age}.json"]
        run("node_modules/.bin/ts-json-schema-generator", "--no-type-check", *made)
    done.touch()


class Checker:
    """A panel is checked by the type of its kind, which says more than a union of all."""

    def __init__(self, schema: dict) -> None:
        self._definitions = schema["definitions"]
        checked = self._definitions["Checked"]["properties"]
        self._dashboard = self._validator(checked["dashboard"])
        self._panels = {kind: self._validator(part) for kind, part in checked["panels"]["properties"].items()}

    def _validator(self, part: dict) -> Draft7Validator:
        return Draft7Validator({**part, "definitions": self._definitions})

    def problems(self, document: dict) -> list[str]:
        found = _problems(self._dashboard, document)
        for panel in document["panels"]:
            for each in (panel, *panel.get("panels", ())):
                validator = self._panels.get(each["type"])
                of_it = _problems(validator, each) if validator else ["is of a kind that has no types here"]
                found += [f"panel {each['title']!r}: {problem}" for problem in of_it]
        return found


def _problems(validator: Draft7Validator, value: dict) -> list[str]:
    deepest = (best_match([error]) for error in validator.iter_errors(value))
    return [f"{error.json_path}: {error.message[:300]}" for error in deepest]


def main() -> int:
    make_schemas()
    paths = sorted((TOP / "dashboards").glob("*.json"))
    documents = {path.name: json.loads(path.read_text("utf-8")) for path in paths}
    problems = []
    for age in CONFIGURATIONS:
        checker = Checker(json.loads((NODE / f"{age}.json").read_text()))
        for name, document in documents.items():
            problems += [f"{name}, {age} Grafana: {problem}" for problem in checker.problems(document)]
    for problem in problems:
        print(problem)
    print(f"{len(documents)} dashboards, {len(problems)} problems")
    return bool(problems) or not documents


if __name__ == "__main__":
    sys.exit(main())
