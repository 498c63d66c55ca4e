"""The page in a real browser: it filters, sorts, lands on what is linked to, asks for nothing, is read by everybody."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import axe_playwright_python
import pandas as pd
import pytest
from browser import HOW, Opened, launched, opened
from gradconform.evidence.value import Evidence, Histogram, key_of
from gradconform.report.frame import frame_of, rows_of
from gradconform.report.matrix import RATIO_STEPS
from gradconform.report.page import page, row_href, rows_href
from gradconform.report.summary import Summary
from gradconform.rows import Verdict
from gradconform.words import figure
from playwright.sync_api import Browser
from report_builder import bad_rows, good_rows, networks, run_info

pytestmark = pytest.mark.process

NETS = networks(3, 12)
ROWS = bad_rows(NETS)
FRAME = frame_of(ROWS)
FAILING = [verdict for verdict in Verdict if verdict.fails]
EVIL = "<img src=x onerror=window.hacked=1>"
SCRIPT = 'print("shown again")\n'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; where there is none the tests fail and say how to get it."""
    if os.environ.get("GRADCONFORM_NO_BROWSER"):
        pytest.skip(f"GRADCONFORM_NO_BROWSER is set; {HOW}")
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a good run, of a bad one, and of one with names that look like markup."""
    made = tmp_path_factory.mktemp("pages")
    worst = Summary.of(ROWS).faults[0].worst
    histogram = Histogram(100, 90, 1, 4, ((1.0, 10.0, 6), (10.0, 100.0, 3)))
    evidence = [Evidence(key_of(worst), histogram, "again.py", SCRIPT, "")]
    (made / "bad.html").write_text(page(Summary.of(ROWS, run_info(NETS)), None, evidence), encoding="utf-8")
    (made / "good.html").write_text(page(Summary.of(good_rows(NETS), run_info(NETS))), encoding="utf-8")
    rows = [
        replace(r, spec=EVIL, reason=r.reason and EVIL, op=EVIL, culprit=r.culprit and "<b>")
        for r in bad_rows(networks(1))
    ]
    evil = {"name": EVIL, "about": EVIL, "nodes": ((EVIL, EVIL), ("b", "b")), "edges": ((EVIL, "b"),)}
    nets = tuple(replace(n, **evil) for n in networks(1))
    (made / "evil.html").write_text(page(Summary.of(rows, run_info(nets))), encoding="utf-8")
    return made


@pytest.fixture
def bad(browser: Browser, folder: Path) -> Iterator[Opened]:
    """The page of a bad run."""
    with opened(browser, folder / "bad.html") as found:
        yield found


def count(found: Opened) -> str:
    """How many rows the table says there are."""
    return found.page.locator("#rows .count").inner_text()


def said(n: int) -> str:
    """The same, from Python."""
    return f"{n:,} of {len(FRAME):,} rows"


@pytest.mark.parametrize("name", ["bad.html", "good.html", "evil.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_from_disk_asks_for_nothing_and_complains_of_nothing(
    browser: Browser, folder: Path, name: str, scheme: str
) -> None:
    """With every network opened and every address tried, nothing but the page itself is asked for."""
    with opened(browser, folder / name, scheme=scheme) as found:
        for summary in found.page.locator("details:not([open]) > summary").all():
            if summary.is_visible():
                summary.click()
        found.go("#verdict=conforms")
        assert found.requests == [(folder / name).as_uri()]
        assert found.errors == []
        assert found.page.locator("details.network svg").count() >= 1


def test_a_request_would_be_noticed_and_is_refused(bad: Opened) -> None:
    """The twin of the test above: what a page tries to fetch is stopped by its policy and shows in its errors."""
    bad.page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")
    bad.page.wait_for_timeout(200)
    assert any("Content Security Policy" in error for error in bad.errors)


def test_a_name_that_looks_like_markup_is_text(browser: Browser, folder: Path) -> None:
    """No image appears and nothing runs, in the tables, the charts, the filters and the row's own view."""
    with opened(browser, folder / "evil.html", address="#q=onerror") as found:
        for summary in found.page.locator("summary").all():
            if summary.is_visible() and summary.evaluate("each => !each.parentElement.open"):
                summary.click()
        found.page.locator("#rows tbody a").first.click()
        found.page.wait_for_timeout(100)
        assert EVIL in found.page.locator(".one h3").first.inner_text()
        assert found.page.locator("img").count() == 0
        assert found.page.evaluate("window.hacked") is None


