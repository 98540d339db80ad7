# SPDX-License-Identifier: Apache-2.0
"""One client that asks the same statement thousands of times a second until stdin ends: scale_bench.py starts
this as a process of its own, ahead of others at the scheduler where that is allowed, so that what it sees is the gateway's
time and not its own. On stdout when, in seconds of the monotonic clock, and how many milliseconds: a line each above a floor, and at the end
how many statements in all."""

import contextlib
import os
import select
import sys
import time

import psycopg2

FLOOR_MS = 1.0
PAUSE_S = 0.0002


def main():
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    slow, count = [], 0
    print("ready", flush=True)
    while count % 64 or not select.select([sys.stdin], [], [], 0)[0]:
        start = time.monotonic()
        cursor.execute(sys.argv[1])
        spent_ms = (time.monotonic() - start) * 1000
        count += 1
        if spent_ms >= FLOOR_MS:
            slow.append((start, spent_ms))
        time.sleep(PAUSE_S)
    for start, spent_ms in slow:
        print(f"{start:.6f} {spent_ms:.3f}")
    print(f"all {count}")


if __name__ == "__main__":
    main()
