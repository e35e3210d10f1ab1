"""The rules: the unit interval is cut where it should be, for numbers and arrays alike."""

import numpy as np
import pytest

from routing_game.envs import rules

SUCCESS = (0.3, 0.8)


def test_one_uniform_decides_the_pass():
    # p = .3, q = .5 -> left until .65; s = .4 -> kept until .86, escalated above
    seen = [
        rules.run_pass(SUCCESS, 1, 0.4, 0.5, u)
        for u in (0.0, 0.29, 0.31, 0.64, 0.66, 0.85, 0.87, 0.999)
    ]
    assert [x.solved for x in seen] == [True, True] + 6 * [False]
    assert [x.left for x in seen] == [False, False, True, True] + 4 * [False]
    assert [x.model for x in seen[4:]] == [1, 1, 2, 2]


@pytest.mark.parametrize("uniform", [0.0, 0.31, 0.5, 0.9, 1 - 2**-53])
@pytest.mark.parametrize("success", [1e-9, 0.1, 1 / 3, 0.3, 0.7, 1 - 1e-9])
def test_probabilities_of_zero_and_one_are_certain(uniform, success):
    p = (success, success)
    assert rules.run_pass(p, 1, 0.0, 0.3, uniform).model == 1
    assert rules.run_pass(p, 2, 0.0, 0.0, uniform).model == 2
    assert not rules.run_pass(p, 1, 0.5, 0.0, uniform).left
    leaver = rules.run_pass(p, 1, 0.5, 1.0, uniform)
    assert leaver.solved != leaver.left


def test_one_uniform_decides_the_coin_and_the_pass_after_it():
    # e = .4 -> M2 serves below .4 and solves below .32; M1 serves above and solves below
    # .4 + .6 * .3 = .58
    seen = [
        rules.next_pass(SUCCESS, 0.4, u) for u in (0.0, 0.31, 0.33, 0.39, 0.41, 0.57, 0.59, 0.999)
    ]
    assert seen == [(True, True), (True, True), (True, False), (True, False)] + 2 * [
        (False, True)
    ] + 2 * [(False, False)]
    uniform = np.linspace(0, 1, 1001, endpoint=False)
    assert rules.next_pass(SUCCESS, 1.0, uniform)[0].all()
    assert not rules.next_pass(SUCCESS, 0.0, uniform)[0].any()
    batch = rules.next_pass(SUCCESS, 0.4, uniform)
    np.testing.assert_array_equal(
        np.transpose(batch), [rules.next_pass(SUCCESS, 0.4, u) for u in uniform.tolist()]
    )


def test_numbers_and_arrays_play_alike():
    rng = np.random.default_rng(11)
    n = 500
    model, cascade, abandon, uniform = rng.integers(1, 3, n), *rng.random((3, n))
    batch = rules.run_pass(np.array(SUCCESS), model, cascade, abandon, uniform)
    each = zip(*(x.tolist() for x in (model, cascade, abandon, uniform)), strict=True)
    single = [rules.run_pass(SUCCESS, *x) for x in each]
    np.testing.assert_array_equal(np.array(single, dtype=int).T, np.array(batch, dtype=int))
