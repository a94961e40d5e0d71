"""The composition's file with its variables filled in, as Compose does that."""

import pathlib
import re

import yaml

TOP = pathlib.Path(__file__).parents[2]
FOLDER = TOP / "deploy/compose"
EXAMPLE = FOLDER / "example"
# ${NAME:-default}; a dollar sign that is doubled is one of the service's own.
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+):-([^}]*)\}")


def settings(env: pathlib.Path) -> dict[str, str]:
    """What a file of variables says."""
    lines = env.read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def defaults(file: pathlib.Path) -> dict[str, str]:
    return dict(VARIABLE.findall(file.read_text("utf-8")))


def read(file: pathlib.Path, variables: dict[str, str]) -> dict:
    text = VARIABLE.sub(lambda match: variables.get(match[1]) or match[2], file.read_text("utf-8"))
    return yaml.safe_load(text)
