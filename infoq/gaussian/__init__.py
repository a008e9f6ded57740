"""Weight space and function space: Gaussian outcomes of what an embedding measures."""
