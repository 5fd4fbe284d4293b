"""Writing ONNX: from the expressions of a graph to a model at a current opset."""
