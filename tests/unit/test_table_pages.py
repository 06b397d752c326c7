"""A table's pages: accessible, self-contained, escaped, and a rehearsal's say what they are."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

from janus_recipes.reporting.render import html_of, markdown_of
from tests.tables import BOTH, built, judged


def test_a_rehearsal_says_so_and_a_real_run_does_not() -> None:
    notice = "REHEARSAL: tiny models"
    for text in (markdown_of(built(rehearsal=True)), html_of(built(rehearsal=True))):
        assert notice in text
    assert notice not in markdown_of(built()) + html_of(built())


class Tags(HTMLParser):
    """The tags of a page, in order, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_is_accessible_and_needs_nothing_from_elsewhere() -> None:
    tags = Tags(html_of(built())).seen
    names = [tag for tag, _ in tags]
    assert names.count("caption") == names.count("table") == 3
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")
    assert not {"script", "link", "img", "iframe"} & set(names)
    assert not any({"src", "href"} & set(attributes) for _, attributes in tags)
    assert ("html", {"lang": "en"}) in tags


def test_names_are_escaped_and_stay_in_their_cells() -> None:
    evil = '<script>alert("|")</script>'
    table = replace(built({**BOTH, ("janus-7b", "multifaceted"): judged(5, judge=evil)}), title=evil)
    lines = tuple(replace(line, model=evil) for line in table.lines)
    page, markdown = html_of(replace(table, lines=lines)), markdown_of(replace(table, lines=lines))
    assert "<script" not in page + markdown and "&lt;script&gt;" in page
    for rows in (part.splitlines() for part in markdown.split("\n\n") if part.startswith("|")):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
