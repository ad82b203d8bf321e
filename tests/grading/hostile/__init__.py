"""Submissions that try to break the grader, to win points, or to read what is not theirs."""

from hostile.attack import Attack
from hostile.damaging import BOMBS, ENDINGS, LOOPS, SURVIVORS
from hostile.files import FILES, NOTEBOOKS
from hostile.forging import FORGED, PAGES, TAMPERING
from hostile.spying import NETWORK, OTHERS, SECRETS

__all__ = ["ATTACKS", "GROUPS", "Attack"]

GROUPS: dict[str, list[Attack]] = {
    "Endless loops": LOOPS,
    "Bombs": BOMBS,
    "Exits and kills": ENDINGS,
    "Survivors": SURVIVORS,
    "Tampering in the kernel": TAMPERING,
    "Forged results": FORGED,
    "Scripts for the teacher's browser": PAGES,
    "The checks, the gradebook, the others": OTHERS,
    "Secrets of the teacher": SECRETS,
    "Network": NETWORK,
    "Names and files": FILES,
    "Damaged and edited notebooks": NOTEBOOKS,
}
ATTACKS = [attack for attacks in GROUPS.values() for attack in attacks]
