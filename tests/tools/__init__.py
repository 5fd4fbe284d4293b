"""Tests of what builds and serves flowloom from a checkout."""
