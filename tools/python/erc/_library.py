"""liberc through ctypes: its structs and functions, as erc.h declares them.

Calls release the GIL. tests/python compares the structs with the header."""

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Dict, Mapping, Sequence

from . import _errors

MAX_RANK = 8
REAL_TIME, ARTIFACT_CLASS = 1, 2  # of enum erc_class; the last, and the next two: as the artifact says
ARTIFACT_LEVEL = 2**32 - 1
ARTIFACT_DEADLINE = 2**64 - 1
NO_LIMIT = 2**64 - 1  # of a wait, in microseconds or nanoseconds
SUBMIT_ARRIVAL, SUBMIT_LEVEL, SUBMIT_DEADLINE = 1, 2, 4

LogFunction = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p)


class SimOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("by_tile", c_int),
        ("contention", c_double),
        ("jitter", c_double),
        ("seed", c_uint64),
        ("signal_ns", c_uint64),
    ]


class RuntimeOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("device", c_char_p),
        ("units", c_uint32),
        ("cores", POINTER(c_uint32)),
        ("log", LogFunction),
        ("log_user", c_void_p),
        ("policy", c_char_p),
        ("be_units", c_uint32),
        ("rt_units", c_uint32),
        ("sim", POINTER(SimOptions)),
        ("rt_slowdown", c_double),
        ("be_bandwidth", c_double),
        ("rt_os_priority", c_uint32),
    ]


class RuntimeStats(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("now_ns", c_uint64),
        ("rt_unit_ns", c_uint64),
        ("be_unit_ns", c_uint64),
        ("tiles", c_uint64),
        ("trace_drops", c_uint64),
        ("rt_tile_ns", c_uint64),
        ("be_tile_ns", c_uint64),
        ("late_units", c_uint64),
        ("health", c_int),
        ("models", c_uint32),
        ("sessions", c_uint32),
        ("requests", c_uint32),
        ("queued", c_uint32),
        ("submitted", c_uint64),
        ("completed", c_uint64),
        ("missed", c_uint64),
        ("shed", c_uint64),
        ("cancelled", c_uint64),
        ("failed", c_uint64),
        ("preemptions", c_uint64),
        ("launches", c_uint64),
    ]


class ModelOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("target", c_char_p), ("verify_weights", c_int)]


class TensorInfo(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("dtype", c_int),
        ("rank", c_uint32),
        ("dims", c_int64 * MAX_RANK),
        ("bytes", c_size_t),
        ("runtime_dims", c_int),
        ("default_value", c_void_p),
        ("least_dims", c_int64 * MAX_RANK),
    ]


class SessionOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("entry", c_char_p),
        ("class_", c_int),
        ("level", c_uint32),
        ("deadline_us", c_uint64),
        ("weight", c_uint32),
        ("budget", c_char_p),
        ("units", c_uint32),
        ("in_flight", c_uint32),
        ("shed", c_int),
        ("name", c_char_p),
        ("clamp_indices", c_int),
    ]


class SessionStats(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("submitted", c_uint64),
        ("completed", c_uint64),
        ("missed", c_uint64),
        ("shed", c_uint64),
        ("cancelled", c_uint64),
        ("failed", c_uint64),
        ("preemptions", c_uint64),
        ("launches", c_uint64),
        ("tiles", c_uint64),
        ("unit_ns", c_uint64),
        ("units", c_uint32),
        ("p50_us", c_double),
        ("p90_us", c_double),
        ("p99_us", c_double),
        ("p999_us", c_double),
        ("most_us", c_double),
        ("class_", c_int),
        ("level", c_uint32),
        ("deadline_us", c_uint64),
    ]


class SubmitOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("fields", c_uint32),
        ("level", c_uint32),
        ("deadline_us", c_uint64),
        ("arrival_ns", c_uint64),
        ("report", c_int),
    ]


class RequestTiming(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("arrival_ns", c_uint64),
        ("submitted_ns", c_uint64),
        ("visible_ns", c_uint64),
        ("started_ns", c_uint64),
        ("granted_ns", c_uint64),
        ("finished_ns", c_uint64),
        ("granted_units", c_uint32),
        ("preemptions", c_uint32),
    ]


def with_size(kind: Any, **fields: Any) -> Any:
    """One of the structs whose first field is its own size."""
    made = kind(size=ctypes.sizeof(kind), **fields)
    for name, value in fields.items():
        if isinstance(value, int):
            fits(name, value, getattr(made, name))
    return made


def fits(name: str, value: int, converted: int) -> None:
    """ctypes cuts numbers to the width of a C type without a word."""
    if converted != value:
        raise _errors.Invalid(f"{name} is {value}, which is out of range")


def text(value: Any) -> Any:
    """For a `const char *` field: None is NULL."""
    return None if value is None else os.fsencode(value)


def pairs(what: str, value: Any) -> Any:
    """The items of a dict from names."""
    if not isinstance(value, Mapping):
        raise _errors.Invalid(f"{what}: found a {type(value).__name__}, wanted a dict from names")
    return value.items()


