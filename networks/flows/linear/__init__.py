"""Linear layers of flows, with orthogonal, triangular and Fourier factors."""
