"""`camctl methods`: what there is, and what each needs."""

import pytest


def test_table_lists_every_built_in_method_with_its_needs(camctl):
    done = camctl("methods")

    rows = {row.split()[0]: row for row in done.out.splitlines() if row.strip()}
    assert {"GradCAM", "GradCAM++", "XGradCAM", "EigenCAM", "EigenGradCAM", "LayerCAM", "HiResCAM"} <= set(rows)
    assert all(word in rows["GradCAM"].split() for word in ("default", "backward", "yes", "camctl"))
    assert [row.split()[1] for row in done.out.splitlines() if row.startswith(" by ")] == [
        "gradients:",
        "activations",
        "replay:",
        "the",
    ]
    assert done.out.index("by replay") < done.out.index("AblationCAM") < done.out.index("by the whole model")
    assert "no" in rows["EigenCAM"].split()
    assert done.err == ""


@pytest.mark.parametrize(("kind", "width"), [("methods", 100), ("methods", 200), ("metrics", 120), ("metrics", 160)])
def test_columns_of_all_groups_stand_under_their_headings(camctl, monkeypatch, kind, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = camctl(kind).out.splitlines()
    assert max(map(len, lines)) <= width
    head = next(line for line in lines if "package" in line)
    packages = [line for line in lines if line.rstrip().endswith(" camctl")]
    assert len(packages) > 10
    assert {line.rindex("camctl") for line in packages} == {head.index("package")}


def test_narrow_window_puts_the_words_under_the_names(camctl, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")

    done = camctl("methods")

    assert max(map(len, done.out.splitlines())) <= 60
    assert "HiResCAM  gradients; 1 backward; by class; camctl" in done.out
    assert "LayerCAM  seed  gradients; 1 backward; by class; camctl" in done.out
    lines = done.out.splitlines()
    assert lines[0] == "by gradients: one backward pass a class".ljust(len(lines[0]))
    assert "by activations alone" in [each.strip() for each in lines]


def test_portrait_tells_paper_formula_and_how_to_try(camctl):
    done = camctl("methods", "grad-cam-plus-plus")

    assert "Chattopadhay" in done.out
    assert "formula" in done.out
    assert "camctl run photo.jpg demo:vit --method GradCAM++" in done.out


def test_json_tells_the_same_of_one_and_of_all(camctl):
    one, everything = camctl("methods", "LayerCAM", "--json").json, camctl("methods", "--json").json

    assert one.pop("schema_version") == 1
    assert one in everything
    assert one["name"] == "layercam"
    assert one["title"] == "LayerCAM"
    assert one["discriminative"] is True
    assert one["package"] == "camctl"


def test_a_method_with_a_remark_is_marked_in_the_listing_and_tells_it_in_full(camctl):
    listed, told = camctl("methods"), camctl("methods", "GradCAM++")

    rows = {row.split()[0]: row for row in listed.out.splitlines() if row.strip()}
    assert "* has a remark on its use: camctl methods NAME" in listed.out
    assert " *" not in rows["HiResCAM"]
    assert "Does not see the class" in told.out
    assert camctl("methods", "GradCAM++", "--json").json["remarks"][0].startswith("Does not see the class")


def test_unknown_name_suggests_near_ones(camctl):
    done = camctl("methods", "layercan")

    assert done.code == 2
    assert "Did you mean layercam" in done.err
