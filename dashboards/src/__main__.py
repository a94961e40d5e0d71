"""Writes the dashboards. They are generated: change them here, then run, from the repository's top,

    python3 -m venv .tools/venv && .tools/venv/bin/pip install --requirement tests/requirements.txt
    .tools/venv/bin/python dashboards/src            # writes dashboards/timpush-*.json
    .tools/venv/bin/python dashboards/src --check    # fails if a file is not what it would write
"""

import json
import pathlib
import sys

import app
import campaigns
import errors
import exporter
import overview
import platforms
from frame import Board

FOLDER = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(FOLDER.parent / "deploy"))

from generated import settle


BOARDS = (overview.board, errors.board, platforms.board, app.board, campaigns.board, exporter.board)


def text(board: Board) -> str:
    return json.dumps(board.document(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    wanted = {FOLDER / f"{board.uid}.json": text(board) for board in (make() for make in BOARDS)}
    return settle("dashboards/src", wanted, set(FOLDER.glob("*.json")))


if __name__ == "__main__":
    sys.exit(main())
