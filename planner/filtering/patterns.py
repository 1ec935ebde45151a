"""gitignore patterns, matched on keys as they are: no path is ever normalised.

The rules are git's (https://git-scm.com/docs/gitignore, wildmatch.c), on keys instead of files:

- S3 has no folders. A folder is whatever stands before a `/` in a key: `a//b` lies in `a` and in `a/`, `/lead` in the
  folder with the empty name, `dir/` in `dir`. `.` and `..` are names like any other.
- A pattern without `/` matches the name of the object or of any folder it lies in, at any depth. One with a `/` at its
  start or inside matches from the location on; one `/` at its start is not part of the key, a second one is.
- A pattern that matches a folder matches everything below it. With a `/` at its end it matches folders only.
- `*` and `?` stop at `/`; `?` is one character, not one byte. `**/` is any number of folders, `/**` everything below;
  `[a-z]`, `[!a-z]`, `[[:digit:]]` are classes; a backslash takes the next character as it is. Case counts.
- `!` takes back what earlier patterns matched; the last pattern that matches decides.

pathspec is not used: it normalises paths and lets a file be taken back out of an excluded folder, which git does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from s3plan.schemas.errors import ManifestInvalid

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r" \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_STAR = None  # stands for `*` among the tokens of a segment; every other token is the regex of one character


class PatternInvalid(ManifestInvalid):
    """A pattern that could not match anything, or that does not mean what it seems to."""

    def __init__(self, pattern: str, problem: str) -> None:
        super().__init__(f"the pattern {pattern!r} {problem}")
        self.pattern = pattern
        self.problem = problem


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """One parsed pattern.

    `regex` has no capturing groups and is for the whole path of an object or folder, without a `/` at the end; if not
    `anchored` it is for the last name of that path alone. To be compiled with re.DOTALL. Whatever an anchored pattern
    matches, and all that lies below it, begins with `literal_start`, which may be empty. `literals` are pieces of text
    that every key it matches holds.
    """

    text: str
    regex: str
    anchored: bool
    folders_only: bool
    negated: bool
    literal_start: str = ""
    literals: tuple[str, ...] = ()


def parse_pattern(text: str) -> KeyPattern:
    """Return the pattern that one line of gitignore's syntax stands for; raise PatternInvalid.

    Spaces at the end do not count unless a backslash stands before them, as in git.
    """
    body = _without_trailing_spaces(text)
    negated = body.startswith("!")
    body = body.removeprefix("!")
    if text.startswith("#"):
        raise PatternInvalid(text, r"is a comment; write \# for a name that starts with #")
    folders_only = body.endswith("/")
    body = body[:-1] if folders_only else body
    anchored = "/" in body
    if not body.strip("/"):
        raise PatternInvalid(text, "names nothing")
    inner = body.removeprefix("/") if anchored else body
    segments = _Scanner(text, inner).segments()
    literals = _literals(segments)
    if not anchored:
        return KeyPattern(text, _name_regex(segments[0]), anchored, folders_only, negated, literals=literals)
    literal_start = _literal_start(f"{inner}/" if folders_only else inner)
    return KeyPattern(text, _path_regex(segments), anchored, folders_only, negated, literal_start, literals)


def common_prefix(patterns: Sequence[str]) -> bytes:
    """Return what every key that these `include` patterns can match begins with; empty if nothing is certain.

    A listing may be narrowed to it, relative to the location, on both sides of a job: key filters run on both, so what
    lies outside is no part of the job, whether to copy or to delete. A pattern without a `/` at its start or inside
    matches at any depth: with one of these among them the answer is empty. One with `!` only takes back, so it does not
    matter here. What comes back is printable. Raises PatternInvalid.
    """
    taking_in = [pattern for pattern in map(parse_pattern, patterns) if not pattern.negated]
    if not taking_in or not all(pattern.anchored for pattern in taking_in):
        return b""
    starts = [pattern.literal_start for pattern in taking_in]
    first, last = min(starts), max(starts)  # what these two share all share
    length = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first[:length].encode()


def _literals(segments: list[list[str | None]]) -> tuple[str, ...]:
    """Return the characters that stand for themselves, in runs: between slashes, stars, question marks and classes."""
    runs: list[str] = []
    for segment in segments:
        runs.append("")
        for token in segment:
            is_literal = token is not None and (len(token) == 1 or (len(token) == 2 and token.startswith("\\")))
            if token is not None and is_literal:
                runs[-1] += token[-1]
            else:
                runs.append("")
    return tuple(run for run in runs if run)


def _literal_start(body: str) -> str:
    """Return a valid pattern up to its first `*`, `?` or `[`, backslashes taken off.

    It ends as well before a character that is not printable: not every store takes those in a request.
    """
    characters: list[str] = []
    scanned = iter(body)
    for character in scanned:
        if character in "*?[":
            break
        literal = next(scanned) if character == "\\" else character
        if not literal.isprintable():
            break
        characters.append(literal)
    return "".join(characters)


def _without_trailing_spaces(text: str) -> str:
    bare = text.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and bare != text else bare


class _Scanner:
    """Cuts a pattern into segments between slashes: lists of one-character regexes and stars."""

    def __init__(self, text: str, body: str) -> None:
        self._text = text
        self._body = body
        self._at = 0

    def segments(self) -> list[list[str | None]]:
        segments: list[list[str | None]] = [[]]
        while (character := self._take()) is not None:
            if character == "/":
                segments.append([])
            else:
                segments[-1].append(self._token(character))
        return segments

    def _token(self, character: str) -> str | None:
        match character:
            case "*":
                return _STAR
            case "?":
                return "[^/]"
            case "[":
                return self._class()
            case "\\":
                return re.escape(self._taken("ends in a backslash; write two for a real one"))
            case _:
                return re.escape(character)

    def _class(self) -> str:
        """Return the regex of a class whose `[` is behind; a class never matches `/`."""
        unclosed = r"has a [ that is never closed; write \[ for a real one"
        character = self._taken(unclosed)
        negated = character in "!^"
        if negated:
            character = self._taken(unclosed)
        members = [self._member(character, unclosed)]
        while (character := self._taken(unclosed)) != "]":
            members.append(self._member(character, unclosed))
        return f"(?!/)[{'^' if negated else ''}{''.join(members)}]"

    def _member(self, character: str, unclosed: str) -> str:
        if character == "[" and self._peek() == ":":
            return self._named_class(unclosed)
        first = self._literal(character, unclosed)
        if self._peek() != "-" or self._body[self._at + 1 : self._at + 2] in {"]", ""}:
            return re.escape(first)
        self._at += 1
        last = self._literal(self._taken(unclosed), unclosed)
        if first > last:
            raise PatternInvalid(self._text, f"has a range that runs backwards: {first}-{last}")
        return f"{re.escape(first)}-{re.escape(last)}"

    def _named_class(self, unclosed: str) -> str:
        end = self._body.find(":]", self._at + 1)
        if end < 0:
            raise PatternInvalid(self._text, unclosed)
        name = self._body[self._at + 1 : end]
        if name not in _CLASSES:
            raise PatternInvalid(self._text, f"names a class that does not exist: [:{name}:]")
        self._at = end + 2
        return _CLASSES[name]

    def _literal(self, character: str, unclosed: str) -> str:
        return self._taken(unclosed) if character == "\\" else character

    def _peek(self) -> str:
        return self._body[self._at : self._at + 1]

    def _take(self) -> str | None:
        character = self._peek()
        self._at += 1
        return character or None

    def _taken(self, problem: str) -> str:
        character = self._take()
        if character is None:
            raise PatternInvalid(self._text, problem)
        return character


def _path_regex(segments: list[list[str | None]]) -> str:
    """Return the regex of a path whose segments may be `**`.

    The first place where what stands between two `**` fits is as good as any later one, so no other needs to be tried:
    that keeps hostile patterns from taking exponential time. The same holds for the text between two `*` of a name.
    """
    groups: list[list[str]] = [[]]
    for segment in segments:
        if _is_any_folders(segment):
            groups.append([])
        else:
            groups[-1].append(_name_regex(segment))
    if _is_any_folders(segments[-1]):
        *groups, _ = groups
        tail = ".*"
    else:
        tail = "/".join(groups.pop())
        tail = f"(?:[^/]*/)*?{tail}" if groups else tail
    if not groups:
        return tail
    head = "".join(f"{name}/" for name in groups[0])
    return head + "".join(f"(?>(?:[^/]*/)*?{'/'.join(group)}/)" for group in groups[1:] if group) + tail


def _is_any_folders(segment: list[str | None]) -> bool:
    return len(segment) > 1 and all(token is _STAR for token in segment)


def _name_regex(segment: list[str | None]) -> str:
    chunks = [""]
    for token in segment:
        if token is not _STAR:
            chunks[-1] += token
        elif len(chunks) == 1 or chunks[-1]:
            chunks.append("")
    first, *others = chunks
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{chunk})" for chunk in middle) + f"[^/]*{last}"
