"""The benchmark's own arithmetic: turns, quartiles, ratios and noise. No clock is asserted on."""

from tests.benchmarks.turns import Table, Timed, in_turns


def test_works_are_timed_in_turns_after_a_round_of_warm_up():
    order = []
    times = in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 4
    assert {name: len(timed.seconds) for name, timed in times.items()} == {"a": 3, "b": 3}


def test_ratios_are_medians_over_the_units():
    table = Table("t", "bare", {"bare": Timed((1.0, 1.1, 9.0)), "maps": Timed((2.2, 2.2, 2.2))}, {"maps": 1.5})
    assert table.ratio("maps") == 2.0
    assert Timed((1.0, 2.0, 3.0, 4.0, 5.0)).quartiles == (2.0, 4.0)
    assert "| maps | 2.00 | 2.00 to 2.00 | 1.5 |" in table.markdown()


def test_a_unit_that_spreads_widely_is_called_noisy():
    assert Table("t", "u", {"u": Timed((1.0, 1.0, 2.0, 2.0))}).noisy
    calm = Table("t", "u", {"u": Timed((1.0, 1.01, 1.02))})
    assert not calm.noisy
    assert "busy" not in calm.markdown()
