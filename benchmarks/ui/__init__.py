"""How fluid the graph editor is, in a real JupyterLab and a headless Chromium: `python -m benchmarks.ui --help`."""
