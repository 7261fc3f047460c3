"""What a killed process leaves of a picture that was in work: what a stranger sent, with all that the camera noted.

Each lies in the system's temporary folder, for nobody but the service's user to read, and is removed by whoever made
it. One that was killed can't, so what is older than any work takes goes at the start of the next process and hourly.
"""

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

UPLOAD, CLEANED, SIZES = "sinpluma-upload-", "sinpluma-picture-", "sinpluma-sizes-"
# An upload may go on for longer; a file that is written to is not old.
OLD_SECONDS = 3600.0


def clear() -> int:
    """Remove what is old of ours; how many there were."""
    return sum(_removed(each) for each in Path(tempfile.gettempdir()).iterdir() if _is_old(each))


def _is_old(found: Path) -> bool:
    if not found.name.startswith((UPLOAD, CLEANED, SIZES)):
        return False
    with suppress(OSError):
        return found.lstat().st_mtime < time.time() - OLD_SECONDS
    return False


def _removed(found: Path) -> bool:
    # Another process may be faster, and another user's stay.
    with suppress(OSError):
        shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()
        return True
    return False