def test_markup_that_got_in_would_not_run(bad: Opened) -> None:
    """The twin: even inserted as markup, a handler is refused by the page's policy."""
    bad.page.evaluate(f"document.body.insertAdjacentHTML('beforeend', `{EVIL}`)")
    bad.page.wait_for_timeout(200)
    assert bad.page.locator("img").count() == 1
    assert bad.page.evaluate("window.hacked") is None


FILTERS: list[tuple[dict[str, str], Callable[[pd.DataFrame], pd.Series[bool]]]] = [
    ({"verdict": "diverges"}, lambda f: f["verdict"] == "diverges"),
    ({"framework": "torch", "dtype": "float64"}, lambda f: (f["framework"] == "torch") & (f["dtype"] == "float64")),
    ({"check": "exact", "spec": "net01"}, lambda f: (f["check"] == "exact") & (f["spec"] == "net01")),
]


@pytest.mark.parametrize(("wanted", "expected"), FILTERS)
def test_filters_filter(
    bad: Opened, wanted: dict[str, str], expected: Callable[[pd.DataFrame], pd.Series[bool]]
) -> None:
    """As many rows as the frame has, all of them alike; the same by hand, by address, and none after a reset."""
    number = int(expected(FRAME).sum())
    assert 0 < number < len(FRAME)
    for name, value in wanted.items():
        bad.page.locator(f"#rows select[name={name}]").select_option(value)
    assert count(bad) == said(number)
    assert bad.page.evaluate("location.hash") == rows_href(wanted)
    bad.page.get_by_role("button", name="Show all").click()
    assert count(bad) == said(len(FRAME))
    bad.go(rows_href(wanted))
    assert count(bad) == said(number)


def test_search_finds_rows_with_all_its_words(bad: Opened) -> None:
    """Words of different columns narrow together; what no row holds says so."""
    bad.page.locator("#rows input[name=q]").fill("conv2d_0.weight chainer DIVERGES")
    of = FRAME[
        FRAME["tensor"].str.contains("conv2d_0.weight", regex=False)
        & (FRAME["framework"] == "chainer")
        & (FRAME["verdict"] == "diverges")
    ]
    assert count(bad) == said(len(of))
    assert len(of)
    bad.page.locator("#rows input[name=q]").fill("nosuchword")
    assert count(bad) == said(0)
    assert bad.texts("#rows tbody td") == ["No row is like that."]


