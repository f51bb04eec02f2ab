"""A hostile peer at every border: inputs grown from real ones, thrown at what reads them.

grown   how a real input becomes a hostile one
real    real inputs: frames, cycles, messages
throw   each is read; only the errors that are meant for it may come
"""
