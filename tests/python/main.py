"""Runs test_*.py of this folder against the installed package: main.py BUILD WHEEL [unittest name...]. The last line is
"N passed, N failed, N skipped"; tests with a loop count their cases in `subTest`s and print them."""

import os
import sys
import time
import unittest

import support


class Result(unittest.TextTestResult):
    passed = 0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        print(f"  {test.id():60} {time.monotonic() - self.began:6.2f} s", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skipped: python: {test.id()}: {reason}", flush=True)


def main():
    support.set_up(sys.argv[1], sys.argv[2])
    folder = os.path.dirname(os.path.abspath(__file__))
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(sys.argv[3:]) if sys.argv[3:] else loader.discover(folder, "test_*.py")
    result = unittest.TextTestRunner(sys.stdout, verbosity=0, resultclass=Result).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return failed != 0 or result.passed == 0


if __name__ == "__main__":
    sys.exit(main())
