"""The tests mirror the modules they are about; tests/browser drives a real JupyterLab in a real browser."""
