"""The report of the benchmarks: parts of commands of their own survive a report that is written anew."""

from __future__ import annotations

from benchmarks.report import with_part, with_parts_of


def test_a_part_is_put_at_the_end_and_later_in_its_place() -> None:
    first = with_part("# Side by side\n", "ui", "## The editor\n\nslow")
    more = first + "\n## Later\n"

    assert first.startswith("# Side by side\n\n")
    assert with_part(more, "ui", "## The editor\n\nfast") == more.replace("slow", "fast")
    assert with_part("", "ui", "fast").count("fast") == 1


def test_parts_survive_a_new_report() -> None:
    before = with_part(with_part("# Old\n", "ui", "fast"), "code", "a \\1 b")

    after = with_parts_of(before, "# New\n")

    assert "Old" not in after
    assert with_parts_of(after, "# New\n") == after
    assert all(part in after for part in ("# New", "fast", "a \\1 b"))
