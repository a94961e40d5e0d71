#!/usr/bin/env python3
"""Builds the Debian package, lets lintian look at it, and installs, upgrades, removes and purges it in a system
of its own, made by mmdebstrap. Needs root for that, or sudo. The exporter is what cargo built."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from lab import TOP, Failure, exporter, need

sys.path.insert(0, str(TOP / "deploy/package"))
from build_deb import NAME, build

CONFIGURATION = f"etc/{NAME}/timpush.yml"
KEY = f"etc/{NAME}/keys/shop.key"
STATE = f"var/lib/private/{NAME}/state.json"
ENABLED = f"etc/systemd/system/multi-user.target.wants/{NAME}.service"


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class System:
    """A Debian in a folder."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if line)
        run("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", release["VERSION_CODENAME"], root)

    def call(self, *command: str) -> str:
        return run("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
                   "chroot", self.root, *command)

    def install(self, package: pathlib.Path) -> None:
        shutil.copy(package, self.root / "package.deb")
        self.call("dpkg", "--force-confdef", "--force-confold", "--install", "/package.deb")
        (self.root / "package.deb").unlink()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def has(self, path: str) -> bool:
        return os.path.lexists(self.root / path)

    def left(self) -> set[str]:
        """What is there by our name, but for what dpkg remembers."""
        found = run("find", self.root, "-xdev", "-path", f"*{NAME}*", "-not", "-path", "*/var/lib/dpkg/*")
        return {line.removeprefix(f"{self.root}/") for line in found.splitlines()}


def check(what: str, is_so: bool) -> None:
    if not is_so:
        raise Failure(f"not so: {what}")


def installed(system: System) -> None:
    check("the program says its version", NAME in system.call(NAME, "--version"))
    system.call(NAME, "check-config", f"/{CONFIGURATION}", "--without-secrets")
    check("the service is off", not system.has(ENABLED))
    keys = (system.root / KEY).parent.stat()
    check("the keys are root's alone", (keys.st_uid, keys.st_mode & 0o777) == (0, 0o700))
    unit = (system.root / f"usr/lib/systemd/system/{NAME}.service").read_text()
    check("the unit starts what is there", f"ExecStart=/usr/bin/{NAME} run --config /{CONFIGURATION}\n" in unit)


def prove(system: System, first: pathlib.Path, second: pathlib.Path) -> None:
    before = system.left()
    system.install(first)
    installed(system)
    own = (system.root / CONFIGURATION).read_text() + "# My own.\n"
    kept = {CONFIGURATION: own, KEY: "secret", STATE: "{}"}
    for path, text in kept.items():
        system.write(path, text)

    def keeps(when: str) -> None:
        for path, text in kept.items():
            check(f"{path} is kept {when}", (system.root / path).read_text() == text)

    system.install(second)
    check("the version is the new one", system.call("dpkg-query", "-Wf", "${Version}", NAME).endswith("-2"))
    installed(system)
    keeps("at an upgrade")
    system.call("dpkg", "--remove", NAME)
    check("the program is gone", not system.has(f"usr/bin/{NAME}"))
    keeps("at a removal")
    system.install(second)
    installed(system)
    keeps("at a return")
    (system.root / ENABLED).parent.mkdir(parents=True, exist_ok=True)
    (system.root / ENABLED).symlink_to(f"/usr/lib/systemd/system/{NAME}.service")
    system.call("dpkg", "--purge", NAME)
    parents = {str(parent) for parent in pathlib.PurePath(KEY).parents}
    check(f"nothing but the key is left, not {system.left()}", system.left() - before - parents == {KEY})
    (system.root / KEY).unlink()
    system.install(first)
    system.call("dpkg", "--purge", NAME)
    check(f"nothing is left, not {system.left()}", system.left() == before)


def main() -> int:
    if os.geteuid():
        need("sudo")
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        os.execvp("sudo", ["sudo", "--preserve-env", sys.executable, *sys.argv])
    try:
        need("dpkg-deb", "dpkg-shlibdeps", "lintian", "mmdebstrap", "readelf")
        with tempfile.TemporaryDirectory() as folder:
            top = pathlib.Path(folder)
            top.chmod(0o755)
            # As a release is: symbols are of no use to an operator.
            program = top / NAME
            # How well it is compressed changes nothing that is looked at here, and costs the most.
            os.environ["DPKG_DEB_COMPRESSOR_LEVEL"] = "1"
            run("strip", "-o", program, exporter())
            first, again, second = (build(program, top), top / "again", build(program, top, "9.9.9-2"))
            again.mkdir()
            check("the same gives the same", build(program, again).read_bytes() == first.read_bytes())
            said = run("lintian", "--fail-on", "error,warning", "--allow-root", first)
            print(f"lintian: {said.strip() or 'nothing to say'}")
            prove(System(top / "system"), first, second)
            print(f"{first.name}: {first.stat().st_size >> 10} KiB, installed, upgraded, removed and purged")
    except Failure as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
