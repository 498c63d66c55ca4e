"""The page: it answers in order, escapes what it is given, stands alone and stays small."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from gradconform.contract.run import NetworkInfo
from gradconform.report.page import CARDS, page, page_scripts
from gradconform.report.payload import unpacked
from gradconform.report.summary import Summary
from gradconform.rows import Row
from gradconform.words import figure, number, tail, without_paths
from report_builder import bad_rows, diverging, good_rows, networks, run_info

VOID = {"meta", "link", "br", "img", "input", "hr"}
NETS = networks(3, 12)
SECTIONS = ("faults", "crashed", "networks", "known", "unsupported", "operators", "rows", "run")


class Page(HTMLParser):
    """The elements of a page: tags with attributes, texts, and whether all that was opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.cells: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes what it did not open"

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data

    @property
    def text(self) -> str:
        """All that is read, spaces made one."""
        return " ".join(" ".join(self.words).split())


def opened(html: str) -> str:
    """The page with what it carries of each network unpacked in its place, as the script does it."""
    packed = re.search(r'id="data">([^<]*)<', html)
    assert packed
    for network in unpacked(packed[1])["networks"]:
        html = html.replace("</summary></details>", f"</summary>{network['html']}</details >", 1)
    return html.replace(packed[1], "")


def built(rows: list[Row], nets: tuple[NetworkInfo, ...] = NETS) -> str:
    """The page of these rows, every network opened."""
    return opened(page(Summary.of(rows, run_info(nets))))


GOOD, BAD = built(good_rows(NETS)), built(bad_rows(NETS))
both = pytest.mark.parametrize("html", [GOOD, BAD], ids=["good", "bad"])


@both
def test_the_page_is_well_formed_and_stands_alone(html: str) -> None:
    """Everything opened is closed; nothing is fetched; no script is on the page but ours."""
    read = Page(html)
    assert read.open == []
    names = [tag for tag, _ in read.tags]
    assert not set(names) & {"img", "iframe", "object", "embed"}
    assert names.count("script") == 1 + len(page_scripts())
    assert not [key for _, attrs in read.tags for key in attrs if key.startswith("on")]
    links = [v for _, attrs in read.tags for k, v in attrs.items() if k in ("href", "src", "srcset", "action")]
    assert links
    assert all(link and link.startswith(("#", "data:,")) for link in links)
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


@both
def test_no_cell_is_blank_and_every_heading_has_a_scope(html: str) -> None:
    """What is not a figure is said in words, and a screen reader knows which cells a heading is for."""
    read = Page(html)
    assert read.cells
    assert all(cell.strip() for cell in read.cells)
    assert all(attrs.get("scope") for tag, attrs in read.tags if tag == "th")
    scrolls = [attrs for _, attrs in read.tags if attrs.get("class") == "scroll"]
    assert all(attrs.get("tabindex") == "0" and attrs.get("aria-label") for attrs in scrolls)


@both
def test_every_link_leads_somewhere_and_ids_are_unique(html: str) -> None:
    """A cell that diverges links to its card, a network in the overview to its table."""
    read = Page(html)
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    hrefs = {str(attrs["href"])[1:] for tag, attrs in read.tags if tag == "a"}
    # An address with a sign of equality is answered by the script: see the tests in a browser.
    targets = {href for href in hrefs if "=" not in href}
    assert len(ids) == len(set(ids))
    assert ("#fault-1" in html) == (html is BAD)
    assert targets <= set(ids)


def test_a_good_page_says_so_first() -> None:
    """The verdict is the first heading and there is no section of faults."""
    text = Page(GOOD).text
    assert text.index("Everything conforms.") < text.index("rows judged") < text.index("Network by network")
    assert "What does not conform" not in text


def test_a_bad_page_answers_in_order() -> None:
    """The verdict, what failed, what crashed, the networks, then what is known and what is refused, and every row."""
    order = ("<h1", *(f'<section id="{name}">' for name in SECTIONS))
    places = [BAD.index(words) for words in order]
    assert places == sorted(places)


