"""What builds, checks and serves flowloom from a checkout. Never installed."""
