"""What keeps a program attached, as an object: closed, and the program is detached.

In: what `attach` has made. Out: `Link`; `LinkGroup` where a program is attached in several places at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn, Self

from btfkit.errors import LoadError

from .fd import Fd
from .sys import LinkInfo, iter_create, link_detach, link_info, link_update, obj_pin

if TYPE_CHECKING:
    from .loaded import LoadedProgram
    from .struct_ops import LoadedStructOps

__all__ = ["IterLink", "Link", "LinkGroup"]

_CHUNK = 1 << 16


class Link:
    """A program (or struct of operations) that is attached; in a ``with`` block, for as long as that lasts.

    program: the one attached; target: to what, in words
    """

    def __init__(
        self,
        program: LoadedProgram | LoadedStructOps,
        target: str,
        fd: Fd | None,
        undo: Callable[[], None] | None = None,
    ) -> None:
        """fd: the kernel's link, or the event that runs the program. undo: detaches where closing it does not."""
        self.program = program
        self.target = target
        self._fd = fd
        self._undo = undo

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.program.name!r}: {'closed' if self.closed else self.target}>"

    @property
    def closed(self) -> bool:
        return (self._fd is None or self._fd.closed) and self._undo is None

    def fileno(self) -> int:
        return self._kernel_link("no descriptor").fileno()

    @property
    def info(self) -> LinkInfo:
        """What the kernel knows of it (kernel 5.8); LoadError where it is none of the kernel's links."""
        with self._named():
            return link_info(self._kernel_link("nothing the kernel could tell of"))

    def update(self, program: LoadedProgram) -> None:
        """Put another program in this one's place, in one go: nothing is missed. LoadError where the kernel cannot."""
        with self._named():
            link_update(self._kernel_link("nothing that could be updated"), program.fd)
        self.program = program

    def pin(self, path: str | os.PathLike[str]) -> None:
        """Keep it attached when it is closed: under a path of a bpf file system, until that is removed."""
        obj_pin(self._kernel_link("nothing that could be pinned"), path)

    def detach(self) -> None:
        """Detach the program, though it is pinned or others hold the link; and close it."""
        if self._fd is not None and not self._fd.closed:
            with contextlib.suppress(LoadError):  # a link that goes when it is closed, and only then
                link_detach(self._fd)
        self.close()

    def close(self) -> None:
        """Give it up: what is not pinned is detached. A second time does nothing."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()
        if self._fd is not None:
            self._fd.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("links cannot be copied or pickled")

    def _kernel_link(self, lacks: str) -> Fd:
        if self.closed:
            raise LoadError("is closed", thing=self._thing)
        if self._fd is None:
            raise LoadError(f"is attached to {self.target} without a link: there is {lacks}", thing=self._thing)
        return self._fd

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except LoadError as error:
            raise error.at(thing=self._thing) from None

    @property
    def _thing(self) -> str:
        return f"link of program '{self.program.name}'"


class IterLink(Link):
    """An iterator: each time it is read, the program runs over all there is and writes text."""

    def read(self) -> str:
        """Run it: all that it writes."""
        return b"".join(self._chunks()).decode(errors="replace")

    def __iter__(self) -> Iterator[str]:
        """Run it: its lines, as they come."""
        rest = b""
        for chunk in self._chunks():
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        if rest:
            yield rest.decode(errors="replace")

    def _chunks(self) -> Iterator[bytes]:
        with iter_create(self._kernel_link("nothing to read")) as fd:
            while True:
                try:
                    chunk = os.read(fd.fileno(), _CHUNK)
                except OSError as error:
                    raise LoadError(
                        f"reading it fails: {error.strerror}", errno=error.errno, thing=self._thing
                    ) from None
                if not chunk:
                    return
                yield chunk


class LinkGroup:
    """Links that are closed together."""

    def __init__(self, links: Sequence[Link | LinkGroup]) -> None:
        self.links = tuple(links)

    def __repr__(self) -> str:
        return f"<LinkGroup: {', '.join(map(repr, self.links))}>"

    def __iter__(self) -> Iterator[Link | LinkGroup]:
        return iter(self.links)

    def __len__(self) -> int:
        return len(self.links)

    @property
    def closed(self) -> bool:
        return all(link.closed for link in self.links)

    def update(self, program: LoadedProgram) -> None:
        """`Link.update`, of each."""
        for link in self.links:
            link.update(program)

    def detach(self) -> None:
        for link in self.links:
            link.detach()

    def close(self) -> None:
        for link in self.links:
            link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