def test_a_card_names_node_framework_distance_and_element() -> None:
    """All that a reader needs to look at the fault is in one place."""
    card = re.sub(r"<[^>]+>|\s+", " ", BAD[BAD.index('id="fault-2"') : BAD.index('id="fault-3"')])
    card = " ".join(card.split())
    for words in (
        "Node conv2d_0 of network net01",
        "conv2d in chainer 7.8.1 wrong law; 2 nodes of 1 network",
        "Wrong law.",
        "3.4e6 times the bound",
        "3 elements beyond",
        "at element [0, 3, 1, 2] : got 0.9 , expected 0.3",
        "16 bad tensors of the worst node (float32 and float64)",
    ):
        assert words in card


def test_a_crash_and_a_refusal_keep_their_words() -> None:
    """Reasons are shown as the framework gave them, but for where on the machine its files are."""
    text = Page(BAD).text
    assert "ValueError: a < b & c > d" in text
    assert 'File "…/adapters/chainer/adapter.py", line 41' in text
    assert "nnabla has only the tanh form of GELU; approximate is 'none'" in text


EVIL = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'--></style><b>",
    "{{ 7*7 }}",
)


@pytest.mark.slow
@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("make", [good_rows, bad_rows])
def test_names_and_reasons_are_text_and_never_markup(make: Callable[..., list[Row]], evil: str) -> None:
    """Whatever a name or a reason holds, the page has the same elements as with a harmless one."""

    def with_text(word: str) -> Page:
        rows = [
            replace(
                r,
                node=r.node and word,
                op=r.op and word,
                tensor=r.tensor and word,
                shape=word,
                route=word,
                reason=r.reason and word,
                culprit=r.culprit and "".join(word.split()),
                worst_index=r.worst_index and word,
            )
            for r in make(networks(1, 8) + networks(2, 8)[1:])
        ]
        rows = [replace(r, version=word) if r.framework == "torch" else r for r in rows]
        nets = tuple(NetworkInfo(n.name, word, word, ((word, word),)) for n in networks(2, 8))
        return Page(opened(page(Summary.of(rows, replace(run_info(nets), command=word, platform=word)))))

    spoiled, plain = with_text(evil), with_text("harmless")
    assert [tag for tag, _ in spoiled.tags] == [tag for tag, _ in plain.tags]
    assert {key for _, attrs in spoiled.tags for key in attrs} == {key for _, attrs in plain.tags for key in attrs}
    assert evil in "".join(spoiled.words)


def test_the_comparison_above_would_notice_markup() -> None:
    """The same parser, given a page in which a name was not escaped, sees another element."""
    assert [tag for tag, _ in Page(f"<p>{EVIL[0]}</p>").tags] == ["p", "script"]


@both
def test_no_absolute_path_is_on_the_page(html: str) -> None:
    """Neither the interpreters of the manifest nor the traceback of a crash tell where files are kept."""
    assert "/home/" not in html
    assert "somebody" not in html
    assert "…/.tox/torch/bin/python" in html


def test_a_fault_beyond_the_last_card_still_has_a_line() -> None:
    """When there are more findings than cards, the rest are listed, and no link leads nowhere."""
    (net,) = networks(1, CARDS + 20)
    net = replace(net, nodes=tuple((name, f"op{i}") for i, (name, _) in enumerate(net.nodes)))
    rows = [diverging(r) if r.framework == "torch" and r.check == "local" else r for r in good_rows((net,))]
    html = built(rows, (net,))
    assert html.count('class="card diverges"') == CARDS
    assert "20 further findings" in html
    assert Page(html).cells.count("12,345 times the bound") == 20


