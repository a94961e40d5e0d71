"""Services of a composition as processes on this machine, as closed in as their containers would be.

A service gets what its file and its image give it: a root of its own with nothing but the image's
programs and its mounts, the image's user, no capabilities, no new privileges. The services reach
each other by name over loopback addresses and nobody else: call this from a network, mount and
process namespace of its own, which ends every process and mount with it.

Other than in containers, programs may need this machine's C library (/usr/lib is in every root),
and a service without a network has one that holds nothing but loopback.
"""

import ctypes
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

from compose_file import read
from compose_images import images
from lab import Failure

CAP_LAST = 63
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
LOOPBACK_ONLY = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"']


def seconds(duration: str) -> float:
    """Of a duration such as 5s or 1m30s, as Compose writes them."""
    parts = re.findall(r"(\d+)([hms])", duration)
    return sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)


def as_list(value: object) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else [str(part) for part in value or []]


def mount(*arguments: object) -> None:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"mount {' '.join(map(str, arguments))}: {done.stderr.strip()}")


def bind(source: pathlib.Path, target: pathlib.Path, options: str) -> None:
    """Shows a file or folder at another place, which is made first."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount("--bind", source, target)
    mount("-o", f"remount,bind,{options}", target)


class Composition:
    """A file's services of one profile, with a user's variables."""

    def __init__(self, file: pathlib.Path, profile: str, work: pathlib.Path, variables: dict[str, str]) -> None:
        document = read(file, variables)
        self.folder, self.work, self.profile = file.parent, work, profile
        self.services: dict[str, dict] = {
            name: service for name, service in document["services"].items()
            if profile in service.get("profiles", [profile])
        }
        self.volumes, self.secrets = document.get("volumes", {}), document.get("secrets", {})
        # By each name that a service has in the network.
        self.addresses: dict[str, str] = {}
        for number, (name, service) in enumerate(self.services.items(), 1):
            if "network_mode" not in service:
                for known in [name, *self._aliases(service)]:
                    if known in self.addresses:
                        raise Failure(f"{profile}: two services are called {known}")
                    self.addresses[known] = f"127.0.1.{number}"

    @staticmethod
    def _aliases(service: dict) -> list[str]:
        networks = service.get("networks", {})
        return [alias for each in networks.values() for alias in (each or {}).get("aliases", [])]

    def address(self, name: str) -> str:
        if name not in self.addresses:
            raise Failure(f"no service is called {name}; there are {', '.join(self.addresses)}")
        return self.addresses[name]

    def in_order(self, left_out: str) -> list[str]:
        """The services' names but one, each after those that it depends on."""
        ordered: list[str] = []
        waiting = [name for name in self.services if name != left_out]
        while waiting:
            ready = [name for name in waiting if all(other in ordered for other in self.dependencies(name))]
            if not ready:
                raise Failure(f"{self.profile}: {', '.join(waiting)} wait for each other")
            ordered += ready
            waiting = [name for name in waiting if name not in ready]
        return ordered

    def dependencies(self, name: str) -> dict[str, str]:
        """Conditions by service."""
        given = self.services[name].get("depends_on", {})
        given = given if isinstance(given, dict) else {other: {} for other in given}
        found = {}
        for other, how in given.items():
            if other in self.services:
                found[other] = how.get("condition", "service_started")
            elif how.get("required", True):
                raise Failure(f"{name}: depends on {other}, which is not in the profile {self.profile}")
        return found


