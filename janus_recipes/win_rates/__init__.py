"""Win rates: two models' answers side by side, which of them does the judge prefer?"""
