"""The front end under fire: any text, within bounds of time and memory, is compiled or diagnosed, never a traceback.

Inputs are numbered and the number is the seed, so `python -m tests.fuzz.front --only 4711` repeats one. `seeds` has
the texts to start from, `mutations` and `made` make inputs of them and out of nothing, `trial` tries one, `pool` a
million.
"""
