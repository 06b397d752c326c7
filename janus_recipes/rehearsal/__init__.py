"""The rehearsal: a made-up world in which adherence can be checked, and the tiny models that live in it."""
