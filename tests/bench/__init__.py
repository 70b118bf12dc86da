"""`make bench`: figures side by side in one run, as ratios, since machines are noisy."""
