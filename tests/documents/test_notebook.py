"""The notebook in `docs/` runs, and values and long work show themselves in it."""

from __future__ import annotations

import sys

import pytest

from tests.documents.pages import DOCS

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

SLOW = """
import time
from camctl.pipeline.watching import watcher
step = watcher(None)
for done in range(4):
    step("Explaining <b>", done, 3)
    time.sleep(0.6)
"""


def outputs(notebook, folder):
    """Run a notebook in a folder; return the outputs of each cell of code."""
    client = nbclient.NotebookClient(
        notebook, timeout=240, startup_timeout=240, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A kernel `python3` that is this Python, whatever else is installed."""
    from jupyter_client.kernelspec import KernelSpecManager

    spec = KernelSpecManager().get_kernel_spec("python3")
    assert spec.argv[0] in {sys.executable, "python", "python3"}


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("kernel")
def test_the_notebook_runs_and_its_values_show_themselves(tmp_path):
    notebook = nbformat.read(DOCS / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    results = outputs(notebook, tmp_path)
    pages = ["".join(output.get("data", {}).get("text/html", "") for output in each) for each in results]
    assert "<table>" in pages[0]
    assert "LayerCAM of dog" in pages[1]
    assert "EigenCAM" in pages[2]
    assert not any(output.get("name") == "stderr" for each in results for output in each)
    assert (tmp_path / "comparison.pdf").stat().st_size > 1000
    assert (tmp_path / "comparison.html").stat().st_size > 1000


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("kernel")
def test_long_work_shows_a_bar_and_takes_it_away(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SLOW)])
    seen = []
    client = nbclient.NotebookClient(
        notebook, timeout=240, startup_timeout=240, resources={"metadata": {"path": str(tmp_path)}}
    )
    process = client.process_message

    def watched(message, cell, index):
        seen.append(message["content"].get("data", {}))
        return process(message, cell, index)

    client.process_message = watched
    client.execute()
    shown = [data for data in seen if "text/html" in data]
    assert "<progress" in shown[0]["text/html"]
    assert "Explaining &lt;b&gt; 2 of 3" in shown[0]["text/html"]
    assert shown[0]["text/plain"].startswith("Explaining <b> 2 of 3")
    assert shown[-1]["text/html"] == shown[-1]["text/plain"] == ""


def test_without_a_notebook_nothing_watches():
    from camctl.pipeline.watching import watcher

    assert watcher(None) is None
    assert watcher(print) is print


def test_a_model_shows_itself_in_words_and_as_a_table():
    import camctl

    count = len(camctl.load("demo:resnet").class_names)
    model = camctl.load("demo:resnet", labels=["<b>", *map(str, range(count - 1))])
    assert repr(model).startswith("<LoadedModel demo:resnet: ")
    assert len(repr(model)) < 120
    page = model._repr_html_()
    assert "&lt;b&gt;, 0, 1, 2, 3, … (" in page
    assert "<b>" not in page
