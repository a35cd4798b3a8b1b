import { useLayoutEffect, useState } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { refresh } from "../../data/live.ts";
import { query, Refused, sendJson } from "../../data/send.ts";
import type { Intention, ServiceSummary } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import {
  type IntentionSource,
  type IntentionsEntry,
  type Permission,
  precedenceOf,
  rulesProblem,
  sourceText,
  withSource,
} from "../../lib/intention.ts";
import { href } from "../../lib/routes.ts";
import { Conflict } from "../../ui/conflict.tsx";
import { attempt } from "../../ui/dialog.tsx";
import { DraftNote, useDraft } from "../../ui/drafts.tsx";
import { intentionHref, removeIntention, serviceWord } from "../../ui/intention-list.tsx";
import { Page } from "../../ui/page.tsx";
import { navigate, place } from "../../ui/router.ts";
import { Await, Note } from "../../ui/states.tsx";
import { RulesForm } from "./rules-form.tsx";

type Kind = "allow" | "deny" | "rules";
interface Draft {
  readonly base: string | undefined;
  readonly source: string;
  readonly destination: string;
  readonly kind: Kind;
  readonly rules: readonly Permission[];
  readonly description: string;
}
const firstRule: Permission = { Action: "allow", HTTP: { PathPrefix: "/", Methods: ["GET", "HEAD"] } };

/** One intention: who, to whom, and whether or by which rules. */
export default function IntentionEdit() {
  const given = place.value.query;
  const [source, destination] = [given.get("source") ?? "", given.get("destination") ?? ""];
  if (given.has("exact")) return <Existing key={`${source} ${destination}`} name={source} destination={destination} />;
  return (
    <Page title="Create an intention" back={back()}>
      <IntentionForm key={`${source} ${destination}`} name={source} destination={destination} />
    </Page>
  );
}

const back = () => ({ href: `${href(datacenter.value)}/intentions`, text: "Intentions" });
const entryPath = (destination: string): string =>
  inDatacenter(`config/service-intentions/${encodeURIComponent(destination)}`);

/** The entry of the destination has an index to check and set by, which the intention by itself has not. */
function Existing({ name, destination }: { readonly name: string; readonly destination: string }) {
  const live = useLive<IntentionsEntry>(entryPath(destination));
  const stored = live.value?.Sources?.find(({ Name }) => Name === name);
  const gone = <Note icon="intention" title="There is no such intention" />;
  return (
    <Page title={`${serviceWord(name)} → ${serviceWord(destination)}`} back={back()} lives={[live]}>
      <Await live={live} rows={4} missing={gone} empty={gone}>
        {() => (stored ? <IntentionForm name={name} destination={destination} stored={stored} /> : gone)}
      </Await>
    </Page>
  );
}

/**
 * Puts one source into the entry of its destination; what others have made of the other sources meanwhile stays.
 *
 * @param begun what was written over, as `sourceText` gives it; undefined for a new one
 */
async function save(destination: string, source: IntentionSource, begun: string | undefined): Promise<void> {
  const entry = await sendJson<IntentionsEntry>(entryPath(destination)).catch((error: unknown) => {
    if (error instanceof Refused && error.status === 404) return undefined;
    throw error;
  });
  const there = entry?.Sources?.find(({ Name }) => Name === source.Name);
  if (begun === undefined && there) throw new Error("There is such an intention already: change that one");
  if (begun !== undefined && (there === undefined || sourceText(there) !== begun)) throw new Error(changedMeanwhile);
  const base = entry ?? { Kind: "service-intentions", Name: destination, Sources: [] };
  const path = query("config", { cas: String(entry?.ModifyIndex ?? 0) });
  const body = JSON.stringify(withSource(base, source));
  if (!(await sendJson<boolean>(inDatacenter(path), { method: "PUT", body }))) throw new Error(changedMeanwhile);
  refresh("connect/intentions");
}

const changedMeanwhile = "Somebody has changed it meanwhile: look at the difference, and save again";

