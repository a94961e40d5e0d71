#!/usr/bin/env python3
"""Checks what the program is built from: licences, sources, and crates that must not be there.

cargo-deny does the same and more, but takes longer to build than everything else here.

Advisories are not checked here. RustSec's database, which cargo-audit and cargo-deny read, is a
Git repository and no package of a registry; where that can be reached, run `cargo audit`.
"""

import json
import re
import subprocess
import sys

# Licences that may be linked into an Apache-2.0 binary.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}

# One TLS stack, and none that needs a system library or a second build system.
BANNED = {"openssl-sys", "native-tls", "aws-lc-sys", "cmake"}

# Crates of which two versions would weigh.
SINGLE = {"rustls", "hyper", "tokio", "reqwest", "ring", "serde", "prometheus", "hickory-proto", "webpki-roots"}

REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def allowed(expression: str) -> bool:
    """Evaluates an SPDX expression; a slash is the old way to write OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    python = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token in "()":
            python.append(token)
        elif token in ("AND", "OR"):
            python.append(token.lower())
        else:
            licence = token
            if tokens[index + 1 : index + 2] == ["WITH"]:
                licence = " ".join(tokens[index : index + 3])
                index += 2
            python.append(str(licence in ALLOWED))
        index += 1
    return bool(eval(" ".join(python), {"__builtins__": {}}))  # only True, False, and, or, ( and )


def shipped(target: str) -> list[dict]:
    """The packages that the program itself is linked from, without build and test tools."""
    metadata = json.loads(
        subprocess.check_output(
            ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
        )
    )
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    seen, waiting = {root}, [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return [packages[id] for id in seen if id != root]


def main() -> int:
    target = re.search(r"host: (\S+)", subprocess.check_output(["rustc", "-vV"], text=True)).group(1)
    packages = shipped(target)
    problems = []
    versions: dict[str, set[str]] = {}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        versions.setdefault(package["name"], set()).add(package["version"])
        if package["name"] in BANNED:
            problems.append(f"{name}: must not be linked")
        if package["source"] != REGISTRY:
            problems.append(f"{name}: comes from {package['source']}, not from the registry")
        if not package["license"] or not allowed(package["license"]):
            problems.append(f"{name}: licence {package['license']!r} is not on the list")
    for name in SINGLE:
        if len(versions.get(name, ())) > 1:
            problems.append(f"{name}: linked in several versions: {', '.join(sorted(versions[name]))}")
    for problem in sorted(problems):
        print(problem)
    print(f"{len(packages)} crates, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
