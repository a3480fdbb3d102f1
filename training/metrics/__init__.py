"""How good a detector is: average precision, recall by face size."""
