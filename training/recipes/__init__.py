"""One file per network: what is learned, from what, with which loss."""
