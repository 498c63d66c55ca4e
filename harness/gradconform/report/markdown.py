"""The summary for a pull request."""

from __future__ import annotations

import re

import jinja2

from gradconform.history.changes import Changes
from gradconform.report.page import beyond, duration
from gradconform.report.summary import Summary
from gradconform.words import counted, listed, number, without_paths

SHOWN = 15
_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+!|~@])")


def plain(text: str) -> str:
    """Other people's words in one line of Markdown: no markup, no link, no mention of anybody."""
    # A zero-width space keeps hosts from making a link of an address or a mention of a name.
    words = " ".join(str(text).split()).replace("://", ":\u200b//").replace("@", "@\u200b")
    return _MARKS.sub(r"\\\1", words)


def markdown(summary: Summary, changes: Changes | None = None) -> str:
    """The summary as the text of `summary.md`. changes: since an earlier run."""
    text = _ENVIRONMENT.get_template("summary.md").render(
        summary=summary, run=summary.run, changes=changes, shown=SHOWN
    )
    return re.sub(r"\n{3,}", "\n\n", text)


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("gradconform.report"),
    # No HTML: `plain` is what escapes here.
    autoescape=False,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {
    "plain": plain,
    "beyond": beyond,
    "counted": counted,
    "listed": listed,
    "number": number,
    "duration": duration,
    "without_paths": without_paths,
    "last_line": lambda text: (str(text).strip().splitlines() or [""])[-1],
}
