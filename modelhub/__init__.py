"""modelhub: pull, identify, catalogue, prove and sort Stable Diffusion model files."""

__version__ = "0.1.0"
