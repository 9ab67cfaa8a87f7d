"""A finished run as one self-contained page: curves, results beside baselines, samples, and which experts are used."""
