"""The data flow, from models and pictures to maps with verdicts.

One forward pass serves every method, layer and class; one truncated backward pass serves every
method and layer of a class.
"""
