"""Side outputs reach the caller who gathers them, by name, and nobody else."""

from t2t_mm.layers.side_outputs import collect_side_outputs, report


def test_what_layers_report_is_gathered_by_the_innermost_context():
    report("nobody", {"loss": 0}, {})
    with collect_side_outputs() as outer:
        report("a", {"loss": 1}, {"load": 2})
        with collect_side_outputs() as inner:
            report("b", {"loss": 3}, {})
        report("c", {}, {"load": 4})
    assert outer.losses == {"a/loss": 1} and outer.statistics == {"a/load": 2, "c/load": 4}
    assert inner.losses == {"b/loss": 3} and inner.statistics == {}


def test_layers_of_one_name_are_told_apart():
    with collect_side_outputs() as side:
        for value in (1, 2, 3):
            report("experts", {"balance": value}, {"load": value})
        report("other", {"balance": 4}, {})
    assert side.losses == {"experts/balance": 1, "experts_2/balance": 2, "experts_3/balance": 3, "other/balance": 4}
    assert side.statistics == {"experts/load": 1, "experts_2/load": 2, "experts_3/load": 3}


def test_contexts_share_nothing():
    with collect_side_outputs() as first:
        report("a", {"loss": 1}, {})
    with collect_side_outputs() as second:
        pass
    assert first.losses == {"a/loss": 1} and second.losses == {}
