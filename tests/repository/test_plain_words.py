"""The list of words that are hard to read is searched for in the text of the project."""

from tests.repository.plain_words import found_in, main


def test_the_text_of_this_project_has_none_of_the_words() -> None:
    """`make lint` ends with 0."""
    assert main() == 0


def test_words_are_found() -> None:
    """Each word is found with its line, also at the beginning of a sentence. Parts of words and `None` are not."""
    text = "Nobody told us.\nIt is None.\nfolds, amended\nThere is none."
    assert found_in(text) == [(1, "Nobody"), (1, "told"), (4, "is none")]
