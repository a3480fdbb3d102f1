"""Spoil pixels as cameras, light and encoders do; boxes stay where they are.

Reference:
    Howard, Some Improvements on Deep Convolutional Neural Network Based Image Classification,
    2013, arXiv:1312.5402 (colour distortion, as used by the FaceBoxes paper, section 3.4).
"""

from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.random import Generator

from training.datasets import Boxes, Image


def spoil(image: Image, rng: Generator) -> Image:
    """Apply each fault with its own small probability to an (H, W, 3) BGR picture."""
    if rng.random() < 0.35:
        image = change_tone(image, rng)
    if rng.random() < 0.25:
        image = change_colour(image, rng)
    if rng.random() < 0.04:
        image = cv2.merge([cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)] * 3).astype(np.uint8)
    if rng.random() < 0.25:
        image = blur(image, rng)
    if rng.random() < 0.05:
        image = add_noise(image, rng)
    if rng.random() < 0.15:
        image = compress(image, rng)
    elif rng.random() < 0.06:
        image = compress_as_video(image, rng)
    return image


def change_tone(image: Image, rng: Generator) -> Image:
    """Change gamma, contrast and brightness by one table; one time in six to near darkness."""
    gamma, gain = np.exp(rng.uniform(-0.35, 0.35)), np.exp(rng.uniform(-0.35, 0.35))
    if rng.random() < 1 / 6:
        gamma, gain = gamma * rng.uniform(1.2, 2.0), gain * rng.uniform(0.4, 0.9)
    levels = np.linspace(0, 1, 256) ** gamma
    table = ((levels - 0.5) * gain + 0.5 * min(gain, 1.0)) * 255 + rng.uniform(-24, 24)
    return cv2.LUT(image, table.clip(0, 255).astype(np.uint8)).astype(np.uint8)


def change_colour(image: Image, rng: Generator) -> Image:
    """Turn the hue by up to 20 degrees and scale the saturation."""
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
    turn = rng.uniform(-10, 10)  # OpenCV counts hue in half degrees, 0 to 179
    hue_table = ((np.arange(256) + turn) % 180).astype(np.uint8)
    stretched = (np.arange(256) * np.exp(rng.uniform(-0.7, 0.5))).clip(0, 255).astype(np.uint8)
    channels = [cv2.LUT(hue, hue_table), cv2.LUT(saturation, stretched), value]
    return cv2.cvtColor(cv2.merge(channels), cv2.COLOR_HSV2BGR).astype(np.uint8)


def blur(image: Image, rng: Generator) -> Image:
    """Defocus, motion, or loss of resolution."""
    kind = rng.integers(4)
    if kind == 0:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)).astype(np.uint8)
    if kind == 1:
        length = int(rng.integers(2, 7))
        kernel = np.eye(length) if rng.random() < 0.3 else np.ones((1, length))
        if rng.random() < 0.5:
            kernel = np.rot90(kernel)
        return cv2.filter2D(image, -1, kernel / kernel.sum()).astype(np.uint8)
    height, width = image.shape[:2]
    factor = rng.uniform(0.35, 0.9)
    squeeze = np.exp(rng.uniform(-0.5, 0.5)) if rng.random() < 0.5 else 1.0  # anamorphic pictures
    across, down = min(factor * squeeze, 1.0), min(factor / squeeze, 1.0)
    small = cv2.resize(image, None, fx=across, fy=down, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def add_noise(image: Image, rng: Generator) -> Image:
    """Add the grain of a sensor."""
    grain = rng.normal(0, rng.uniform(2, 12), image.shape[:2]).astype(np.int16)
    return (image.astype(np.int16) + grain[..., None]).clip(0, 255).astype(np.uint8)


def compress(image: Image, rng: Generator) -> Image:
    """Pass through JPEG at quality 25 to 85."""
    quality = int(rng.integers(25, 86))
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def compress_as_video(image: Image, rng: Generator) -> Image:
    """Pass through H.264 at a constant rate factor of 26 to 42; height and width are even."""
    height, width = image.shape[:2]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    rate_factor = str(rng.integers(26, 43))
    encoder.options = {"preset": "ultrafast", "crf": rate_factor, "threads": "1"}
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoder = av.CodecContext.create("h264", "r")
    (decoded,) = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return np.asarray(decoded.to_ndarray(format="bgr24"), np.uint8)


def hide_parts(image: Image, boxes: Boxes, rng: Generator) -> Image:
    """Lay something over part of some faces (N, 4): from one side, up to half of the box.

    Reference: Zhong et al., Random Erasing Data Augmentation, 2017, arXiv:1708.04896; here other
    parts of the picture cover faces, as hands, hats and shoulders of others do.
    """
    image = image.copy()
    for box in boxes[rng.random(len(boxes)) < 0.15]:
        x1, y1, x2, y2 = box.round().astype(int).tolist()
        share, side = rng.uniform(0.15, 0.5), rng.integers(4)
        if side < 2:
            part = round((x2 - x1) * share)
            x1, x2 = (x1, x1 + part) if side == 0 else (x2 - part, x2)
        else:
            part = round((y2 - y1) * share)
            y1, y2 = (y1, y1 + part) if side == 2 else (y2 - part, y2)
        width, height = x2 - x1, y2 - y1
        y = rng.integers(image.shape[0] - height + 1)
        x = rng.integers(image.shape[1] - width + 1)
        image[y1:y2, x1:x2] = image[y : y + height, x : x + width].copy()
    return image
