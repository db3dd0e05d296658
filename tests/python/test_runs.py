"""Runs: forms of calls, background runs, options of sessions and runtimes, errors, threads."""

import json
import os
import threading
import time
import unittest

import erc
import numpy
import support


class Runs(unittest.TestCase):
    def setUp(self):
        self.x = support.array(2, 3)
        self.session = erc.Session(support.artifact(support.tiny))
        self.addCleanup(self.session.close)

    def test_forms(self):
        self.assertEqual(list(self.session.run({"x": self.x})), ["y"])
        for outputs in (self.session.run(None, {"x": self.x}), self.session.run(["y"], {"x": self.x})):
            self.assertIsInstance(outputs, list)
            numpy.testing.assert_array_equal(outputs[0], 2 * self.x)

    def test_what_a_session_is(self):
        self.assertEqual(self.session.inputs, (("x", "float32", (2, 3), 24, False),))
        self.assertEqual(self.session.outputs, (("y", "float32", (2, 3), 24, False),))
        self.assertEqual(repr(self.session), "<erc.Session (x: float32[2, 3]) -> (y: float32[2, 3])>")
        self.assertEqual(repr(self.session.request()), "<erc.Request of <erc.Session (x: float32[2, 3]) -> (y: float32[2, 3])>>")
        self.assertEqual(repr(self.session.runtime), "<erc.Runtime 'cpu'>")
        self.assertRegex(self.session.target, "^cpu:")
        self.assertEqual(len(self.session.entries), 1)
        self.assertIs(self.session.runtime, erc.default_runtime())

    def test_submit_and_wait(self):
        requests = [self.session.request().bind({"x": self.x + i}).submit() for i in range(8)]
        for i, request in enumerate(requests):
            numpy.testing.assert_array_equal(request.wait(timeout=30)["y"], 2 * (self.x + i))
            self.assertIs(request.outputs["y"], request.outputs["y"])
            self.assertGreaterEqual(request.timing.finished_ns, request.timing.arrival_ns)
        with self.assertRaisesRegex(erc.Invalid, "not submitted"):
            requests[0].wait()

    def test_busy(self):
        request = self.session.request().bind({"x": self.x}).submit()
        with self.assertRaises(erc.Busy):
            request.submit()
        request.wait()

    def test_stats(self):
        for _ in range(5):
            self.session.run({"x": self.x})
        stats = self.session.stats()
        self.assertEqual((stats.submitted, stats.completed, stats.failed), (5, 5, 0))
        self.assertGreater(stats.most_us, 0)
        self.assertGreater(self.session.runtime.stats().tiles, 0)

    def test_index_out_of_range(self):
        session = erc.Session(support.artifact(support.gather))
        feeds = {"x": support.array(4), "index": numpy.array([1, 9])}
        with self.assertRaisesRegex(erc.IndexOutOfRange, "node 'y': index 9 is outside a dimension of 4") as raised:
            session.run(feeds)
        self.assertIs(raised.exception.status, erc.Status.INDEX)
        self.assertIsInstance(raised.exception, IndexError)
        feeds["index"][1] = 3
        numpy.testing.assert_array_equal(session.run(feeds)["y"], [1, 3])
        messages = []
        with erc.Runtime(log=lambda level, message: messages.append((level, message))) as runtime:
            clamping = erc.Session(support.artifact(support.gather), clamp_indices=True, runtime=runtime)
            feeds["index"][1] = 9
            numpy.testing.assert_array_equal(clamping.run(feeds)["y"], [1, 3])
        self.assertTrue(any(level == "warning" and "clamped" in message for level, message in messages), messages)

    def test_timeout_and_cancel(self):
        session = erc.Session(support.artifact(support.slow), units=1)
        request = session.request().bind({"x": numpy.ones((1024, 1024), "float32")}).submit()
        with self.assertRaisesRegex(erc.Timeout, "0.01 s"):
            request.wait(timeout=0.01)
        with self.assertRaises(TimeoutError):
            request.wait(timeout=0)
        threading.Timer(0.05, request.cancel).start()
        began = time.monotonic()
        with self.assertRaises(erc.Cancelled):
            request.wait()
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(session.stats().cancelled, 1)

    def test_limits(self):
        session = erc.Session(support.artifact(support.slow), units=1, in_flight=1)
        x = numpy.ones((1024, 1024), "float32")
        first, second = (session.request().bind({"x": x}) for _ in range(2))
        first.submit()
        with self.assertRaises(erc.LimitReached):
            second.submit()
        session.close()
        shedding = erc.Session(support.artifact(support.slow), real_time=True, deadline_us=1, shed=True)
        with self.assertRaises(erc.Shed):
            for _ in range(3):
                shedding.run({"x": x})

    def test_options(self):
        for options, kind, message in (
            ({"entry": "none"}, erc.NotFound, "none"),
            ({"budget": "none"}, erc.NotFound, "budget"),
            ({"target": "cpu:none"}, erc.NoTarget, ""),
        ):
            with self.subTest(options), self.assertRaisesRegex(kind, message):
                erc.Session(support.artifact(support.tiny), **options)
        with erc.Session(support.artifact(support.tiny), budget="half", verify_weights=True) as session:
            session.set_units(1)
            session.set_budget("full")
            numpy.testing.assert_array_equal(session.run({"x": self.x})["y"], 2 * self.x)

    def test_numbers_out_of_range(self):
        """What C's types would cut is refused by name."""
        artifact, request = support.artifact(support.tiny), self.session.request().bind({"x": self.x})
        with self.session.runtime.trace(os.path.join(support.folder, "none.json")):
            pass
        for call in (
            lambda n: erc.Session(artifact, level=n),
            lambda n: erc.Session(artifact, weight=n),
            lambda n: erc.Runtime(units=n),
            lambda n: erc.Runtime("sim:h100", sim={"seed": n}),
            lambda n: request.submit(level=n),
            lambda n: request.run(deadline_us=n),
            lambda n: self.session.run({"x": self.x}, level=n),
            lambda n: self.session.set_units(n),
            lambda n: self.session.runtime.trace("t.json", n).__enter__(),
            lambda n: erc.compile(support.tiny(), max_nodes=n),
        ):
            for number in (-1, 2**64 + 1):
                with self.assertRaisesRegex(erc.Invalid, f"is {number}, which is out of range"):
                    call(number)
        numpy.testing.assert_array_equal(request.run()["y"], 2 * self.x)

    def test_artifacts(self):
        path = support.write("tiny.erca", support.artifact(support.tiny))
        with open(path, "rb") as file:
            data = file.read()
        for artifact in (path, data, bytearray(data), memoryview(data), numpy.frombuffer(data, "uint8")):
            with erc.Session(artifact) as session:
                numpy.testing.assert_array_equal(session.run({"x": self.x})["y"], 2 * self.x)
        for artifact, kind in ((data[:100], erc.Corrupt), (b"", erc.Corrupt), ("/nowhere.erca", erc.FileFailed)):
            with self.subTest(kind=kind), self.assertRaises(kind):
                erc.Session(artifact)

    def test_runtimes(self):
        with erc.Runtime(units=2, policy="fifo") as runtime:
            self.assertEqual(runtime.units, 2)
            path = os.path.join(support.folder, "trace.json")
            with erc.Session(support.artifact(support.tiny), runtime=runtime, name="traced") as session:
                with runtime.trace(path):
                    session.run({"x": self.x})
            with open(path) as file:
                self.assertIn("traced", json.dumps(json.load(file)))
            self.assertGreater(runtime.now_ns(), 0)
        core = min(os.sched_getaffinity(0))
        with erc.Runtime(cores=[core]) as runtime:
            self.assertEqual(runtime.units, 1)
        with self.assertRaisesRegex(erc.Error, "policy"):
            erc.Runtime(policy="none")
        with self.assertRaises(ValueError):
            erc.Runtime(units=3, cores=[core])

    def test_virtual_device(self):
        artifact = support.artifact(support.tiny, target="sim:h100")
        with erc.Runtime("sim:h100", sim={"by_tile": True}) as runtime, erc.Session(artifact, runtime=runtime) as session:
            self.assertFalse(runtime.computes)
            self.assertEqual(session.run({"x": self.x})["y"].tolist(), [[0, 0, 0], [0, 0, 0]])
            self.assertGreater(runtime.now_ns(), 0)


class Threads(unittest.TestCase):
    def test_python_goes_on_during_a_run(self):
        session = erc.Session(support.artifact(support.slow), units=1)
        steps, ended = 0, threading.Event()

        def count():
            nonlocal steps
            while not ended.is_set():
                steps += 1

        thread = threading.Thread(target=count)
        thread.start()
        began = time.monotonic()
        session.run({"x": numpy.ones((1024, 1024), "float32")})
        seconds = time.monotonic() - began
        ended.set()
        thread.join()
        print(f"  a second thread made {steps} steps during {seconds:.2f} s of inference")
        self.assertGreater(steps, 1000)

    def test_many(self):
        """100 threads, each with a session of its own and one that they share."""
        artifact, wrong = support.artifact(support.tiny), []
        shared = erc.Session(artifact)

        def work(number):
            x = support.array(2, 3) + number
            with erc.Session(artifact, real_time=number % 2 == 0, level=number % 3) as own:
                for _ in range(20):
                    for session in (own, shared):
                        if not numpy.array_equal(session.run({"x": x})["y"], 2 * x):
                            wrong.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(shared.stats().completed, 2000)
