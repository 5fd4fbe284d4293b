import { CodePane } from "../code/CodePane";
import type { Host } from "../host";
import { Workbench } from "../studio/Workbench";
import { GraphProvider, useStored } from "./GraphProvider";
import { ProblemList } from "./ProblemList";

/** The graph editor: palette, canvas, inspector, and the problems below. */
export function GraphEditor({ host }: { host: Host }) {
  return (
    <GraphProvider host={host}>
      <Panes host={host} />
    </GraphProvider>
  );
}

function Panes({ host }: { host: Host }) {
  const problems = useStored(({ view }) => view.problems.length);
  return (
    <Workbench
      host={host}
      layout="editor"
      title="editor"
      minimum={360}
      folded
      tabs={[
        { id: "problems", title: "Problems", count: problems, content: <ProblemList /> },
        { id: "code", title: "Code", content: <CodePane /> },
      ]}
    />
  );
}
