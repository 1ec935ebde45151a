"""Tabs that YAML allows and ruamel.yaml does not: before a comment, and at the end of a line."""

from __future__ import annotations

from ruamel.yaml.scanner import Scanner

_ENDS = "#\r\n\0\x85\u2028\u2029"  # a comment, a line break, the end of the text


class TabScanner(Scanner):
    """Skips them where the next token is looked for, so never within quotes or a block of text.

    Any other tab between tokens stays an error: nearly all of them are meant as indentation.
    """

    def scan_to_next_token(self) -> None:
        """Move to the next token; https://yaml.org/spec/1.2.2/#66-comments."""
        while True:
            super().scan_to_next_token()
            length = 0
            while self.reader.peek(length) in " \t":
                length += 1
            if length == 0 or self.reader.peek(length) not in _ENDS:
                return
            self.reader.forward(length)
