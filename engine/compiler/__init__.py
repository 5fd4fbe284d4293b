"""The compiler: from expressions, over their gradients, to a plan of what to run and where results live."""
