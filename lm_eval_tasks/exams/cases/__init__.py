"""Questions on one case, published with it only in the first, or elsewhere."""
