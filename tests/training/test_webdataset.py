import numpy as np
import pytest

from training.datasets.pixels import PixelCache
from training.datasets.webdataset import find_shards, read_shard, read_shards
from training.errors import LabelError, TrainingError

SCORES = [1, 0.5, 0.75]


def test_pictures_and_labels_come_back_as_stored(cartoons, write_shard, encode):
    shard = write_shard("train-0.tar", encode(cartoons[0]) + encode(cartoons[2]))
    first, second = read_shard(shard)
    assert first.name == "cartoon0"
    np.testing.assert_array_equal(first.image, cartoons[0].image)
    np.testing.assert_array_equal(second.labels.boxes, cartoons[2].labels.boxes)
    assert first.labels.ignore.shape == (0, 4)


def test_label_may_come_before_its_picture(cartoons, write_shard, encode):
    shard = write_shard("train-0.tar", encode(cartoons[0])[::-1])
    assert [sample.name for sample in read_shard(shard)] == ["cartoon0"]


def test_boxes_are_clipped_to_the_picture(cartoons, write_shard, encode):
    shard = write_shard("train-0.tar", encode(cartoons[0], boxes=[[-5, 10, 200, 40]]))
    (sample,) = read_shard(shard)
    assert sample.labels.boxes.tolist() == [[0, 10, 160, 40]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"boxes": [[10, 10, 5, 20]]}, "not a box"),
        ({"boxes": [[200, 10, 210, 20]]}, "not a box"),
        ({"boxes": [[1, 2, float("nan"), 20]]}, "not a box"),
        ({"boxes": [[1, 2, 3]]}, "4 numbers"),
        ({"boxes": "none"}, "bad label"),
        ({"boxes": [[1, 2, 3, 4], [1, 2]]}, "bad label"),
        ({"scores": [0.5, 1.5]}, "above 0 and not above 1"),
        ({"scores": [0.5]}, "bad label"),
        ({"width": 99}, "says 99x120, the picture is 160x120"),
    ],
)
def test_bad_label_names_file_and_sample(cartoons, write_shard, encode, change, said):
    shard = write_shard("train-7.tar", encode(cartoons[0]) + encode(cartoons[1], **change))
    with pytest.raises(LabelError, match=rf"train-7\.tar: sample 'cartoon1': .*{said}"):
        list(read_shard(shard))


@pytest.mark.parametrize(("kept", "missing"), [(0, "no label"), (1, "no picture")])
def test_half_a_sample_is_an_error(cartoons, write_shard, encode, kept, missing):
    shard = write_shard("train-0.tar", [encode(cartoons[0])[kept]])
    with pytest.raises(LabelError, match=f"cartoon0.*{missing}"):
        list(read_shard(shard))


def test_broken_picture_is_an_error(cartoons, write_shard, encode):
    _, label = encode(cartoons[0])
    shard = write_shard("train-0.tar", [("cartoon0.png", b"no picture"), label])
    with pytest.raises(LabelError, match="cannot be decoded"):
        list(read_shard(shard))


def test_empty_folder_says_what_is_missing(tmp_path):
    with pytest.raises(TrainingError, match=r"no train-\*\.tar here"):
        find_shards(tmp_path, "train-*.tar")


def test_pixel_cache_holds_what_the_shards_hold(cartoons, write_shard, encode, tmp_path):
    shards = [
        write_shard("train-a.tar", encode(cartoons[0])),
        write_shard(
            "train-b.tar", encode(cartoons[2], ignore=[[1, 2, 30, 40]], scores=[1, 0.5, 0.75])
        ),
    ]
    cache = PixelCache.of(tmp_path, "auto", tmp_path / "cache")
    assert len(cache) == 2
    assert cache.face_counts.tolist() == [1, 2.25]  # as its scores say
    for cached, stored in zip(map(cache.__getitem__, range(2)), read_shards(shards), strict=True):
        assert cached.name == stored.name
        np.testing.assert_array_equal(cached.image, stored.image)
        np.testing.assert_array_equal(cached.labels.boxes, stored.labels.boxes)
        np.testing.assert_array_equal(cached.labels.ignore, stored.labels.ignore)
        np.testing.assert_array_equal(cached.labels.scores, stored.labels.scores)
    assert cache[1].labels.scores.tolist() == SCORES


def test_pixel_cache_follows_changed_shards(cartoons, write_shard, encode, tmp_path):
    shard = write_shard("train-a.tar", encode(cartoons[0]))
    PixelCache.of(shard, "auto", tmp_path / "cache")
    shard = write_shard("train-a.tar", encode(cartoons[0]) + encode(cartoons[1]))
    assert len(PixelCache.of(shard, "auto", tmp_path / "cache")) == 2
