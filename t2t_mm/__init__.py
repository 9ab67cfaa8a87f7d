"""t2t_mm: a modern Tensor2Tensor, whose one model learns language, images, audio and classes at once."""

__version__ = "0.1.0"
