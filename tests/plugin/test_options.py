"""Options of methods and metrics: what a function's parameters say of them."""

import pytest

from camctl.plugin import method, metric

METHOD = {"name": "Mine", "summary": "x", "paper": "x", "needs": {"activations"}}
METRIC = {"name": "Mine", "summary": "x", "paper": "x", "better": "higher"}


@pytest.mark.parametrize(("decorate", "words"), [(method, METHOD), (metric, METRIC)])
def test_keyword_only_parameters_are_options(decorate, words):
    @decorate(**words)
    def mine(given, *, temperature: float = 0.1, power=2):
        return given

    assert mine.options == {"temperature": 0.1, "power": 2}


@pytest.mark.parametrize(("decorate", "words"), [(method, METHOD), (metric, METRIC)])
def test_an_option_that_could_not_be_set_is_refused_at_once(decorate, words):
    with pytest.raises(TypeError, match="'temperature' of positional must follow a"):

        @decorate(**words)
        def positional(given, temperature=0.1):
            return given

    with pytest.raises(TypeError, match="'temperature' of lacking needs a default"):

        @decorate(**words)
        def lacking(given, *, temperature):
            return given