def test_sort_sorts(bad: Opened) -> None:
    """Figures fall, then rise, with what is no number last in both; the heading tells which way it is."""
    bad.go("#check=local&framework=nnabla&spec=net01")
    head = bad.page.locator("#rows th[data-name=ratio]")
    for way, falling in (("descending", True), ("ascending", False)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == way
        place = 2 + bad.page.locator("#rows thead th[data-name]").evaluate_all(
            "heads => heads.findIndex((head) => head.dataset.name === 'ratio')"
        )
        shown = bad.texts(f"#rows tbody tr td:nth-child({place})")
        part = FRAME[(FRAME["check"] == "local") & (FRAME["framework"] == "nnabla") & (FRAME["spec"] == "net01")]
        ordered = part["ratio"].sort_values(ascending=not falling, na_position="last")
        assert ordered.isna().any()
        assert len(shown) == len(part)
        assert shown == [figure(ratio) for ratio in ordered]


def test_the_worst_rows_come_first(bad: Opened) -> None:
    """Without being asked the table begins with what fails."""
    failing = int(FRAME["verdict"].isin(FAILING).sum())
    first = bad.texts("#rows tbody td.verdict")
    assert set(first[:failing]) <= set(map(str, FAILING))


def test_every_failing_row_can_be_linked_to(bad: Opened) -> None:
    """An address shows its very row, with the figures that the row has."""
    failing = rows_of(FRAME[FRAME["verdict"].isin(FAILING)])
    for row in failing[::7]:
        bad.go(row_href(row))
        facts = bad.page.locator("#rows .one dd").all_inner_texts()
        assert [row.spec, row.node or "none"] == facts[:2]
        assert figure(row.ratio) in facts
        assert row.verdict in facts
    assert len(failing) > 20


def test_an_address_from_outside_lands(browser: Browser, folder: Path) -> None:
    """A row opened by its address is in view and has the focus; a row that is not there says so."""
    row = Summary.of(ROWS).faults[3].worst
    with opened(browser, folder / "bad.html", address=row_href(row)) as found:
        one = found.page.locator("#rows .one")
        assert row.tensor in one.inner_text()
        assert one.evaluate("each => each === document.activeElement && each.getBoundingClientRect().top < innerHeight")
    with opened(browser, folder / "bad.html", address="#row=no/such/row") as found:
        assert "has no row" in found.page.locator("#rows .one").inner_text()


def test_links_on_the_page_land(bad: Opened) -> None:
    """From the overview to a network, from its cell to a card or to rows, from a card to its row."""
    bad.page.locator("#networks > .scroll").get_by_role("link", name="net02").click()
    assert bad.page.locator("details[data-network=net02]").get_attribute("open") is not None
    bad.page.locator("details[data-network=net02] .matrix td.r6 a").first.click()
    assert bad.page.locator(".card:target").count() == 1
    bad.page.locator("details[data-network=net02] .matrix td.r3 a").first.click()
    bad.page.wait_for_timeout(100)
    assert 0 < int(count(bad).split()[0].replace(",", "")) < len(FRAME)
    assert "node" in bad.page.locator("#rows .narrowed").inner_text()
    bad.page.locator(".card a", has_text="grad/").first.click()
    assert bad.page.locator("#rows .one").is_visible()


def test_the_graph_marks_the_culprit_and_answers_to_its_controls(bad: Opened) -> None:
    """Every node is drawn, the culprits are marked, and another kind or dtype is another drawing."""
    bad.go("#network=net01")
    panels = bad.page.locator("details[data-network=net01] .panels")
    texts = panels.locator("svg").first.locator("text").all_text_contents()
    assert [name for name, _ in NETS[1].nodes] == [
        text.removeprefix("✗ ").split()[0] for text in sorted(texts, key=lambda t: _place(t)) if "input" not in text
    ]
    assert {text.removeprefix("✗ ").split()[0] for text in texts if text.startswith("✗")} >= {"conv2d_0", "softmax_7"}
    assert panels.locator("figure").count() == 2
    before = panels.inner_html()
    bad.page.locator("details[data-network=net01] .choose select").first.select_option("outputs")
    outputs = panels.inner_html()
    bad.page.locator("details[data-network=net01] .choose select").last.select_option("float32")
    assert len({before, outputs, panels.inner_html()}) >= 2


def _place(text: str) -> int:
    names = [name for name, _ in NETS[1].nodes]
    name = text.removeprefix("✗ ").split()[0]
    return names.index(name) if name in names else -1


def test_a_card_shows_its_histogram_and_its_script(bad: Opened) -> None:
    """The bars are drawn, and the script is there to be read, saved and copied as it is."""
    card = bad.page.locator("#fault-1")
    assert card.locator(".histogram svg").count() == 1
    assert "90 are right to the bit" in card.inner_text()
    card.locator("summary").first.click()
    assert card.locator(".script pre").inner_text().strip() == SCRIPT.strip()
    with bad.page.expect_download() as download:
        card.get_by_role("link", name="Save again.py").click()
    assert Path(download.value.path()).read_text(encoding="utf-8") == SCRIPT


def test_the_keyboard_reaches_everything(bad: Opened) -> None:
    """Going on from element to element, each one that can be used has had the focus, and where it is can be seen."""
    wanted = bad.page.evaluate(
        """() => [...document.querySelectorAll('a[href], button:enabled, select, input, summary, [tabindex="0"]')]
        .filter((each) => each.checkVisibility()).map((each, i) => (each.dataset.stop = i, i))"""
    )
    reached, outlines = set(), set()
    for _ in range(len(wanted) + 10):
        bad.page.keyboard.press("Tab")
        at = bad.page.evaluate(
            "() => [document.activeElement.dataset.stop, getComputedStyle(document.activeElement).outlineStyle]"
        )
        if at[0] is not None:
            reached.add(int(at[0]))
            outlines.add(at[1])
    assert reached == set(wanted)
    assert "none" not in outlines


def test_enter_opens_a_network(bad: Opened) -> None:
    """What a click does, a key does."""
    summary = bad.page.locator("details.network:not([open]) > summary").first
    summary.focus()
    bad.page.keyboard.press("Enter")
    assert bad.page.evaluate("document.activeElement.parentElement.open")
    bad.page.locator("details.network[open]:has(> summary:focus) .matrix").wait_for(state="attached")


AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(found: Opened) -> list[str]:
    """What axe finds wrong, each with the first place."""
    found.page.evaluate(AXE)
    told = found.page.evaluate(
        "axe.run().then((told) => told.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 120))]))"
    )
    return [f"{rule}: {len(places)} places, {places[0]}" for rule, places in told]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["bad.html", "good.html"])
