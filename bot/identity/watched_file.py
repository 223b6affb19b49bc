"""A file that is read again when it has changed, and whose last good content serves while it is not good."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from bot.errors import BotMisconfigured
from bot.telemetry import get_logger

__all__ = ["WatchedFile"]

_log = get_logger(__name__)
_Content = TypeVar("_Content")
_Stamp = tuple[int, int, int]


class WatchedFile(Generic[_Content]):
    """Gives the content of a file. Looks at the file, so it belongs into a thread; several may use it.

    Kubernetes replaces a mounted secret by swapping a symbolic link
    (https://kubernetes.io/docs/concepts/storage/volumes/#secret), others write into the file: either changes what
    ``stat`` says of it.

    Args:
        path: the file.
        setting: what names it, for the log.
        read: gives its content, or raises ValueError with a complaint that may be logged.
    """

    def __init__(self, path: Path, setting: str, read: Callable[[Path], _Content]) -> None:
        self._path = path
        self._setting = setting
        self._read = read
        self._lock = threading.Lock()
        self._content: _Content | None = None
        self._stamp: _Stamp | None = None
        self._complaint = ""

    def latest(self) -> _Content:
        """The newest good content; the very same object as long as it is the same content.

        Raises:
            BotMisconfigured: there has never been a good one.
        """
        with self._lock:
            stamp = self._stamp_now()
            if self._content is None or stamp is None or stamp != self._stamp:
                self._renew(stamp)
            assert self._content is not None
            return self._content

    def _stamp_now(self) -> _Stamp | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116  follows links, and says so
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _renew(self, stamp: _Stamp | None) -> None:
        try:
            content = self._read(self._path)
        except ValueError as error:
            # The stamp stays as it was: a file that is being written is looked at again and again until it is good.
            self._keep_the_last(str(error))
            return
        if self._content is not None and content != self._content:
            _log.info("the credential was read anew from its file", setting=self._setting)
        if content != self._content:
            self._content = content
        self._stamp, self._complaint = stamp, ""

    def _keep_the_last(self, complaint: str) -> None:
        if self._content is None:
            raise BotMisconfigured(f"{self._setting} {complaint}")
        if complaint != self._complaint:
            self._complaint = complaint
            _log.warning(f"{self._setting} {complaint}; the credential read before stays in use", setting=self._setting)
