"""Writes the dashboards. They are generated: change them here, then run, from the repository's top,

    python3 -m venv .tools/venv && .tools/venv/bin/pip install --requirement tests/requirements.txt
    .tools/venv/bin/python dashboards/src            # writes dashboards/timpush-*.json
    .tools/venv/bin/python dashboards/src --check    # fails if a file is not what it would write
"""

import json
import pathlib
import sys

import app
import errors
import exporter
import overview
import platforms
from frame import Board

FOLDER = pathlib.Path(__file__).parents[1]

BOARDS = (overview.board, errors.board, platforms.board, app.board, exporter.board)


def text(board: Board) -> str:
    return json.dumps(board.document(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    wanted = {FOLDER / f"{board.uid}.json": text(board) for board in (make() for make in BOARDS)}
    found = set(FOLDER.glob("*.json"))
    if "--check" not in sys.argv[1:]:
        for path in found - wanted.keys():
            path.unlink()
        for path, content in wanted.items():
            path.write_text(content, "utf-8")
        print(f"{len(wanted)} dashboards written")
        return 0
    problems = [f"{path.name}: nothing generates it" for path in found - wanted.keys()]
    for path, content in wanted.items():
        if not path.exists() or path.read_text("utf-8") != content:
            problems.append(f"{path.name}: is not what dashboards/src makes; run `python dashboards/src`")
    for problem in sorted(problems):
        print(problem)
    print(f"{len(wanted)} dashboards, {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
