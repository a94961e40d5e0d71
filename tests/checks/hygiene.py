#!/usr/bin/env python3
"""Checks every file of the repository: no machine's paths, clean line ends, no leftovers."""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).parents[2]

# A path that only exists on somebody's machine; URLs and container paths are fine.
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(home|root|Users|work)/\w")

# Marks of work that is not done.
MARKS = re.compile(r"\b(todo!|unimplemented!|FIXME|XXX|dbg!)")

GENERATED = {"Cargo.lock", "tests/fuzz/Cargo.lock"}

# Inputs that are what they are.
CORPORA = "tests/fuzz/corpus/"


def main() -> int:
    problems = []
    files = subprocess.check_output(["git", "ls-files", "-z"], cwd=TOP, text=True).split("\0")
    for name in filter(None, files):
        path = TOP / name
        if name in GENERATED or name.startswith(CORPORA) or path.is_symlink() or not path.exists():
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if text and not text.endswith("\n"):
            problems.append(f"{name}: no line break at its end")
        for number, line in enumerate(text.splitlines(), 1):
            place = f"{name}:{number}"
            if line != line.rstrip() and not name.startswith("tests/golden/"):
                problems.append(f"{place}: white space at the end of the line")
            if "\t" in line and path.suffix in {".rs", ".yml", ".md", ".py"}:
                problems.append(f"{place}: a tab")
            if MACHINE_PATH.search(line) and name != "tests/checks/hygiene.py":
                problems.append(f"{place}: a path of one machine")
            if MARKS.search(line) and name != "tests/checks/hygiene.py":
                problems.append(f"{place}: a mark of unfinished work")
    for problem in problems:
        print(problem)
    print(f"{len(files) - 1} files, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
