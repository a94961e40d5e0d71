#!/usr/bin/env python3
"""Builds the Debian package from a program that is there already.

    deploy/package/build_deb.py PROGRAM FOLDER

Needs dpkg-deb, and dpkg-shlibdeps for a program that is not static. The same program and the same
SOURCE_DATE_EPOCH (or else commit) give the same bytes.
"""

import datetime
import email.utils
import gzip
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

PACKAGE = pathlib.Path(__file__).resolve().parent
TOP = PACKAGE.parents[1]
NAME = "timpush-exporter"
MAINTAINER = f"The {NAME} authors <{NAME}@users.noreply.github.com>"
DESCRIPTION = """Prometheus exporter for push losses of Tencent Cloud Chat
 Polls the push statistics of Tencent Cloud Chat (TIMPush) for every app and
 region in its configuration, and serves lost, sent, delivered and clicked
 pushes by stage, platform and error code as metrics for Prometheus.
 .
 The service is off until it is configured and enabled."""
SCRIPTS = ("postinst", "postrm", "prerm")
CONFFILES = ("/etc/timpush-exporter/timpush.yml",)


def output(*command: object, **more: object) -> str:
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def moment() -> int:
    """That of every file in the package."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or output("git", "log", "-1", "--format=%ct", cwd=TOP))


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), 9, mtime=0)


def dependencies(program: pathlib.Path) -> str:
    """The libraries that the program is linked with; none if it is static."""
    if "NEEDED" not in output("readelf", "--dynamic", program):
        return ""
    with tempfile.TemporaryDirectory() as folder:
        control = pathlib.Path(folder) / "debian/control"
        control.parent.mkdir()
        control.write_text(f"Source: {NAME}\n\nPackage: {NAME}\nArchitecture: any\n")
        found = output("dpkg-shlibdeps", "-O", f"-e{program}", cwd=folder, stderr=subprocess.DEVNULL)
    return found.strip().removeprefix("shlibs:Depends=")


def files(version: str, at: int) -> dict[str, bytes]:
    """What is installed beside the program, by path."""
    unit = (TOP / "deploy/systemd/timpush-exporter.service").read_text("utf-8")
    # What its comment says of installing is done.
    unit = "[Unit]" + unit.split("[Unit]", 1)[1].replace("/usr/local/bin/", "/usr/bin/")
    date = email.utils.format_datetime(datetime.datetime.fromtimestamp(at, datetime.UTC))
    entry = f"{NAME} ({version}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- {MAINTAINER}  {date}\n"
    doc = f"/usr/share/doc/{NAME}"
    found = {
        f"/usr/lib/systemd/system/{NAME}.service": unit.encode(),
        CONFFILES[0]: (PACKAGE / "debian/timpush.yml").read_bytes(),
        f"{doc}/copyright": (PACKAGE / "debian/copyright").read_bytes(),
        f"{doc}/changelog.gz": zipped((TOP / "CHANGELOG.md").read_text("utf-8")),
        f"{doc}/changelog.Debian.gz": zipped(entry),
        f"/usr/share/lintian/overrides/{NAME}": (PACKAGE / "debian/lintian-overrides").read_bytes(),
        f"{doc}/examples/timpush.example.yml": (TOP / "deploy/timpush.example.yml").read_bytes(),
        f"/usr/share/bash-completion/completions/{NAME}": (PACKAGE / f"completions/{NAME}.bash").read_bytes(),
        f"/usr/share/fish/vendor_completions.d/{NAME}.fish": (PACKAGE / f"completions/{NAME}.fish").read_bytes(),
        f"/usr/share/zsh/vendor-completions/_{NAME}": (PACKAGE / f"completions/_{NAME}").read_bytes(),
    }
    for folder in ("prometheus", "alertmanager"):
        for path in sorted((TOP / "deploy" / folder).iterdir()):
            found[f"{doc}/examples/{folder}/{path.name}"] = path.read_bytes()
    for page in sorted((PACKAGE / "man").glob("*.1")):
        found[f"/usr/share/man/man1/{page.name}.gz"] = zipped(page.read_text("utf-8"))
    return found


def write(path: pathlib.Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def build(program: pathlib.Path, folder: pathlib.Path, version: str | None = None) -> pathlib.Path:
    version = version or tomllib.loads((TOP / "Cargo.toml").read_text("utf-8"))["package"]["version"] + "-1"
    at, architecture = moment(), output("dpkg", "--print-architecture").strip()
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as work:
        root = pathlib.Path(work) / "root"
        for path, content in files(version, at).items():
            write(root / path.lstrip("/"), content, 0o644)
        write(root / "usr/bin" / NAME, program.read_bytes(), 0o755)
        installed = sorted(path for path in root.rglob("*") if path.is_file())
        sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in installed)
        sizes = (path.stat().st_size for path in installed)
        fields = {
            "Package": NAME,
            "Version": version,
            "Architecture": architecture,
            "Maintainer": MAINTAINER,
            "Installed-Size": str(sum(-(-size // 1024) for size in sizes)),
            "Depends": dependencies(program),
            "Section": "net",
            "Priority": "optional",
            "Homepage": "https://github.com/timpush-exporter/timpush-exporter",
            "Description": DESCRIPTION,
        }
        control = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
        write(root / "DEBIAN/control", control.encode(), 0o644)
        write(root / "DEBIAN/conffiles", "".join(f"{path}\n" for path in CONFFILES).encode(), 0o644)
        write(root / "DEBIAN/md5sums", sums.encode(), 0o644)
        for script in SCRIPTS:
            write(root / "DEBIAN" / script, (PACKAGE / "debian" / script).read_bytes(), 0o755)
        built = folder / f"{NAME}_{version}_{architecture}.deb"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(at)}
        output("dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, built, env=environment)
    return built


def main() -> int:
    if len(sys.argv) != 3 or not re.match(rb"\x7fELF", pathlib.Path(sys.argv[1]).read_bytes()[:4]):
        print(__doc__, file=sys.stderr)
        return 2
    print(build(pathlib.Path(sys.argv[1]).absolute(), pathlib.Path(sys.argv[2]).absolute()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
