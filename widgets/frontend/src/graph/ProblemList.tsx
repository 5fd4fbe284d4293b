import { useReactFlow } from "@xyflow/react";
import { FixButtons } from "./FixButtons";
import { useGraph, useSession } from "./GraphProvider";

/** All problems of the graph; a press on one shows its node. */
export function ProblemList() {
  const session = useSession();
  const { problems, nodes } = useGraph();
  const { getNode, setCenter, getZoom } = useReactFlow();
  const show = (id: string) => {
    const node = getNode(id);
    if (!node) return;
    session.select([id]);
    const { x, y } = node.position;
    void setCenter(x + (node.width ?? 0) / 2, y + (node.height ?? 0) / 2, { zoom: Math.max(getZoom(), 0.75) });
  };
  if (problems.length === 0) return <p className="fl-quiet fl-no-problems">No problems.</p>;
  return (
    <ul className="fl-problems" data-testid="problems">
      {problems.map((problem, index) => (
        <li key={`${problem.node}:${problem.port}:${problem.message}`} data-testid={`problem-${index}`}>
          <button type="button" className="fl-problem" onClick={() => show(problem.node)}>
            <strong>{nodes.get(problem.node)?.name ?? "Graph"}</strong>
            <span>{problem.message}</span>
          </button>
          <FixButtons fixes={problem.fixes} />
        </li>
      ))}
    </ul>
  );
}
