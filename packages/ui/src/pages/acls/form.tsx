import type { ComponentChildren } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { datacenter, datacenters, inDatacenter } from "../../data/agent.ts";
import type { AclLink, NodeIdentity, ServiceIdentity } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { editable } from "../../lib/entry.ts";
import { ChipField } from "../../ui/chip-field.tsx";
import { Conflict } from "../../ui/conflict.tsx";
import { attempt } from "../../ui/dialog.tsx";
import { DraftNote, useDraft } from "../../ui/drafts.tsx";
import { type AclField, type AclItem, type AclKind, idOf, nameOf } from "./kinds.ts";
import { RulesField } from "./rules-field.tsx";

export const draftOf = (kind: AclKind, item: AclItem, creating = false): string =>
  `${datacenter.value} ${creating ? "new " : ""}${kind.one} ${idOf(item) || nameOf(item)}`;

/** The fields of a token, policy or role. What the servers know beside them is kept as it is. */
export function AclForm({
  kind,
  stored,
  action,
  done,
  creating = false,
  onSave,
  children,
}: {
  readonly kind: AclKind;
  /** What the servers have now; may change while somebody writes. */
  readonly stored: AclItem;
  readonly action: string;
  readonly done: string;
  readonly creating?: boolean;
  readonly onSave: (item: AclItem) => Promise<unknown>;
  readonly children?: ComponentChildren;
}) {
  const { kept, keep, forget } = useDraft<{ readonly base: AclItem; readonly draft: AclItem }>(
    draftOf(kind, stored, creating),
  );
  const [left, setLeft] = useState(kept !== undefined);
  const [base, setBase] = useState(kept?.base ?? stored);
  const [draft, setDraft] = useState(kept?.draft ?? stored);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const same = (a: AclItem, b: AclItem): boolean => editable(a) === editable(b);
  // Before anybody can write on in what is shown: what came would go over it.
  useLayoutEffect(() => {
    if (same(stored, base)) return;
    if (same(draft, base)) setDraft(stored);
    else if (!same(draft, stored)) return;
    setBase(stored);
  }, [stored, draft]);
  const touched = !same(draft, base);
  const conflict = !same(stored, base) && touched;
  keep(touched, { base, draft });
  const take = (): void => {
    setDraft(stored);
    setBase(stored);
    setLeft(false);
  };
  const has = (field: AclField): boolean => kind.fields.includes(field);
  const set = (change: Partial<AclItem>): void => setDraft({ ...draft, ...change });
  const ready = problem === undefined && !busy && !conflict && (creating || touched);
  const save = async (): Promise<void> => {
    if (!ready) return;
    setBusy(true);
    await attempt(async () => {
      await onSave(draft);
      forget();
      setLeft(false);
    }, done);
    setBusy(false);
  };
  return (
    <form
      class="stack acl-form"
      aria-label={`Fields of the ${kind.one}`}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      {left && touched && !conflict && <DraftNote onDiscard={take} />}
      {conflict && (
        <Conflict theirs={editable(stored)} mine={editable(draft)} onTake={take} onKeep={() => setBase(stored)} />
      )}
      {has("name") && (
        <label class="field">
          <span>Name</span>
          <input
            class="input"
            required
            maxLength={128}
            pattern="[A-Za-z0-9\-_]+"
            title="Letters, digits, - and _"
            value={draft.Name ?? ""}
            onInput={(event) => set({ Name: event.currentTarget.value })}
          />
        </label>
      )}
      <label class="field">
        <span>Description</span>
        <input
          class="input"
          value={draft.Description ?? ""}
          onInput={(event) => set({ Description: event.currentTarget.value })}
        />
      </label>
      {has("rules") && (
        <RulesField
          value={draft.Rules ?? ""}
          onInput={(Rules) => set({ Rules })}
          onSave={() => void save()}
          onProblem={setProblem}
        />
      )}
      {has("policies") && (
        <LinkField
          label="Policies"
          path="acl/policies"
          links={draft.Policies}
          onChange={(Policies) => set({ Policies })}
        />
      )}
      {has("roles") && (
        <LinkField label="Roles" path="acl/roles" links={draft.Roles} onChange={(Roles) => set({ Roles })} />
      )}
      {has("services") && (
        <ServiceIdentities
          value={draft.ServiceIdentities ?? []}
          onChange={(ServiceIdentities) => set({ ServiceIdentities })}
        />
      )}
      {has("nodes") && (
        <NodeIdentities value={draft.NodeIdentities ?? []} onChange={(NodeIdentities) => set({ NodeIdentities })} />
      )}
      {has("datacenters") && (
        <ChipField
          label="Only in datacenters"
          hint="every datacenter"
          values={draft.Datacenters ?? []}
          known={datacenters.value}
          onAdd={(name) => {
            set({ Datacenters: [...(draft.Datacenters ?? []), name] });
            return true;
          }}
          onRemove={(at) => set({ Datacenters: without(draft.Datacenters ?? [], at) })}
        />
      )}
      {creating && has("ttl") && (
        <label class="field">
          <span>
            Ends after <span class="hint">(8h, 90m; empty: never)</span>
          </span>
          <input
            class="input flags"
            pattern="(\d+(\.\d+)?(h|m|s))+"
            value={draft.ExpirationTTL ?? ""}
            onInput={({ currentTarget: { value } }) => {
              const { ExpirationTTL: _, ...rest } = draft;
              setDraft(value === "" ? rest : { ...rest, ExpirationTTL: value });
            }}
          />
        </label>
      )}
      {creating && has("local") && (
        <label class="check">
          <input
            type="checkbox"
            checked={draft.Local ?? false}
            onChange={(event) => set({ Local: event.currentTarget.checked })}
          />
          Only in this datacenter
        </label>
      )}
      <div class="row wrap">
        <button type="submit" class="button primary" disabled={!ready}>
          {action}
        </button>
        {children}
      </div>
    </form>
  );
}

