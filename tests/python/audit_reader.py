"""Reads a file of exported events: jsonl, ecs, or cef by pycef. Prints each event as one line of JSON.

Started by the Rust tests with the form and the file. What cannot be read ends it with an error.
"""

import json
import sys

import pycef


def main():
    form, file = sys.argv[1:]
    with open(file, encoding="utf-8", newline="\n") as lines:
        for line in lines:
            line = line.removesuffix("\n")
            if form == "cef":
                event = pycef.parse(line)
                if event is None:
                    sys.exit(f"pycef cannot read {line}")
            else:
                event = json.loads(line)
            print(json.dumps(event))


main()
