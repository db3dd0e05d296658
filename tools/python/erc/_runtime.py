"""Runtime: a device, its units and its scheduler."""

import atexit
import contextlib
import ctypes
import os
import sys
import threading
import weakref
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Optional, Sequence, Union

from . import _handle, _library
from ._errors import Status
from ._library import check, lib, text, with_size
from ._reaper import Reaper

LEVELS = ("error", "warning", "info", "debug")
_runtimes: "weakref.WeakSet[Runtime]" = weakref.WeakSet()


class RuntimeStats(NamedTuple):
    """As `struct erc_runtime_stats`; times in nanoseconds, by the device's clock."""

    now_ns: int
    rt_unit_ns: int
    be_unit_ns: int
    tiles: int
    trace_drops: int
    rt_tile_ns: int
    be_tile_ns: int
    late_units: int
    health: Status  # OK, or DEVICE: the device is lost
    models: int  # and the next two: that exist
    sessions: int
    requests: int
    queued: int
    submitted: int  # and the rest: over all sessions, also those that were closed
    completed: int
    missed: int
    shed: int
    cancelled: int
    failed: int
    preemptions: int
    launches: int


def _log_function(log: Optional[Callable[[str, str], object]]) -> Any:
    if log is None:
        return _library.LogFunction()

    def forward(_user: Any, level: int, message: bytes) -> None:
        if not sys.is_finalizing():
            log(LEVELS[level], message.decode(errors="replace"))

    return _library.LogFunction(forward)


class Runtime(_handle.Handle):
    """A device with its units. Sessions of one runtime share them by its policy.

    The options are those of `struct erc_runtime_options` in erc.h. `log(level, message)` is called from any thread, with
    level "error", "warning", "info" or "debug". `sim` is for virtual devices, such as "sim:h100"."""

    def __init__(
        self,
        device: str = "cpu",
        policy: Optional[str] = None,
        units: int = 0,
        cores: Optional[Sequence[int]] = None,
        be_units: int = 0,
        rt_units: int = 0,
        rt_slowdown: float = 0.0,
        be_bandwidth: float = 0.0,
        rt_os_priority: int = 0,
        log: Optional[Callable[[str, str], object]] = None,
        sim: Optional[Mapping[str, Union[int, float]]] = None,
    ) -> None:
        options = with_size(
            _library.RuntimeOptions,
            device=text(device),
            policy=text(policy),
            units=units,
            be_units=be_units,
            rt_units=rt_units,
            rt_slowdown=rt_slowdown,
            be_bandwidth=be_bandwidth,
            rt_os_priority=rt_os_priority,
        )
        if cores is not None:
            options.units = units or len(cores)
            if options.units != len(cores):
                raise ValueError(f"there are {units} units, but {len(cores)} cores")
            options.cores = (ctypes.c_uint32 * len(cores))(*cores)
        if sim is not None:
            options.sim = ctypes.pointer(with_size(_library.SimOptions, **sim))
        self._log = options.log = _log_function(log)  # must live as long as the runtime
        pointer = ctypes.c_void_p()
        check(lib.erc_runtime_create(options, pointer))
        self._open(pointer, None)
        self._reaper = Reaper()
        self.device = device
        self.computes = bool(lib.erc_runtime_computes(pointer))  # False: outputs are not written
        _runtimes.add(self)

    def __repr__(self) -> str:
        return f"<erc.Runtime '{self.device}'{' closed' if self.closed else ''}>"

    def _cancel(self) -> None:
        self._reaper.close()

    def _destroy(self) -> None:
        check(lib.erc_runtime_destroy(self._pointer))

    @property
    def units(self) -> int:
        with self._held():
            return int(lib.erc_runtime_units(self._pointer))

    @property
    def target(self) -> str:
        """The best target that the device can execute, such as "cpu:x86-64-v4"."""
        with self._held():
            return str(lib.erc_runtime_target(self._pointer).decode())

    def now_ns(self) -> int:
        """The device's clock."""
        with self._held():
            return int(lib.erc_runtime_now_ns(self._pointer))

    def stats(self) -> RuntimeStats:
        values = with_size(_library.RuntimeStats)
        with self._held():
            check(lib.erc_runtime_stats(self._pointer, values))
        stats = RuntimeStats(*(getattr(values, field) for field in RuntimeStats._fields))
        return stats._replace(health=Status(stats.health))

    @contextlib.contextmanager
    def trace(self, path: "Union[str, os.PathLike[str]]", events: int = 1_000_000) -> Iterator[None]:
        """Records what happens in the with statement, at most this many events, and writes it as Chrome trace JSON."""
        _library.fits("events", events, ctypes.c_uint32(events).value)
        with self._held():
            check(lib.erc_trace_start(self._pointer, events))
            try:
                yield
            finally:
                lib.erc_trace_stop(self._pointer)
                check(lib.erc_trace_write(self._pointer, text(path)))


_default: Optional[Runtime] = None
_default_fork = 0
_default_lock = threading.Lock()


def default_runtime() -> Runtime:
    """The CPU runtime of sessions that name none: one for the process, made when it is first needed."""
    global _default, _default_fork
    with _default_lock:
        if _default is None or _default.closed or _default_fork != _handle.forks():
            _default = Runtime()
            _default_fork = _handle.forks()
        return _default


def _after_fork() -> None:
    global _default_lock
    _default_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _close_all() -> None:
    """Threads of a runtime must not write to arrays of an interpreter that has ended."""
    for runtime in list(_runtimes):
        runtime.close()
