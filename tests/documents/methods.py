"""The list of the methods: what each computes, what it needs and costs, and where it was published."""

from __future__ import annotations

from camctl import registry


def table() -> str:
    """Return a row a method, in order of names, and under the table what is remarked on some."""
    methods = [loaded.plugin for loaded in registry.load_all("method")[0] if loaded.found.built_in]
    rows = ["| method | what it does | map | needs | cost | paper |", "|---|---|---|---|---|---|"]
    for method in methods:
        needs = ", ".join(sorted(method.needs - {"activations"})) or "activations"
        formula = f"`{method.formula}`".replace("|", "\\|") if method.formula else ""
        words = method.summary.replace("|", "\\|")
        rows.append(f"| {method.name} | {words} | {formula} | {needs} | {method.cost.text} | {method.paper} |")
    remarks = [f"- **{method.name}**: {remark}" for method in methods for remark in method.remarks]
    return "\n".join([*rows, "", *remarks])
