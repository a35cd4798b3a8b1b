import { aclsEnabled, selfState } from "../../data/agent.ts";
import type { PageComponent } from "../../ui/lazy.tsx";
import { Page } from "../../ui/page.tsx";
import { Note } from "../../ui/states.tsx";

/** The page where tokens are checked; elsewhere everything on it would be refused, and this says why. */
export function whereChecked(Component: PageComponent): PageComponent {
  return (props) => (aclsEnabled.value === false ? <Unchecked /> : <Component {...props} />);
}

function Unchecked() {
  return (
    <Page title="Access" lives={[selfState.value]}>
      <Note icon="key" title="Tokens are not checked here">
        <p>
          Whoever reaches this agent may read and change everything, so it has no tokens, policies or roles to show.
        </p>
        <p>
          These pages work where <code>acl.enabled</code> is set on Consul's servers. Tribune's do not support it yet:
          keep the agent's ports to those who may do everything.
        </p>
      </Note>
    </Page>
  );
}