def test_axe_finds_nothing_wrong(browser: Browser, folder: Path, name: str, scheme: str) -> None:
    """Contrast, names, headings, tables: in both themes, with networks and a row open."""
    with opened(browser, folder / name, scheme=scheme, address="#network=net01") as found:
        found.go(row_href(rows_of(FRAME)[40]))
        assert violations(found) == []


def test_axe_would_find_pale_text(bad: Opened) -> None:
    """The twin: grey on white and a control without a name are found."""
    bad.page.evaluate("document.querySelector('h1').style.color = '#ccc'")
    bad.page.evaluate("document.querySelector('#rows form').append(document.createElement('select'))")
    assert {told.partition(":")[0] for told in violations(bad)} >= {"color-contrast", "select-name"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shades_of_a_ratio_go_one_way(browser: Browser, folder: Path, scheme: str) -> None:
    """Lightness alone tells a small ratio from a large one, so that every colour vision and a grey print do."""
    with opened(browser, folder / "good.html", scheme=scheme) as found:
        levels = [
            found.page.locator(f".legend .r{i}").evaluate("each => getComputedStyle(each).backgroundColor")
            for i in range(len(RATIO_STEPS) + 1)
        ]
    lightness = [_luminance(level) for level in levels]
    steps = [(b - a) * (1 if scheme == "dark" else -1) for a, b in itertools.pairwise(lightness)]
    assert all(step > 0.001 for step in steps), lightness


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", ["bad.html", "evil.html"])
def test_a_phone_scrolls_down_and_not_sideways(browser: Browser, folder: Path, name: str) -> None:
    """Wide tables scroll by themselves; the page is as wide as the screen."""
    with opened(browser, folder / name, width=360, address="#verdict=diverges") as found:
        assert found.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_figures_are_written_as_in_python(bad: Opened) -> None:
    """A ratio reads the same in the tables that were made here and in those that the script makes."""
    values = [0.0, 1.0, 0.456, 9.94, 9.96, 12.3, 3.96, 812.0, 12345.0, 99999.0, 3.4e6, 2e-8, 0.00123, 1e300, 5e-324]
    assert bad.page.evaluate("values => values.map(figure)", values) == [figure(value) for value in values]
    assert bad.page.evaluate("[figure(null), figure('∞'), figure('-∞')]") == ["none", "∞", "-∞"]


def test_a_printed_page_leaves_off_what_paper_cannot_do(bad: Opened) -> None:
    """Controls are gone, and no table is cut by a scroll bar."""
    bad.page.emulate_media(media="print")
    assert not bad.page.locator("nav").is_visible()
    assert not bad.page.locator("#rows form").is_visible()
    assert bad.page.locator(".scroll.tall").first.evaluate("each => getComputedStyle(each).overflow") == "visible"
    assert len(bad.page.pdf()) > 10_000


def test_of_many_networks_those_are_shown_that_fail_or_are_asked_for(browser: Browser, tmp_path: Path) -> None:
    """The table of networks lists all and can be narrowed; below it, one opens when it is chosen."""
    nets = networks(20, 12)
    (tmp_path / "many.html").write_text(page(Summary.of(good_rows(nets), run_info(nets))), encoding="utf-8")
    with opened(browser, tmp_path / "many.html") as found:
        assert found.texts("details.network") == []
        found.page.locator("#find-network").fill("net1")
        assert len(found.texts("#networks tr[data-network]")) == 10
        assert found.texts("#found-networks") == ["10 networks"]
        found.page.get_by_role("link", name="net13").click()
        found.page.wait_for_timeout(100)
        assert found.page.locator("details[data-network=net13] svg").count() == 3
        found.page.locator("#only-failing").check()
        assert found.texts("#networks tr[data-network]") == []


def test_the_ratios_of_operators_are_drawn(bad: Opened) -> None:
    """A sign for each operator and framework, and the limit."""
    drawn = bad.page.locator(".ratios svg")
    places = {(row.op, row.framework) for row in ROWS if row.check == "local" and row.ratio == row.ratio and row.op}
    titles = drawn.locator("title").all_text_contents()
    assert {tuple(title.split("\n")[0].split(", ")) for title in titles} == places
    assert drawn.get_attribute("role") == "img"
