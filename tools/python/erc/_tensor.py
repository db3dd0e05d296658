"""Inputs and outputs: their types, and the memory of arrays that are bound to them.

An array of the right type and shape, in C order, is used in place. numpy is optional: without it inputs are any objects
with the buffer protocol, and outputs are memoryviews. Types that numpy lacks are those of ml_dtypes if it is installed.
Their raw bits are taken and, without ml_dtypes, given: bfloat16 as uint16, float8 as uint8, and the types of 4 and 2
bits as a flat uint8 array, packed as in ONNX files."""

import ctypes
from typing import Any, List, NamedTuple, Optional, Tuple

from . import _errors, _library
from ._library import lib

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

# number: (name, format of the raw elements in a buffer)
_DTYPES = {
    1: ("float32", "f"),
    2: ("uint8", "B"),
    3: ("int8", "b"),
    4: ("uint16", "H"),
    5: ("int16", "h"),
    6: ("int32", "i"),
    7: ("int64", "q"),
    9: ("bool", "?"),
    10: ("float16", "e"),
    11: ("float64", "d"),
    12: ("uint32", "I"),
    13: ("uint64", "Q"),
    14: ("complex64", "Zf"),
    15: ("complex128", "Zd"),
    16: ("bfloat16", "H"),
    17: ("float8_e4m3fn", "B"),
    18: ("float8_e4m3fnuz", "B"),
    19: ("float8_e5m2", "B"),
    20: ("float8_e5m2fnuz", "B"),
    21: ("uint4", "B"),
    22: ("int4", "B"),
    23: ("float4_e2m1fn", "B"),
    24: ("float8_e8m0fnu", "B"),
    25: ("uint2", "B"),
    26: ("int2", "B"),
}
_FIRST_STORED = 16  # the types that numpy lacks
_SAME_FORMATS = {"l": "q", "L": "Q", "n": "q", "N": "Q", "c": "B"}


class TensorInfo(NamedTuple):
    """An input or output of a session."""

    name: str
    dtype: str  # numpy's or ml_dtypes' name of it
    shape: Tuple[int, ...]  # the upper bounds, if runtime_dims
    nbytes: int  # of the raw memory
    runtime_dims: bool  # an output whose shape depends on data: arrays have the true one


class _PyBuffer(ctypes.Structure):
    """Py_buffer."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = (ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int)
_get_buffer.restype = ctypes.c_int
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = (ctypes.POINTER(_PyBuffer),)
_release_buffer.restype = None


class _Pinned:
    """Keeps the memory of a contiguous buffer where it is."""

    def __init__(self, value: Any) -> None:
        self.view = _PyBuffer()
        _get_buffer(value, self.view, 0)
        self.address = self.view.buf or 0

    def __del__(self) -> None:
        _release_buffer(self.view)


def _array_address(array: Any) -> int:
    """Where a numpy array's elements are."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # the fastest way; not for all arrays
    except (TypeError, ValueError, BufferError):
        return int(array.__array_interface__["data"][0])


def _view_format(code: str) -> str:
    """What a memoryview can be cast to: it has no float16."""
    return {"e": "H"}.get(code, code)


def _count(shape: Tuple[int, ...]) -> int:
    count = 1
    for dim in shape:
        count *= dim
    return count


