"""Models come and go while others are used, and memory does not grow."""

import os
import threading
import time
import unittest

import numpy
import support
import tritonclient.grpc as grpc

IMAGE = {"image": numpy.zeros([1, 1, 8, 8], "float32")}
# 2,000,000 and 1,000 before a release
REQUESTS = int(os.environ.get("SERVE_REQUESTS", "20000"))
MODELS = int(os.environ.get("SERVE_MODELS", "100"))


class Models(unittest.TestCase):
    def setUp(self):
        self.repository = os.path.join(support.folder, self._testMethodName)
        support.add_model(self.repository, "rt", support.digits(), {"class": "rt"})

    def test_load_and_unload_under_load(self):
        """Requests of another model go on while a model comes, and goes with its own requests under way."""
        square = {"x": numpy.ones([1024, 1024], "float32")}
        brief = support.artifact(support.product(layers=1), "one")
        support.add_model(self.repository, "comes", brief)
        with support.Server(self.repository) as server:
            client, ends, failures, stop = server.grpc_client(), [], [], threading.Event()

            def use():
                own = server.grpc_client()
                while not stop.is_set():
                    try:
                        own.infer("rt", support.inputs_of(grpc, IMAGE))
                    except Exception as error:  # every kind is a failure of the test
                        failures.append(error)
                own.close()

            user = threading.Thread(target=use, daemon=True)
            user.start()
            for cycle in range(40):
                client.load_model("comes")
                for _ in range(cycle % 4):
                    made = support.inputs_of(grpc, square)
                    client.async_infer("comes", made, lambda result, error: ends.append(error))
                client.unload_model("comes")
            stop.set()
            user.join()
            support.wait_for(lambda: len(ends) == 60)
            self.assertEqual(failures, [])
            refused = [error for error in ends if error]
            for error in refused:
                self.assertRegex(str(error), "UNAVAILABLE|NOT_FOUND|unknown model|not ready|unloading")
            print(f"    40 cycles, {server.metric('erc_completed_total', model='rt'):.0f} answers beside them, "
                  f"{60 - len(refused)} of 60 of the model that went")
            self.assertEqual(server.stop(), 0)

    def test_many_models(self):
        with support.Server(self.repository) as server:
            client = server.grpc_client()
            memory = []
            for i in range(MODELS):
                support.add_model(self.repository, f"model-{i}", support.digits())
                client.load_model(f"model-{i}")
                client.infer(f"model-{i}", support.inputs_of(grpc, IMAGE))
                if i % 2:
                    client.unload_model(f"model-{i}")
            loaded = [i for i in range(MODELS) if not i % 2]
            for i in loaded:
                client.infer(f"model-{i}", support.inputs_of(grpc, IMAGE))
                client.unload_model(f"model-{i}")
            for round_ in range(MODELS):
                client.load_model("model-0")
                client.infer("model-0", support.inputs_of(grpc, IMAGE))
                client.unload_model("model-0")
                memory.append(server.memory_kb())
            time.sleep(0.5)
            grown = memory[-1] - memory[len(memory) // 2]
            print(f"    {MODELS} models, then {MODELS} times one; the last half of these took {grown} KiB")
            self.assertLess(grown, 4096)
            self.assertEqual(server.stop(), 0)

    def test_memory_does_not_grow(self):
        with support.Server(self.repository) as server:
            client, gate, errors = server.grpc_client(), threading.Semaphore(64), []

            def end(result, error):
                if error:
                    errors.append(error)
                gate.release()

            def send(count):
                made = support.inputs_of(grpc, IMAGE)
                for _ in range(count):
                    gate.acquire()
                    client.async_infer("rt", made, end)
                for _ in range(64):
                    gate.acquire()
                for _ in range(64):
                    gate.release()
                return server.memory_kb()

            send(REQUESTS // 10)
            middle = send(REQUESTS // 2)
            grown = send(REQUESTS // 2) - middle
            print(f"    {REQUESTS} requests; the last half took {grown} KiB")
            self.assertEqual(errors, [])
            self.assertLess(grown, 2048)
            self.assertEqual(server.stop(), 0)