const without = <T,>(list: readonly T[], at: number): T[] => list.filter((_, i) => i !== at);

function LinkField({
  label,
  path,
  links,
  onChange,
}: {
  readonly label: string;
  readonly path: string;
  readonly links: readonly AclLink[] | null | undefined;
  readonly onChange: (links: AclLink[]) => void;
}) {
  const all = useLive<readonly AclLink[]>(inDatacenter(path), { pollMs: 10_000 });
  const chosen = links ?? [];
  return (
    <ChipField
      label={label}
      hint={`name of one of the ${label.toLowerCase()}`}
      values={chosen.map(({ Name }) => Name)}
      known={(all.value ?? []).map(({ Name }) => Name)}
      onAdd={(name) => {
        const found = all.value?.find(({ Name }) => Name === name);
        if (found === undefined || chosen.some(({ Name }) => Name === name)) return false;
        onChange([...chosen, { ID: found.ID, Name: found.Name }]);
        return true;
      }}
      onRemove={(at) => onChange(without(chosen, at))}
    />
  );
}

function ServiceIdentities({
  value,
  onChange,
}: {
  readonly value: readonly ServiceIdentity[];
  readonly onChange: (value: ServiceIdentity[]) => void;
}) {
  return (
    <ChipField
      label="Service identities"
      hint="web, or web@dc1,dc2"
      values={value.map(({ ServiceName, Datacenters }) =>
        Datacenters?.length ? `${ServiceName}@${Datacenters.join(",")}` : ServiceName,
      )}
      onAdd={(text) => {
        const [ServiceName = "", places] = text.split("@");
        if (ServiceName === "") return false;
        const Datacenters = places?.split(",").filter((each) => each !== "") ?? [];
        onChange([...value, Datacenters.length > 0 ? { ServiceName, Datacenters } : { ServiceName }]);
        return true;
      }}
      onRemove={(at) => onChange(without(value, at))}
    />
  );
}

function NodeIdentities({
  value,
  onChange,
}: {
  readonly value: readonly NodeIdentity[];
  readonly onChange: (value: NodeIdentity[]) => void;
}) {
  return (
    <ChipField
      label="Node identities"
      hint="node@dc1"
      values={value.map(({ NodeName, Datacenter }) => `${NodeName}@${Datacenter}`)}
      onAdd={(text) => {
        const [NodeName = "", Datacenter = ""] = text.split("@");
        if (NodeName === "" || Datacenter === "") return false;
        onChange([...value, { NodeName, Datacenter }]);
        return true;
      }}
      onRemove={(at) => onChange(without(value, at))}
    />
  );
}
