import numpy as np
import pytest

from training.spoil import compress, compress_as_video, hide_parts, spoil


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


def test_less_than_half_of_some_faces_is_hidden(cartoons):
    picture = cartoons[2]
    hidden = 0
    for seed in range(40):
        result = hide_parts(picture.image, picture.labels.boxes, np.random.default_rng(seed))
        changed = (result != picture.image).any(2)
        for x1, y1, x2, y2 in picture.labels.boxes.astype(int):
            share = changed[y1:y2, x1:x2].mean()
            assert share <= 0.5
            hidden += share > 0.05
            changed[y1:y2, x1:x2] = False
        assert not changed.any()
    assert 5 < hidden < 40
