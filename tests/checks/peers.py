#!/usr/bin/env python3
"""Compares what the field's programs hold after they scraped the same exporter, in each of their formats.

    tests/checks/peers.py [prometheus] [victoria-metrics] [collector]     these, or all at the same time

The programs are built as tests/checks/go_programs.py says.
"""

import contextlib
import math
import pathlib
import sys
import tempfile
import time

from go_programs import tool
from lab import Failure, serving, until
from peer_lab import MOVING, Series, Source, Values, Wire, shown, still
from peer_programs import PEERS, Job, Peer

SCRAPES = 3
PATIENCE = 120
# The simulated apps have a rhythm: the fewest codes, some 450 series, come between 3 and 5 a.m. at +08:00.
LEAST = 300


def constant(before: Values, after: Values) -> Values:
    """Series that were the same all the time; any other must be one that moves."""
    same = {key: value for key, value in before.items() if after.get(key) == value}
    moved = {name for name, _ in before.keys() ^ after.keys() | before.keys() - same.keys()} - MOVING
    if moved:
        raise Failure(f"not still: {', '.join(sorted(moved))}")
    same = {key: value for key, value in same.items() if key[0] not in MOVING}
    if len(same) < LEAST:
        raise Failure(f"only {len(same)} series")
    return same


def differences(expected: Values, found: Values, precision: float = 0) -> list[str]:
    found = {key: value for key, value in found.items() if key[0] not in MOVING}
    wrong = [f"{shown(key)}: {value}, not {expected[key]}" for key, value in found.items()
             if key in expected and not math.isclose(value, expected[key], rel_tol=precision)]
    wrong += [f"{shown(key)}: missing" for key in expected.keys() - found.keys()]
    return wrong + [f"{shown(key)}: not in /metrics" for key in found.keys() - expected.keys()]


def wait_for_scrapes(jobs: list[Job]) -> None:
    end = time.monotonic() + PATIENCE
    while any(len(job.wire.served) < SCRAPES for job in jobs):
        if time.monotonic() > end:
            slow = [f"{job.name}: {len(job.wire.served)}" for job in jobs if len(job.wire.served) < SCRAPES]
            raise Failure(f"too few scrapes: {', '.join(slow)}")
        time.sleep(0.1)
    # The last must have been stored, too.
    time.sleep(3)


def compare(peer: Peer, job: Job, expected: Values, starts: Values) -> list[str]:
    """Prints a line of the table; what differs."""
    found = peer.values(job)
    wrong = differences(expected, found, peer.precision)
    served = sorted(set(job.wire.served))
    if served != [f"200 {job.wants}"]:
        wrong.append(f"was served {served}, not {job.wants}")
    said = "-"
    if job.starts:
        found_starts = peer.starts(job)
        wrong += [f"start of {word}" for word in differences(starts, found_starts)]
        said = str(len(found_starts))
    compared = len(expected.keys() & found.keys())
    print(f"{peer.name:28}  {peer.version:9}  {job.name:20}  {job.wants:24}  {compared:6}  {said:>6}  {len(wrong):11}")
    return [f"{peer.name}, {job.name}: {each}" for each in wrong]


def run(names: list[str], folder: pathlib.Path) -> list[str]:
    peers = [kind(folder) for name in names for kind in PEERS[name]]
    wrong = []
    with contextlib.ExitStack() as stack:
        # One that tells since when counters count, and one that does not.
        sources: dict[bool, Source] = {}
        for peer in peers:
            for job in peer.jobs:
                if job.starts not in sources:
                    sources[job.starts] = stack.enter_context(still(folder, job.starts))
                job.wire = stack.enter_context(serving(Wire(sources[job.starts])))
        for source in sources.values():
            log = folder / f"exporter-{source.port}.log"
            until("an exporter that has polled everything", log, source.is_still, 120)
        before = {known: source.values() for known, source in sources.items()}
        with contextlib.ExitStack() as running:
            for peer in peers:
                running.enter_context(peer.running())
            wait_for_scrapes([job for peer in peers for job in peer.jobs])
            expected = {known: constant(before[known], source.values()) for known, source in sources.items()}
            starts = sources[True].starts() if True in sources else {}
            if True in sources and len(starts) < 20:
                raise Failure(f"only {len(starts)} starts")
            print(f"{'program':28}  {'version':9}  {'job':20}  {'format':24}  series  starts  differences")
            for peer in peers:
                for job in peer.jobs:
                    wrong += compare(peer, job, expected[job.starts], starts)
                wrong += [f"{peer.name} says {line}" for line in peer.complaints()]
    return wrong


def main() -> int:
    names = sys.argv[1:] or list(PEERS)
    # Building is no part of what follows.
    for program in {kind.program for name in names for kind in PEERS[name]}:
        tool(program)
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(names, pathlib.Path(folder))
    for each in wrong[:50]:
        print(each)
    print(f"{len(wrong)} differences and complaints")
    return bool(wrong)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(str(failure))
