#!/usr/bin/env python3
"""Checks that all files name the same version, and that a tag is of it.

    tests/checks/release.py                        the files among each other
    tests/checks/release.py v0.2.0 --notes FILE    and the tag, whose section of CHANGELOG.md is written to FILE
"""

import argparse
import pathlib
import re
import sys
import tomllib

TOP = pathlib.Path(__file__).parents[2]

# Where a file names the version, by a pattern with one group.
NAMED = {
    "Dockerfile": r"^ARG VERSION=(\S+)$",
    "deploy/compose/compose.yml": r"^  image: timpush-exporter:(\S+)$",
    "deploy/helm/timpush-exporter/Chart.yaml": r"^(?:appV|v)ersion: (\S+)$",
    "deploy/kubernetes/base/statefulset.yaml": r"^ +image: \S+/timpush-exporter:(\S+)$",
}
LOCKS = ("Cargo.lock", "tests/fuzz/Cargo.lock")
SECTION = r"^## {version} / (\d{{4}}-\d{{2}}-\d{{2}})\n(.+?)(?=^## |\Z)"


def read(path: str) -> str:
    return (TOP / path).read_text("utf-8")


def files(version: str) -> list[str]:
    """Which files name another version than Cargo.toml, or none."""
    named = {path: re.findall(pattern, read(path), re.M) for path, pattern in NAMED.items()}
    for path in LOCKS:
        packages = tomllib.loads(read(path))["package"]
        named[path] = [package["version"] for package in packages if package["name"] == "timpush-exporter"]
    return [
        f"{path}: {', '.join(found) or 'no version'}, not {version} as Cargo.toml"
        for path, found in named.items() if not found or set(found) != {version}
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tag", nargs="?")
    parser.add_argument("--notes", type=pathlib.Path)
    given = parser.parse_args()
    version = tomllib.loads(read("Cargo.toml"))["package"]["version"]
    problems = files(version)
    if given.tag:
        if given.tag != f"v{version}":
            problems.append(f"the tag {given.tag} is not v{version}, as Cargo.toml has it")
        section = re.search(SECTION.format(version=re.escape(version)), read("CHANGELOG.md"), re.M | re.S)
        if not section:
            problems.append(f"CHANGELOG.md: there is no section {version} with a date and text")
        elif given.notes and not problems:
            given.notes.write_text(section[2].strip() + "\n", "utf-8")
    for problem in problems:
        print(problem)
    print(f"{version}: {len(NAMED) + len(LOCKS)} files, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
