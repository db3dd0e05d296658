"""Statuses of liberc and libercc, and the exceptions that stand for them."""

import enum
from typing import Dict, Type


class Status(enum.IntEnum):
    """What a call of liberc returns (erc.h)."""

    OK = 0
    INVALID = 1
    NOMEM = 2
    IO = 3
    CORRUPT = 4
    VERSION = 5
    NO_TARGET = 6
    BUSY = 7
    NOT_FOUND = 8
    TIMEOUT = 9
    CANCELLED = 10
    SHED = 11
    DEVICE = 12
    SIGNATURE = 13
    LIMIT = 14
    INDEX = 15


class CompileStatus(enum.IntEnum):
    """What a call of libercc returns (ercc.h)."""

    OK = 0
    USAGE = 1
    NOMEM = 2
    IO = 3
    MODEL = 4
    UNSUPPORTED = 5
    BUDGET = 6
    TOOLCHAIN = 7
    INTERNAL = 8
    CANCELLED = 9


class Error(Exception):
    """A call failed; `status` says how."""

    status: enum.IntEnum = Status.INVALID


class Invalid(Error, ValueError):
    """An argument, an array or the order of calls is wrong."""


class OutOfMemory(Error, MemoryError):
    status = Status.NOMEM


class FileFailed(Error, OSError):
    """A file could not be read or written."""

    status = Status.IO


class Corrupt(Error):
    """The artifact is invalid."""

    status = Status.CORRUPT


class WrongVersion(Error):
    """The artifact is of another format version."""

    status = Status.VERSION


class NoTarget(Error):
    """No code in the artifact fits this device."""

    status = Status.NO_TARGET


class Busy(Error):
    """A run is still under way."""

    status = Status.BUSY


class NotFound(Error, LookupError):
    status = Status.NOT_FOUND


class Timeout(Error, TimeoutError):
    """The run had not ended in time. It goes on."""

    status = Status.TIMEOUT


class Cancelled(Error):
    status = Status.CANCELLED


class Shed(Error):
    """Refused, because the deadline cannot be met."""

    status = Status.SHED


class DeviceFailed(Error):
    status = Status.DEVICE


class WrongSignature(Error):
    status = Status.SIGNATURE


class LimitReached(Error):
    status = Status.LIMIT


class IndexOutOfRange(Error, IndexError):
    """An operator such as Gather got an index outside its dimension."""

    status = Status.INDEX


class CompileError(Error):
    """The compiler's messages, one a line; `status` is a CompileStatus."""

    status = CompileStatus.INTERNAL


class CompileWarning(UserWarning):
    """A warning of the compiler."""


CLASSES: Dict[int, Type[Error]] = {
    int(kind.status): kind
    for kind in (
        Invalid, OutOfMemory, FileFailed, Corrupt, WrongVersion, NoTarget, Busy, NotFound, Timeout, Cancelled, Shed,
        DeviceFailed, WrongSignature, LimitReached, IndexOutOfRange,
    )
}  # fmt: skip
