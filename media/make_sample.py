"""Make the sample: ``sample.mp4`` and, beside it, its true face tracks ``sample.tracks.txt``.

Two public-domain portraits that Python packages ship are cut out and moved over painted
backgrounds, so that every face's true place is known in every frame. ``README.md`` in this folder
tells what happens when, and where the portraits come from.

    python media/make_sample.py [FOLDER]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from sample_people import Figure
from sample_play import CUT, FRAMES, Pose, Role, play

Floats = NDArray[np.float32]

WIDTH, HEIGHT, RATE = 1280, 720, 25
BEEPS = (25, 75, 125, 175, 225, 275)
"""Frames at which a beep starts and the lamp in the corner goes on."""
BEEP_FRAMES = 4
SAMPLE_RATE = 48000
SHUTTER = 0.5
"""How long the shutter is open, in frames: gives natural motion blur."""
CLEAR, HINTED = 0.5, 0.1
"""Visible parts of a face from which it must be found, and from which it may be."""


def smooth(t: Floats) -> Floats:
    """Rise from 0 to 1 without a corner."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


# Painting -----------------------------------------------------------------------------------------


def evening(rng: np.random.Generator) -> Floats:
    """Paint the first shot's background: lights out of focus, (h, w, 3) 0..255."""
    width, height = WIDTH + 240, HEIGHT + 80
    y, x = np.mgrid[:height, :width].astype(np.float32)
    t = (y / height)[..., None]
    plate = np.float32([92, 52, 40]) * (1 - t) + np.float32([70, 66, 104]) * t
    for _ in range(70):
        radius, strength = rng.uniform(12, 60), rng.uniform(0.1, 0.5)
        cx, cy = rng.uniform(0, width), height * rng.beta(2, 2.4)
        colour = np.array([(90, 170, 255), (70, 110, 240), (230, 180, 120), (200, 220, 250)])
        edge = smooth((radius - np.hypot(x - cx, y - cy)) / (radius * 0.25))
        plate += (strength * edge)[..., None] * colour[rng.integers(4)].astype(np.float32) * 0.6
    return grain(plate, rng)


def daylight(rng: np.random.Generator) -> Floats:
    """Paint the second shot's background: a wall with window light, (h, w, 3) 0..255."""
    width, height = WIDTH + 240, HEIGHT + 80
    y, x = np.mgrid[:height, :width].astype(np.float32)
    t = (y / height)[..., None]
    plate = np.float32([168, 196, 206]) * (1 - t) + np.float32([120, 150, 170]) * t
    for left, right in ((0.1, 0.32), (0.38, 0.6), (0.66, 0.88)):
        u = (x + 0.45 * y) / width
        bar = smooth((u - left) / 0.03) * smooth((right - u) / 0.03)
        bar *= smooth((y / height - 0.08) / 0.05) * smooth((0.86 - y / height) / 0.05)
        plate += bar[..., None] * np.float32([30, 42, 48])
    return grain(plate, rng)


def grain(plate: Floats, rng: np.random.Generator) -> Floats:
    """Roughen a plate like plaster, coarse and fine."""
    height, width = plate.shape[:2]
    for sigma, strength in ((12.0, 2.5), (1.2, 1.5)):
        noise = cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), sigma)
        plate = plate + strength * (noise / noise.std())[..., None]
    return np.clip(plate, 0, 255)


def view(plate: Floats, progress: float) -> Floats:
    """Return the (720, 1280, 3) part of a plate that the gently moving camera sees."""
    dx, dy = 30 + 160 * progress, 40 + 20 * np.sin(6 * progress)
    shift = np.float32([[1, 0, -dx], [0, 1, -dy]])
    return cv2.warpAffine(plate, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)


def drawn(figure: Figure, pose: Pose) -> Floats:
    """Return the figure in its pose, (720, 1280, 4) 0..255, colours multiplied by alpha."""
    scale = pose.size / (2 * max(figure.half))
    level = min(max(int(np.log2(1 / scale)), 0), len(figure.levels) - 1)
    scale *= 2**level
    cx, cy = (c / 2**level for c in figure.centre)
    turn = cv2.getRotationMatrix2D((cx, cy), -pose.angle, scale)
    turn[:, 2] += (pose.x - cx, pose.y - cy)
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    layer = cv2.warpAffine(figure.levels[level], turn, (WIDTH, HEIGHT), flags=how)
    return layer.astype(np.float32)


def exposed(role: Role, frame: int) -> Floats:
    """Return the figure as the open shutter sees it: the mean of several moments."""
    moments = frame + SHUTTER * (np.arange(4) - 1.5) / 4
    return np.mean([drawn(role.figure, role.pose(m)) for m in moments], axis=0, dtype=np.float32)


def lamp(picture: Floats, lit: bool) -> None:
    """Draw the lamp that shows the beeps to the eye."""
    spot = np.zeros(picture.shape[:2], np.float32)
    cv2.circle(spot, (WIDTH - 36, HEIGHT - 36), 14, 1.0, -1, cv2.LINE_AA)
    colour = np.float32([235, 250, 255] if lit else [60, 60, 64])
    picture += (spot * (0.95 if lit else 0.5))[..., None] * (colour - picture)


@dataclass(frozen=True)
class TruthRow:
    """One line of the truth."""

    frame: int
    track_id: int
    box: tuple[float, float, float, float]
    """x1, y1, x2, y2, clipped to the picture."""
    visible: float

    def line(self) -> str:
        """Return the row in MOTChallenge form: frames from 1; conf 0 where it may be missed."""
        x1, y1, x2, y2 = self.box
        conf = int(self.visible >= CLEAR)
        place = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
        return f"{self.frame + 1},{self.track_id},{place},{conf},1,{self.visible:.2f}"


