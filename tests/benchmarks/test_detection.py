"""The parts of the benchmark of detection, on cases made by hand."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection import Contender, contenders, difference, fill_up, most_common, race
from benchmarks.detection_plot import draw_accuracy_over_time
from benchmarks.false_positives import at_recalls
from benchmarks.mistakes import draw_mistakes, find_mistakes
from benchmarks.results import detection_table
from detectors import Detections
from training.datasets import Labels, Sample
from training.metrics.average_precision import Judged
from training.teachers import decode_centerface, decode_yunet, open_yunet

WIDTH, HEIGHT = 64, 32


class Knowing:
    """Finds the same whatever it is shown."""

    name, smallest_face, runtime = "knowing", 1.0, "none"

    def __init__(self, boxes: list[list[float]], scores: list[float]) -> None:
        self.found = Detections(np.array(boxes, np.float32), np.array(scores, np.float32))

    def __call__(self, images: list[np.ndarray]) -> list[Detections]:
        return [self.found] * len(images)


def test_yunet_boxes_stand_at_their_cells() -> None:
    outputs = {}
    for stride in (8, 16, 32):
        cells = (WIDTH // stride) * (HEIGHT // stride)
        outputs[f"cls_{stride}"] = outputs[f"obj_{stride}"] = np.zeros((1, cells, 1), np.float32)
        outputs[f"bbox_{stride}"] = np.zeros((1, cells, 4), np.float32)
    cell = 1 * (WIDTH // 8) + 3  # second row, fourth column
    outputs["cls_8"], outputs["obj_8"] = outputs["cls_8"].copy(), outputs["obj_8"].copy()
    outputs["cls_8"][0, cell], outputs["obj_8"][0, cell] = 0.9, 0.4
    outputs["bbox_8"][0, cell] = (0.5, 0.25, np.log(2), np.log(3))
    boxes, scores = decode_yunet(outputs, WIDTH, 0.5)
    assert scores == pytest.approx([0.6])
    centre, size = (3.5 * 8, 1.25 * 8), (16, 24)
    expected = [centre[0] - 8, centre[1] - 12, centre[0] + 8, centre[1] + 12]
    assert boxes[0] == pytest.approx(expected)
    assert size == pytest.approx((boxes[0, 2] - boxes[0, 0], boxes[0, 3] - boxes[0, 1]))


def test_centerface_boxes_stand_at_their_cells() -> None:
    heat = np.zeros((1, 1, 8, 16), np.float32)
    scale, offset = np.zeros((2, 1, 2, 8, 16), np.float32)
    heat[0, 0, 2, 5] = 0.7
    scale[0, :, 2, 5] = np.log(4), np.log(2)  # height, width
    offset[0, :, 2, 5] = 0.25, -0.25  # down, across
    boxes, scores = decode_centerface({"537": heat, "538": scale, "539": offset}, WIDTH, 0.5)
    assert scores == pytest.approx([0.7])
    x, y = (5 - 0.25 + 0.5) * 4, (2 + 0.25 + 0.5) * 4
    assert boxes[0] == pytest.approx([x - 4, y - 8, x + 4, y + 8])


@pytest.mark.shared
def test_yunet_finds_the_faces_of_a_picture_as_opencv_does(shared_dir: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    place = shared_dir / "data" / "wider100" / "images" / "0_Parade_Parade_0_102.jpg"
    image = np.asarray(cv2.resize(cv2.imread(str(place)), (640, 416)), np.uint8)
    ours = open_yunet(shared_dir / "reference" / "peers" / "yunet_n_dynamic.onnx", "f32", 0.7)
    (found,) = ours([image])
    assert len(found) > 3
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert ((found.boxes > -20) & (found.boxes < 660)).all()


def test_pictures_are_filled_up_to_what_all_can_read() -> None:
    filled = fill_up(np.full((33, 64, 3), 7, np.uint8))
    assert filled.shape == (64, 64, 3)
    assert filled[:33].min() == 7
    assert filled[33:].max() == 0


def test_the_race_is_over_pictures_of_one_shape() -> None:
    images = [np.zeros(shape, np.uint8) for shape in ((32, 64, 3), (64, 32, 3), (32, 64, 3))]
    chosen = most_common(images)
    assert [image.shape for image in chosen] == [(32, 64, 3)] * 2
    times = race([Knowing([[0, 0, 1, 1]], [0.5])], chosen)
    assert len(times) == 1
    assert all(value >= 0 for value in times[0])


def test_the_difference_of_a_detector_to_itself_is_nothing() -> None:
    parts = [Judged(np.array([0.9, 0.5], np.float32), np.array([True, False]), 2)] * 3
    assert difference(parts, parts).ap == difference(parts, parts).high == 0


def test_who_is_compared_depends_on_what_is_there() -> None:
    nobody = contenders(None, None, None, ["f32"])
    assert [one.name for one in nobody] == ["facepics", "facepics, paper's"]
    everybody = contenders(Path("a"), Path("b"), Path("c"), ["int8", "bf16", "f32"])
    assert len(everybody) == 2 * 3 + 3 * 2, "others have no 8 bits"
    assert all(isinstance(one, Contender) for one in everybody)


def test_false_positives_are_counted_where_the_recall_is_reached() -> None:
    right = np.array([True, False, True, False, True])
    judged = Judged(np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32), right, 4)
    rows = {row.recall: row for row in at_recalls(judged, frames=500)}
    assert (rows[0.5].count, rows[0.5].per_thousand_frames) == (1, 2.0)
    assert (rows[0.7].count, rows[0.75].count) == (2, 2)
    assert 0.8 not in rows


def test_mistakes_are_sorted_by_how_bad_they_are() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    labels = Labels(
        np.array([[0, 0, 20, 20], [50, 50, 90, 90], [100, 0, 130, 30]], np.float32),
        np.array([[0, 80, 40, 120]], np.float32),
    )
    detector = Knowing(
        [[100, 0, 130, 30], [120, 60, 150, 90], [0, 85, 30, 115], [60, 0, 80, 20]],
        [0.9, 0.8, 0.7, 0.3],
    )
    missed, false = find_mistakes(detector, [Sample("a", image, labels)], 0.25)
    assert [round(mistake.weight) for mistake in missed] == [40, 20]
    assert [mistake.weight for mistake in false] == pytest.approx([0.8, 0.3])
    assert draw_mistakes(missed).shape == (160, 1600, 3)


def test_plot_and_table_of_points(tmp_path: Path) -> None:
    accuracy = {level: {"ap": 0.5, "low": 0.4, "high": 0.6} for level in ("easy", "medium", "hard")}
    points = [
        {"contender": name, "precision": "f32", "size": size, "cpu": size / 100, "wall": 1.0}
        | {"accuracy": accuracy}
        for name in ("facepics", "YuNet")
        for size in (512, 640)
    ]
    draw_accuracy_over_time(points, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000
    lines = detection_table({"points": points}).splitlines()
    assert lines[2] == "| facepics | f32 | 640 | 6.4 | 50.0 | 50.0 | 50.0 |"
    assert len(lines) == 4
