"""When C handles are destroyed. A handle is destroyed when it was closed, no call uses it, and it has no child left.

So handles may be closed in any order, from any thread, and by the garbage collector: what still computes is cancelled,
and the last call that leaves a closed handle destroys it."""

import contextlib
import os
import threading
import weakref
from typing import Any, Iterator, Optional

from . import _errors

# One lock for all handles: it is held for a few instructions. Reentrant, because the garbage collector may close a
# handle while its thread holds the lock.
_lock = threading.RLock()
_forks = 0  # number of fork() calls between this process and the one that imported the package


def _after_fork() -> None:
    global _lock, _forks
    _lock = threading.RLock()  # another thread of the parent may have held it
    _forks += 1


os.register_at_fork(after_in_child=_after_fork)


def forks() -> int:
    return _forks


class Unique:
    """What cannot be copied: a copy would have the same C handle, and end it."""

    def __reduce__(self) -> Any:
        raise TypeError(f"an erc.{type(self).__name__.strip('_')} cannot be copied or pickled: make another one")

    def __reduce_ex__(self, _: Any) -> Any:
        return self.__reduce__()


class Handle(Unique):
    _closed = True  # until _open: __init__ may fail
    _what = ""  # in messages; else the class' name

    def _open(self, pointer: Any, parent: "Optional[Handle]") -> None:
        self._pointer = pointer
        self._parent = parent
        self._uses = 0  # calls under way, and children
        self._made_after = _forks
        self._children: "weakref.WeakSet[Handle]" = weakref.WeakSet()
        if parent:
            with _lock:
                parent._children.add(self)
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def _hold(self) -> None:
        """Begins a call that uses the handle, or a child's life."""
        if self._closed:
            raise _errors.Invalid(f"this {self._what or type(self).__name__.lower()} is closed")
        if self._made_after != _forks:
            raise _errors.Invalid("this process is a fork of the one that made the runtime: make an erc.Runtime in it")
        with _lock:
            self._uses += 1

    def _keep(self) -> None:
        """The same for callers that know that the handle has not ended: it may have been closed."""
        with _lock:
            self._uses += 1

    def _drop(self) -> None:
        if self._made_after != _forks:
            return
        with _lock:
            self._uses -= 1
            last = self._closed and not self._uses
        if last:
            self._destroy()
            if self._parent:
                self._parent._drop()

    def close(self) -> None:
        """Ends what runs on this object and frees it. May be called more than once."""
        with _lock:
            if self._closed:
                return
            self._closed = True
            if self._made_after != _forks:
                return
            self._uses += 1
            children = list(self._children)
        for child in children:
            child.close()
        self._cancel()
        self._drop()

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        self._hold()
        try:
            yield
        finally:
            self._drop()

    def _cancel(self) -> None:
        """Makes calls that are under way return soon."""

    def _destroy(self) -> None:
        raise NotImplementedError

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
