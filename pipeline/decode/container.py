"""Open a file that nobody has checked, so that it can harm nobody, and choose its streams.

What is guarded against, and how:

- links, devices, pipes and files that are exchanged under our feet: the file is opened once,
  without following a link and without blocking, and only regular files are read. All demuxers
  then read this one descriptor;
- playlists and references that make FFmpeg open other files or the network: the content tells
  them, the list of allowed formats leaves them out, and every nested open is denied;
- pictures, streams and tables that are larger than the limits;
- exceptions whose type says nothing (FFmpeg reports a corrupt Ogg as a missing permission): an
  error is classified by the phase in which it occurs.

FFmpeg can still crash, hang or eat memory on a hostile file: run it in a process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from io import FileIO
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pipeline.errors import LimitExceeded, NotAVideo, Refused, Unreadable
from pipeline.settings import DecodeSettings

FORMATS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,kux,asf,ogg,mxf,gxf,wtv,rm,nut,dv,dhav,gif,apng,"
    "h261,h263,h264,hevc,vvc,m4v,vc1,av1,obu,ivf,mjpeg,yuv4mpegpipe"
)
"""FFmpeg's names of what is read: video files and elementary streams. Left out on purpose: all
that names other files or hosts, still pictures, text drawn as pictures, and game formats."""

PATIENCE = 60.0
"""Seconds that opening or one packet may take: room for a disk that wakes up on a busy machine.
No deadline: FFmpeg does not always ask."""

_BUFFER = 1 << 18
_HEAD = 4096

_REFERENCES = (
    (b"#extm3u", b"", "a playlist (HLS)"),
    (b"ffconcat version", b"", "a list of files to join (ffconcat)"),
    (b"v=0", b"\nm=", "a session description (SDP)"),
    (b"[playlist]", b"", "a playlist (PLS)"),
    (b"<", b"<mpd", "a streaming manifest (DASH)"),
    (b"<", b"<smoothstreamingmedia", "a streaming manifest"),
    (b"<", b"<smil", "a playlist (SMIL)"),
    (b"<", b"<asx", "a playlist (ASX)"),
)
"""How files begin that only refer to others, and what else that beginning holds; lower case."""

_SIGNATURES = (
    (4, (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    (0, (b"\x1aE\xdf\xa3", b"FLV\x01", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"OggS", b"GIF8")),
    (0, (b"\0\0\x01\xba", b"\0\0\x01\xb3")),
    (8, (b"AVI ",)),
)
"""Offset, and what stands there in files that are meant to be videos."""

_STILLS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif")
"""Brands of files that are built like MP4, but hold photographs."""


class Reader:
    """Read an open file from a place of its own, so that several demuxers can share it."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._place = 0
        self.error: OSError | None = None
        """Why the disk could not be read; demuxers tell it in words of their own, or not at all."""

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes; none at the end of the file."""
        try:
            data = os.pread(self._file.fileno(), size, self._place)
        except OSError as error:
            self.error = error
            raise
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as ``io.IOBase.seek`` does, and return the new place."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place}
        start = base[whence] if whence in base else os.fstat(self._file.fileno()).st_size
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        """Return the place of the next read."""
        return self._place


def open_container(file: FileIO, settings: DecodeSettings) -> InputContainer:
    """Open a demuxer on an open file; the caller closes it.

    Raises:
        NotAVideo: the content is of no format that holds videos.
        Unreadable: it begins like a video, but is broken or cut off; or the disk cannot be read.
        Refused: it refers to other files or to the network.
        LimitExceeded: it has too many streams, or needs too much memory.
    """
    head = _head(file)
    _refuse_references(head)
    if head[4:8] == b"ftyp" and head[8:12] in _STILLS:
        raise NotAVideo("a still picture")
    reader, denied = Reader(file), list[str]()
    try:
        container = _demuxer(reader, settings, denied)
    except MemoryError as error:  # also FFmpeg's word for "more streams than max_streams"
        raise LimitExceeded("the file has too many streams or needs too much memory") from error
    except Exception as error:  # of whatever type: see above
        if denied:
            raise Refused("the file refers to other files, which are not opened") from error
        if reader.error is not None:
            raise _not_read(reader.error) from error
        raise _not_opened(head) from error
    if len(container.streams) > settings.max_streams:
        container.close()
        raise LimitExceeded(f"the file has more than {settings.max_streams} streams")
    return container


def _head(file: FileIO) -> bytes:
    """Return how a file begins; raises Unreadable."""
    try:
        return os.pread(file.fileno(), _HEAD, 0)
    except OSError as error:
        raise _not_read(error) from error


def _demuxer(reader: Reader, settings: DecodeSettings, denied: list[str]) -> InputContainer:
    """Open a demuxer, and note in ``denied`` what else it asks to open."""

    def deny(url: str, *_: object) -> Any:
        denied.append(url)
        raise PermissionError(url)

    return av.open(
        reader,
        mode="r",
        options={
            "format_whitelist": FORMATS,
            "protocol_whitelist": "",
            "max_streams": str(settings.max_streams + 1),
        },
        io_open=deny,
        metadata_errors="replace",
        timeout=PATIENCE,
        buffer_size=_BUFFER,
    )


def _refuse_references(head: bytes) -> None:
    """Raise Refused if the first bytes are those of a file that only names others."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, within, kind in _REFERENCES:
        if text.startswith(start) and within in text:
            raise Refused(f"{kind}, not a video; give the videos that it names instead")


