"""Ends of runs for asyncio: one thread of a runtime waits for the ends of all its awaited runs."""

import asyncio
import ctypes
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from . import _errors, _library
from ._library import error, lib

if TYPE_CHECKING:
    from ._request import Request
    from ._runtime import Runtime

_SLICE_NS = 100_000_000  # a wait for an end is at most so long
_LINGER_NS = 2_000_000  # ... while no run is pending
Notify = Callable[[Optional[_errors.Error]], None]


class Reaper:
    """Its thread starts with an awaited run, and sleeps while there is none until the runtime is closed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pending: "Dict[int, Tuple[Request, Notify]]" = {}
        self._thread: Optional[threading.Thread] = None
        self._closed = False

    def submit(self, request: "Request", submit: Callable[[], None], notify: Notify) -> None:
        """Submits a run whose end is to be told; the request is held until then."""
        request._hold()
        with self._changed:
            self._pending[request._address] = (request, notify)
        try:
            submit()
        except BaseException:
            with self._changed:
                del self._pending[request._address]
            request._drop()
            raise
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="erc.reaper", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """The thread ends when no run is left."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._pending:
                    if self._closed:
                        self._thread = None  # a run that was about to be submitted starts another one
                        return
                    self._changed.wait()
                runtime = next(iter(self._pending.values()))[0].runtime
                runtime._keep()  # a run is pending, so it has not ended yet
            try:
                # Without a pending run it waits for a moment: the next one may be submitted soon. Not on a virtual
                # device, whose clock would advance.
                while (self._next_end(runtime) and runtime.computes) or self._pending:
                    pass
            finally:
                runtime._drop()
                del runtime

    def _next_end(self, runtime: "Runtime") -> bool:
        """Whether a run has ended in time."""
        ended = ctypes.c_void_p()
        until_ns = lib.erc_runtime_now_ns(runtime._pointer) + (_SLICE_NS if self._pending else _LINGER_NS)
        if lib.erc_runtime_next_end(runtime._pointer, until_ns, ended):
            time.sleep(0 if runtime.computes else 0.001)  # a virtual device may have had nothing to wait for
            return False
        with self._changed:
            request, notify = self._pending.pop(ended.value or 0)
        status = lib.erc_request_wait(request._address, 0)
        failure = error(status) if status else None
        request._is_awaited = False
        notify(failure)
        request._drop()
        return True


async def end_of(request: "Request", submit: Callable[[], None]) -> None:
    """Submits a run and awaits its end. If the task is cancelled, so is the run."""
    loop = asyncio.get_running_loop()
    future: "asyncio.Future[Any]" = loop.create_future()

    def finish(failure: Optional[_errors.Error]) -> None:
        if future.done():
            return
        if failure:
            future.set_exception(failure)
        else:
            future.set_result(None)

    def notify(failure: Optional[_errors.Error]) -> None:
        try:
            loop.call_soon_threadsafe(finish, failure)
        except RuntimeError:  # the loop was closed
            pass

    if request._is_awaited:
        raise _errors.Busy("a task awaits this run")
    request._is_awaited = True
    try:
        request.runtime._reaper.submit(request, submit, notify)
    except BaseException:
        request._is_awaited = False
        raise
    try:
        await future
    except _errors.Error:
        raise
    except BaseException:  # the task was cancelled, or its loop ended
        lib.erc_request_cancel(request._address)
        raise
