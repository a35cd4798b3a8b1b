import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { whenBack } from "../data/presence.ts";
import { Note } from "./states.tsx";

export interface PageProps {
  readonly params: Readonly<Record<string, string>>;
}
const retryMsMin = 1000;
const retryMsMax = 30_000;
export type PageComponent = ComponentType<PageProps>;

/**
 * A page whose code comes when it is first wanted. Meanwhile its place is empty, not a spinner: it takes some
 * milliseconds. While the agent is away it is asked for again, as data is.
 */
export function lazy(load: () => Promise<{ readonly default: PageComponent }>): PageComponent {
  let loaded: PageComponent | undefined;
  return function Lazy(props: PageProps) {
    const [, draw] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      let left = false;
      void (async () => {
        for (let retryMs = retryMsMin; loaded === undefined && !left; retryMs = Math.min(retryMs * 2, retryMsMax)) {
          try {
            loaded = (await load()).default;
          } catch {
            setFailed(true);
            await new Promise((done) => setTimeout(done, retryMs));
            await whenBack();
          }
        }
        if (!left) draw(1);
      })();
      return () => {
        left = true;
      };
    }, []);
    if (loaded !== undefined) {
      const Loaded = loaded;
      return <Loaded {...props} />;
    }
    if (!failed) return null;
    return (
      <Note icon="away" title="This page could not be loaded">
        <p>The agent does not answer, or it has been updated since.</p>
        <button type="button" class="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </Note>
    );
  };
}
