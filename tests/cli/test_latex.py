"""`compare` for a paper: the LaTeX beside a figure, names that are checked before the work, and the manifest."""

import json
import re

import pytest

from camctl import registry
from camctl.cli.output.latex import escaped
from camctl.cli.output.papers import ARXIV, PAPERS, papers_in
from camctl.demo.glyphs import GLYPHS
from camctl.files.mark import MARK
from camctl.registry.discovery import find

MODEL = "demo:resnet"
WORDS = (MODEL, "--method", "GradCAM", "LayerCAM", "--quiet")


def cites(text):
    return [key for keys in re.findall(r"\\cite\{([^}]*)\}", text) for key in keys.split(",")]


def entries(text):
    return re.findall(r"^@\w+\{([^,]+),$", text, re.MULTILINE)


def test_latex_includes_the_figure_and_cites_what_the_bibliography_holds(camctl, photo, tmp_path):
    figure = tmp_path / "my_fig.pdf"
    done = camctl(
        "compare", photo, *WORDS, "--latex", "--width", "7in", "--name", "GradCAM=A & B", "--save-path", figure
    )
    assert done.code == 0, done.err
    text = (tmp_path / "my_fig.tex").read_text()
    assert r"\begin{figure*}" in text
    assert r"\includegraphics[width=7in]{my_fig.pdf}" in text
    assert r"A \& B~\cite{selvaraju2017grad}" in text
    assert cites(text) == entries((tmp_path / "my_fig.bib").read_text())
    for each in (figure, tmp_path / "my_fig.tex", tmp_path / "my_fig.bib"):
        assert str(each) in done.out


@pytest.mark.parametrize(("width", "kind", "drawn"), [("88mm", "figure", r"3\.465in"), ("", "figure", r"\\linewidth")])
def test_a_figure_of_one_column_stays_in_it(camctl, photo, tmp_path, width, kind, drawn):
    words = ("--width", width) if width else ()
    assert camctl("compare", photo, *WORDS, "--latex", *words, "--save-path", tmp_path / "a.png").code == 0
    text = (tmp_path / "a.tex").read_text()
    assert rf"\begin{{{kind}}}[t]" in text
    assert re.search(rf"width={drawn}\]", text)


def test_braces_and_commands_of_latex_are_closed_whatever_a_label_is_called(camctl, photo, tmp_path):
    name = r"a_b%c{d\e~f^g#h$i&j"
    done = camctl("compare", photo, *WORDS, "--latex", "--name", f"GradCAM={name}", "--save-path", tmp_path / "a.pdf")
    assert done.code == 0, done.err
    text = (tmp_path / "a.tex").read_text().partition("\\begin")[2]
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert r"a\_b\%c\{d\textbackslash{}e\textasciitilde{}f\textasciicircum{}g\#h\$i\&j" in text
    assert escaped(r"\%") == r"\textbackslash{}\%"


def test_latex_without_a_figure_that_it_can_include_is_an_error_before_the_work(camctl, photo, tmp_path):
    done = camctl("compare", photo, *WORDS, "--latex", "--save-path", tmp_path / "a.svg")
    assert done.code == 2
    assert "--latex" in done.err
    assert "--save-path fig.pdf" in done.err
    assert not (tmp_path / "a.svg").exists()


def test_latex_replaces_its_own_files_and_no_others(camctl, photo, tmp_path):
    (tmp_path / "a.bib").write_text("@misc{mine}")
    words = ("compare", photo, *WORDS, "--latex", "--save-path", tmp_path / "a.pdf")
    done = camctl(*words)
    assert done.code == 2
    assert "a.bib" in done.err
    assert (tmp_path / "a.bib").read_text() == "@misc{mine}"
    (tmp_path / "a.bib").unlink()
    assert camctl(*words).code == 0
    assert MARK in (tmp_path / "a.bib").read_text()
    assert camctl(*words).code == 0


def test_a_command_with_an_at_sign_starts_no_entry_of_the_bibliography(camctl, photo, tmp_path):
    done = camctl("compare", photo, *WORDS, "--latex", "--title", "@misc{x}", "--save-path", tmp_path / "a.pdf")
    assert done.code == 0
    assert (tmp_path / "a.bib").read_text().count("@") == 2


def test_every_paper_in_the_table_belongs_to_a_method_and_has_a_key_of_its_own():
    methods = [registry.load(found).plugin for found in find("method")]
    assert all(any(name in method.paper for method in methods) for name in PAPERS)
    assert len({paper.key for paper in PAPERS.values()}) == len(PAPERS)


def test_every_method_with_a_paper_is_cited_by_author_and_title():
    for found in find("method"):
        method = registry.load(found).plugin
        papers = papers_in(method.name)
        assert papers or method.paper.startswith("no paper"), method.name
        assert all(paper.authors and paper.title for paper in papers), method.name
        years = {paper.year for paper in papers}
        # The year of the conference may be later than that of arXiv.
        assert all(int(paper.year) >= 2000 + int(paper.arxiv[:2]) for paper in papers if paper.arxiv), years


