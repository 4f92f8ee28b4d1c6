"""Speed, measured: `make bench`. Ratios against a yardstick in the same run, never asserted."""
