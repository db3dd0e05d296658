"""Runs test_*.py of this folder against the installed package: main.py BUILD WHEEL [unittest name...]. The last line is
"N passed, N failed, N skipped"; tests with a loop count their cases in `subTest`s and print them."""

import os
import sys

import support  # puts the folder of `counted` on the path
from counted import run

if __name__ == "__main__":
    support.set_up(sys.argv[1], sys.argv[2])
    sys.exit(run("python", os.path.dirname(os.path.abspath(__file__)), sys.argv[3:]))
