"""LoRA files: reading their keys, computing their deltas, applying them."""
