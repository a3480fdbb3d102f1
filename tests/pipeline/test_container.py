"""Opening: content decides, nothing else is opened, and errors say what is wrong."""

import contextlib
import errno
import os
import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.decode import container
from pipeline.decode.container import Reader
from pipeline.errors import NotAVideo, Refused, Unreadable, VideoError
from pipeline.sources import open_file
from tests.pipeline.video_files import opened, write_video

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n"
SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n"
MPD = '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>'


REFERENCES = [
    (HLS, "HLS"),
    ("\ufeff" + HLS, "HLS"),
    ("ffconcat version 1.0\nfile {}\n", "ffconcat"),
    (SDP, "SDP"),
    (MPD, "DASH"),
    ("[playlist]\nFile1={}\n", "PLS"),
    ("<smil><body><video src='{}'/></body></smil>", "SMIL"),
    ("<asx version='3.0'><entry><ref href='{}'/></entry></asx>", "ASX"),
]


@pytest.mark.parametrize(("text", "kind"), REFERENCES)
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8"])
def test_references_are_refused_whatever_their_name(
    tmp_path: Path, text: str, kind: str, name: str
) -> None:
    path = tmp_path / name
    path.write_text(text.format(write_video(tmp_path / "other.ts", 3)))
    with pytest.raises(Refused, match=kind):
        opened(path)


@pytest.mark.parametrize(("text", "kind"), REFERENCES)
def test_the_list_of_formats_alone_would_keep_references_out(
    tmp_path: Path, text: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_REFERENCES", ())
    write_video(tmp_path / "other.ts", 3)
    path = tmp_path / "list.mp4"
    path.write_text(text.format("other.ts"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotAVideo):
        opened(path)


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(write_video(tmp_path / "a.mp4", 3))
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "zero.mp4").symlink_to("/dev/zero")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for name in ("link", "loop", "zero", "folder", "pipe"):
        with pytest.raises(Refused):
            opened(tmp_path / f"{name}.mp4")
    with pytest.raises(Refused):
        opened(Path("/dev/zero"))


def test_a_file_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        opened(tmp_path / "gone.mp4")


def still(suffix: str) -> bytes:
    done, data = cv2.imencode(suffix, np.full((32, 32, 3), 90, np.uint8))
    assert done
    return data.tobytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        bytes(65536),
        b"hello world, this is not a video\n" * 100,
        np.random.default_rng(1).bytes(1 << 17),
        b"PK\x05\x06" + bytes(18),
        b"WEBVTT\n\n00:00.000 --> 00:01.000\nhi\n",
        still(".png"),
        still(".jpg"),
        still(".webp"),
        still(".bmp"),
        struct.pack(">I4s4sI4s", 24, b"ftyp", b"heic", 0, b"mif1") + bytes(500),
    ],
)
def test_other_content_is_no_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(NotAVideo):
        opened(path)


@pytest.mark.parametrize("readable", [0, container._HEAD])
def test_a_disk_that_cannot_be_read_is_no_word_about_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readable: int
) -> None:
    path = write_video(tmp_path / "a.ts", 3)
    pread = os.pread

    def fail(descriptor: int, size: int, place: int) -> bytes:
        if place + size > readable:
            raise OSError(errno.EIO, "Input/output error")
        return pread(descriptor, size, place)

    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(Unreadable, match="cannot be read: Input/output error"):
        opened(path)


def test_half_a_video_is_told_from_no_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 12)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])  # its index is at the end
    with pytest.raises(Unreadable, match="cut off"):
        opened(path)


def test_an_unknown_codec_is_unreadable(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 3)
    data = path.read_bytes()
    assert data.count(b"avc1") >= 1
    path.write_bytes(data.replace(b"avc1", b"ZZZZ").replace(b"avcC", b"zzzC"))
    with pytest.raises(Unreadable, match="no decoder"):
        opened(path)


@pytest.mark.parametrize(
    "name",
    [
        b"a:b.mp4",
        b"concat:a|b.mp4",
        b"pipe:0",
        b"http:x.mp4",
        b"-rf.mp4",
        b"new\nline.mp4",
        b"bad-\xff\xfe.mp4",
        b"img%03d.mp4",
        b"glob*?[a].mp4",
        b"n" * 255,
        b"noextension",
        b"text.txt",
    ],
)
def test_any_name_will_do(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(write_video(tmp_path / "a.mp4", 3).read_bytes())
    with opened(path) as video:
        assert len(list(video.frames())) == 3


def test_a_tag_that_is_not_text_does_no_harm(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 3)
    data = path.read_bytes()
    assert data.count(b"Lavf") == 1  # the name of the writer is a tag
    path.write_bytes(data.replace(b"Lavf", b"\xff\xfe\xfd\xfc"))
    with opened(path) as video:
        assert len(list(video.frames())) == 3


@pytest.mark.parametrize("part", range(1, 20))
def test_no_truncation_of_a_header_ends_in_another_error(tmp_path: Path, part: int) -> None:
    path = write_video(tmp_path / "a.mkv", 3, codec="ffv1")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * part // 20])
    with contextlib.suppress(VideoError), opened(path) as video:
        assert len(list(video.frames())) <= 3


@pytest.mark.parametrize("key", range(12))
def test_an_encrypted_video_is_unreadable_also_where_some_noise_decodes(
    tmp_path: Path, key: int
) -> None:
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": f"{key:032x}",
        "encryption_kid": "1" * 32,
    }
    with av.open(str(tmp_path / "a.mp4"), "w", options=options) as file:
        stream = file.add_stream("libx264", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in range(50):
            pixels = np.full((48, 64, 3), 4 * level, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode(None))
    with pytest.raises(Unreadable, match="encrypted"), opened(tmp_path / "a.mp4"):
        pass


def test_readers_of_one_file_keep_their_places(tmp_path: Path) -> None:
    path = tmp_path / "digits"
    path.write_bytes(b"0123456789")
    with open_file(path) as file:
        one, two = Reader(file), Reader(file)
        assert one.read(4) == b"0123"
        assert two.read(2) == b"01"
        assert one.read(2) == b"45"
        assert two.seek(-3, os.SEEK_END) == 7
        assert two.seek(1, os.SEEK_CUR) == 8
        assert two.read(9) == b"89"
        assert two.read(9) == b""
        assert one.tell() == 6
    with pytest.raises(ValueError, match="closed"):
        one.read(1)
