"""Clients that people use besides tritonclient."""

import csv
import glob
import os
import subprocess
import sys
import unittest

import support


def perf_analyzer():
    """The program and its environment; None if it does not run here."""
    perf = os.path.join(sys.prefix, "perf")
    programs = glob.glob(os.path.join(perf, "*", "data", "bin", "perf_analyzer"))
    libraries = glob.glob(os.path.join(perf, "**", "libcudart.so.12"), recursive=True)
    if not programs or not libraries:
        return None
    os.chmod(programs[0], 0o755)
    environment = {**os.environ, "LD_LIBRARY_PATH": os.path.dirname(libraries[0])}
    lacking = subprocess.run(["ldd", programs[0]], env=environment, capture_output=True, text=True).stdout
    return None if "not found" in lacking else (programs[0], environment)


class Clients(unittest.TestCase):
    def run_to_end(self, command, environment, server):
        """The client sometimes sleeps on after its last answer. It may do so twice, if each request was answered."""
        for _ in range(3):
            before = server.metric("erc_completed_total", model="rt") or 0
            try:
                return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
            except subprocess.TimeoutExpired:
                answered = server.metric("erc_completed_total", model="rt") - before
                print(f"    perf_analyzer did not end after {answered:.0f} answers")
                self.assertGreaterEqual(answered, 1000)
                self.assertEqual(server.metric("nv_inference_pending_request_count", model="rt"), 0)
        self.fail("perf_analyzer did not end three times")

    def test_perf_analyzer(self):
        found = perf_analyzer()
        if not found:
            self.skipTest("perf_analyzer does not run here (tools/dev/setup.sh serve installs libb64)")
        program, environment = found
        repository = os.path.join(support.folder, "clients")
        support.add_model(repository, "rt", support.digits(), {"class": "rt"})
        table = os.path.join(support.folder, "perf.csv")
        with support.Server(repository) as server:
            for protocol, more in (
                ("grpc", ["--request-parameter=erc_level:1:int", f"-u127.0.0.1:{server.grpc}"]),
                ("grpc", ["--shared-memory=system", f"-u127.0.0.1:{server.grpc}"]),
                ("http", [f"-u127.0.0.1:{server.http}"]),
            ):
                with self.subTest(protocol=protocol, more=more[0]):
                    arguments = ["-m", "rt", "-i", protocol, "--request-count=1000", "--concurrency-range=4", "-f", table, *more]
                    done = self.run_to_end([program, *arguments], environment, server)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    with open(table) as file:
                        [row] = csv.DictReader(file)
                    print(f"    {protocol} {more[0]}: {float(row['Inferences/Second']):.0f}/s, p99 {row['p99 latency']} us")
                    self.assertGreater(float(row["Inferences/Second"]), 0)
            self.assertGreaterEqual(server.metric("erc_completed_total", model="rt"), 3000)
            self.assertEqual(server.metric("erc_failed_total", model="rt"), 0)
