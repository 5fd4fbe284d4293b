"""The notebook's face: widgets that show and edit a graph and steer its training."""

from flowloom.widgets.graph_diff import GraphDiff as GraphDiff
from flowloom.widgets.views import GraphEditor as GraphEditor
from flowloom.widgets.views import Studio as Studio
from flowloom.widgets.views import TrainingBoard as TrainingBoard