def load(name: str) -> ctypes.CDLL:
    """A library of this package, or of the folder that ERC_LIBRARY_DIR names."""
    folder = os.environ.get("ERC_LIBRARY_DIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")
    try:
        return ctypes.CDLL(os.path.join(folder, name))
    except OSError as error:
        raise ImportError(
            f"{name} cannot be loaded from {folder}: {error}; install the package ('pip install ./tools/python' in a "
            "checkout), or name a folder that holds the library in ERC_LIBRARY_DIR"
        ) from None


def declare(library: ctypes.CDLL, functions: Dict[str, Sequence[Any]]) -> None:
    """Sets result and arguments of functions: name -> (result, argument...)."""
    for name, (result, *arguments) in functions.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


lib = load("liberc.so")
_handle_out = POINTER(c_void_p)
declare(
    lib,
    {
        "erc_error_detail": (c_char_p,),
        "erc_status_text": (c_char_p, c_int),
        "erc_version": (c_char_p,),
        "erc_policy_names": (c_char_p,),
        "erc_dtype_name": (c_char_p, c_int),
        "erc_dtype_bits": (c_uint32, c_int),
        "erc_runtime_create": (c_int, POINTER(RuntimeOptions), _handle_out),
        "erc_runtime_destroy": (c_int, c_void_p),
        "erc_runtime_units": (c_uint32, c_void_p),
        "erc_runtime_computes": (c_int, c_void_p),
        "erc_runtime_target": (c_char_p, c_void_p),
        "erc_runtime_now_ns": (c_uint64, c_void_p),
        "erc_runtime_next_end": (c_int, c_void_p, c_uint64, _handle_out),
        "erc_runtime_stats": (c_int, c_void_p, POINTER(RuntimeStats)),
        "erc_trace_start": (c_int, c_void_p, c_uint32),
        "erc_trace_stop": (None, c_void_p),
        "erc_trace_write": (c_int, c_void_p, c_char_p),
        "erc_model_load": (c_int, c_void_p, c_char_p, POINTER(ModelOptions), _handle_out),
        "erc_model_load_memory": (c_int, c_void_p, c_void_p, c_size_t, POINTER(ModelOptions), _handle_out),
        "erc_model_unload": (c_int, c_void_p),
        "erc_model_target": (c_char_p, c_void_p),
        "erc_model_entry_count": (c_uint32, c_void_p),
        "erc_model_entry_name": (c_char_p, c_void_p, c_uint32),
        "erc_model_input_count": (c_uint32, c_void_p, c_uint32),
        "erc_model_output_count": (c_uint32, c_void_p, c_uint32),
        "erc_model_input_info": (c_int, c_void_p, c_uint32, c_uint32, POINTER(TensorInfo)),
        "erc_model_output_info": (c_int, c_void_p, c_uint32, c_uint32, POINTER(TensorInfo)),
        "erc_session_create": (c_int, c_void_p, POINTER(SessionOptions), _handle_out),
        "erc_session_destroy": (c_int, c_void_p),
        "erc_session_entry": (c_uint32, c_void_p),
        "erc_session_set_units": (c_int, c_void_p, c_uint32),
        "erc_session_set_budget": (c_int, c_void_p, c_char_p),
        "erc_session_stats": (c_int, c_void_p, POINTER(SessionStats)),
        "erc_request_create": (c_int, c_void_p, _handle_out),
        "erc_request_destroy": (c_int, c_void_p),
        "erc_request_set_dims": (c_int, c_void_p, c_uint32, c_uint32, POINTER(c_int64)),
        "erc_request_entry": (c_uint32, c_void_p),
        "erc_request_input_info": (c_int, c_void_p, c_uint32, POINTER(TensorInfo)),
        "erc_request_output_info": (c_int, c_void_p, c_uint32, POINTER(TensorInfo)),
        "erc_request_bind_input": (c_int, c_void_p, c_uint32, c_void_p, c_size_t),
        "erc_request_bind_output": (c_int, c_void_p, c_uint32, c_void_p, c_size_t),
        "erc_request_submit": (c_int, c_void_p),
        "erc_request_submit_with": (c_int, c_void_p, POINTER(SubmitOptions)),
        "erc_request_wait": (c_int, c_void_p, c_uint64),
        "erc_request_cancel": (c_int, c_void_p),
        "erc_request_timing": (c_int, c_void_p, POINTER(RequestTiming)),
        "erc_request_output_dims": (c_int, c_void_p, c_uint32, POINTER(c_uint32), POINTER(c_int64)),
    },
)


def error(status: int) -> _errors.Error:
    """The exception for a failed call: call it on the same thread, before any other call of the library."""
    detail = (lib.erc_error_detail() or lib.erc_status_text(status)).decode(errors="replace")
    return _errors.CLASSES[status](detail)


def check(status: int) -> None:
    if status:
        raise error(status)
