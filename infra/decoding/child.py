"""The process that decodes: it takes its limits first, then the picture, and answers one line of JSON."""

import errno
import json
import os
import resource
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 10
NICENESS = 10
TOO_MUCH = "The picture takes more memory than any picture gets. Send a smaller one, or as JPEG."
MOST_FILE_BYTES = 64 * 1024 * 1024


def limit() -> None:
    """From here on this process can't take more, whatever it reads, and waits while anybody else has work to do."""
    os.nice(NICENESS)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, MOST_FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def run(job: str, source: Path, target: Path) -> dict[str, Any]:
    # Imported behind the limits, and only here: the parent never loads a decoder.
    from PIL import Image

    from infra.decoding.original import Refused, write_original
    from infra.decoding.sizes import write_sizes

    jobs: dict[str, Callable[[Path, Path], Any]] = {"original": write_original, "sizes": write_sizes}
    # Of all warnings one is about the picture; the others are about notes that are thrown away.
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        return {"done": jobs[job](source, target)}
    except Refused as refusal:
        return {"refused": str(refusal)}
    except Exception as error:
        if _is_too_much(error):
            return {"refused": TOO_MUCH}
        # Whatever a decoder raises on bad input: OSError, SyntaxError, ValueError, struct.error, zlib.error …
        return {"refused": "The picture is damaged: it can't be decoded.", "reason": repr(error)[:300]}


def _is_too_much(error: Exception) -> bool:
    """Memory, or the length of a file. libwebp's encoder has a number for the first of them."""
    is_too_long = isinstance(error, OSError) and error.errno == errno.EFBIG
    return isinstance(error, MemoryError) or is_too_long or "encoding error 1" in str(error)


def main() -> None:
    limit()
    job, source, target = sys.argv[1:]
    answer = json.dumps(run(job, Path(source), Path(target)))
    os.write(1, answer.encode())


if __name__ == "__main__":
    main()
