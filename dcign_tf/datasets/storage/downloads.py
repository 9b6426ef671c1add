"""A large file from the network: continued where it broke off, its checksum kept."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from dcign_tf.errors import DataError
from dcign_tf.files import check_disk_space, sha256, write_text
from dcign_tf.progress import Progress

_BLOCK = 1 << 20
_TIMEOUT_S = 60.0


def download(url: str, path: Path, *, advice: str) -> None:
    """Fetches a file, unless it is there.

    What arrives lies beside it as `<name>.part` until it is complete. The SHA-256 of the
    first complete download is kept in `<name>.sha256`, and later ones are compared with it.

    Args:
        url: where it is.
        path: where it goes; its folder exists, and no other process writes there.
        advice: ends the message of an error: what else the user can do.

    Raises:
        DataError: if the file cannot be had or stored, or is another than at first.
    """
    if path.exists():
        return
    part = path.with_name(path.name + ".part")
    try:
        _fetch(url, part)
        _compare(url, part, path.with_name(path.name + ".sha256"))
        part.replace(path)
    except urllib.error.HTTPError as error:
        raise DataError(
            f"Cannot download {url}: the server answers {error.code} ({error.reason}); {advice}."
        ) from error
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"Cannot download {url}: {reason}; the same command goes on from there, or {advice}."
        ) from error
    except OSError as error:
        raise DataError(f"Cannot store {url} in {part}: {error.strerror}.") from error


def _fetch(url: str, part: Path) -> None:
    """Writes what is lacking to `part`."""
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:  # nothing lies beyond: it is complete
            return
        raise
    with response:
        if response.status != 206:  # a server that sends nothing but the whole
            start = 0
        length = response.headers["Content-Length"]
        total = start + int(length) if length else None
        check_disk_space(part.parent, (total or start) - start, "download needs")
        with part.open("ab" if start else "wb") as file, Progress(total or 0, unit="B") as progress:
            progress.update(start)
            while block := response.read(_BLOCK):
                file.write(block)
                progress.update(len(block))
    if total is not None and (have := part.stat().st_size) != total:
        raise ConnectionError(f"the connection broke off after {have:,} of {total:,} bytes")


def _compare(url: str, part: Path, record: Path) -> None:
    """Keeps the checksum of `part`, or compares it with the one that was kept."""
    checksum = sha256(part)
    if not record.exists():
        write_text(record, checksum + "\n")
    elif (first := record.read_text(encoding="utf-8").strip()) != checksum:
        part.unlink()
        raise DataError(
            f"{url} is another file than at its first download: its SHA-256 is {checksum}, then it"
            f" was {first}. It was thrown away; if it is meant to be new, delete {record}."
        )
