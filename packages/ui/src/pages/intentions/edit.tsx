import { useEffect, useState } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { put, query, sendJson } from "../../data/send.ts";
import type { Intention, ServiceSummary } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { problemOf } from "../../data/validate.ts";
import { href } from "../../lib/routes.ts";
import { attempt } from "../../ui/dialog.tsx";
import { Editor } from "../../ui/editor.tsx";
import { Page } from "../../ui/page.tsx";
import { navigate, place } from "../../ui/router.ts";

type Kind = "allow" | "deny" | "rules";
const example = '[\n  { "Action": "allow", "HTTP": { "PathPrefix": "/v1/", "Methods": ["GET"] } }\n]';

/** One intention: who, to whom, and whether or by which rules. */
export default function IntentionEdit() {
  const given = place.value.query;
  const exact = given.has("exact");
  const [source, setSource] = useState(given.get("source") ?? "");
  const [destination, setDestination] = useState(given.get("destination") ?? "");
  const [kind, setKind] = useState<Kind>("allow");
  const [rules, setRules] = useState(example);
  const [description, setDescription] = useState("");
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const services = useLive<readonly ServiceSummary[]>(inDatacenter("internal/ui/services"));
  useEffect(() => {
    if (!exact) return;
    const path = query("connect/intentions/exact", { source, destination });
    void attempt(async () => {
      const found = await sendJson<Intention>(inDatacenter(path));
      setDescription(found.Description ?? "");
      setKind(found.Permissions?.length ? "rules" : found.Action === "deny" ? "deny" : "allow");
      if (found.Permissions?.length) setRules(JSON.stringify(found.Permissions, null, 2));
    }, "Intention read");
  }, []);
  useEffect(() => {
    void problemOf(rules, "json").then(setProblem);
  }, [rules]);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const good = await attempt(async () => {
      const what = kind === "rules" ? { Permissions: JSON.parse(rules) as unknown } : { Action: kind };
      await put(inDatacenter(query("connect/intentions/exact", { source, destination })), {
        SourceName: source,
        DestinationName: destination,
        Description: description,
        ...what,
      });
    }, "Intention saved");
    if (good) navigate(`${href(datacenter.value)}/intentions`);
  };
  return (
    <Page
      title={exact ? `${source} → ${destination}` : "Create an intention"}
      back={{ href: `${href(datacenter.value)}/intentions`, text: "Intentions" }}
    >
      <form class="stack narrow" onSubmit={(event) => void save(event)}>
        <datalist id="service-names">
          <option value="*" />
          {(services.value ?? []).map(({ Name }) => (
            <option key={Name} value={Name} />
          ))}
        </datalist>
        {(
          [
            ["From service", source, setSource],
            ["To service", destination, setDestination],
          ] as const
        ).map(([label, value, set]) => (
          <label class="field" key={label}>
            <span>{label}</span>
            <input
              class="input"
              list="service-names"
              required
              disabled={exact}
              value={value}
              placeholder="a name, or * for every service"
              onInput={(event) => set(event.currentTarget.value)}
            />
          </label>
        ))}
        <fieldset class="bare row wrap" aria-label="Action">
          {(
            [
              ["allow", "Allow"],
              ["deny", "Deny"],
              ["rules", "By rules (HTTP)"],
            ] as const
          ).map(([value, text]) => (
            <label class="check" key={value}>
              <input type="radio" name="action" checked={kind === value} onChange={() => setKind(value)} /> {text}
            </label>
          ))}
        </fieldset>
        {kind === "rules" && (
          <div>
            <Editor value={rules} language="json" label="Rules, as JSON" onInput={setRules} />
            <p class="small validity">{problem && <span class="status critical">{problem}</span>}</p>
          </div>
        )}
        <label class="field">
          <span>Description</span>
          <input class="input" value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
        </label>
        <div>
          <button type="submit" class="button primary" disabled={kind === "rules" && problem !== undefined}>
            Save
          </button>
        </div>
      </form>
    </Page>
  );
}
