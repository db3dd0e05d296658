"""Classes, levels and deadlines: from the artifact, from the configuration, from a request. What ends first is looked
at, not how long it takes."""

import os
import unittest

import numpy
import support
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

IMAGE = {"image": numpy.zeros([1, 1, 8, 8], "float32")}
SQUARE = {"x": numpy.ones([1024, 1024], "float32")}


class Priority(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.repository = os.path.join(support.folder, "priority")
        slow = support.artifact(support.product(60), "slow")
        brief = support.artifact(support.product(layers=2), "brief")
        support.add_model(cls.repository, "rt", support.digits(), {"class": "rt"})
        support.add_model(cls.repository, "be", slow)
        support.add_model(cls.repository, "rt-slow", slow, {"class": "rt", "level": "5"})
        support.add_model(cls.repository, "rt-brief", brief, {"class": "rt", "level": "5", "max_requests": "8"})
        artifact_rt = support.digits("--class", "rt", "--level", "2", "--deadline-us", "1")
        support.add_model(cls.repository, "artifact-rt", artifact_rt)
        support.add_model(cls.repository, "overridden", artifact_rt, {"class": "be"})
        support.add_model(cls.repository, "lasting", artifact_rt, {"deadline_us": "60000000"})
        support.add_model(cls.repository, "shedding", slow, {"class": "rt", "deadline_us": "1000", "shed": "true"})
        cls.server = support.Server(cls.repository)
        cls.client = cls.server.grpc_client()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        assert cls.server.stop() == 0, cls.server.log()

    def setUp(self):
        self.ended = []  # (what, result, error), in the order of the ends

    def start(self, model, what, inputs, **parameters):
        """Sends a request and goes on."""

        def end(result, error):
            self.ended.append((what, result, error))

        return self.client.async_infer(model, support.inputs_of(grpc, inputs), end, parameters=parameters)

    def wait_ends(self, count):
        support.wait_for(lambda: len(self.ended) >= count)
        return [what for what, _, _ in self.ended]

    def test_rt_goes_before_be(self):
        self.start("be", "be", SQUARE)
        support.wait_for(lambda: (self.server.metric("erc_units", model="be") or 0) > 0)
        for i in range(50):
            self.client.infer("rt", support.inputs_of(grpc, IMAGE))
        self.assertEqual(self.ended, [])
        self.wait_ends(1)
        self.assertIsNone(self.ended[0][2])

    def test_level_of_a_request(self):
        """While one run is under way, what has the highest level goes next, whatever its place in the queue."""
        self.start("rt-slow", "first", SQUARE, erc_level=0)
        for level in (5, 4, 3, 2):
            self.start("rt-brief", level, SQUARE, erc_level=level)
        self.start("rt-brief", "session's", SQUARE)
        order = self.wait_ends(6)
        self.assertEqual(order[:4], ["first", 2, 3, 4])
        self.assertEqual(set(order[4:]), {5, "session's"})

    def test_class_of_the_artifact(self):
        classes = {"artifact-rt": "rt", "overridden": "be", "lasting": "rt", "be": "be", "rt": "rt"}
        for model, wanted in classes.items():
            self.assertEqual(self.server.metric("erc_completed_total", model=model, **{"class": wanted}) is None, False)
        for _ in range(3):
            for model in ("artifact-rt", "overridden", "lasting"):
                self.client.infer(model, support.inputs_of(grpc, IMAGE))
        self.server.wait_metric("erc_missed_total", 3, model="artifact-rt")  # its deadline is a microsecond
        self.server.wait_metric("erc_completed_total", 3, model="lasting")
        self.assertEqual(self.server.metric("erc_missed_total", model="overridden"), 0)
        self.assertEqual(self.server.metric("erc_missed_total", model="lasting"), 0)

    def test_deadline_of_a_request(self):
        image = support.inputs_of(grpc, IMAGE)
        before = self.server.metric("erc_missed_total", model="lasting")
        for options in ({"timeout": 1}, {"parameters": {"erc_deadline_us": 1}}, {"parameters": {"erc_deadline_us": "1"}}):
            self.client.infer("lasting", image, **options)
        self.client.infer("lasting", image, timeout=1, parameters={"erc_deadline_us": 60000000})  # the nearer one counts
        self.server.wait_metric("erc_missed_total", before + 3, model="lasting")
        self.assertEqual(self.server.metric("erc_missed_total", model="lasting"), before + 3)

    def test_times_of_a_run(self):
        parameters = self.client.infer("rt", support.inputs_of(grpc, IMAGE)).get_response().parameters
        self.assertGreater(parameters["erc_device_us"].int64_param, 0)
        self.assertGreaterEqual(parameters["erc_units"].int64_param, 1)
        self.assertEqual(parameters["erc_preemptions"].int64_param, 0)

    def test_shed(self):
        """A run that would end after its deadline is refused once the runtime knows how long runs take. An idle device
        now and then takes one, to learn whether that has changed."""
        self.client.infer("shedding", support.inputs_of(grpc, SQUARE))
        for i in range(6):
            self.start("shedding", i, SQUARE)
        self.wait_ends(6)
        refused = [error for _, _, error in self.ended if error]
        self.assertGreaterEqual(len(refused), 1)
        for error in refused:
            self.assertRegex(str(error), "UNAVAILABLE.*deadline")
        self.server.wait_metric("erc_shed_total", len(refused), model="shedding")

    def test_cancel(self):
        calls = [self.start("be", i, SQUARE) for i in range(4)]
        support.wait_for(lambda: (self.server.metric("erc_units", model="be") or 0) > 0)
        before = self.server.metric("erc_cancelled_total", model="be")
        for call in calls:
            call.cancel()
        self.wait_ends(4)
        self.server.wait_metric("erc_cancelled_total", before + 4, model="be")
        self.client.infer("rt", support.inputs_of(grpc, IMAGE))
