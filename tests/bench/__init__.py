"""How this project asks, keeps and plans, beside its peers, as ratios in one run: never a timed test (`make bench`)."""
