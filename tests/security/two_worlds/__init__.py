"""Two worlds that differ in one fact, whose number it is, and everybody who must not be able to tell.

`facts` builds a world, `steps` are played in it, `surfaces` is what each observer may look at, `playing` puts
them together and compares. `make security ONLY=worlds` plays all of it, `make test` a part drawn by seed.
"""
