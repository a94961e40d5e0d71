#!/usr/bin/env python3
"""Checks the unit: systemd finds nothing odd in it, it exposes little, and what it names is what README,
program and configuration call it.

    tests/checks/systemd.py [unit to take in place of deploy/systemd/timpush-exporter.service]
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).parents[2]
UNIT = TOP / "deploy/systemd/timpush-exporter.service"
PROGRAM = "/usr/local/bin/timpush-exporter"
# The highest exposure that passes; an ordinary exporter's unit has 9.2.
EXPOSURE = 1.5
# What the program, its notifications and its keys need, whatever the exposure.
NEEDED = {
    "Type": "notify",
    "DynamicUser": "yes",
    "StateDirectory": "timpush-exporter",
    "LoadCredential": "keys:/etc/timpush-exporter/keys",
    "ExecReload": "/bin/kill -HUP $MAINPID",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
}


def output(*command: object) -> tuple[int, str]:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def oddities(text: str) -> list[str]:
    """What systemd has to say, on a machine where the program is installed; any word is one too many."""
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder)
        program = top / "timpush-exporter"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        unit = top / UNIT.name
        unit.write_text(text.replace(PROGRAM, str(program)))
        status, said = output("systemd-analyze", "verify", "--man=no", unit)
    return said.splitlines() or ([f"verify ended with {status}"] if status else [])


def exposure(path: pathlib.Path) -> float:
    _, said = output("systemd-analyze", "security", "--offline=true", "--no-pager", path)
    match = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    if not match:
        raise SystemExit(f"systemd-analyze security says no level:\n{said}")
    return float(match[1])


def settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.M):
        found.setdefault(name, []).append(value)
    return found


def main() -> int:
    path = pathlib.Path(sys.argv[1]) if sys.argv[1:] else UNIT
    if not shutil.which("systemd-analyze"):
        raise SystemExit("systemd-analyze is missing: apt-get install systemd")
    text = path.read_text("utf-8")
    given = settings(text)
    found = oddities(text)
    level = exposure(path)
    if level > EXPOSURE:
        found.append(f"the exposure is {level}, more than {EXPOSURE}")
    for name, value in NEEDED.items():
        if given.get(name) != [value]:
            found.append(f"{name} is {given.get(name)}, not {value}")
    start = given["ExecStart"][0].split()
    if start[0] != PROGRAM:
        found.append(f"starts {start[0]}, not {PROGRAM}")
    if float(given.get("WatchdogSec", ["0"])[0]) < 10:
        found.append("there is no watchdog, or one that bites a busy machine")
    for readme in ("README.md", "README.zh-CN.md"):
        words = (TOP / readme).read_text("utf-8")
        credentials = f"/run/credentials/{UNIT.name}/keys_shop.key"
        for name in (str(UNIT.relative_to(TOP)), credentials, f" {level}"):
            if name not in words:
                found.append(f"{readme} does not say {name}")
        if credentials not in text:
            found.append(f"the unit does not say {credentials}")
    for problem in found:
        print(problem)
    print(f"exposure {level}, {len(found)} problems")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
