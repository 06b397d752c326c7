"""Tables with intervals, counts and the paper's figures beside ours."""
