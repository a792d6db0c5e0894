"""A model's objective as TensorFlow traced it, replayed by PyTorch operation by operation.

`graph` is what passes between the two: neither framework is imported where the other works.
"""
