"""The programs of Kubernetes' world that the checks of chart and manifests need, built from their Go modules."""

import concurrent.futures
import pathlib
import re

import yaml
from go_programs import BIN, GO, go, is_built, module

# The newest that the module proxy serves whole.
OPERATOR = ("github.com/prometheus-operator/prometheus-operator", "v0.85.0")
KUBERNETES = "v1.37.2"
PROGRAMS = ("kube-apiserver", "kube-controller-manager")


def kubernetes(name: str) -> pathlib.Path:
    """A program of Kubernetes itself, whose module builds only with its parts put in place."""
    path, package = BIN / name, f"k8s.io/kubernetes/cmd/{name}"
    if not is_built(path, package, KUBERNETES):
        folder = GO / "kubernetes"
        folder.mkdir(parents=True, exist_ok=True)
        origin = pathlib.Path(module("k8s.io/kubernetes", KUBERNETES)["GoMod"])
        parts = re.findall(r"^\s*(k8s\.io/\S+) => \./staging/", origin.read_text(), re.M)
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
    folder = pathlib.Path(module(*OPERATOR)["Dir"])
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