class Container:
    """A service that was given its root."""

    def __init__(self, composition: Composition, name: str) -> None:
        self.name, self.service, self._composition = name, composition.services[name], composition
        image = self.service["image"].rsplit(":", 1)[0]
        known = images()
        if image not in known:
            raise Failure(f"{name}: nothing stands in for the image {image}")
        self.image = known[image]
        self.root = composition.work / "roots" / name
        self.log = composition.work / f"{name}.log"
        self.process: subprocess.Popen | None = None
        self._build()

    @property
    def ends(self) -> bool:
        """Whether it is to end by itself."""
        return self.service.get("restart") == "no"

    @property
    def address(self) -> str:
        return self._composition.address(self.name)

    def _build(self) -> None:
        self.root.mkdir(parents=True)
        mount("-t", "tmpfs", "-o", "mode=0755", "root", self.root)
        self._base()
        for inside, program in self.image.programs.items():
            found = program if os.path.isdir(program) else shutil.which(program)
            if not found:
                raise Failure(f"not installed: {program}")
            self._bind(pathlib.Path(found), inside, "ro,nosuid")
        for folder in self.image.folders:
            self._folder(self._inside(folder), self.image.user)
        for given in self.service.get("tmpfs", []):
            path, _, options = given.partition(":")
            self._inside(path).mkdir(parents=True, exist_ok=True)
            options = f"nosuid,nodev,noexec,mode=1777,{options}".rstrip(",")
            mount("-t", "tmpfs", "-o", options, "tmpfs", self._inside(path))
        for given in self.service.get("volumes", []):
            self._volume(given)
        for secret in self.service.get("secrets", []):
            file = self._composition.folder / self._composition.secrets[secret]["file"]
            self._bind(self._existing(file), f"/run/secrets/{secret}", "ro")
        if self.service.get("read_only"):
            mount("-o", "remount,bind,ro", self.root)

    def _base(self) -> None:
        """What the engine gives every container, and the C library."""
        for path in ("/lib", "/lib64"):
            if os.path.islink(path):
                self._inside(path).symlink_to(os.readlink(path))
        for path in ("/usr/lib", "/usr/lib64", "/lib", "/lib64"):
            if os.path.isdir(path) and not os.path.islink(path):
                self._bind(pathlib.Path(path), path, "ro,nosuid")
        for device in ("null", "zero", "full", "random", "urandom"):
            self._bind(pathlib.Path("/dev") / device, f"/dev/{device}", "nosuid")
        self._inside("/proc").mkdir()
        mount("-t", "proc", "proc", self._inside("/proc"))
        addresses = {"localhost": "127.0.0.1"} | self._composition.addresses
        lines = [f"{address} {name}\n" for name, address in addresses.items()]
        # The engine's resolver, which is not there: nothing is to be asked outside.
        for name, text in (("hosts", "".join(lines)), ("resolv.conf", "nameserver 127.0.0.11\n")):
            file = self._inside(f"/etc/{name}")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)

    def _inside(self, path: str) -> pathlib.Path:
        return self.root / path.lstrip("/")

    def _existing(self, path: pathlib.Path) -> pathlib.Path:
        if not path.exists():
            raise Failure(f"{self.name}: {os.path.relpath(path, self._composition.folder)} does not exist")
        return path.resolve()

    def _folder(self, path: pathlib.Path, user: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, user, user)

    def _bind(self, source: pathlib.Path, inside: str, options: str) -> None:
        bind(source, self._inside(inside), options)

    def _volume(self, given: str) -> None:
        source, inside, *mode = given.split(":")
        if source.startswith((".", "/")):
            path = self._existing(self._composition.folder / source)
        elif source in self._composition.volumes:
            path = self._composition.work / "volumes" / source
            path.mkdir(parents=True, exist_ok=True)
            # As long as it is empty, it takes its owner from the image, if that has the folder.
            if inside in self.image.folders and not any(path.iterdir()):
                os.chown(path, self.image.user, self.image.user)
        else:
            raise Failure(f"{self.name}: the volume {source} is not declared")
        self._bind(path, inside, ",".join(mode) or "rw")

    def _launch(self, command: list[str], **more: object) -> subprocess.Popen:
        environment = {"PATH": "/bin:/usr/bin", **self.service.get("environment", {})}
        alone = LOOPBACK_ONLY if self.service.get("network_mode") == "none" else []
        launch = [str(self.root), str(self.image.user), json.dumps(environment), *command]
        return subprocess.Popen([*alone, sys.executable, __file__, *launch], **more)

    def start(self) -> None:
        entrypoint = as_list(self.service.get("entrypoint")) or self.image.entrypoint
        command = entrypoint + as_list(self.service.get("command"))
        # What Compose makes of a dollar sign that is not to be a variable.
        command = [part.replace("$$", "$") for part in command]
        with self.log.open("w") as log:
            self.process = self._launch(command, stdout=log, stderr=subprocess.STDOUT)

    def failure(self, what: str) -> Failure:
        end = "".join(f"\n    {line}" for line in self.log.read_text(errors="replace").splitlines()[-15:])
        return Failure(f"{self.name}: {what}; it said last:{end}")

    def check_running(self) -> None:
        if self.process and self.process.poll() is not None:
            raise self.failure(f"ended with {self.process.returncode}")

    def stop(self, patience: float = 10) -> None:
        """As the engine does; who has ended before or does not end well is a Failure."""
        self.check_running()
        self.process.terminate()
        self.wait_completed(patience)

    def wait_completed(self, patience: float) -> None:
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise self.failure(f"has not ended after {patience:.0f} s") from None
        if code:
            raise self.failure(f"ended with {code}")

    def wait_healthy(self, patience: float) -> None:
        """Runs its own health check until that succeeds."""
        test = self.service.get("healthcheck", {}).get("test")
        if not test or test[0] != "CMD":
            raise Failure(f"{self.name}: has no health check of the form [CMD, ...]")
        end = time.monotonic() + patience
        while True:
            self.check_running()
            check = self._launch(test[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                said, _ = check.communicate(timeout=seconds(self.service["healthcheck"]["timeout"]))
            except subprocess.TimeoutExpired:
                check.kill()
                said, _ = check.communicate()
                said += " and has no answer in time"
            if check.returncode == 0:
                return
            if time.monotonic() > end:
                raise self.failure(f"is not healthy after {patience:.0f} s ({said.strip()})")
            time.sleep(0.5)

    def problems(self) -> list[str]:
        """How it is less closed in than its file says, as the kernel sees it."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        facts = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.M))
        found = []
        if set(facts["Uid"].split()) != {str(self.image.user)}:
            found.append(f"{self.name}: runs as {facts['Uid']}, not as {self.image.user}")
        if any(int(facts[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")):
            found.append(f"{self.name}: has capabilities")
        if facts["NoNewPrivs"] != "1":
            found.append(f"{self.name}: may gain privileges")
        if os.access(self.root, os.W_OK):
            found.append(f"{self.name}: its root can be written to")
        return found


def launch(root: str, user: str, environment: str, *command: str) -> None:
    """Becomes the program, with no way back."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.chroot(root)
    os.chdir("/")
    for capability in range(CAP_LAST + 1):
        # The kernel does not know all of them.
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    os.setgroups([])
    os.setresgid(int(user), int(user), int(user))
    os.setresuid(int(user), int(user), int(user))
    os.execvpe(command[0], command, json.loads(environment))


if __name__ == "__main__":
    launch(*sys.argv[1:])
