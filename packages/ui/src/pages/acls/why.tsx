import { useEffect, useMemo, useState } from "preact/hooks";
import { agentSelf, inDatacenter } from "../../data/agent.ts";
import { type Rights, useRights } from "../../data/rights.ts";
import { token } from "../../data/token.ts";
import { useLive } from "../../data/use-live.ts";
import { accessorIn, needOf } from "../../lib/acl-needs.ts";
import { decide, type Match, type Need, named, ruleText, unnamed } from "../../lib/acl-rules.ts";
import { count } from "../../lib/age.ts";
import { attempt } from "../../ui/dialog.tsx";
import { Highlighted } from "../../ui/editor.tsx";
import { Page, Section } from "../../ui/page.tsx";
import { place, setQuery } from "../../ui/router.ts";
import { Await, Note } from "../../ui/states.tsx";
import { StatusIcon } from "../../ui/status.tsx";
import { type AclItem, idOf, nameOf } from "./kinds.ts";

const empty: Need = { resource: "key", name: "", access: "read" };

/** What a refused request needed, which rules of a token fit, which of them decides, and what is missing. */
export default function WhyPage() {
  const text = place.value.query.get("q") ?? "";
  const accessor = place.value.query.get("token") ?? accessorIn(text) ?? "";
  const [need, setNeed] = useState(empty);
  const node = agentSelf.value?.Config.NodeName ?? "";
  useEffect(() => {
    const found = needOf(text);
    // Requests to the agent ask about the agent's own node.
    const own = found?.name === "" && ["agent", "node", "session"].includes(found.resource);
    if (found !== undefined) setNeed(own ? { ...found, name: node } : found);
  }, [text, node]);
  const rights = useRights(accessor);
  return (
    <Page
      title="Why denied?"
      lives={[rights]}
      facts="Which rules of a token decide about a request, and which is missing."
    >
      <div class="stack">
        <label class="field">
          <span>
            Request, or the text of the refusal{" "}
            <span class="hint">as in PUT /v1/kv/app/limit or Permission denied: token … lacks permission …</span>
          </span>
          <input
            class="input mono"
            value={text}
            spellcheck={false}
            autocomplete="off"
            onInput={(event) => setQuery("q", event.currentTarget.value)}
          />
          <span class="hint why-hint" role="status">
            {text === "" || needOf(text) !== undefined ? "" : "It does not say what it needs: choose below."}
          </span>
        </label>
        <div class="why-need">
          <label class="field">
            <span>Access</span>
            <select
              class="input"
              value={need.access}
              onChange={(event) => setNeed({ ...need, access: event.currentTarget.value as Need["access"] })}
            >
              <option>read</option>
              {need.resource === "key" && <option>list</option>}
              <option>write</option>
            </select>
          </label>
          <label class="field">
            <span>Resource</span>
            <select
              class="input"
              value={need.resource}
              onChange={(event) => {
                const resource = event.currentTarget.value;
                setNeed({ resource, name: need.name, access: need.access === "list" ? "read" : need.access });
              }}
            >
              {[...named, "intention", ...unnamed].sort().map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>Name</span>
            <input
              class="input mono"
              value={need.name}
              disabled={(unnamed as readonly string[]).includes(need.resource)}
              onInput={(event) => setNeed({ ...need, name: event.currentTarget.value })}
            />
          </label>
          <TokenSelect accessor={accessor} />
        </div>
      </div>
      <Await live={rights} rows={3}>
        {(value) => <Explained need={need} rights={value} />}
      </Await>
    </Page>
  );
}

function TokenSelect({ accessor }: { readonly accessor: string }) {
  const all = useLive<readonly AclItem[]>(inDatacenter("acl/tokens"), { pollMs: 30_000 });
  const known = all.value ?? [];
  return (
    <label class="field">
      <span>Token</span>
      <select class="input" value={accessor} onChange={(event) => setQuery("token", event.currentTarget.value)}>
        <option value="">{token.value === "" ? "nobody's (anonymous)" : "mine"}</option>
        {accessor !== "" && !known.some((each) => idOf(each) === accessor) && (
          <option value={accessor}>{accessor}</option>
        )}
        {known.map((each) => (
          <option key={idOf(each)} value={idOf(each)}>
            {nameOf(each)} ({idOf(each).slice(0, 8)})
          </option>
        ))}
      </select>
    </label>
  );
}

function Explained({ need, rights }: { readonly need: Need; readonly rights: Rights }) {
  const config = agentSelf.value?.DebugConfig;
  const fallback = config?.ACLResolverSettings?.ACLDefaultPolicy ?? config?.ACLDefaultPolicy;
  const verdict = useMemo(() => decide(need, rights.sources, fallback === "allow"), [need, rights, fallback]);
  const { allowed, byDefault, matches } = verdict;
  const decisive = matches.filter(({ decides }) => decides);
  const unsure = rights.unread.length > 0 || (byDefault && fallback === undefined);
  const what = `${need.access} ${need.resource}${need.name === "" ? "" : ` "${need.name}"`}${need.tree ? " and all below" : ""}`;
  const missing = ruleText(need);
  return (
    <>
      <Section title="Answer">
        <p class="row why-answer" role="status" data-allowed={unsure ? "unsure" : String(allowed)}>
          <StatusIcon health={unsure ? "warning" : allowed ? "passing" : "critical"} size={18} />
          <span>
            {unsure ? "Not certain" : allowed ? "Allowed" : "Denied"}: {nameOf(rights.token)}{" "}
            {unsure ? "wants to" : allowed ? "may" : "may not"} {what}.
          </span>
        </p>
        <p>{reason(byDefault, decisive, fallback)}</p>
        {rights.unread.length > 0 && (
          <div class="banner">
            <div>
              Not all of its rules could be read, so this may be wrong. Log in with a token that has acl = "read" and
              choose the refused token above.
              <ul>
                {rights.unread.map(({ name, reason: why }) => (
                  <li key={name}>
                    {name}: {why}
                  </li>
                ))}
              </ul>
            </div>
          </div>
        )}
      </Section>
      {!allowed && (
        <Section
          title="The rule that is missing"
          actions={
            <button
              type="button"
              class="button"
              onClick={() => void attempt(() => navigator.clipboard.writeText(missing), "Copied")}
            >
              Copy
            </button>
          }
        >
          {decisive.some(({ access }) => access === "deny") && (
            <p class="small">A rule that denies is stronger than one that grants: that one must go, or be narrower.</p>
          )}
          <pre class="output">
            <Highlighted text={missing} language="hcl" />
          </pre>
        </Section>
      )}
      <Section title="Rules of the token that fit">
        {matches.length === 0 ? (
          <Note small title="None">
            <p class="small">
              {rights.sources.length === 0
                ? "The token has no policies."
                : `${count(rights.sources.length, "policy", "policies")} of it say nothing of this.`}
            </p>
          </Note>
        ) : (
          <Matches matches={matches} />
        )}
      </Section>
    </>
  );
}

function reason(byDefault: boolean, decisive: readonly Match[], fallback: string | undefined): string {
  if (byDefault) {
    const then = fallback === undefined ? "is what decides then" : `is to ${fallback}`;
    return `No rule of the token fits; the default of the servers ${then}.`;
  }
  const names = [...new Set(decisive.map(({ policy }) => policy))].join(" and ");
  const { access, prefix, name } = decisive[0]!;
  const about =
    name === "" && !prefix ? "" : prefix ? ` for names that begin with "${name}"` : ` for exactly "${name}"`;
  return `${names} ${access === "deny" ? "denies it" : `gives ${access}`}${about}: the most exact rule decides, and among equals the strictest.`;
}

function Matches({ matches }: { readonly matches: readonly Match[] }) {
  return (
    <div class="table-wrap">
      <table class="table">
        <thead>
          <tr>
            <th>Rule</th>
            <th>Access</th>
            <th>Policy</th>
            <th>By role</th>
            <th>Decides</th>
          </tr>
        </thead>
        <tbody>
          {matches.map(({ policy, role, resource, name, prefix, access, line, decides }, i) => (
            <tr key={`${policy} ${line} ${i}`}>
              <td class="mono">
                {resource}
                {prefix && "_prefix"} {(named as readonly string[]).includes(resource) && `"${name}"`}
              </td>
              <td>{access}</td>
              <td>
                {policy}
                {line > 0 && <span class="muted"> line {line}</span>}
              </td>
              <td>{role}</td>
              <td>{decides ? "yes" : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
