"""Why a run failed, in one sentence that says what to do.

Errors of libraries are recognised by the names of their classes and by their messages, so that
nothing heavy has to be imported to explain them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

from storage.errors import UserError, on_one_line
from workbench.recipes.base_models import GATED

OUT_OF_MEMORY = (
    "The GPU ran out of memory; lower training.batch_size and raise training.accumulation by the "
    "same factor, or turn on training.gradient_checkpointing."
)
NO_MEMORY = (
    "The machine ran out of memory; lower training.batch_size and raise training.accumulation by "
    "the same factor, or take a smaller base."
)
DISK_FULL = "The disk is full; make space and go on with `workbench resume` on this run."
FILE_TOO_LARGE = (
    "A file grew beyond what the system allows (`ulimit -f`); raise that limit and go on with "
    "`workbench resume` on this run."
)
UNREACHABLE = (
    "The hub cannot be reached, which is asked since the base is no folder here; check the network "
    "or its proxy, or give a folder that is there with --base."
)
OLD_DRIVER = (
    "The NVIDIA driver is too old for this PyTorch; update the driver, or install a PyTorch built "
    "for an older CUDA (`workbench doctor` shows both)."
)
NO_BITSANDBYTES = (
    "bitsandbytes has no 4-bit kernels for this GPU; install a build for it, or train in 16 bits "
    "with --set quantization.bits=16."
)
NO_KERNEL = (
    "This PyTorch has no kernels for this GPU; install a PyTorch built for it (`workbench doctor` "
    "shows the versions)."
)
OTHER_ENDED = (
    "Another process of this run ended (killed, or its machine went down); see worker.log, and go "
    "on with `workbench resume` on this run."
)
NAN_LOSS = (
    "The loss is no number any more at step {}; lower training.learning_rate, or check that the "
    "base gives numbers with `workbench predict --base`."
)


class LossIsNaN(UserError):
    """Training has gone astray: its loss is NaN or infinite."""

    def __init__(self, step: object) -> None:
        super().__init__(NAN_LOSS.format(step))


def reason_of(error: BaseException) -> str:
    """The sentence for users about an error that ended a run, or about its cause if known."""
    for cause in _causes(error):
        if (known := _known(cause)) is not None:
            return known
    if isinstance(error, UserError):
        return str(error)
    return f"{type(error).__name__}: {on_one_line(error)} (details in worker.log)."


def _known(error: BaseException) -> str | None:
    if isinstance(error, UserError):
        return None
    for sentence, holds in ERROR_TYPES:
        if holds(error):
            return sentence
    text = str(error).lower()
    for parts, sentence in MESSAGES:
        if any(part in text for part in parts):
            return sentence
    if type(error).__name__ == "GatedRepoError":
        return GATED.format(_repository(error))
    return None


def _number(*numbers: int) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, OSError) and error.errno in numbers


def _named(*names: str) -> Callable[[BaseException], bool]:
    return lambda error: type(error).__name__ in names


ERROR_TYPES = (
    (OUT_OF_MEMORY, _named("OutOfMemoryError")),
    (NO_MEMORY, _named("MemoryError", "ArrowMemoryError")),
    (DISK_FULL, _number(errno.ENOSPC, errno.EDQUOT)),
    (FILE_TOO_LARGE, _number(errno.EFBIG)),
    (
        UNREACHABLE,
        _named(
            "ConnectError",
            "ConnectTimeout",
            "ConnectionError",
            "MaxRetryError",
            "NameResolutionError",
            "NewConnectionError",
            "LocalEntryNotFoundError",
            "OfflineModeIsEnabled",
            "ProxyError",
            "ReadTimeout",
            "ConnectionRefusedError",
            "gaierror",
        ),
    ),
)
MESSAGES = (
    (
        ("cuda out of memory", "cuda error: out of memory", "cublas_status_alloc_failed"),
        OUT_OF_MEMORY,
    ),
    (("can't allocate memory", "cannot allocate memory"), NO_MEMORY),
    (
        ("no space left on device", "disk quota exceeded", "enforce fail at inline_container"),
        DISK_FULL,
    ),
    (("file too large",), FILE_TOO_LARGE),
    (
        (
            "connection closed by peer",
            "connection reset by peer",
            "remote process exited",
            "timeout caused pair closure",
        ),
        OTHER_ENDED,
    ),
    (
        (
            "nvidia driver on your system is too old",
            "driver version is insufficient",
            "forward compatibility was attempted",
        ),
        OLD_DRIVER,
    ),
    (
        ("no kernel image is available", "not compatible with the current pytorch installation"),
        NO_KERNEL,
    ),
    (
        (
            "cquantize_blockwise",
            "cgemm_4bit",
            "cdequantize_blockwise",
            "bitsandbytes was compiled without gpu",
            "without gpu support",
            "native code library was not loaded",
            "bitsandbytes library was compiled without",
            "none of the available devices",
        ),
        NO_BITSANDBYTES,
    ),
)
"""Parts of messages of libraries, in lower case, and the sentence for each."""


def _repository(error: BaseException) -> str:
    """The model that the hub refused, from its address."""
    address = str(getattr(getattr(error, "response", None), "url", ""))
    _, _, path = address.partition("://")
    parts = [part for part in path.split("/")[1:] if part]
    if parts[:2] == ["api", "models"]:
        parts = parts[2:]
    return "/".join(parts[:2]) or "The base"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and the errors that it came from."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
