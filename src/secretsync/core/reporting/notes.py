"""Shorten the notes of a report, such as what was not checked, to one line."""

from __future__ import annotations

from collections.abc import Sequence

from secretsync.core.problems.grouping import first_of


def note_lines(notes: Sequence[str], *, is_verbose: bool) -> list[str]:
    """Return the notes, or one line with their number and their first subjects; see `-v`.

    `notes`: sentences of the form `SUBJECT: REASON`.
    """
    if is_verbose or len(notes) < 2:
        return list(notes)
    subjects = list(dict.fromkeys(note.partition(": ")[0] for note in notes))
    # A subject may have commas.
    return [f"{len(notes)} points: {first_of(subjects, separator='; ')}; -v lists the reasons"]