function IntentionForm({
  stored,
  ...named
}: {
  readonly name: string;
  readonly destination: string;
  /** What the servers have now; may change while somebody writes. */
  readonly stored?: IntentionSource;
}) {
  const exact = stored !== undefined;
  const now = exact ? sourceText(stored) : undefined;
  const { kept, keep, forget } = useDraft<Draft>(
    `${datacenter.value} ${exact ? "" : "new "}intention ${named.name} ${named.destination}`,
  );
  const [left, setLeft] = useState(kept !== undefined);
  const [base, setBase] = useState(kept ? kept.base : now);
  const [source, setSource] = useState(kept?.source ?? named.name);
  const [destination, setDestination] = useState(kept?.destination ?? named.destination);
  const [kind, setKind] = useState<Kind>(kept?.kind ?? kindOf(stored));
  const [rules, setRules] = useState<readonly Permission[]>(kept?.rules ?? rulesOf(stored));
  const [description, setDescription] = useState(kept?.description ?? stored?.Description ?? "");
  const [busy, setBusy] = useState(false);
  const services = useLive<readonly ServiceSummary[]>(inDatacenter("internal/ui/services"));
  const { Action: _action, Permissions: _permissions, Description: _description, ...rest } = stored ?? {};
  const written: IntentionSource = {
    ...rest,
    Name: source,
    ...(kind === "rules" ? { Permissions: rules } : { Action: kind }),
    ...(description === "" ? {} : { Description: description }),
  };
  const text = sourceText(written);
  const touched = text !== base;
  const conflict = exact && now !== base && touched && text !== now;
  const begun =
    source !== named.name ||
    destination !== named.destination ||
    kind !== "allow" ||
    rules.length > 0 ||
    description !== "";
  const isWritten = exact ? touched : begun;
  keep(isWritten, { base, source, destination, kind, rules, description });
  const take = (): void => {
    setBase(now);
    setSource(named.name);
    setDestination(named.destination);
    setKind(kindOf(stored));
    setRules(rulesOf(stored));
    setDescription(stored?.Description ?? "");
    setLeft(false);
  };
  // Where nobody is writing the change of somebody else shows itself, before anybody can: it would go over what is written.
  useLayoutEffect(() => {
    if (now === base) return;
    if (!touched) take();
    else if (text === now) setBase(now);
  }, [now, text]);
  const problem = kind === "rules" ? rulesProblem(rules) : undefined;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (problem !== undefined || busy || conflict) return;
    setBusy(true);
    const good = await attempt(() => save(destination, written, base), "Intention saved");
    setBusy(false);
    if (!good) return;
    forget();
    navigate(`${href(datacenter.value)}/intentions`);
  };
  return (
    <form class="stack intention-form" onSubmit={(event) => void submit(event)}>
      {left && isWritten && !conflict && <DraftNote onDiscard={take} />}
      {conflict && (
        <Conflict what="This intention" theirs={now ?? ""} mine={text} onTake={take} onKeep={() => setBase(now)} />
      )}
      <datalist id="service-names">
        <option value="*" />
        {(services.value ?? []).map(({ Name }) => (
          <option key={Name} value={Name} />
        ))}
      </datalist>
      <div class="intention-ends">
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
              onInput={(event) => set(event.currentTarget.value.trim())}
            />
          </label>
        ))}
      </div>
      <fieldset class="bare row wrap" aria-label="Action">
        {(
          [
            ["allow", "Allow"],
            ["deny", "Deny"],
            ["rules", "By rules (HTTP)"],
          ] as const
        ).map(([value, label]) => (
          <label class="check" key={value}>
            <input
              type="radio"
              name="action"
              checked={kind === value}
              onChange={() => {
                setKind(value);
                if (value === "rules" && rules.length === 0) setRules([firstRule]);
              }}
            />{" "}
            {label}
          </label>
        ))}
      </fieldset>
      {kind === "rules" && (
        <div>
          <RulesForm rules={rules} onChange={setRules} />
          <p class="small validity" role="status">
            {problem && <span class="status critical">{problem}</span>}
          </p>
        </div>
      )}
      <label class="field">
        <span>Description</span>
        <input class="input" value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
      </label>
      <Order source={source} destination={destination} />
      <div class="row wrap">
        <button
          type="submit"
          class="button primary"
          disabled={busy || problem !== undefined || conflict || (exact && !touched)}
        >
          Save
        </button>
        {exact && (
          <button
            type="button"
            class="button danger"
            onClick={() =>
              removeIntention(source, destination, () => {
                forget();
                navigate(`${href(datacenter.value)}/intentions`);
              })
            }
          >
            Delete
          </button>
        )}
      </div>
    </form>
  );
}

const kindOf = (source: IntentionSource | undefined): Kind =>
  source?.Permissions?.length ? "rules" : source?.Action === "deny" ? "deny" : "allow";
const rulesOf = (source: IntentionSource | undefined): readonly Permission[] => source?.Permissions ?? [];

/** When it is tried, and which others fit the same connection before and after it. */
function Order({ source, destination }: { readonly source: string; readonly destination: string }) {
  const all = useLive<readonly Intention[]>(inDatacenter("connect/intentions"));
  const own = precedenceOf(source, destination);
  const fits = (pattern: string, name: string): boolean => pattern === name || pattern === "*";
  const others = (all.value ?? [])
    .filter((each) => each.SourceName !== source || each.DestinationName !== destination)
    .filter((each) => fits(each.SourceName, source) && fits(each.DestinationName, destination))
    .sort((a, b) => b.Precedence - a.Precedence);
  return (
    <p class="small muted">
      Precedence {own}:{" "}
      {own === 9 ? "tried before all that name every service." : "tried after those that name services more exactly."}
      {others.length > 0 && " It decides before "}
      {others.map((each, i) => (
        <>
          {i > 0 && ", "}
          <a href={intentionHref(each.SourceName, each.DestinationName)}>
            {serviceWord(each.SourceName)} → {serviceWord(each.DestinationName)}
          </a>
        </>
      ))}
      {others.length > 0 && "."}
    </p>
  );
}
