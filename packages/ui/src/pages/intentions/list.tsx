import { useMemo } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import type { Intention } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { count } from "../../lib/age.ts";
import { href } from "../../lib/routes.ts";
import { matches, parseSearch } from "../../lib/search.ts";
import { Icon } from "../../ui/icons.tsx";
import { IntentionList } from "../../ui/intention-list.tsx";
import { Page } from "../../ui/page.tsx";
import { NoMatch, SearchBox, searchText, TermButtons } from "../../ui/search-box.tsx";
import { Await, Note } from "../../ui/states.tsx";

export default function IntentionsPage() {
  const live = useLive<readonly Intention[]>(inDatacenter("connect/intentions"));
  const text = searchText();
  const shown = useMemo(() => {
    const terms = parseSearch(text);
    return (live.value ?? []).filter((each) =>
      matches(terms, {
        text: [each.SourceName, each.DestinationName, each.Description ?? ""],
        keys: {
          is: [each.Permissions?.length ? "rules" : (each.Action ?? "")],
          source: [each.SourceName],
          destination: [each.DestinationName],
        },
      }),
    );
  }, [live.value, text]);
  return (
    <Page
      title="Intentions"
      lives={[live]}
      facts={live.value && <span>{count(live.value.length, "intention")}, the first that fits holds</span>}
      actions={
        <a class="button primary" href={`${href(datacenter.value)}/intentions/edit`}>
          <Icon name="plus" /> Create
        </a>
      }
    >
      <div class="toolbar">
        <SearchBox label="Search intentions" hint="Service, source:web, destination:db" />
        <TermButtons
          name="is"
          label="Action"
          options={[
            { value: "allow", text: "Allow" },
            { value: "deny", text: "Deny" },
            { value: "rules", text: "By rules" },
          ]}
        />
      </div>
      <Await
        live={live}
        empty={
          <Note icon="intention" title="No intentions">
            <p>Intentions say which services of the mesh may connect to which.</p>
          </Note>
        }
      >
        {() =>
          shown.length === 0 ? (
            <NoMatch what="intention" terms="is:allow, is:deny, is:rules, source: and destination:" />
          ) : (
            <IntentionList intentions={shown} />
          )
        }
      </Await>
    </Page>
  );
}
