"""erc.compile: what it takes, its options, messages, and ends."""

import os
import signal
import threading
import time
import unittest
import warnings

import erc
import numpy
import onnx
import support
from onnx import helper


def symbolic():
    return support.model(
        [("Add", "x b", "y")],
        [("x", support.F32, ["n", 3]), ("b", support.F32, [3])],
        [("y", support.F32, ["n", 3])],
    )


class Compile(unittest.TestCase):
    def test_models(self):
        """A path, bytes and a ModelProto give the same artifact, as bytes or as a file."""
        made = support.tiny()
        path = support.write("model.onnx", made.SerializeToString())
        output = os.path.join(support.folder, "written.erca")
        artifacts = [erc.compile(model) for model in (path, made, made.SerializeToString())]
        self.assertEqual(erc.compile(path, output), output)
        with open(output, "rb") as file:
            artifacts.append(file.read())
        self.assertEqual(len(set(artifacts)), 1)

    def test_options(self):
        x = support.array(2, 3)
        for options, feeds in (
            ({"dims": {"n": 2}}, {"x": x, "b": x[0]}),
            ({"shapes": {"x": (2, 3)}}, {"x": x, "b": x[0]}),
            ({"dims": {"n": 2}, "consts": {"b": x[0]}}, {"x": x}),
            ({"dims": {"n": 2}, "consts": {"b": [0, 1, 2]}}, {"x": x}),
            ({"dims": {"n": 2}, "consts": {"b": memoryview(x[0])}}, {"x": x}),
            ({"dims": {"n": 2}, "consts": {"b": "0,1,2"}}, {"x": x}),
            ({"dims": {"n": 2}, "target": ["cpu:x86-64-v3", "native"]}, {"x": x, "b": x[0]}),
            ({"dims": {"n": 2}, "budget": "full,name=edge,units=1", "jobs": 1}, {"x": x, "b": x[0]}),
            ({"dims": {"n": 2}, "cache": False, "strict": True, "cc": "cc"}, {"x": x, "b": x[0]}),
            ({"dims": {"n": 2}, "cache": os.path.join(support.folder, "cache")}, {"x": x, "b": x[0]}),
        ):
            with self.subTest(options), erc.Session(erc.compile(symbolic(), **options)) as session:
                self.assertEqual({info.name for info in session.inputs}, set(feeds))
                numpy.testing.assert_array_equal(session.run(feeds)["y"], x + x[0])
        with erc.Session(erc.compile(symbolic(), dims={"n": 2}, budget="name=edge,units=1"), budget="edge"):
            pass

    def test_several_sizes(self):
        """The arrays' shapes choose the entry of each run; memory that is bound stays where shapes are the same."""
        artifact = erc.compile(symbolic(), dims={"n": [2, 5, 9]})
        b = numpy.array([1, 2, 3], "float32")
        with erc.Session(artifact) as session:
            self.assertEqual(session.entries, ("n=2", "n=5", "n=9"))
            self.assertEqual(session.inputs[0].shape, (2, 3))
            for count in (5, 2, 9, 9, 2, 5):
                x = support.array(count, 3)
                numpy.testing.assert_array_equal(session.run({"x": x, "b": b})["y"], x + b)
            with self.assertRaisesRegex(erc.NotFound, "takes 4x3; there are: 2x3 5x3 9x3"):
                session.run({"x": support.array(4, 3), "b": b})
            request = session.request().bind({"b": b})
            for count in (9, 2, 9):
                x, y = support.array(count, 3), numpy.empty((count, 3), "float32")
                self.assertIs(request.bind({"x": x}, {"y": y}).run()["y"], y)
                numpy.testing.assert_array_equal(y, x + b)
            self.assertEqual(request.bind({"x": support.array(5, 3)}).run()["y"].shape, (5, 3))
            with self.assertRaisesRegex(erc.Invalid, "input 'x' is missing"):
                session.request().bind({"b": b}).run()
            flat = support.array(9, 3).tobytes()  # without a shape: of the request's present entry
            numpy.testing.assert_array_equal(request.bind({"x": support.array(9, 3)}).bind({"x": flat}).run()["y"], x + b)
            with self.assertRaisesRegex(erc.Invalid, "output 'y': found"):
                request.bind({"x": support.array(2, 3)}, {"y": numpy.empty((5, 3), "float32")})
        with erc.Session(artifact, entry="n=5") as session:
            self.assertEqual(session.inputs[0].shape, (5, 3))
            with self.assertRaisesRegex(erc.Invalid, r"found float32 \[2, 3\], wanted float32 \[5, 3\]"):
                session.run({"x": support.array(2, 3), "b": b})
        with self.assertRaisesRegex(erc.CompileError, "2 is given twice"):
            erc.compile(symbolic(), dims={"n": [2, 2]})

    def test_kept_input(self):
        made = support.tiny()
        made.graph.node[0].input[1] = "b"
        made.graph.input.append(helper.make_tensor_value_info("b", support.F32, [2, 3]))
        made.graph.initializer.append(onnx.numpy_helper.from_array(numpy.full((2, 3), 5, "float32"), "b"))
        x = support.array(2, 3)
        with erc.Session(erc.compile(made, keep_inputs=["b"])) as session:
            numpy.testing.assert_array_equal(session.run({"x": x, "b": x})["y"], x + x)
            numpy.testing.assert_array_equal(session.run({"x": x})["y"], x + 5)  # the model's own value
            numpy.testing.assert_array_equal(session.request().bind({"x": x}).run()["y"], x + 5)

    def test_lengths(self):
        made = support.model([("ConcatFromSequence", "s", "y", {"axis": 0})], [], [("y", support.F32, [4])])
        made.graph.input.append(
            helper.make_value_info("s", helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [2])))
        )
        with erc.Session(erc.compile(made, lengths={"s": 2})) as session:
            y = session.run({"s.0": support.array(2), "s.1": support.array(2) + 2})["y"]
            numpy.testing.assert_array_equal(y, support.array(4))

    def test_errors(self):
        unknown = support.model([("Nothing", "x", "y")], [("x", support.F32, [1])], [("y", support.F32, [1])])
        for arguments, options, status, message in (
            ((unknown,), {}, "UNSUPPORTED", "Nothing"),
            ((symbolic(),), {}, "USAGE", "input 'x' has an unknown dimension"),
            ((b"nothing",), {}, "MODEL", ""),
            (("/nowhere.onnx",), {}, "IO", "nowhere"),
            ((support.tiny(),), {"target": "cpu:none"}, "USAGE", "cpu:none"),
            ((support.tiny(),), {"dims": {"m": 1}}, "USAGE", "m"),
            ((support.tiny(), "/nowhere/x.erca"), {}, "IO", "nowhere"),
            ((support.tiny(),), {"cc": "/nowhere/cc", "cache": False}, "TOOLCHAIN", "apt install gcc"),
        ):
            with self.subTest(status, options=options):
                with self.assertRaisesRegex(erc.CompileError, message) as raised:
                    erc.compile(*arguments, **options)
                self.assertEqual(raised.exception.status.name, status, str(raised.exception))
                self.assertNotIn(support.folder, str(raised.exception))  # the name of a temporary file tells nothing
        with self.assertRaisesRegex(erc.Invalid, "constant 'b'"):
            erc.compile(symbolic(), dims={"n": 1}, consts={"b": object()})

    def test_messages(self):
        newer = support.tiny()
        newer.ir_version = 99
        with self.assertWarnsRegex(erc.CompileWarning, "IR version 99") as warned:
            erc.compile(newer)
        self.assertEqual(warned.filename, __file__)
        messages, steps = [], []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            erc.compile(
                newer, cache=False, message=lambda *m: messages.append(m), progress=lambda *s: steps.append(s)
            )
        self.assertEqual(messages[0][0], "warning")
        self.assertTrue(steps and all(0 <= done <= total for done, total, _ in steps))
        with self.assertRaises(erc.CompileError):
            erc.compile(newer, strict=True)

    def test_exception_in_a_callback(self):
        output = os.path.join(support.folder, "cancelled.erca")

        def stop(*_):
            raise RuntimeError("enough")

        with self.assertRaisesRegex(RuntimeError, "enough"):
            erc.compile(support.slow(), output, cache=False, progress=stop)
        self.assertFalse(os.path.exists(output))

    def test_interrupt(self):
        class Stopped(Exception):
            pass

        def stop(*_):
            raise Stopped

        old = signal.signal(signal.SIGALRM, stop)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        began = time.monotonic()
        with self.assertRaises(Stopped):
            while True:
                erc.compile(support.slow(), cache=False)
        self.assertLess(time.monotonic() - began, 20)

    def test_threads(self):
        artifacts = []
        threads = [threading.Thread(target=lambda: artifacts.append(erc.compile(support.tiny()))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(artifacts), len(set(artifacts))), (8, 1))