def test_every_method_with_a_number_at_arxiv_is_cited_with_it():
    for found in find("method"):
        method = registry.load(found).plugin
        assert [paper.arxiv for paper in papers_in(method.name)] == ARXIV.findall(method.paper) or not ARXIV.search(
            method.paper
        )
        for paper in papers_in(method.name):
            text = paper.bibtex()
            assert entries(text) == [paper.key]
            assert text.count("{") == text.count("}")


KNOWN = {"linewidth", "begin", "end", "centering", "includegraphics", "caption", "label", "cite"}
KNOWN |= {f"text{name}" for name in ("backslash", "asciitilde", "asciicircum", "less", "greater", "bar")}


def leftover(text):
    """What LaTeX would stumble over: a command unknown to it, a sign out of place, braces that do not match."""
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    rest = re.sub(r"\\[&%$#_{}]", "", "\n".join(lines))
    unknown = set(re.findall(r"\\([A-Za-z]+)", rest)) - KNOWN
    rest = re.sub(r"\\(?:label|includegraphics\[[^\]]*\]|cite)\{[^{}]*\}", "", re.sub(r"~(?=\\cite)", " ", rest))
    depth, least = 0, 0
    for letter in rest:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        least = min(least, depth)
    signs = set(re.findall(r"[&%$#_^~<>|]|\\[^A-Za-z]", rest))
    return unknown, signs, depth, least


def test_any_name_is_text_to_latex(camctl, photo, tmp_path):
    name = 'GradCAM=a{b}c\\d~e^f<g>h|i&j%k$l#m_n"o`p'
    figure = tmp_path / "odd_name 2.pdf"
    done = camctl("compare", photo, *WORDS, "--latex", "--contours", "--signed", "--name", name, "--save-path", figure)
    assert done.code == 0, done.err
    text = figure.with_suffix(".tex").read_text()
    assert leftover(text) == (set(), set(), 0, 0)
    assert r"a\{b\}c\textbackslash{}d" in text


@pytest.mark.parametrize("name", ["50%.pdf", "a#1.pdf", "{a}.png"])
def test_a_file_that_latex_cannot_include_is_refused_before_the_work(camctl, photo, tmp_path, name):
    done = camctl("compare", photo, *WORDS, "--latex", "--save-path", tmp_path / name)
    assert done.code == 2
    assert "cannot include" in done.err
    assert not list(tmp_path.glob("*.tex"))


@pytest.mark.parametrize("wrong", ["GradCAN", "tabby", "phto.png"])
def test_a_wrong_name_is_an_error_before_the_work(camctl, photo, tmp_path, wrong):
    done = camctl(
        "compare", photo, *WORDS[:-1], "--name", f"{wrong}=Ours", "--save-path", tmp_path / "a.png", "--timing"
    )
    assert done.code == 2
    assert wrong in done.err
    assert "Drawing" not in done.err
    assert not (tmp_path / "a.png").exists()


def test_names_of_all_kinds_are_known_before_the_work(camctl, photo, tmp_path):
    names = ("GradCAM=A", "LayerCAM=B", f"{MODEL}=C", "cat=D", "photo.png=E")
    words = ("--target-category", "cat", "dog", "--name", *names)
    done = camctl(
        "compare", photo, "demo:resnet", *WORDS[1:], *words[:-3], *names[3:], "--save-path", tmp_path / "a.svg"
    )
    assert done.code == 0, done.err


def test_a_manifest_holds_its_command_unless_told_not_to(camctl, photo, tmp_path):
    path = tmp_path / "a.json"
    assert camctl("compare", photo, *WORDS, "--save-path", path).code == 0
    assert json.loads(path.read_text())["command"].startswith("camctl compare")
    assert camctl("compare", photo, *WORDS, "--no-metadata", "--save-path", path).code == 0
    assert "command" not in json.loads(path.read_text())


def test_a_class_is_renamed_by_a_word_of_its_label(camctl, photo, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("tabby, tabby cat\ndog\nfish\nhouse\ncar\nflower\nmushroom\nsailboat\n")
    words = ("--labels", labels, "--target-category", "tabby", "--name", "Tabby=house cat", "--latex")
    done = camctl("compare", photo, MODEL, *WORDS[1:], *words, "--save-path", tmp_path / "a.pdf")
    assert done.code == 0, done.err
    assert "class house cat" in (tmp_path / "a.tex").read_text()


def test_a_name_of_a_class_that_no_map_shows_is_told_and_loses_no_work(camctl, photo, tmp_path):
    names = [f"{name}=A {name}" for name in GLYPHS]
    done = camctl("compare", photo, *WORDS[:-1], "--name", *names, "--save-path", tmp_path / "a.svg")
    assert done.code == 0, done.err
    # The model's five best classes are in a report, and the other three nowhere.
    assert done.err.count("There is no method, model, class, layer or picture named") == len(GLYPHS) - 5
    assert (tmp_path / "a.svg").exists()
