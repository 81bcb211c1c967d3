// The client lands with its own branch.