def test_one_finding_has_one_card_however_many_nodes_show_it() -> None:
    """With the worst three, and all of them in a list that opens; each node's cell leads to the card."""
    nets = networks(4, 32)
    rows = [
        diverging(r, ratio=10.0 + i) if (r.framework, r.op, r.check) == ("torch", "relu", "local") else r
        for i, r in enumerate(good_rows(nets))
    ]
    summary, html = Summary.of(rows, run_info(nets)), built(rows, nets)
    (finding,) = summary.findings
    assert (len(summary.faults), len(finding.faults), len(finding.networks)) == (12, 12, 4)
    assert summary.headline.sentence == "Not everything conforms: 12 nodes diverge. What fails comes to 1 finding."
    assert html.count('class="card diverges"') == 1
    assert "The worst of 12 nodes:" in html
    assert "All 12 nodes, of 4 networks" in html
    # In float32 and in float64.
    assert html.count('"><a href="#fault-1">') == 2 * 12


def test_a_large_run_is_a_small_page() -> None:
    """About 20,000 rows stay under 3 MB."""
    nets = networks(20, 40)
    rows = good_rows(nets, checks=("local", "end_to_end"))
    assert len(rows) > 20_000
    assert len(page(Summary.of(rows, run_info(nets))).encode()) < 3_000_000


def test_a_run_without_rows_has_a_page() -> None:
    """Even then it says what it is: nothing was judged."""
    text = Page(built([])).text
    assert "Nothing was judged." in text
    assert "torch: nothing was judged." in text
    assert Page(page(Summary.of([], run_info(())))).open == []


def test_a_crash_before_anything_was_known_is_shown_everywhere() -> None:
    """A row with neither version nor dtype speaks of all columns of its framework."""
    rows = [r for r in good_rows(NETS) if r.framework != "chainer"]
    crash = replace(
        rows[0],
        framework="chainer",
        version="",
        dtype="",
        node="",
        op="",
        tensor="",
        verdict="crashed",
        reason="killed by signal 9",
    )
    html = built([*rows, *(replace(crash, spec=net.name) for net in NETS)])
    assert html.count('<td class="crashed" title="killed by signal 9">crashed</td>') == 2 * (
        sum(len(n.nodes) for n in NETS) + len(NETS)
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (float("nan"), "none"),
        (float("inf"), "∞"),
        (1.0, "1.0"),
        (0.456, "0.46"),
        (9.96, "10"),
        (12.3, "12"),
        (3.96, "4.0"),
        (812.0, "812"),
        (12345.0, "12,345"),
        (3.4e6, "3.4e6"),
        (2e-8, "2.0e-8"),
    ],
)
def test_figures_are_short(value: float, text: str) -> None:
    """Two digits are enough for a ratio."""
    assert figure(value) == text


def test_values_keep_every_digit_of_their_dtype() -> None:
    """Got and expected can differ in the last place only, and the reader must see it."""
    assert number(0.1 + 2**-27, "float32") != number(0.1, "float32")
    assert number(0.1 + 2**-56, "float64") != number(0.1, "float64")


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (
            'File "/home/me/checkout/adapters/torch/adapter.py", line 4',
            'File "…/adapters/torch/adapter.py", line 4',
        ),
        ("cannot open /srv/x.yaml: gone", "cannot open …/x.yaml: gone"),
        (r"C:\Users\me\x.py:3", "…/me/x.py:3"),
        ("file:///srv/data/x", "…/data/x"),
        ("~/code/torch/x.py", "…/code/torch/x.py"),
        ("see https://example.org/a/b/c", "see https://example.org/a/b/c"),
        (
            "output/conv1 and grad/conv1.weight, and/or 1/2/3",
            "output/conv1 and grad/conv1.weight, and/or 1/2/3",
        ),
        ("specs/networks/cnn.yaml:14", "specs/networks/cnn.yaml:14"),
    ],
)
def test_paths_are_cut_and_nothing_else(text: str, cut: str) -> None:
    """Absolute paths lose their beginning; tensor names, fractions, links and relative paths stay."""
    assert without_paths(text) == cut


def test_the_tail_of_a_path_has_not_its_first_part() -> None:
    """However short the path is."""
    assert (tail("/srv/x"), tail("specs/x.yaml"), tail("/a/b/c/d/e", 2)) == ("…/x", "specs/x.yaml", "…/d/e")
