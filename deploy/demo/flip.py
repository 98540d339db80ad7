#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""flip.py DIR WORD: flips one bit in one byte of the first audit record in DIR that holds WORD, and says where."""
import pathlib
import re
import sys


def main():
    directory, word = pathlib.Path(sys.argv[1]), sys.argv[2].encode()
    for segment in sorted(directory.glob("seg/*.jsonl")):
        data = bytearray(segment.read_bytes())
        at = data.find(word)
        if at < 0:
            continue
        data[at] ^= 1
        segment.chmod(0o600)
        segment.write_bytes(data)
        line = data[data.rfind(b"\n", 0, at) + 1:at]
        record = int(re.search(rb'"seq":"(\d+)"', line)[1])
        print(f"{segment}: one bit of byte {at} flipped, in record {record}")
        return 0
    print(f"flip.py: no record in {directory} holds {sys.argv[2]}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
