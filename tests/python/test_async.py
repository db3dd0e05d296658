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

    def test_values_of_a_run(self):
        """A run's own level and deadline, beside those of the session and the artifact."""
        artifact = support.artifact(support.tiny, real_time=True, level=3, deadline_us=10**7)
        with erc.Session(artifact) as session:
            stats = session.stats()
            self.assertEqual((stats.real_time, stats.level, stats.deadline_us), (True, 3, 10**7))
            asyncio.run(session.run_async({"x": self.x}, level=1, deadline_us=5))
            session.request().bind({"x": self.x}).run(deadline_us=1)
            session.run({"x": self.x}, deadline_us=1)
            session.run(None, {"x": self.x})
            self.assertEqual(session.stats().completed, 4)
            self.assertEqual(session.stats().missed, 3)
        with erc.Session(artifact, real_time=False, deadline_us=1) as session:
            self.assertFalse(session.stats().real_time)
        with erc.Session(artifact, deadline_us=7) as session:
            self.assertEqual(session.stats()[-3:], (True, 3, 7))

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
