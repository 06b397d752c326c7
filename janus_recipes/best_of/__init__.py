"""Best-of-n: several answers to each bench instance, a reward model's choice of them, the curve over n (Table 11)."""
