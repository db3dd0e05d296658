"""Runs test_*.py of this folder: main.py BUILD [unittest name...]. The last line is "N passed, N failed, N skipped"."""

import os
import sys

import support  # puts the folder of `counted` on the path
from counted import run

if __name__ == "__main__":
    support.set_up(sys.argv[1])
    code = run("serve", os.path.dirname(os.path.abspath(__file__)), sys.argv[2:])
    sys.stdout.flush()
    os._exit(code)  # threads of a failed test may still wait for answers
