"""Handles that end in any order, at any time, in any process: nothing crashes, hangs or leaks."""

import asyncio
import copy
import gc
import itertools
import os
import pickle
import threading
import time
import unittest

import erc
import numpy
import support


def ones():
    return numpy.ones((1024, 1024), "float32")


class Ends(unittest.TestCase):
    def test_any_order(self):
        """Runtime, session and request are closed in every order, idle or while a run is under way."""
        count = 0
        threads = set(os.listdir("/proc/self/task"))
        for make, x in ((support.tiny, support.array(2, 3)), (support.slow, ones())):
            for order in itertools.permutations(range(3)):
                runtime = erc.Runtime()
                session = erc.Session(support.artifact(make), units=1, runtime=runtime)
                request = session.request().bind({"x": x}).submit()
                handles = (runtime, session, request)
                for index in order:
                    handles[index].close()
                    handles[index].close()
                self.assertTrue(runtime.closed and session.closed and request.closed)
                for call in (request.wait, request.cancel, session.stats, runtime.stats, session.request):
                    with self.assertRaisesRegex(erc.Invalid, "is closed"):
                        call()
                with self.assertRaisesRegex(erc.Invalid, "is closed"):
                    session.run({"x": x})
                self.assertLessEqual(set(os.listdir("/proc/self/task")), threads)  # the C handles have ended, too
                count += 1
        print(f"  {count} orders")

    def test_collected_while_running(self):
        for drop in range(3):
            runtime = erc.Runtime()
            session = erc.Session(support.artifact(support.slow), units=1, runtime=runtime)
            request = session.request().bind({"x": ones()}).submit()
            time.sleep(0.02)
            if drop == 0:
                del session, runtime
                with self.assertRaises(erc.Timeout):  # a request keeps its session and its runtime
                    request.wait(timeout=0)
                del request
            elif drop == 1:
                cycle = [session, request, runtime]
                cycle.append(cycle)
                del cycle, session, request, runtime
            else:
                del request, session, runtime
            gc.collect()

    def test_closed_by_another_thread(self):
        for close in ("session", "runtime", "request"):
            runtime = erc.Runtime()
            session = erc.Session(support.artifact(support.slow), units=1, runtime=runtime)
            request = session.request().bind({"x": ones()}).submit()
            threading.Timer(0.05, {"session": session, "runtime": runtime, "request": request}[close].close).start()
            with self.assertRaises(erc.Cancelled):
                request.wait()
            if close != "request":
                with self.assertRaises(erc.Error):
                    for _ in range(1000):
                        session.run({"x": ones()})

    def test_bound_arrays_stay(self):
        session = erc.Session(support.artifact(support.tiny))
        request = session.request().bind({"x": numpy.full((2, 3), 4, "float32")}, {"y": numpy.zeros((2, 3), "float32")})
        gc.collect()
        garbage = [numpy.full((2, 3), 9, "float32") for _ in range(1000)]
        numpy.testing.assert_array_equal(request.run()["y"], garbage[0] * 0 + 8)

    def test_no_copies(self):
        runtime = erc.Runtime()
        session = erc.Session(support.artifact(support.tiny), runtime=runtime)
        request = session.request().bind({"x": support.array(2, 3)})
        for handle in (runtime, session, request):
            for copying in (copy.copy, copy.deepcopy, pickle.dumps):
                with self.assertRaisesRegex(TypeError, f"an erc.{type(handle).__name__} cannot be copied or pickled"):
                    copying(handle)
        gc.collect()
        self.assertEqual(request.run()["y"].shape, (2, 3))

    def test_failed_constructors(self):
        for _ in range(3):
            with self.assertRaises(erc.Corrupt):
                erc.Session(b"nothing")
            with self.assertRaises(erc.Error):
                erc.Runtime("none")
        gc.collect()


PROGRAM = """
import erc, numpy, os, signal, sys, threading, time
artifact = open(sys.argv[1], "rb").read()
x = numpy.ones((1024, 1024), "float32")
session = erc.Session(artifact, units=1)
"""


class Processes(unittest.TestCase):
    def program(self, text, code=0):
        path = support.write("slow.erca", support.artifact(support.slow))
        found, out, err = support.python(PROGRAM + text, path)
        self.assertEqual(found, code, out + err)
        return out, err

    def test_exit_while_running(self):
        """At the end of the program, in threads that nobody joins."""
        out, err = self.program("request = session.request().bind({'x': x}).submit()\n")
        self.assertEqual((out, err), ("", ""))
        text = "[threading.Thread(target=session.run, args=({'x': x},), daemon=True).start() for _ in range(4)]\n"
        self.program(text + "time.sleep(0.2)\n")

    def test_interrupt(self):
        out, _ = self.program(
            "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
            "for wait in (lambda: session.run({'x': x}),):\n"
            "    try:\n        wait()\n        print('ended')\n"
            "    except KeyboardInterrupt:\n        print('interrupted', session.stats().cancelled)\n"
        )
        self.assertEqual(out, "interrupted 1\n")

    def test_fork(self):
        out, _ = self.program(
            """
tiny = erc.Session(open(sys.argv[1].replace("slow", "tiny"), "rb").read())
request = tiny.request()
feeds = {"x": numpy.ones((2, 3), "float32")}
tiny.run(feeds)
child = os.fork()
if child == 0:
    for call in (lambda: tiny.run(feeds), request.submit, tiny.stats, lambda: tiny.request()):
        try:
            call()
        except erc.Invalid as error:
            print(error, flush=True)
    own = erc.Session(open(sys.argv[1].replace("slow", "tiny"), "rb").read())
    print(own.run(feeds)["y"][0, 0], flush=True)
    tiny.close()
    sys.exit(0)
print(os.waitpid(child, 0)[1], tiny.run(feeds)["y"][0, 0])
"""
        )
        lines = out.splitlines()
        self.assertEqual(len(lines), 6, out)
        for line in lines[:4]:
            self.assertIn("this process is a fork of the one that made the runtime", line)
        self.assertEqual(lines[4:], ["2.0", "0 2.0"])

    def setUp(self):
        support.write("tiny.erca", support.artifact(support.tiny))


class Leaks(unittest.TestCase):
    def resident(self):
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def grows(self, call, times):
        for _ in range(times // 10):
            call()
        before = self.resident()
        for _ in range(times):
            call()
        return self.resident() - before

    def test_resident_memory(self):
        artifact = support.artifact(support.tiny)
        session, x = erc.Session(artifact), support.array(2, 3)
        request = session.request().bind({"x": x})
        strided = support.array(2, 6)[:, ::2]

        def refused():
            try:
                session.run({"x": None})
            except erc.Invalid:
                pass

        def life():
            with erc.Session(artifact, name="short") as short:
                short.request().bind({"x": x}).run()

        def awaited():
            async def work():
                for _ in range(50):
                    await session.run_async({"x": x})

            asyncio.run(work())

        for what, call, times in (
            ("session.run", lambda: session.run({"x": x}), 8000),
            ("copies", lambda: session.run({"x": strided}), 8000),
            ("bytes", lambda: session.run({"x": bytes(24)}), 8000),
            ("request.run", request.run, 8000),
            ("bind", lambda: request.bind({"x": x}), 8000),
            ("refused", refused, 8000),
            ("sessions", life, 200),
            ("awaited", awaited, 40),
        ):
            with self.subTest(what):
                grown = self.grows(call, times)
                print(f"  {what}: {times} calls, {grown / 1024:.0f} KiB more")
                self.assertLess(grown, 200 * 1024)