class Port:
    """One input or output, and how arrays are bound to it."""

    def __init__(self, kind: str, index: int, info: _library.TensorInfo) -> None:
        self.kind = kind
        self.index = index
        self.name = info.name.decode()
        self.shape = tuple(info.dims[: info.rank])
        self.nbytes = int(info.bytes)
        self.default: Optional[int] = info.default_value
        self.runtime_dims = bool(info.runtime_dims)
        self.has_ranges = self.shape != tuple(info.least_dims[: info.rank])
        self.number = info.dtype
        self.dtype, self.format = _DTYPES[info.dtype]
        self.bits = lib.erc_dtype_bits(info.dtype)
        self.packed = self.bits < 8
        self.raw_shape = (self.nbytes,) if self.packed else self.shape
        self.native: Any = None  # numpy's type for callers; None: there is only the raw one
        self.raw: Any = None  # numpy's type of the memory
        if numpy:
            self._find_types()
        self.info = TensorInfo(self.name, self.dtype, self.shape, self.nbytes, self.runtime_dims)

    def _find_types(self) -> None:
        if self.number < _FIRST_STORED:
            self.native = self.raw = numpy.dtype(self.dtype)
            return
        self.raw = numpy.dtype("uint16" if self.bits == 16 else "uint8")
        try:
            import ml_dtypes
        except ImportError:
            return
        native = getattr(ml_dtypes, self.dtype, None)
        self.native = numpy.dtype(native) if native else None

    # ---- what callers give ----

    def take(self, value: Any) -> Tuple[int, Any]:
        """The address of the array's memory, or of a copy, and what keeps it there."""
        if numpy and isinstance(value, numpy.ndarray):
            if value.dtype == self.raw and value.shape == self.raw_shape and value.flags.c_contiguous:
                return _array_address(value), value
            return self._take_array(value, copies=True)
        try:
            view = memoryview(value)
        except TypeError:
            return self._take_array(self._import(value), copies=True)
        except ValueError:  # a type that the buffer protocol lacks, such as a scalar of ml_dtypes
            return self._take_array(numpy.asarray(value), copies=True)
        return self._take_view(view, writable=False)

    def take_writable(self, value: Any) -> Tuple[int, Any, Any]:
        """The same for an output, whose memory is always used in place; also the object that results are shown by."""
        if numpy and isinstance(value, numpy.ndarray):
            if not value.flags.writeable:
                raise self._wrong("a read-only array", "a writable one")
            return (*self._take_array(value, copies=False), value)
        try:
            view = memoryview(value)
        except (TypeError, ValueError):
            return self.take_writable(self._import(value))
        if view.readonly:
            raise self._wrong("read-only memory", "writable memory")
        return (*self._take_view(view, writable=True), value)

    def _wrong(self, found: str, wanted: str) -> _errors.Error:
        return _errors.Invalid(f"{self.kind} '{self.name}': found {found}, wanted {wanted}")

    def _mismatch(self, dtype: str, shape: Tuple[int, ...]) -> _errors.Error:
        wanted = f"{self.dtype} {list(self.shape)}"
        if self.packed:
            wanted += f", or its packed bits as uint8 {list(self.raw_shape)}"
        elif self.number >= _FIRST_STORED:
            wanted += f", or its bits as uint{self.bits}"
        return self._wrong(f"{dtype} {list(shape)}", wanted)

    def _import(self, value: Any) -> Any:
        """A numpy array over the memory of a tensor of another library."""
        if not hasattr(value, "__dlpack__") and not hasattr(value, "__array_interface__"):
            raise self._wrong(f"a {type(value).__name__}", f"an array, {self.dtype} {list(self.shape)}")
        if not numpy:
            raise self._wrong(f"a {type(value).__name__}", "numpy to be installed, or an object with the buffer protocol")
        try:
            return numpy.from_dlpack(value) if hasattr(value, "__dlpack__") else numpy.asarray(value)
        except Exception as error:
            raise self._wrong(f"a {type(value).__name__} that numpy does not take ({error})", "an array") from error

    def _take_array(self, array: Any, copies: bool) -> Tuple[int, Any]:
        is_native = array.dtype == self.native and array.shape == self.shape
        is_raw = array.dtype == self.raw and array.shape == self.raw_shape
        if not is_native and not is_raw:
            raise self._mismatch(str(array.dtype), array.shape)
        if is_native and self.packed:
            if not copies:
                raise self._wrong(f"{self.dtype}, one element in a byte", f"packed bits, uint8 {list(self.raw_shape)}")
            array = self._pack(array)
        if not array.flags.c_contiguous:
            if not copies:
                raise self._wrong("an array that is not contiguous", "one in C order")
            array = numpy.ascontiguousarray(array)
        return _array_address(array), array

    def _take_view(self, view: memoryview, writable: bool) -> Tuple[int, Any]:
        """Memory without numpy. Objects such as bytes and array.array have no shape: flat ones are taken as well."""
        code = view.format[1:] if view.format[0] in "@=<" else view.format
        code = _SAME_FORMATS.get(code, code)
        typed = code in (self.format, _view_format(self.format)) and view.shape in (self.raw_shape, (_count(self.raw_shape),))
        is_bytes = code == "B" and view.shape == (self.nbytes,)
        if not typed and not is_bytes:
            names = [name for name, raw in _DTYPES.values() if raw == code]
            raise self._mismatch(names[0] if names else f"format '{view.format}'", tuple(view.shape or ()))
        if not view.c_contiguous:
            if writable:
                raise self._wrong("memory that is not contiguous", "memory in C order")
            view = memoryview(view.tobytes())
        pinned = _Pinned(view)
        return pinned.address, pinned

    # ---- what callers get ----

    def make(self, zeroed: bool) -> Tuple[int, Any]:
        """New memory for an output: its address, and an array of the raw type."""
        if numpy:
            array = (numpy.zeros if zeroed else numpy.empty)(self.raw_shape, self.raw)
            return _array_address(array), array
        memory = bytearray(max(self.nbytes, 1))
        return ctypes.addressof(ctypes.c_char.from_buffer(memory)), memory

    def present(self, memory: Any, shape: Tuple[int, ...]) -> Any:
        """An output of this shape, which begins where `memory` (made by `make`) begins."""
        if not numpy:
            return self._present_view(memory, shape)
        if self.packed:
            return self._unpack(memory, shape)
        if shape != self.shape:
            memory = memory.reshape(-1)[: _count(shape)].reshape(shape)
        return memory if self.native is None or self.native is self.raw else memory.view(self.native)

    def present_bound(self, value: Any, shape: Tuple[int, ...]) -> Any:
        """The same for memory that the caller bound: the very object, if its shape is right."""
        if shape == self.shape:
            return value
        if self.packed:
            return value[: (_count(shape) * self.bits + 7) // 8]
        if numpy and isinstance(value, numpy.ndarray):
            return value.reshape(-1)[: _count(shape)].reshape(shape)
        return self._present_view(value, shape)

    def _present_view(self, memory: Any, shape: Tuple[int, ...]) -> memoryview:
        count = _count(shape)
        view = memoryview(memory).cast("B")[: (count * self.bits + 7) // 8]
        code = _view_format(self.format)
        if self.packed or code.startswith("Z"):  # nor complex numbers
            return view
        return view.cast(code, list(shape)) if count else view.cast(code)  # type: ignore[call-overload,no-any-return]

    # ---- elements of 4 and 2 bits ----

    def _pack(self, array: Any) -> Any:
        per_byte = 8 // self.bits
        raw = array.astype(numpy.int8).view(numpy.uint8) if "int" in self.dtype else array.view(numpy.uint8)
        elements = numpy.zeros(self.nbytes * per_byte, numpy.uint8)
        elements[: raw.size] = raw.reshape(-1) & (2**self.bits - 1)
        packed = numpy.zeros(self.nbytes, numpy.uint8)
        for i in range(per_byte):
            packed |= elements[i::per_byte] << (i * self.bits)
        return packed

    def _unpack(self, packed: Any, shape: Tuple[int, ...]) -> Any:
        count = _count(shape)
        if self.native is None:
            return packed[: (count * self.bits + 7) // 8]
        shifts = numpy.arange(0, 8, self.bits, dtype=numpy.uint8)
        elements = ((packed[:, None] >> shifts) & (2**self.bits - 1)).reshape(-1)[:count].reshape(shape)
        if not self.dtype.startswith("int"):
            return elements.astype(numpy.uint8).view(self.native)
        sign = 2 ** (self.bits - 1)
        return ((elements ^ sign).astype(numpy.int8) - sign).astype(self.native)


class Ports:
    """The inputs and outputs of a model's entry."""

    def __init__(self, inputs: List[Port], outputs: List[Port]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.has_ranges = any(port.has_ranges for port in inputs)
        self.inputs_by_name = {port.name: port for port in self.inputs}
        self.outputs_by_name = {port.name: port for port in self.outputs}

    def port(self, name: str, kind: str) -> Port:
        ports = self.inputs_by_name if kind == "input" else self.outputs_by_name
        if name not in ports:
            names = ", ".join(f"'{port}'" for port in ports) or "none"
            raise _errors.NotFound(f"no {kind} is named {name!r}; there are: {names}")
        return ports[name]


def shape_of(value: Any) -> Optional[Tuple[int, ...]]:
    """The shape of an array; None: it is flat memory, or has none."""
    if hasattr(value, "shape") and not isinstance(value, memoryview):
        return tuple(value.shape)
    try:
        view = memoryview(value)
    except (TypeError, ValueError):
        return None
    return tuple(view.shape or ()) if view.ndim != 1 else None


def ports_of_entry(model: Any, entry: int) -> Ports:
    return Ports(_read_ports(model, entry, "input"), _read_ports(model, entry, "output"))


def ports_of_request(request: int, like: Ports) -> Ports:
    """With the dims that the request has now."""
    return Ports(_read_again(request, like.inputs), _read_again(request, like.outputs))


def _read_again(request: int, ports: List[Port]) -> List[Port]:
    again = []
    for port in ports:
        info = _library.TensorInfo()
        _library.check(getattr(lib, f"erc_request_{port.kind}_info")(request, port.index, info))
        again.append(Port(port.kind, port.index, info))
    return again


def _read_ports(model: Any, entry: int, kind: str) -> List[Port]:
    ports = []
    for index in range(getattr(lib, f"erc_model_{kind}_count")(model, entry)):
        info = _library.TensorInfo()
        _library.check(getattr(lib, f"erc_model_{kind}_info")(model, entry, index, info))
        ports.append(Port(kind, index, info))
    return ports


def describe(name: str, value: Any) -> Tuple[int, Tuple[int, ...], int, Any]:
    """Any array as a constant: number of its type, shape, address, and what keeps the memory there."""
    for number, (dtype, code) in _DTYPES.items():
        info = _library.TensorInfo(name=name.encode(), dtype=number)
        shape, found = _shape_and_type(value)
        if found not in (dtype, code) or (number >= _FIRST_STORED and found != dtype):
            continue
        count = _count(shape)
        info.rank, info.bytes = len(shape), (count * lib.erc_dtype_bits(number) + 7) // 8
        info.dims[: len(shape)] = shape
        address, keep = Port("constant", 0, info).take(value)
        return number, shape, address, keep
    raise _errors.Invalid(f"constant '{name}': found a {type(value).__name__}, wanted a number, a text or an array")


def _shape_and_type(value: Any) -> Tuple[Tuple[int, ...], str]:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return tuple(value.shape), str(value.dtype)
    try:
        view = memoryview(value)
    except TypeError:
        return (), ""
    return tuple(view.shape or ()), view.format
