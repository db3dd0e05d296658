"""Arrays in and out: every type in every form that is taken, memory used in place, and messages for all others."""

import array
import asyncio
import ctypes
import unittest
from unittest import mock

import erc
import ml_dtypes
import numpy
import support
from erc import _request
from onnx import TensorProto

# ONNX's name and numpy's
TYPES = {
    "FLOAT": "float32",
    "UINT8": "uint8",
    "INT8": "int8",
    "UINT16": "uint16",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
    "FLOAT16": "float16",
    "DOUBLE": "float64",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "BFLOAT16": "bfloat16",
    "FLOAT8E4M3FN": "float8_e4m3fn",
    "FLOAT8E4M3FNUZ": "float8_e4m3fnuz",
    "FLOAT8E5M2": "float8_e5m2",
    "FLOAT8E5M2FNUZ": "float8_e5m2fnuz",
    "UINT4": "uint4",
    "INT4": "int4",
    "FLOAT4E2M1": "float4_e2m1fn",
    "FLOAT8E8M0": "float8_e8m0fnu",
    "UINT2": "uint2",
    "INT2": "int2",
}
SHAPE = (3, 5)


def bits_of(name):
    """Bits of an element in memory."""
    if name in ("uint4", "int4", "float4_e2m1fn"):
        return 4
    return 2 if name in ("uint2", "int2") else 8 * numpy.dtype(name).itemsize


