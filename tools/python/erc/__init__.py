"""ElasticRoom: compiles ONNX models ahead of time, and runs them with strong priorities.

    artifact = erc.compile("model.onnx", dims={"batch": 1})
    session = erc.Session(artifact, real_time=True, deadline_us=5000)
    outputs = session.run({"x": array})
"""

from ._compile import compile
from ._errors import (
    Busy,
    Cancelled,
    CompileError,
    CompileStatus,
    CompileWarning,
    Corrupt,
    DeviceFailed,
    Error,
    FileFailed,
    IndexOutOfRange,
    Invalid,
    LimitReached,
    NoTarget,
    NotFound,
    OutOfMemory,
    Shed,
    Status,
    Timeout,
    WrongSignature,
    WrongVersion,
)
from ._library import lib as _lib
from ._request import Request, Timing
from ._runtime import Runtime, RuntimeStats, default_runtime
from ._session import Session, SessionStats
from ._tensor import TensorInfo

__version__: str = _lib.erc_version().decode()

__all__ = [
    "Busy",
    "Cancelled",
    "CompileError",
    "CompileStatus",
    "CompileWarning",
    "Corrupt",
    "DeviceFailed",
    "Error",
    "FileFailed",
    "IndexOutOfRange",
    "Invalid",
    "LimitReached",
    "NoTarget",
    "NotFound",
    "OutOfMemory",
    "Request",
    "Runtime",
    "RuntimeStats",
    "Session",
    "SessionStats",
    "Shed",
    "Status",
    "TensorInfo",
    "Timeout",
    "Timing",
    "WrongSignature",
    "WrongVersion",
    "compile",
    "default_runtime",
]
