"""Model files of true layout, made on the spot with the standard library alone: for the tests, the demo and benchmarks.

`networks` and `adapters` list the tensors that a kind of file holds; `safetensors_file`, `torch_file` and `folders`
write them: with seeded random values, or sparse (true shapes and size, next to no disk).
"""