def _not_read(error: OSError) -> Unreadable:
    return Unreadable(f"the file cannot be read: {error.strerror}")


def _not_opened(head: bytes) -> NotAVideo | Unreadable:
    """Return the error for content that no demuxer took."""
    if any(head[offset:].startswith(marks) for offset, marks in _SIGNATURES):
        return Unreadable("the file begins like a video, but is broken or cut off")
    return NotAVideo("not a video" if head else "the file is empty")


def choose_video(container: InputContainer, settings: DecodeSettings) -> VideoStream:
    """Return the stream with the most picture: pixels times seconds.

    Where streams are equal, the one that the file marks as default, else the first. Cover
    pictures and thumbnails do not count.

    Raises:
        NotAVideo: there is no video stream.
        Unreadable: there is no decoder for any of them.
        LimitExceeded: its pictures are larger than the limit.
    """
    streams = video_streams(container)
    if not streams:
        raise NotAVideo("no moving pictures in the file")
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise Unreadable("there is no decoder for the codec of the video")
    best = max(known, key=_amount)
    if best.width * best.height > settings.max_megapixels * 1e6:
        raise too_large(best.width, best.height)
    return best


def too_large(width: int, height: int) -> LimitExceeded:
    """Return the error for pictures with more pixels than the settings allow."""
    return LimitExceeded(f"the pictures are too large: {width}x{height} (--max-megapixels)")


def video_streams(container: InputContainer) -> Sequence[VideoStream]:
    """Return the streams that hold moving pictures, whether or not they can be decoded."""
    no_video = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return [stream for stream in container.streams.video if not stream.disposition & no_video]


def choose_audio(container: InputContainer, video: VideoStream) -> AudioStream | None:
    """Return the audio stream that belongs to ``video``, where there is one that is known."""
    audio = container.streams.best("audio", related=video)
    return audio if isinstance(audio, AudioStream) and audio.codec_context is not None else None


def _amount(stream: VideoStream) -> tuple[Fraction, bool, int]:
    """Return how much there is to see in a stream, to compare with those of the same file."""
    seconds = (stream.duration or 0) * (stream.time_base or 0)
    pixels = stream.width * stream.height
    default = bool(stream.disposition & Disposition.default)
    return pixels * Fraction(seconds or 1), default, -stream.index
