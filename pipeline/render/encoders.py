"""What encodes H.264: x264, or a graphics card's encoder on request.

x264 gives the same bytes each time. Those of graphics cards are faster and differ from card to
card and from driver to driver; whether one works here is seen only by using it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

import av
import cv2
from av.video.codeccontext import VideoCodecContext

from pipeline.errors import SetUpError
from pipeline.settings import RenderSettings

HARDWARE: Final = ("nvenc", "qsv", "amf")
"""Of NVIDIA, Intel and AMD."""

# One thread gives the same bytes each time. B-frames would save a quarter of the size, but players
# disagree on when such a video ends if its times are uneven, and they need a delay that old ones
# ignore. A look-ahead of ten frames makes no smaller videos of the same likeness than one of five,
# and takes a tenth more of all memory at 4K.
_X264: Final = "threads=1:bframes=0:rc-lookahead=5"
# x264 (core 165) reads memory that it never wrote in its AVX-512 code for mbtree, and gives other
# bytes from time to time; with AVX2 it gives those that all other processors give.
_NO_AVX512: Final = ":asm=avx2"
_CPU_AVX512_SKX: Final = 256  # OpenCV's number, which its Python module does not name
_TRIED_SIZE: Final = (320, 240)


@dataclass(frozen=True, slots=True)
class Encoder:
    """How FFmpeg is asked for one."""

    codec: str
    pixel_format: str
    """That it reads; pictures come as yuv420p."""
    options: Mapping[str, str]


def choose_encoder(settings: RenderSettings) -> Encoder:
    """Return the encoder that the settings name, set to their quality."""
    quality = str(settings.crf)
    match settings.encoder:
        case "nvenc":
            return Encoder("h264_nvenc", "yuv420p", {"rc": "constqp", "qp": quality, "bf": "0"})
        case "qsv":
            return Encoder("h264_qsv", "nv12", {"global_quality": quality, "bf": "0"})
        case "amf":
            options = {"rc": "cqp", "qp_i": quality, "qp_p": quality, "bf": "0"}
            return Encoder("h264_amf", "nv12", options)
    parameters = _X264 + (_NO_AVX512 if cv2.checkHardwareSupport(_CPU_AVX512_SKX) else "")
    options = {"preset": settings.preset, "crf": quality, "x264-params": parameters}
    return Encoder("libx264", "yuv420p", options)


@cache
def try_out(name: str) -> None:
    """Encode a picture.

    Raises:
        SetUpError: The encoder cannot be used here.
    """
    encoder = choose_encoder(RenderSettings(encoder=name))
    try:
        codec = av.CodecContext.create(encoder.codec, "w")
        assert isinstance(codec, VideoCodecContext)
        codec.width, codec.height = _TRIED_SIZE
        codec.pix_fmt, codec.time_base = encoder.pixel_format, Fraction(1, 25)
        codec.options = dict(encoder.options)
        frame = av.VideoFrame(*_TRIED_SIZE, encoder.pixel_format)
        frame.pts = 0
        packets = [*codec.encode(frame), *codec.encode(None)]
    except Exception as error:  # of whatever type: drivers fail in many ways
        reason = getattr(error, "strerror", None) or error
        raise SetUpError(
            f"the encoder {name} cannot be used here ({reason}): use --encoder x264, or mend the "
            "driver of the graphics card"
        ) from error
    if not packets:
        raise SetUpError(f"the encoder {name} gives nothing here: use --encoder x264")
