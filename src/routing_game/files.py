"""Files: written whole or not at all, and read with bounds.

Whatever is read from a file goes through `read`, which waits for nobody and takes no more than it
was told to, and then through `decoded` or `fitted`: the schema of that kind of file. Whatever is
wrong is an OSError (it cannot be read) or a ValueError (it is not what it should be).
"""

import errno
import json
import os
import re
import secrets
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

MOST = 1 << 28
"""Bytes beyond which a file is no file of ours: a run's largest, with 10,000 games, has 4 MB."""
_ESCAPED = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""An escape in JSON: a whole pair of surrogates, a half of one, or another."""
_ALONE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_PATIENT = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def write(file: Path, content: str | bytes, first: bool = False, lasting: bool = True) -> None:
    """Write a file whole or not at all, and leave nothing else behind.

    The draft has a name that nobody can foresee, follows no link, and is on the disk before it gets
    the file's name: a machine that loses its power leaves the old file or the new one.

    Args:
        file: in a folder that is there.
        content: text is written in UTF-8.
        first: keep a file that is there already, whoever wrote it meanwhile.
        lasting: wait for the disk, 20 ms or so. Else power lost within the next minute may leave a
            file that `is_lost`; whoever reads it must know what to do then.

    Raises:
        OSError: naming the file, whatever part of the work failed.
    """
    draft = file.with_name(f".draft.{secrets.token_hex(8)}")
    try:
        try:
            with os.fdopen(os.open(draft, _ALONE | _BINARY, 0o666), "wb") as stream:
                stream.write(content.encode() if isinstance(content, str) else content)
                stream.flush()
                if lasting:
                    os.fsync(stream.fileno())
            (_place_first if first else os.replace)(draft, file)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(file)) from None


def _place_first(draft: Path, file: Path) -> None:
    """Give the draft the file's name, unless there is such a file."""
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not file.exists():
            os.replace(draft, file)


def read(file: str | os.PathLike[str], most: int = MOST) -> bytes:
    """The content of a file.

    Args:
        file: its path.
        most: bytes that it may have.

    Raises:
        OSError: it cannot be opened, or is no file: a folder, a pipe, a device.
        ValueError: it is longer.
    """
    descriptor = os.open(file, _PATIENT | _BINARY)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(file))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", os.fspath(file))
        if found.st_size > most:
            raise ValueError(f"expected at most {most:,} bytes, got {found.st_size:,}")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(found.st_size)
    finally:
        os.close(descriptor)


def is_lost(file: Path) -> bool:
    """Whether it is a file, or a link to one, as a power cut leaves it: empty, or of zeros."""
    try:
        descriptor = os.open(file, _PATIENT | _BINARY)
    except OSError:
        return False
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return is_file and os.read(descriptor, 1) in (b"", b"\0")
    except OSError:
        return False
    finally:
        os.close(descriptor)


class Misfit(ValueError):
    """What does not fit its schema, in our words.

    Attributes:
        place: where in it, such as ``success[0]``; empty for the whole, and where nobody knows.
    """

    def __init__(self, words: str, place: str = "") -> None:
        super().__init__(words)
        self.place = place


def decoded(content: bytes | str, kind: type[T]) -> T:
    """What a text in JSON says, if it fits the schema: NaN, Infinity and unknown types do not.

    Raises:
        ValueError: it does not; a `Misfit` if it is JSON, or nearly.
    """
    try:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError:
            if (mended := _mended(content)) == content:
                raise
            return msgspec.json.decode(mended, type=kind)
    except RecursionError:
        raise ValueError("expected few brackets inside each other, got too many") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _misfit(str(error)) from None


def _mended(content: bytes | str) -> bytes:
    """With U+FFFD for each half of a surrogate pair alone, which Python writes and nobody reads."""
    known = content.encode("utf-8", "replace") if isinstance(content, str) else content
    return _ESCAPED.sub(lambda found: rb"\ufffd" if found["half"] else found[0], known)


def fitted(data: Any, kind: type[T]) -> T:
    """The same of what another parser has read."""
    try:
        return msgspec.convert(data, kind)
    except RecursionError:
        raise ValueError("expected few brackets inside each other, got too many") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _misfit(str(error)) from None


