"""Every reader gives the same pictures and boxes, and says where a label is bad."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from training.datasets.fddb import surround
from training.datasets.formats import FORMATS, guess, read_labelled
from training.datasets.pixels import PixelCache
from training.datasets.wider import read_wider
from training.errors import LabelError, TrainingError

BOX, REGION = (20, 30, 60, 90), (100, 10, 140, 50)  # in a picture of 160 x 120


def save_picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.random.default_rng(3).integers(0, 256, (120, 160, 3), np.uint8)
    cv2.imwrite(str(path), picture)


def write_wider(root: Path) -> Path:
    save_picture(root / "images" / "0--Parade" / "a.jpg")
    save_picture(root / "images" / "0--Parade" / "b.jpg")
    rows = ["0--Parade/a.jpg", "3", "20 30 40 60 0 0 0 0 0 0", "100 10 40 40 0 0 0 1 0 0"]
    rows += ["5 5 0 9 0 0 0 0 0 0", "0--Parade/b.jpg", "0", "0 0 0 0 0 0 0 0 0 0"]
    path = root / "wider_face_val_bbx_gt.txt"
    path.write_text("\n".join(rows) + "\n")
    return path


def write_wider_mat(root: Path) -> Path:
    save_picture(root / "images" / "0--Parade" / "a.jpg")

    def cell(*values):
        array = np.empty((len(values), 1), object)
        for place, value in enumerate(values):
            array[place, 0] = value
        return array

    faces = np.array([[20, 30, 40, 60], [100, 10, 40, 40]])
    path = root / "wider_face_val.mat"
    table = {"event_list": cell("0--Parade"), "file_list": cell(cell("a"))}
    table["face_bbx_list"] = cell(cell(faces))
    table["invalid_label_list"] = cell(cell(np.array([[0], [1]])))
    savemat(path, table)
    return path


def write_fddb(root: Path) -> Path:
    save_picture(root / "originalPics" / "img_1.jpg")
    folds = root / "FDDB-folds"
    folds.mkdir()
    text = "img_1\n1\n30 20 1.5707963267948966 40 60 1\n"
    (folds / "FDDB-fold-01-ellipseList.txt").write_text(text)
    return folds


def write_voc(root: Path) -> Path:
    save_picture(root / "a.jpg")
    names = ("xmin", "ymin", "xmax", "ymax")
    objects = ""
    for box, difficult in ((BOX, 0), (REGION, 1)):
        sides = "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, box, strict=True))
        objects += f"<object><name>face</name><difficult>{difficult}</difficult>"
        objects += f"<bndbox>{sides}</bndbox></object>"
    (root / "a.xml").write_text(f"<annotation><filename>a.jpg</filename>{objects}</annotation>")
    return root


def write_labelme(root: Path) -> Path:
    save_picture(root / "a.jpg")
    x1, y1, x2, y2 = REGION
    shapes = [
        {"label": "face", "shape_type": "rectangle", "points": [[60, 90], [20, 30]]},
        {"label": "ignore", "shape_type": "polygon", "points": [[x1, y1], [x2, y1], [x2, y2]]},
    ]
    record = {"shapes": shapes, "imagePath": "..\\pictures\\a.jpg", "imageData": None}
    (root / "a.json").write_text(json.dumps(record))
    return root


def write_coco(root: Path) -> Path:
    save_picture(root / "images" / "a.jpg")
    annotations = [
        {"image_id": 7, "bbox": [20, 30, 40, 60], "category_id": 1},
        {"image_id": 7, "bbox": [100, 10, 40, 40], "category_id": 1, "iscrowd": 1},
    ]
    record = {"images": [{"id": 7, "file_name": "a.jpg"}], "annotations": annotations}
    path = root / "instances.json"
    path.write_text(json.dumps(record))
    return path


def write_yolo(root: Path) -> Path:
    save_picture(root / "images" / "a.png")
    save_picture(root / "images" / "empty.png")
    (root / "labels").mkdir()
    (root / "labels" / "a.txt").write_text("0 0.25 0.5 0.25 0.5\n\n")
    return root


WRITERS = {
    "wider": write_wider,
    "wider-mat": write_wider_mat,
    "fddb": write_fddb,
    "voc": write_voc,
    "labelme": write_labelme,
    "coco": write_coco,
    "yolo": write_yolo,
}


@pytest.mark.parametrize("name", WRITERS)
def test_box_and_region_are_read(tmp_path, name):
    place = WRITERS[name](tmp_path)
    assert guess(place) == name
    samples = list(read_labelled(place))
    assert samples[0].image.shape == (120, 160, 3)
    np.testing.assert_allclose(samples[0].labels.boxes, [BOX], atol=1e-3)
    if name not in ("fddb", "yolo"):  # they know no regions to ignore
        np.testing.assert_allclose(samples[0].labels.ignore, [REGION], atol=1e-3)
    for sample in samples[1:]:
        assert len(sample.labels.boxes) == 0


@pytest.mark.parametrize("name", ["wider", "coco"])
def test_a_file_is_found_in_its_folder(tmp_path, name):
    WRITERS[name](tmp_path)
    assert len(next(iter(read_labelled(tmp_path))).labels.boxes) == 1


def test_all_forms_are_tried():
    assert set(WRITERS) | {"webdataset"} == set(FORMATS)


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "complaint"),
    [
        ("wider", "wider_face_val_bbx_gt.txt", "20 30 40", "20 thirty 40", r"gt\.txt: line 3"),
        ("wider", "wider_face_val_bbx_gt.txt", "\n3\n", "\nthree\n", r"gt\.txt: line 2"),
        ("wider", "wider_face_val_bbx_gt.txt", "20 30 40", "900 30 40", r"line 1: not a box"),
        ("fddb", "FDDB-folds/FDDB-fold-01-ellipseList.txt", "30 20", "30", r"txt: line 3"),
        ("voc", "a.xml", "<xmin>20", "<xmin>left", r"a\.xml: object 1"),
        ("voc", "a.xml", "<xmin>20", "<xmin>80", r"a\.xml: object 1: not a box"),
        ("voc", "a.xml", "<annotation>", "<!DOCTYPE x><annotation>", "document type"),
        ("voc", "a.xml", "</annotation>", "", r"a\.xml: line 1"),
        ("voc", "a.xml", "a.jpg", "gone.jpg", None),
        ("labelme", "a.json", '"points": [[60, 90]', '"points": [[60]', r"a\.json: shape 1"),
        ("labelme", "a.json", "{", "", r"a\.json: line 1"),
        ("labelme", "a.json", "a.jpg", "gone.jpg", r"gone\.jpg is missing"),
        ("coco", "instances.json", "[20, 30, 40, 60]", "[20, 30, 40]", "annotation 1"),
        ("coco", "instances.json", '"image_id": 7', '"image_id": 8', "not listed"),
        ("coco", "instances.json", "a.jpg", "gone.jpg", r"gone\.jpg is missing"),
        ("yolo", "labels/a.txt", "0.25 0.5 0.25", "0.25 0.5", r"a\.txt: line 1"),
        ("yolo", "labels/a.txt", "0 0.25", "0 25", r"a\.txt: line 1.*from 0 to 1"),
    ],
)
def test_a_bad_label_is_named_with_its_place(tmp_path, name, file, old, new, complaint):
    place = WRITERS[name](tmp_path)
    path = tmp_path / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    if complaint is None:  # the picture with the name of the label stands in
        assert len(list(read_labelled(place, name))) == 1
        return
    with pytest.raises(LabelError, match=complaint):
        list(read_labelled(place, name))


def test_a_broken_picture_is_named(tmp_path):
    write_yolo(tmp_path)
    (tmp_path / "images" / "a.png").write_bytes(b"no picture")
    with pytest.raises(LabelError, match=r"a\.png cannot be decoded"):
        list(read_labelled(tmp_path))


def test_a_folder_without_labels_is_said(tmp_path):
    with pytest.raises(TrainingError, match="no labels that are known here"):
        guess(tmp_path)
    with pytest.raises(TrainingError, match="give one of them"):
        list(read_labelled(tmp_path, "coco"))
    with pytest.raises(TrainingError, match="no labelled picture"):
        PixelCache.of(tmp_path, "yolo", tmp_path / "cache")


def test_wider_without_pictures_is_said(tmp_path):
    path = tmp_path / "a" / "b" / "wider_face_train_bbx_gt.txt"
    path.parent.mkdir(parents=True)
    path.write_text("x.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n")
    with pytest.raises(TrainingError, match="no folder `images` or `WIDER_train/images`"):
        list(read_wider(path))


def test_a_turned_ellipse_fits_its_box():
    angle, (a, b) = 0.6, (50.0, 20.0)
    turn = np.linspace(0, 2 * np.pi, 10_000)
    x = a * np.cos(turn) * np.cos(angle) - b * np.sin(turn) * np.sin(angle)
    y = a * np.cos(turn) * np.sin(angle) + b * np.sin(turn) * np.cos(angle)
    box = surround(np.array([[a, b, angle, 0.0, 0.0]]))[0]
    np.testing.assert_allclose(box, [x.min(), y.min(), x.max(), y.max()], atol=1e-3)


def test_the_cache_follows_the_labels(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    write_yolo(data)
    cache = PixelCache.of(data, "auto", tmp_path / "cache")
    assert cache.face_counts.tolist() == [1, 0]
    (data / "labels" / "empty.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert PixelCache.of(data, "auto", tmp_path / "cache").face_counts.tolist() == [1, 1]


@pytest.mark.shared
def test_the_official_ground_truth_is_understood(shared_dir, tmp_path):
    """Its pictures are not there, so the first that is asked for is missing."""
    truth = shared_dir / "reference" / "wider" / "ground_truth" / "wider_face_val.mat"
    copy = tmp_path / truth.name
    copy.write_bytes(truth.read_bytes())
    (tmp_path / "images").mkdir()
    with pytest.raises(LabelError, match=r"0--Parade/.*\.jpg is missing"):
        next(read_wider(copy))
