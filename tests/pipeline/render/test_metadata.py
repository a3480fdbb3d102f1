"""What a crop says of itself can be read back, and only from what is whole."""

import dataclasses
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SetUpError
from pipeline.inspect_crop import describe, inspect
from pipeline.render import render
from pipeline.render.metadata import BrokenRecord, CropRecord, from_xmp, record_of, to_xmp
from pipeline.render.xmp import LIMIT, BrokenImage, embed, extract
from pipeline.types import Reason
from tests.pipeline.render.scenes import frames_of, job_of, look_of, picture

JOB = job_of((1, 4))
RECORD = record_of(JOB, look_of(1, 4, 0.16, reason=Reason.NEAR_IDENTICAL), (1, 2, 30, 40))
FORMATS = (".jpg", ".png", ".webp")


def image_file(extension: str) -> bytes:
    return bytes(cv2.imencode(extension, picture(3, (31, 17)))[1])


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
def test_a_written_crop_tells_where_it_comes_from(extension: str, tmp_path: Path) -> None:
    job = job_of((1, 4), settings={"video": "none", "format": extension})
    result = render(frames_of(job), job, tmp_path)
    record = inspect(tmp_path / result.crops[1, 2])
    assert (record.source, record.source_sha256) == (job.source, job.source_sha256)
    assert (record.track, record.rank, record.frame) == (1, 2, 4)
    assert (record.time, record.seconds) == (0.16, 0.16)
    assert record.box == job.looks[1].box
    assert record.terms == job.looks[1].terms


def test_times_are_those_of_the_source_and_from_the_first_frame() -> None:
    job = job_of((1, 4), time=np.arange(6) / 25 + 7)
    record = record_of(job, job.looks[1], (0, 0, 1, 1))
    assert (record.time, record.seconds) == (7.16, 0.16)


@given(
    source=st.binary(min_size=1).map(lambda name: name.decode("utf-8", "surrogateescape")),
    weights=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_name_survives(source: str, weights: str) -> None:
    record = dataclasses.replace(RECORD, source=source, weights=weights)
    assert from_xmp(to_xmp(record)) == record


def test_a_packet_that_another_program_has_rewritten_is_read() -> None:
    text = to_xmp(RECORD).decode()
    rewritten = text.replace(' f:frame="4"', "").replace(
        "/>\n</rdf:RDF>", "><f:frame>4</f:frame></rdf:Description>\n</rdf:RDF>"
    )
    assert rewritten != text
    assert from_xmp(rewritten.encode()) == RECORD


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('f:schema="1"', 'f:schema="99"'), "later version"),
        (lambda text: text.replace('f:frame="4"', 'f:frame="x"'), "damaged"),
        (lambda text: text.replace('f:frame="4"', ""), "damaged"),
        (lambda text: text.replace('f:window="1 2 30 40"', 'f:window="1 2"'), "damaged"),
        (lambda text: text.replace("</rdf:RDF>", ""), "damaged"),
        (lambda text: '<!DOCTYPE x [<!ENTITY a "b">]>' + text, "damaged"),
        (lambda text: text.replace("urn:facepics", "urn:other"), "no record"),
    ],
)
def test_a_damaged_record_is_refused(change, message: str) -> None:
    text = to_xmp(RECORD).decode()
    assert change(text) != text
    with pytest.raises(BrokenRecord, match=message):
        from_xmp(change(text).encode())


@pytest.mark.parametrize("extension", FORMATS)
def test_a_packet_changes_no_pixel(extension: str) -> None:
    plain = image_file(extension)
    carrying = embed(plain, b"<packet/>")
    assert extract(plain) is None
    assert extract(carrying) == b"<packet/>"
    before, after = (
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        for data in (plain, carrying)
    )
    assert np.array_equal(before, after)


@pytest.mark.parametrize("extension", FORMATS)
def test_opencv_finds_the_packet_too(extension: str) -> None:
    """A second reader, which looks only at what the specifications say."""
    packet = to_xmp(RECORD)
    data = np.frombuffer(embed(image_file(extension), packet), np.uint8)
    _, kinds, values = cv2.imdecodeWithMetadata(data, flags=cv2.IMREAD_COLOR)
    found = {kind: bytes(value) for kind, value in zip(kinds, values, strict=True)}
    assert packet in found[cv2.IMAGE_METADATA_XMP]


@pytest.mark.parametrize("extension", FORMATS)
def test_no_cut_or_flipped_file_gives_anything_but_its_packet_or_an_error(extension: str) -> None:
    whole = embed(image_file(extension), b"<packet/>")
    random = np.random.default_rng(0)
    hostile = [whole[:length] for length in range(len(whole))]
    for _ in range(2000):
        copy = bytearray(whole)
        copy[random.integers(len(copy))] = random.integers(256)
        hostile.append(bytes(copy))
    outcomes = set()
    for data in hostile:
        try:
            outcomes.add(type(extract(data)))
        except BrokenImage:
            outcomes.add(BrokenImage)
    assert outcomes == {bytes, type(None), BrokenImage}


def test_a_packet_that_swells_is_refused() -> None:
    packed = zlib.compress(b"0" * (LIMIT * 4))
    body = b"iTXtXML:com.adobe.xmp\0\1\0\0\0" + packed
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    plain = image_file(".png")
    with pytest.raises(BrokenImage, match="too large"):
        extract(plain[:33] + chunk + plain[33:])


def test_a_packet_that_no_jpeg_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        embed(image_file(".jpg"), b"x" * 70_000)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("plain.jpg", image_file(".jpg"), "no record"),
        ("cut.png", image_file(".png")[:60], "ends early"),
        ("text\x1b.txt", b"hello", "no JPEG, PNG or WebP"),
        ("empty.jpg", b"", "no JPEG, PNG or WebP"),
    ],
)
def test_inspecting_something_else_is_one_clear_error(
    name: str, data: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SetUpError, match=message) as error:
        inspect(path)
    assert "\x1b" not in str(error.value)


def test_inspecting_what_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SetUpError, match="No such file"):
        inspect(tmp_path / "none.jpg")


def test_a_description_names_everything_and_steers_no_terminal() -> None:
    text = describe(dataclasses.replace(RECORD, source="a\x1b[2J.mp4"))
    assert "\x1b" not in text
    for part in ("near identical", "track    1, rank 1", "0.160 s", "0.1.0", "faceboxes"):
        assert part in text


def test_every_field_of_the_record_is_described() -> None:
    marks = {
        field.name: f"<{field.name}>"
        for field in dataclasses.fields(CropRecord)
        if field.type == "str"
    }
    text = describe(dataclasses.replace(RECORD, **marks))
    assert all(mark in text for mark in marks.values())
