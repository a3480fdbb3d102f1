import numpy as np
import pytest

from training.spoil import compress, compress_as_video, spoil


@pytest.fixture
def picture(cartoons):
    return cartoons[2].image


def test_the_same_seed_spoils_alike(picture):
    for seed in range(20):
        first, second = (spoil(picture, np.random.default_rng(seed)) for _ in range(2))
        assert first.shape == picture.shape
        assert first.dtype == np.uint8
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("encode", [compress, compress_as_video])
def test_encoders_lose_detail_but_move_nothing(encode, picture):
    encoded = encode(picture, np.random.default_rng(1))
    assert encoded.shape == picture.shape
    difference = np.abs(encoded.astype(int) - picture).mean()
    assert 1 < difference < 25
    rows, columns = slice(20, 60), slice(20, 60)
    still = np.corrcoef(encoded[rows, columns].ravel(), picture[rows, columns].ravel())[0, 1]
    moved = np.corrcoef(encoded[20:60, 26:66].ravel(), picture[rows, columns].ravel())[0, 1]
    assert still > 0.8
    assert still > moved
