"""Files that scripts write, and that are checked to be what they would write."""

import pathlib
import sys


def settle(script: str, wanted: dict[pathlib.Path, str], present: set[pathlib.Path]) -> int:
    """Writes what is wanted, and removes what else is present; with --check only says what differs.

    Gives the exit code: with --check, 1 if something differs.
    """
    top = pathlib.Path(__file__).parents[1]
    stale = sorted(present - set(wanted))
    differing = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" not in sys.argv[1:]:
        for path in stale:
            path.unlink()
        for path in differing:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path], "utf-8")
        return 0
    for path in differing + stale:
        print(f"{path.relative_to(top)} is not what {script} writes: run it")
    print(f"{len(wanted)} files of {script}, {len(differing + stale)} differ")
    return int(bool(differing or stale))