_PLACE = re.compile(r"(.*) - at `\$\.?([^`]*)`", re.DOTALL)
"""A complaint of msgspec's with the place that it is about."""
_EXPECTED = re.compile(
    r"Expected `(?P<kinds>[^`]+)`"
    r"(?: (?P<size>of length )?(?P<bound>>=|<=|>|<)? ?(?P<number>[-+.e\d]+))?"
    r"(?:, got `?(?P<got>[^`]+)`?)?"
)
"""Its commonest one: of which kind, how long or great, and what came."""
_KINDS = {
    "array": "a list",
    "object": "a table of names and values",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}
_BOUNDS = {">=": "at least ", "<=": "at most ", ">": "more than ", "<": "less than ", None: ""}
_OTHER = {
    "Object missing required field `(.*)`": "have {0}, got none",
    "Object contains unknown field `(.*)`": "have no {0}",
    "Invalid (?:enum )?value (.*)": "be one of the words that there are for it, got {0}",
    "Number out of range": "be a number below 1.8e308",
}
_NO_JSON = {
    "Input data was truncated": "only the beginning of it",
    "JSON is malformed: (.*)": "{0}",
}
"""Complaints about a text as a whole -> what came instead of JSON."""


def _misfit(problem: str) -> Misfit:
    """The same complaint in our words; one that we do not know is left as it is."""
    placed = _PLACE.fullmatch(problem)
    said, place = placed.groups() if placed else (problem, "")
    for pattern, words in _NO_JSON.items():
        if found := re.fullmatch(pattern, said, re.DOTALL):
            return Misfit(f"expected JSON, got {words.format(*found.groups())}")
    if found := _EXPECTED.fullmatch(said):
        rule = f"be {_rule(found)}"
    else:
        for pattern, words in _OTHER.items():
            if found := re.fullmatch(pattern, said, re.DOTALL):
                rule = words.format(*found.groups())
                break
        else:
            return Misfit(short(problem), place)
    return Misfit(short(f"{place or 'it'} must {rule}"), place)


def _rule(found: re.Match[str]) -> str:
    """What is expected, and what came, if that is said."""
    kinds = [kind for kind in found["kinds"].split(" | ") if kind != "null"]
    rule = " or ".join(_KINDS.get(kind, kind) for kind in kinds)
    if found["number"]:
        length = "length " if found["size"] else ""
        rule += f" of {length}{_BOUNDS[found['bound']]}{found['number'].removesuffix('.0')}"
    got = found["got"]
    return f"{rule}, got {_KINDS.get(got, got)}" if got else rule


def loose_json(content: bytes | str, **hooks: Any) -> Any:
    """What a text in JSON says that may hold NaN and Infinity, for `fitted`.

    Args:
        content: the text.
        hooks: as `json.loads` has them.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return json.loads(content, **hooks)
    except RecursionError:
        raise ValueError("expected few brackets inside each other, got too many") from None


def loose_toml(text: str) -> dict[str, Any]:
    """What a text in TOML says, for `fitted`.

    Raises:
        ValueError: it is not TOML, or takes tomllib time by the square of its length.
    """
    if max(map(len, _DIGITS.findall(text)), default=0) > _FEW_DIGITS:
        raise ValueError("expected numbers of few digits, got too many")
    if any(line.count(".") > _DOTS for line in _NO_NAME.sub("", text).split("\n")):
        raise ValueError("expected names of few parts, got too many")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("expected few brackets inside each other, got too many") from None


_DIGITS, _FEW_DIGITS = re.compile("[0-9A-Fa-f_]+"), 500
_NO_NAME = re.compile(r"^[ \t]*#.*$|\d+\.\d+(?:[eE][-+]?\d+)?(?=\s*[,\]\n])", re.MULTILINE)
"""A comment, or a number in a list or at the end of a line."""
_DOTS = 64


def printable(text: str) -> str:
    """The text in one line that a terminal shows as it is: what cannot be shown is escaped."""
    if text.isprintable():
        return text
    return escaped(" ".join(text.split()))


def escaped(name: object) -> str:
    """The same of a name or a path, letter by letter: its spaces and line breaks are part of it."""
    text = str(name)
    return "".join(x if x.isprintable() else x.encode("unicode_escape").decode() for x in text)


def short(text: str, most: int = 200) -> str:
    """The text, or its two ends: a complaint may quote a name of any length."""
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"


def is_name(text: str) -> bool:
    """Whether it can be shown, and be part of a file's name that stays in its folder."""
    return text.isprintable() and 0 < len(text) <= 200 and text[0] != "." and not {*text} & {*"/\\"}
