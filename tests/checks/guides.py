#!/usr/bin/env python3
"""Holds CONTRIBUTING.md and SECURITY.md to what is there: paths, names in files, tests, steps, anchors.

In backticks, a path must exist (`*` matches any name), a name after a path on the same line must be
defined in that file, and a long name in lower case must be a test, as must every name in the last
column of a table with the heading `tests`.
"""

import pathlib
import re
import shlex
import subprocess
import sys

TOP = pathlib.Path(__file__).parents[2]
GUIDES = ("CONTRIBUTING.md", "SECURITY.md")

PATH = re.compile(r"\.?[\w-]+(/[\w.*-]+)+/?|[\w.-]+\.(md|py|rs|toml|json|yml)|Dockerfile")

# A constant, a function, or a method of a type.
NAME = re.compile(r"(?:([A-Z]\w+)::)?([a-z]\w*|[A-Z][A-Z_]+)")

# Shorter names are keys and fields.
TEST = re.compile(r"[a-z0-9]+(_[a-z0-9]+){3,}")

# Names of tests that are no function: rows of a macro that makes one of each.
MADE = re.compile(r"^    (\w+): .* => .*;$", re.M)
FUNCTION = re.compile(
    r"#\[(?:tokio::)?test\b.*\n(?:\s*(?:#\[|//).*\n)*\s*(?:async )?fn (\w+)|^        fn (\w+)\(.* in ", re.M
)

# What ./tests/all installs, and what exists on other machines only.
ELSEWHERE = (".tools/",)


def tests() -> set[str]:
    found = set()
    for room in ("src", "tests/it", "tests/sim"):
        for path in (TOP / room).rglob("*.rs"):
            text = path.read_text("utf-8")
            found |= {one or other for one, other in FUNCTION.findall(text)}
            if "macro_rules!" in text:
                found |= set(MADE.findall(text))
    return found


def is_there(path: str) -> bool:
    if path.startswith(ELSEWHERE):
        return True
    return any(TOP.glob(path.rstrip("/"))) and (not path.endswith("/") or (TOP / path).is_dir())


def is_defined(path: str, kind: str, name: str) -> bool:
    file = TOP / path
    if not file.is_file():
        return False
    text = file.read_text("utf-8")
    if kind and not re.search(rf"^impl\b.*\b{kind}\b.*\{{$", text, re.M):
        return False
    return bool(re.search(rf"\b(fn|def|const|static) {name}\b", text))


def problems(guide: str, known: set[str], steps: dict[str, set[str]]) -> list[str]:
    found = []
    text = (TOP / guide).read_text("utf-8")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    cited = 0
    lists_tests = False
    for line in prose.splitlines():
        path = ""
        lists_tests = line.startswith("|") and (lists_tests or line.endswith("| tests |"))
        last = line.rstrip("| ").rsplit("|", 1)[-1] if lists_tests else ""
        for token in re.findall(r"`([^`]+)`", line):
            if PATH.fullmatch(token):
                path = token
                if not is_there(path):
                    found.append(f"{path} does not exist")
            elif TEST.fullmatch(token) or f"`{token}`" in last:
                cited += 1
                if token not in known:
                    found.append(f"{token} is no test")
            elif line.startswith("|") and path and (name := NAME.fullmatch(token)):
                cited += 1
                if not is_defined(path, *name.groups(default="")):
                    found.append(f"{path} does not define {token}")
    for script, names in re.findall(r"\./(tests/all|tests/peers) ((?:[^`\n]|\n(?! *\n))*?)`", prose):
        found += [f"{step} is no step of {script}" for step in shlex.split(names)
                  if step not in steps[script] and not step.startswith("--")]
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        if not (TOP / link).exists():
            found.append(f"{link} does not exist")
    if not cited:
        found.append("names nothing that can be checked")
    return [f"{guide}: {problem}" for problem in found]


def main() -> int:
    known = tests()
    steps = {
        script: set(subprocess.check_output([TOP / script, "--list"], text=True).splitlines())
        for script in ("tests/all", "tests/peers")
    }
    found = [problem for guide in GUIDES for problem in problems(guide, known, steps)]
    for problem in found:
        print(problem)
    print(f"{len(GUIDES)} guides, {len(known)} tests known, {len(found)} problems")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
