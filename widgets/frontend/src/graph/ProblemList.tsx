import type { NodeDoc } from "../wire";
import { FixButtons } from "./FixButtons";
import { useGraph, useSession } from "./GraphProvider";
import { pathOf } from "./scopes";

/** All problems of the graph; a press on one shows its node. */
export function ProblemList() {
  const session = useSession();
  const { problems, nodes } = useGraph();
  if (problems.length === 0) return <p className="fl-quiet fl-no-problems">No problems.</p>;
  return (
    <ul className="fl-problems" data-testid="problems">
      {problems.map((problem, index) => (
        <li key={`${problem.node}:${problem.port}:${problem.message}`} data-testid={`problem-${index}`}>
          <button type="button" className="fl-problem" onClick={() => session.show(problem.node)}>
            <strong>{nameOfNode(nodes.get(problem.node))}</strong>
            <span>{problem.message}</span>
          </button>
          <FixButtons fixes={problem.fixes} />
        </li>
      ))}
    </ul>
  );
}

function nameOfNode(node: NodeDoc | undefined): string {
  return node ? pathOf(node) : "Graph";
}
