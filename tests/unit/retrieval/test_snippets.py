"""Which lines of a passage are shown."""

from __future__ import annotations

from edge_worker.retrieval.snippets import snippet

_LINES = [f"line_{number} = {number}" for number in range(40)]


def test_a_short_passage_is_shown_whole() -> None:
    """Twelve lines are shown as they are, from the line on which they begin."""
    text = "\n".join(_LINES[:12])

    assert snippet(text, 7, frozenset({"nothing"})) == (text, 7)


def test_a_long_one_shows_the_lines_around_what_was_asked() -> None:
    """Of the stretches of twelve lines the first that has most of the words is shown, with its line number."""
    lines = [*_LINES[:30], "retry after a delay", *_LINES[30:]]

    shown, start = snippet("\n".join(lines), 101, frozenset({"retry", "delay"}))

    assert shown.split("\n") == lines[19:31]
    assert start == 120


def test_where_it_is_all_the_same_the_beginning_is_shown() -> None:
    """Without any word of the question a passage is shown from its first line."""
    shown, start = snippet("\n".join(_LINES), 5, frozenset({"elsewhere"}))

    assert (shown.split("\n"), start) == (_LINES[:12], 5)


def test_a_line_without_end_is_cut() -> None:
    """Of a very long line 400 characters and a mark are shown."""
    shown, _ = snippet("x" * 10_000, 1, frozenset())

    assert shown == "x" * 400 + "…"


def test_words_behind_the_cut_do_not_count() -> None:
    """A line is not chosen for what is not shown of it."""
    lines = [*_LINES[:20], "y" * 500 + " retry", *_LINES[20:]]

    assert snippet("\n".join(lines), 1, frozenset({"retry"}))[1] == 1
