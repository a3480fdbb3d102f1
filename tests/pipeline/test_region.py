"""The region setting."""

import numpy as np
import pytest

from pipeline.errors import SetUpError
from pipeline.region import parse_region

POINTS = np.array([[0, 0], [99.9, 49.9], [100, 10], [10, 50], [-1, 10]])
SIZES = np.tile([200, 100], (5, 1))


@pytest.mark.parametrize("text", ["0,0,100,50", " 0 , 0% , 50 % , 50 ", "0.0,0,50%,50%"])
def test_pixels_and_percent_may_mix(text: str) -> None:
    assert parse_region(text).contains(POINTS, SIZES).tolist() == [True, True, False, False, False]


def test_percent_follow_the_size_of_each_picture() -> None:
    points, sizes = np.array([[60.0, 10], [60, 10]]), np.array([[100, 100], [200, 100]])
    assert parse_region("50%,0,50%,100%").contains(points, sizes).tolist() == [True, False]


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "0,0,0,10", "0,0,10,0%", "-1,0,10,10", "0,0,101%,10",
     "nan,0,1,1", "0,0,inf,1", "0,0,1e3,1", "0;0;10;10", "٣,0,1,1"],
)  # fmt: skip
def test_nonsense_is_named(text: str) -> None:
    with pytest.raises(SetUpError, match="X,Y,W,H"):
        parse_region(text)
