"""asyncio: many runs at a time, cancelled tasks, errors, and ends of sessions, runtimes, loops and programs."""

import asyncio
import gc
import os
import threading
import time
import unittest

import erc
import numpy
import support


class Async(unittest.TestCase):
    def setUp(self):
        self.x = support.array(2, 3)
        self.ones = numpy.ones((1024, 1024), "float32")

    def test_runs(self):
        session = erc.Session(support.artifact(support.tiny))

        async def work():
            outputs = await asyncio.gather(*(session.run_async({"x": self.x + i}) for i in range(200)))
            for i, output in enumerate(outputs):
                numpy.testing.assert_array_equal(output["y"], 2 * (self.x + i))
            request = session.request().bind({"x": self.x})
            for _ in range(50):
                numpy.testing.assert_array_equal((await request)["y"], 2 * self.x)

        for _ in range(2):  # with a loop of its own each time
            asyncio.run(work())
        self.assertEqual(session.stats().completed, 500)
        self.assertEqual(sum(thread.name == "erc.reaper" for thread in threading.enumerate()), 1)

    def test_the_loop_goes_on(self):
        session = erc.Session(support.artifact(support.slow), units=1)

        async def work():
            ticks, run = 0, asyncio.create_task(session.run_async({"x": self.ones}))
            while not run.done():
                await asyncio.sleep(0.001)
                ticks += 1
            self.assertTrue(numpy.isfinite(run.result()["y"]).all())
            return ticks

        ticks = asyncio.run(work())
        print(f"  {ticks} ticks of the event loop during a run")
        self.assertGreater(ticks, 20)

    def test_class_of_the_artifact(self):
        artifact = support.artifact(support.tiny, real_time=True, level=3, deadline_us=10**7)
        for options, found in (
            ({}, (True, 3, 10**7)),
            ({"deadline_us": 7}, (True, 3, 7)),
            ({"level": 0, "deadline_us": 0}, (True, 0, 0)),
        ):
            with erc.Session(artifact, **options) as session:
                stats = session.stats()
                self.assertEqual((stats.real_time, stats.level, stats.deadline_us), found)
        with erc.Session(artifact, real_time=False) as session:
            self.assertFalse(session.stats().real_time)

    def test_values_of_a_run(self):
        """A run's own level and deadline, in virtual time."""
        artifact, feeds = support.artifact(support.tiny, target="sim:h100"), {"x": self.x}
        with erc.Runtime("sim:h100") as runtime:
            session = erc.Session(artifact, real_time=True, level=3, deadline_us=10**6, runtime=runtime)
            request = session.request().bind(feeds)
            for own, missed in (({}, 0), ({"deadline_us": 1}, 1), ({"level": 1, "deadline_us": 0}, 0)):
                for run in (
                    lambda: session.run(feeds, **own),
                    lambda: session.run(None, feeds, **own),
                    lambda: request.run(**own),
                    lambda: request.submit(**own).wait(),
                    lambda: asyncio.run(session.run_async(feeds, **own)),
                    lambda: asyncio.run(request.run_async(**own)),
                ):
                    before = session.stats()
                    run()
                    stats = session.stats()
                    self.assertEqual((stats.completed - before.completed, stats.missed - before.missed), (1, missed))
        with erc.Runtime("sim:h100", units=1) as runtime:
            session = erc.Session(artifact, real_time=True, level=3, runtime=runtime)
            for levels in ((None, 9, 1), (None, 1, 9), (0, None, 2), (9, 8, None)):
                requests = [session.request().bind(feeds).submit(level=level) for level in levels]
                for request in requests:
                    request.wait()
                times = [request.timing.finished_ns for request in requests]
                second_is_first = (3 if levels[1] is None else levels[1]) < (3 if levels[2] is None else levels[2])
                self.assertEqual(times[1] < times[2], second_is_first, levels)

    def test_errors(self):
        session = erc.Session(support.artifact(support.gather))
        feeds = {"x": support.array(4), "index": numpy.array([1, 9])}

        async def work():
            for _ in range(3):
                with self.assertRaisesRegex(erc.IndexOutOfRange, "node 'y'"):
                    await session.run_async(feeds)
            with self.assertRaisesRegex(erc.Invalid, "input 'x'"):
                await session.run_async({"x": None})
            request = session.request().bind(feeds)
            with self.assertRaises(erc.IndexOutOfRange):
                await request

        asyncio.run(work())
        self.assertEqual(session.stats().failed, 4)

    def test_cancelled_tasks(self):
        session = erc.Session(support.artifact(support.slow), units=1)
        request = session.request().bind({"x": self.ones})

        async def work():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(session.run_async({"x": self.ones}), 0.05)
            task = asyncio.ensure_future(request.run_async())
            await asyncio.sleep(0.02)
            with self.assertRaisesRegex(erc.Busy, "a task awaits"):
                await request
            with self.assertRaisesRegex(erc.Busy, "a task awaits"):
                request.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            while True:  # the run ends at its next tile; then the request can be used again
                try:
                    request.submit()
                    break
                except erc.Busy:
                    await asyncio.sleep(0.01)
            request.cancel()
            with self.assertRaises(erc.Cancelled):
                request.wait()

        asyncio.run(work())
        deadline = time.monotonic() + 20
        while session.stats().cancelled < 3 and time.monotonic() < deadline:  # a task does not wait for its run's end
            time.sleep(0.01)
        self.assertEqual(session.stats().cancelled, 3)

    def test_closed_while_awaited(self):
        for what in ("session", "runtime"):
            runtime = erc.Runtime()
            session = erc.Session(support.artifact(support.slow), units=1, runtime=runtime)
            handle = session if what == "session" else runtime

            async def work():
                tasks = [asyncio.ensure_future(session.run_async({"x": self.ones})) for _ in range(3)]
                await asyncio.sleep(0.02)
                handle.close()
                for task in tasks:
                    with self.assertRaises(erc.Cancelled):
                        await task

            asyncio.run(work())
            runtime.close()

    def test_nothing_is_left(self):
        threads = len(os.listdir("/proc/self/task"))
        for _ in range(5):
            with erc.Runtime() as runtime, erc.Session(support.artifact(support.tiny), runtime=runtime) as session:
                asyncio.run(session.run_async({"x": self.x}))
                del session
        deadline = time.monotonic() + 10
        while len(os.listdir("/proc/self/task")) > threads and time.monotonic() < deadline:
            gc.collect()
            time.sleep(0.01)
        self.assertEqual(len(os.listdir("/proc/self/task")), threads)

    def test_loops_that_end(self):
        """A loop that is closed under a run, and a program that ends under one."""
        program = """
            import asyncio, erc, numpy, sys
            session = erc.Session(open(sys.argv[1], "rb").read(), units=1)
            loop = asyncio.new_event_loop()
            task = loop.create_task(session.run_async({"x": numpy.ones((1024, 1024), "float32")}))
            loop.run_until_complete(asyncio.sleep(0.05))
            if sys.argv[2] == "close":
                loop.stop()
                loop.close()
                del task, loop
            print("end")
        """
        path = support.write("slow.erca", support.artifact(support.slow))
        for end in ("close", "exit"):
            code, out, err = support.python(program, path, end)
            self.assertEqual((code, out), (0, "end\n"), err)
            self.assertNotIn("Traceback", err)

    def test_virtual_device(self):
        artifact = support.artifact(support.tiny, target="sim:h100")
        with erc.Runtime("sim:h100") as runtime, erc.Session(artifact, runtime=runtime) as session:

            async def work():
                await asyncio.gather(*(session.run_async({"x": self.x}) for _ in range(20)))

            asyncio.run(work())
            self.assertEqual(runtime.stats().completed, 20)
            self.assertIs(runtime.stats().health, erc.Status.OK)
