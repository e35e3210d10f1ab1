"""The scale on which learners look for s, of one number and of arrays."""

import numpy as np
import pytest

from routing_game.agents.log_odds import cascade_at, cascades_at


@pytest.mark.parametrize("end", [9.0, 12.0, 25.0])
def test_places_on_the_scale_have_their_log_odds_and_the_ends_are_exact(end):
    z = np.linspace(-0.99 * end, 0.99 * end, 50)
    s = cascades_at(z, end)
    np.testing.assert_allclose(np.log(s) - np.log1p(-s), z, rtol=1e-5, atol=1e-12)
    beyond = np.array([-np.inf, -end - 1, -end, end, end + 1, np.inf])
    assert cascades_at(beyond, end).tolist() == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    np.testing.assert_allclose([cascade_at(x, end) for x in z], s, rtol=1e-15)
    assert [cascade_at(x, end) for x in beyond] == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
