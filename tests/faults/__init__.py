"""Trainings broken on purpose and trainings killed in their middle: what takes too long for every push."""