def truth(role: Role, frame: int, nearer: Floats) -> TruthRow:
    """Return where the face is, and how much of it shows past what is ``nearer`` (alpha 0..1)."""
    pose, (a, b) = role.pose(frame), role.figure.half
    scale, turn = pose.size / (2 * max(a, b)), np.radians(pose.angle)
    # The face fills the ellipse inside its box; a turned ellipse has this box:
    wide = scale * np.hypot(a * np.cos(turn), b * np.sin(turn))
    high = scale * np.hypot(a * np.sin(turn), b * np.cos(turn))
    v, u = np.mgrid[-1:1:41j, -1:1:41j]
    u, v = scale * a * u[u**2 + v**2 <= 1], scale * b * v[u**2 + v**2 <= 1]
    px = np.rint(pose.x + u * np.cos(turn) - v * np.sin(turn)).astype(int)
    py = np.rint(pose.y + u * np.sin(turn) + v * np.cos(turn)).astype(int)
    inside = (px >= 0) & (px < WIDTH) & (py >= 0) & (py < HEIGHT)
    shows = nearer[py.clip(0, HEIGHT - 1), px.clip(0, WIDTH - 1)] < 0.5
    box = np.array([pose.x - wide, pose.y - high, pose.x + wide, pose.y + high])
    x1, y1, x2, y2 = np.clip(box, 0, (WIDTH, HEIGHT, WIDTH, HEIGHT)).tolist()
    return TruthRow(frame, role.track_id(frame), (x1, y1, x2, y2), float((inside & shows).mean()))


def frames() -> Iterator[tuple[NDArray[np.uint8], list[TruthRow]]]:
    """Yield each picture, (720, 1280, 3) uint8 BGR, with the truth about it."""
    first, second = play()
    shots = ((0, CUT, first, evening), (CUT, FRAMES, second, daylight))
    for start, stop, roles, paint in shots:
        plate = paint(np.random.default_rng(start))
        for frame in range(start, stop):
            picture = view(plate, (frame - start) / (stop - start))
            rows = act(picture, roles, frame)
            lamp(picture, any(0 <= frame - beep < BEEP_FRAMES for beep in BEEPS))
            yield np.clip(picture.round(), 0, 255).astype(np.uint8), rows


def act(picture: Floats, roles: tuple[Role, ...], frame: int) -> list[TruthRow]:
    """Draw the roles into the picture, the far ones first; return what is true of them."""
    near_first = sorted(roles, key=lambda role: -role.pose(frame).size)
    layers = [exposed(role, frame) for role in near_first]
    covered = np.zeros((HEIGHT, WIDTH), np.float32)
    rows = []
    for role, layer in zip(near_first, layers, strict=True):
        rows.append(truth(role, frame, covered))
        covered = np.maximum(covered, layer[..., 3] / 255)
    for layer in reversed(layers):
        picture *= 1 - layer[..., 3:] / 255
        picture += layer[..., :3]
    return [row for row in rows if row.visible >= HINTED]


# Sound and file -----------------------------------------------------------------------------------


def sound() -> Floats:
    """Return the sound, (samples,) -1..1: a quiet tone, and a beep from each of BEEPS on."""
    t = np.arange(FRAMES * SAMPLE_RATE // RATE) / SAMPLE_RATE
    wave = 0.01 * np.sin(2 * np.pi * 220 * t)
    for beep in BEEPS:
        on = (t >= beep / RATE) & (t < (beep + BEEP_FRAMES) / RATE)
        wave[on] += 0.3 * np.sin(2 * np.pi * 1000 * t[on])
    return wave.astype(np.float32)


def write(folder: Path) -> None:
    """Write both files into ``folder``."""
    wave, per_frame = sound(), SAMPLE_RATE // RATE
    rows: list[TruthRow] = []
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(folder / "sample.mp4"), "w", options=options) as container:
        video, audio = add_video(container), add_audio(container)
        for index, (picture, true) in enumerate(frames()):
            rows += true
            container.mux(video.encode(video_frame(picture, index)))
            samples = wave[index * per_frame : (index + 1) * per_frame]
            container.mux(audio.encode(audio_frame(samples, index * per_frame)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    rows.sort(key=lambda row: (row.frame, row.track_id))
    lines = "".join(row.line() + "\n" for row in rows)
    (folder / "sample.tracks.txt").write_text(lines, encoding="ascii")


def add_video(container: av.container.OutputContainer) -> av.VideoStream:
    """Add the video stream. One thread: x264's output depends on how many there are."""
    options = {"preset": "slow", "crf": "20", "threads": "1", "flags": "+bitexact"}
    stream = container.add_stream("libx264", rate=RATE, options=options)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context = stream.codec_context
    context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
    context.color_range = 1
    return stream


def add_audio(container: av.container.OutputContainer) -> av.AudioStream:
    """Add the audio stream."""
    options = {"flags": "+bitexact"}
    stream = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", options=options)
    stream.bit_rate = 64000
    return stream


def video_frame(picture: NDArray[np.uint8], index: int) -> av.VideoFrame:
    """Wrap a picture."""
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
    frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    frame.pts, frame.time_base = index, Fraction(1, RATE)
    return frame


def audio_frame(samples: Floats, start: int) -> av.AudioFrame:
    """Wrap a stretch of sound that begins at sample ``start``."""
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
    return frame


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
