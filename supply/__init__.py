"""What the product is made of, for those who watch over it: `make audit`."""
