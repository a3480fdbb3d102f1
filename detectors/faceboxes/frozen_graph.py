"""Just enough of protocol buffers to read the weights in a TensorFlow graph, without TensorFlow.

Reference: the wire format, protobuf.dev/programming-guides/encoding; the messages GraphDef,
NodeDef, AttrValue, TensorProto and TensorShapeProto of tensorflow/core/framework.
"""

from collections import defaultdict
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Numbers of the fields that are read, message by message.
GRAPH_NODE: Final = 1
NODE_NAME, NODE_OP, NODE_ATTRIBUTE = 1, 2, 5
PAIR_KEY, PAIR_VALUE = 1, 2
ATTRIBUTE_TENSOR: Final = 8
TENSOR_TYPE, TENSOR_SHAPE, TENSOR_CONTENT = 1, 2, 4
SHAPE_DIMENSION: Final = 2
DIMENSION_SIZE: Final = 1
FLOAT32: Final = 1


def read_constants(graph: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the float32 arrays in a serialised GraphDef by the names of their nodes.

    Raises:
        ValueError: The bytes are no GraphDef.
    """
    try:
        nodes = [_Message(node) for node in _Message(graph).parts[GRAPH_NODE]]
        constants = [node for node in nodes if node.parts[NODE_OP] == [b"Const"]]
        tensors = {node.parts[NODE_NAME][0].decode(): _tensor(node) for node in constants}
    except IndexError as error:
        raise ValueError("cut short") from error
    return {
        name: _array(tensor)
        for name, tensor in tensors.items()
        if tensor.numbers[TENSOR_TYPE] == [FLOAT32] and tensor.parts[TENSOR_CONTENT]
    }


class _Message:
    """The fields of one message: whole numbers, and parts (text, bytes, nested messages)."""

    def __init__(self, data: bytes) -> None:
        self.numbers: defaultdict[int, list[int]] = defaultdict(list)
        self.parts: defaultdict[int, list[bytes]] = defaultdict(list)
        fixed = {1: 8, 5: 4}  # bytes of the two wire types of fixed length
        at = 0
        while at < len(data):
            key, at = _varint(data, at)
            number, wire = key >> 3, key & 7
            if wire == 0:
                value, at = _varint(data, at)
                self.numbers[number].append(value)
                continue
            length, at = (fixed[wire], at) if wire in fixed else _length(data, at, wire)
            if at + length > len(data):
                raise ValueError("cut short")
            self.parts[number].append(data[at : at + length])
            at += length


def _length(data: bytes, at: int, wire: int) -> tuple[int, int]:
    """Read the length of a part and the place where it begins."""
    if wire != 2:
        raise ValueError(f"unknown wire type {wire}")
    return _varint(data, at)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, low ones first, and the place behind it."""
    value = shift = 0
    while data[at] >= 0x80:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return value | data[at] << shift, at + 1


def _tensor(constant: _Message) -> _Message:
    """Open the attribute `value` of a constant."""
    pairs = [_Message(pair) for pair in constant.parts[NODE_ATTRIBUTE]]
    (value,) = (pair for pair in pairs if pair.parts[PAIR_KEY] == [b"value"])
    return _Message(_Message(value.parts[PAIR_VALUE][0]).parts[ATTRIBUTE_TENSOR][0])


def _array(tensor: _Message) -> NDArray[np.float32]:
    dimensions = _Message(tensor.parts[TENSOR_SHAPE][0]).parts[SHAPE_DIMENSION]
    shape = [_Message(dimension).numbers[DIMENSION_SIZE][0] for dimension in dimensions]
    return np.frombuffer(tensor.parts[TENSOR_CONTENT][0], "<f4").reshape(shape)
