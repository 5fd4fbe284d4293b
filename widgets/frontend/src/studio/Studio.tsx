import { useEffect } from "react";
import { CodePane } from "../code/CodePane";
import { FixButtons, GraphProvider, ProblemList, useStored, useSession } from "../graph";
import type { Host } from "../host";
import { Board } from "../run/Board";
import { pressMain } from "../run/main";
import { runStoreFor } from "../run/store";
import { Workbench } from "./Workbench";

/** The whole workshop: wire the graph, train it, look inside. */
export function Studio({ host }: { host: Host }) {
  return (
    <GraphProvider host={host}>
      <Panels host={host} />
    </GraphProvider>
  );
}

function Panels({ host }: { host: Host }) {
  const session = useSession();
  const problems = useStored(({ view }) => view.problems.length);
  useEffect(() => {
    const runs = runStoreFor(host);
    session.runner = runs && (() => pressMain(runs, (error) => session.store.complain(error)));
    return () => {
      session.runner = null;
    };
  }, [session, host]);
  const training = host.state.run ? (
    <Board
      host={host}
      onSelectNode={(id) => session.show(id)}
      renderFixes={(fixes) => <FixButtons fixes={fixes} />}
    />
  ) : (
    <NoData />
  );
  return (
    <Workbench
      host={host}
      layout="studio"
      title="Studio"
      minimum={420}
      folded={false}
      tabs={[
        { id: "training", title: "Training", content: training },
        { id: "problems", title: "Problems", count: problems, content: <ProblemList /> },
        { id: "code", title: "Code", content: <CodePane /> },
      ]}
    />
  );
}

function NoData() {
  return (
    <div className="fl-studio-note">
      There is no data to train on. Give the Studio some: <code>Studio(graph, data)</code>
    </div>
  );
}