def packed(values, bits):
    """As ONNX packs elements: the first one in the low bits."""
    number = sum((int(v) & (2**bits - 1)) << (i * bits) for i, v in enumerate(values.reshape(-1)))
    return numpy.frombuffer(number.to_bytes((values.size * bits + 7) // 8, "little"), "uint8")


class Types(unittest.TestCase):
    def transposer(self, onnx_name):
        """y = x, transposed."""
        if not hasattr(TensorProto, onnx_name):
            self.skipTest(f"this version of the package onnx has no {onnx_name}")
        number = getattr(TensorProto, onnx_name)
        made = support.model(
            [("Transpose", "x", "y", {"perm": [1, 0]})], [("x", number, SHAPE)], [("y", number, SHAPE[::-1])], opset=25
        )
        return erc.Session(erc.compile(made))

    def forms(self, name):
        """What is given as the input: (form, object), and the array that is expected after a transposition."""
        bits = bits_of(name)
        if bits < 8:
            low = 0 if name[0] in "uf" else -(2 ** (bits - 1))
            steps = (numpy.arange(numpy.prod(SHAPE)) % 2**bits).reshape(SHAPE)
            if name == "float4_e2m1fn":
                native = steps.astype("uint8").view(ml_dtypes.float4_e2m1fn)
            else:
                native = (steps + low).astype("int8").astype(name)
            raw = packed(steps if name == "float4_e2m1fn" else steps + low, bits)
            return [("native", native), ("packed", raw), ("bytes", raw.tobytes())], native.T
        native = (numpy.arange(numpy.prod(SHAPE)) % (2 if name == "bool" else 100) + 1).astype(name).reshape(SHAPE)
        wide = numpy.zeros((SHAPE[0], 2 * SHAPE[1]), name)
        wide[:, ::2] = native
        read_only = native.copy()
        read_only.flags.writeable = False
        forms = [("native", native), ("strided", wide[:, ::2]), ("read-only", read_only), ("bytes", native.tobytes())]
        forms.append(("fortran", numpy.asfortranarray(native)))
        try:
            forms.append(("memoryview", memoryview(native)))
        except ValueError:  # types that the buffer protocol lacks
            forms.append(("raw", native.view("uint8" if bits == 8 else "uint16")))
        return forms, native.T

    def test_every_type_in_every_form(self):
        count = 0
        for onnx_name, name in TYPES.items():
            with self.subTest(name), self.transposer(onnx_name) as session:
                self.assertEqual(session.inputs[0].dtype, name)
                forms, expected = self.forms(name)
                for form, value in forms:
                    with self.subTest(type=name, form=form):
                        y = session.run({"x": value})["y"]
                        self.assertEqual(y.dtype, numpy.dtype(name))
                        self.assertEqual(y.shape, expected.shape)
                        self.assertEqual(y.tobytes(), numpy.ascontiguousarray(expected).tobytes())
                        count += 1
        print(f"  {len(TYPES)} types, {count} forms of arrays")

    def test_raw_outputs(self):
        """Outputs of the types that numpy lacks can be bound as raw bits."""
        for name in ("BFLOAT16", "FLOAT8E5M2", "INT4", "UINT2"):
            with self.subTest(name), self.transposer(name) as session:
                forms, expected = self.forms(TYPES[name])
                bits = bits_of(TYPES[name])
                info = session.outputs[0]
                raw = numpy.zeros(info.nbytes, "uint8") if bits < 8 else numpy.zeros(info.shape, f"uint{bits}")
                outputs = session.request().bind({"x": forms[0][1]}, {"y": raw}).run()
                self.assertIs(outputs["y"], raw)
                wanted = packed(expected.astype("int8"), bits) if bits < 8 else numpy.ascontiguousarray(expected)
                self.assertEqual(raw.tobytes(), wanted.tobytes())


class InPlace(unittest.TestCase):
    def setUp(self):
        self.session = erc.Session(support.artifact(support.tiny))
        self.addCleanup(self.session.close)

    def test_bound_memory_is_used_in_place(self):
        x, y = support.array(2, 3), numpy.zeros((2, 3), "float32")
        request = self.session.request().bind({"x": x}, {"y": y})
        for factor in (1, 5):  # the request sees what was written to x after bind
            x[:] = factor * support.array(2, 3)
            self.assertIs(request.run()["y"], y)
            numpy.testing.assert_array_equal(y, 2 * factor * support.array(2, 3))

    def test_addresses(self):
        """What the C library is given is the address of the caller's own memory; only copies of arrays that are not
        contiguous have another one."""
        given = {}

        def note(kind, call):
            def bind(request, index, address, nbytes):
                given[kind] = address
                return call(request, index, address, nbytes)

            return mock.patch.object(_request, f"_bind_{kind}", bind)

        x, y, memory = support.array(2, 3), numpy.zeros((2, 3), "float32"), bytearray(24)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        read_only = support.array(2, 3)
        read_only.flags.writeable = False
        with note("input", _request._bind_input), note("output", _request._bind_output):
            for value, address in (
                (x, x.ctypes.data),
                (x[:], x.ctypes.data),
                (read_only, read_only.ctypes.data),
                (memoryview(x), x.ctypes.data),
                (memory, start),
            ):
                self.session.request().bind({"x": value}, {"y": y}).run()
                self.assertEqual(given, {"input": address, "output": y.ctypes.data})
                result = self.session.run({"x": value})["y"]
                self.assertEqual(given, {"input": address, "output": result.ctypes.data})
            self.session.run({"x": numpy.asfortranarray(x)})
            self.assertNotEqual(given["input"], x.ctypes.data)
            self.session.request().bind({"x": x}, {"y": memory}).run()
            self.assertEqual(given, {"input": x.ctypes.data, "output": start})

    def test_without_numpy_types(self):
        for make in (bytearray, lambda n: memoryview(bytearray(n)), lambda n: array.array("f", bytes(n))):
            x, y = make(24), make(24)
            memoryview(x).cast("B")[:] = support.array(2, 3).tobytes()
            outputs = self.session.request().bind({"x": x}, {"y": y}).run()
            self.assertIs(outputs["y"], y)
            self.assertEqual(bytes(memoryview(y).cast("B")), (2 * support.array(2, 3)).tobytes())

    def test_own_outputs_are_used_again(self):
        request = self.session.request().bind({"x": support.array(2, 3)})
        first = request.run()["y"]
        self.assertEqual(first.ctypes.data, request.run()["y"].ctypes.data)

    def test_outputs_of_run_are_new(self):
        outputs = [self.session.run({"x": support.array(2, 3)})["y"] for _ in range(3)]
        self.assertEqual(len({y.ctypes.data for y in outputs}), 3)

    def test_dlpack(self):
        class Foreign:
            """A tensor of another library."""

            def __init__(self, value):
                self.value = value

            def __dlpack__(self, **options):
                return self.value.__dlpack__(**options)

            def __dlpack_device__(self):
                return self.value.__dlpack_device__()

        x, y = support.array(2, 3), numpy.zeros((2, 3), "float32")
        request = self.session.request().bind({"x": Foreign(x)})
        x[:] = 7  # in place here, too
        numpy.testing.assert_array_equal(numpy.from_dlpack(request.run()["y"]), numpy.full((2, 3), 14, "float32"))
        if numpy.lib.NumpyVersion(numpy.__version__) < "2.1.0":
            self.skipTest("numpy before 2.1 imports all tensors as read-only")
        request.bind(outputs={"y": Foreign(y)}).run()
        numpy.testing.assert_array_equal(y, numpy.full((2, 3), 14, "float32"))

    def test_scalars(self):
        made = support.model([("Add", "x x", "y")], [("x", support.F32, [])], [("y", support.F32, [])])
        with erc.Session(erc.compile(made)) as session:
            for value in (numpy.float32(3), numpy.array(3, "float32")):
                self.assertEqual(session.run({"x": value})["y"], 6)

    def test_runtime_dims(self):
        with erc.Session(support.artifact(support.nonzero)) as session:
            self.assertTrue(session.outputs[0].runtime_dims)
            bound = numpy.zeros((2, 6), "int64")
            request = session.request()
            for count in (0, 1, 4, 6):
                x = (numpy.arange(6) < count).astype("float32").reshape(2, 3)
                expected = numpy.array(numpy.nonzero(x))
                numpy.testing.assert_array_equal(session.run({"x": x})["y"], expected)
                y = request.bind({"x": x}, {"y": bound}).run()["y"]
                numpy.testing.assert_array_equal(y, expected)
                self.assertTrue(numpy.shares_memory(y, bound) or not count)


class Refused(unittest.TestCase):
    def setUp(self):
        self.session = erc.Session(support.artifact(support.tiny))
        self.addCleanup(self.session.close)

    def test_inputs(self):
        good = support.array(2, 3)
        for value, message in (
            (good.astype("float64"), r"input 'x': found float64 \[2, 3\], wanted float32 \[2, 3\]"),
            (good.astype(">f4"), r"input 'x': found >f4 \[2, 3\], wanted float32"),
            (support.array(3, 2), r"input 'x': found float32 \[3, 2\], wanted float32 \[2, 3\]"),
            (support.array(6), r"input 'x': found float32 \[6\], wanted float32 \[2, 3\]"),
            (good.view("uint8"), r"input 'x': found uint8 \[2, 12\]"),
            (bytes(23), r"input 'x': found uint8 \[23\]"),
            (array.array("d", bytes(48)), r"input 'x': found float64 \[6\]"),
            ([1.0, 2.0], "input 'x': found a list, wanted an array, float32"),
            (None, "input 'x': found a NoneType"),
        ):
            with self.subTest(message), self.assertRaisesRegex(erc.Invalid, message):
                self.session.run({"x": value})
        self.assertEqual(self.session.run({"x": good})["y"][1, 2], 10)  # nothing is left of the refused ones

    def test_outputs(self):
        read_only = support.array(2, 3)
        read_only.flags.writeable = False
        for value, message in (
            (numpy.zeros((2, 3)), r"output 'y': found float64 \[2, 3\], wanted float32"),
            (numpy.zeros((2, 6), "float32")[:, ::2], "output 'y': found an array that is not contiguous"),
            (read_only, "output 'y': found a read-only array"),
            (bytes(24), "output 'y': found read-only memory"),
        ):
            with self.subTest(message), self.assertRaisesRegex(erc.Invalid, message):
                self.session.request().bind(outputs={"y": value})

    def test_names(self):
        with self.assertRaisesRegex(erc.NotFound, "no input is named 'z'; there are: 'x'"):
            self.session.run({"z": support.array(2, 3)})
        with self.assertRaisesRegex(erc.NotFound, "no output is named 'z'; there are: 'y'"):
            self.session.run(["z"], {"x": support.array(2, 3)})
        with self.assertRaisesRegex(erc.Invalid, "input 'x' is missing"):
            self.session.run({})
        with self.assertRaisesRegex(erc.Invalid, "input 'x' is missing"):
            self.session.request().submit()

    def test_other_things_than_dicts(self):
        x = support.array(2, 3)
        for what, call in (
            ("inputs: found a ndarray", lambda: self.session.run(x)),
            ("inputs: found a list", lambda: self.session.run(None, [x])),
            ("inputs: found a ndarray", lambda: asyncio.run(self.session.run_async(x))),
            ("inputs: found a tuple", lambda: self.session.request().bind((x,))),
            ("outputs: found a list", lambda: self.session.request().bind(outputs=[x])),
            ("dims: found a str", lambda: erc.compile(support.tiny(), dims="batch=1")),
            ("consts: found a list", lambda: erc.compile(support.tiny(), consts=[1])),
            ("runtime: found a str", lambda: erc.Session(support.artifact(support.tiny), runtime="cpu")),
        ):
            with self.subTest(what), self.assertRaisesRegex(erc.Invalid, what):
                call()
