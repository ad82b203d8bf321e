"""Show what a student wrote without saying who, and without anything that does not show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from io import StringIO
from tokenize import COMMENT, TokenError, generate_tokens

__all__ = ["anonymous", "identities", "visible", "without_comments"]

# Control characters, and invisible ones, some of which turn the direction of writing.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def identities(*whole: str | None) -> set[str]:
    """List what tells who a student is.

    Parameters
    ----------
    *whole : str or None
        Id, names, e-mail.

    Returns
    -------
    set of str
        They and their parts before the ``@``, without parts of one or two letters or of digits.

    Examples
    --------
    >>> sorted(identities("mdupont2", "Marie", None, "marie.dupont2@univ.example"))
    ['Marie', 'dupont2', 'marie', 'marie.dupont2@univ.example', 'mdupont2']
    """
    known = {text for text in whole if text}
    parts = {part for text in known for part in re.split(r"[\W_]+", text.split("@")[0])}
    return known | {part for part in parts if len(part) > 2 and not part.isdigit()}


def anonymous(text: str, names: Iterable[str]) -> str:
    """Replace names by an ellipsis, in any case, with or without accents.

    Parameters
    ----------
    text : str
        What a student wrote, or what came of it.
    names : iterable of str
        What must not be read. One of up to three letters is replaced where it is a word only.

    Returns
    -------
    str
        The text without the names.

    Examples
    --------
    >>> anonymous("helene_li = list('HÉLÈNE')", ["Hélène", "Li"])
    "…_… = list('…')"
    """
    text = unicodedata.normalize("NFC", text)
    patterns = [
        re.escape(name) if len(name) > 3 else rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
        for name in sorted(map(_folded, names), key=len, reverse=True)
    ]
    if not patterns:
        return text
    shown, end = "", 0
    for match in re.finditer("|".join(patterns), _folded(text)):
        shown, end = shown + text[end : match.start()] + "…", match.end()
    return shown + text[end:]


def _folded(text: str) -> str:
    """Drop accents and case; each letter stays one letter, so that places stay the same."""
    letters = unicodedata.normalize("NFC", text)
    return "".join(unicodedata.normalize("NFKD", letter)[0].lower()[0] for letter in letters)


def without_comments(code: str) -> str:
    """Leave comments out of code: they may name anybody, and nothing in them is wrong.

    Parameters
    ----------
    code : str
        Python code, also code that does not run.

    Returns
    -------
    str
        The code without comments, and with at most one empty line in a row.

    Examples
    --------
    >>> print(without_comments("# by Ann\\nx = '#1'  # and Bob"))
    x = '#1'
    """
    lines = code.splitlines(keepends=True)
    try:
        for token in generate_tokens(StringIO(code).readline):
            if token.type == COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column].rstrip() + "\n"
    except (TokenError, SyntaxError):  # such code does not run: what is cut off in it is no loss
        lines = [re.sub(r"#.*", "", line).rstrip() + "\n" for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "".join(lines)).strip("\n")


def visible(text: str) -> str:
    """Show invisible characters as their codes.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        A text that shows all that it holds, and that UTF-8 can hold.

    Examples
    --------
    >>> visible("a\\u202eb")
    'a\\\\u202eb'
    """
    return INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
