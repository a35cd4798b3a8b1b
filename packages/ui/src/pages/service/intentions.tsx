import { inDatacenter } from "../../data/agent.ts";
import type { Intention } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { IntentionList } from "../../ui/intention-list.tsx";
import type { PageProps } from "../../ui/lazy.tsx";
import { Section } from "../../ui/page.tsx";
import { Await } from "../../ui/states.tsx";

/** The intentions that name the service, or everybody. */
export default function ServiceIntentions({ params }: PageProps) {
  const name = params.name!;
  const live = useLive<readonly Intention[]>(inDatacenter("connect/intentions"));
  const fits = (wanted: string): boolean => wanted === name || wanted === "*";
  return (
    <Await live={live} rows={3}>
      {(all) => (
        <>
          <Section title="Who may connect to it">
            <IntentionList
              intentions={all.filter(({ DestinationName }) => fits(DestinationName))}
              create={{ destination: name }}
            />
          </Section>
          <Section title="Whom it may connect to">
            <IntentionList intentions={all.filter(({ SourceName }) => fits(SourceName))} create={{ source: name }} />
          </Section>
        </>
      )}
    </Await>
  );
}
