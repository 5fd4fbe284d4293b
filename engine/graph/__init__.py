"""The user's graph: nodes, edges, variables, patches, undo, problems."""

from flowloom.graph import sources as sources
from flowloom.graph import zones as zones
from flowloom.graph.again import again as again
from flowloom.graph.document import Fix as Fix
from flowloom.graph.document import Patch as Patch
from flowloom.graph.document import Problem as Problem
from flowloom.graph.graph import Applied as Applied
from flowloom.graph.graph import Graph as Graph
from flowloom.graph.graph import current_graph as current_graph
from flowloom.graph.state import PatchError as PatchError
from flowloom.graph.tensor import Tensor as Tensor
from flowloom.graph.variables import Variable as Variable
