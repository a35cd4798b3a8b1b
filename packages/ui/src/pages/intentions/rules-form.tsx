import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import {
  type HeaderRule,
  type HttpRule,
  headerTest,
  headerTests,
  methods,
  type Permission,
  pathTest,
  pathTests,
  withHeaderTest,
  withPath,
} from "../../lib/intention.ts";
import { Icon, type IconName } from "../../ui/icons.tsx";

/** Rules for HTTP requests, in the order in which they are tried. */
export function RulesForm({
  rules,
  onChange,
}: {
  readonly rules: readonly Permission[];
  readonly onChange: (rules: readonly Permission[]) => void;
}) {
  const put = (at: number, rule: Permission): void => onChange(rules.with(at, rule));
  const list = useRef<HTMLOListElement>(null);
  /** The keyboard goes along with a rule that is moved, and on to the next where one is taken out. */
  const follow = (at: number, tool: IconName): void => {
    requestAnimationFrame(() => {
      const rule = list.current?.children[at];
      const next =
        rule?.querySelector<HTMLElement>(`[data-tool="${tool}"]:enabled`) ??
        rule?.querySelector<HTMLElement>("[data-tool]:enabled") ??
        list.current?.parentElement?.querySelector<HTMLElement>("[data-tool=add]");
      next?.focus();
    });
  };
  const move = (from: number, to: number, tool: IconName): void => {
    onChange(rules.with(from, rules[to]!).with(to, rules[from]!));
    follow(to, tool);
  };
  return (
    <div class="stack-s">
      <p class="small muted">
        The first rule that fits a request decides; what fits none is up to the datacenter's default. Both services must
        speak HTTP, as <code>service-defaults</code> says it.
      </p>
      <ol class="rules" ref={list}>
        {rules.map((rule, at) => (
          <li key={at} class="rule" aria-label={`Rule ${at + 1}`}>
            <RuleFields rule={rule} number={at + 1} onChange={(changed) => put(at, changed)}>
              <Tool
                icon="up"
                label={`Try rule ${at + 1} earlier`}
                disabled={at === 0}
                onClick={() => move(at, at - 1, "up")}
              />
              <Tool
                icon="down"
                label={`Try rule ${at + 1} later`}
                disabled={at === rules.length - 1}
                onClick={() => move(at, at + 1, "down")}
              />
              <Tool
                icon="trash"
                label={`Take out rule ${at + 1}`}
                onClick={() => {
                  onChange(rules.filter((_, i) => i !== at));
                  follow(Math.min(at, rules.length - 2), "trash");
                }}
              />
            </RuleFields>
          </li>
        ))}
      </ol>
      <div>
        <button
          type="button"
          class="button"
          data-tool="add"
          onClick={() => onChange([...rules, { Action: "allow", HTTP: { PathPrefix: "/" } }])}
        >
          <Icon name="plus" /> Add a rule
        </button>
      </div>
    </div>
  );
}

function Tool({
  icon,
  label,
  disabled = false,
  onClick,
}: {
  readonly icon: IconName;
  readonly label: string;
  readonly disabled?: boolean;
  readonly onClick: (button: HTMLElement) => void;
}) {
  return (
    <button
      type="button"
      class="button plain icon"
      aria-label={label}
      title={label}
      disabled={disabled}
      data-tool={icon}
      onClick={(event) => onClick(event.currentTarget)}
    >
      <Icon name={icon} />
    </button>
  );
}

function RuleFields({
  rule,
  number,
  onChange,
  children,
}: {
  readonly rule: Permission;
  readonly number: number;
  readonly onChange: (rule: Permission) => void;
  readonly children: ComponentChildren;
}) {
  const http: HttpRule = rule.HTTP ?? {};
  const path = pathTest(http);
  const chosen = http.Methods ?? [];
  const headers = http.Header ?? [];
  const set = (HTTP: HttpRule): void => onChange({ ...rule, HTTP });
  const toggle = (method: string): void =>
    set({ ...http, Methods: chosen.includes(method) ? chosen.filter((each) => each !== method) : [...chosen, method] });
  return (
    <>
      <div class="row wrap">
        <select
          class="input select"
          aria-label={`Action of rule ${number}`}
          value={rule.Action}
          onChange={(event) => onChange({ ...rule, Action: event.currentTarget.value as Permission["Action"] })}
        >
          <option value="allow">Allow</option>
          <option value="deny">Deny</option>
        </select>
        <select
          class="input select"
          aria-label={`Path of rule ${number}, how`}
          value={path}
          onChange={(event) => {
            const test = event.currentTarget.value as typeof path;
            set(withPath(http, test, (path !== "" && http[path]) || "/"));
          }}
        >
          {pathTests.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
        {path !== "" && (
          <input
            class="input mono rule-path"
            aria-label={`Path of rule ${number}`}
            value={http[path]}
            spellcheck={false}
            onInput={(event) => set({ ...http, [path]: event.currentTarget.value })}
          />
        )}
        <span class="row end">{children}</span>
      </div>
      <fieldset class="bare row wrap" aria-label={`Methods of rule ${number}`}>
        <span class="small muted">{chosen.length === 0 ? "Any method" : "Methods"}</span>
        {[...methods, ...chosen.filter((each) => !(methods as readonly string[]).includes(each))].map((method) => (
          <label key={method} class="check">
            <input type="checkbox" checked={chosen.includes(method)} onChange={() => toggle(method)} /> {method}
          </label>
        ))}
      </fieldset>
      {headers.map((header, at) => (
        <HeaderFields
          key={at}
          header={header}
          label={`of header ${at + 1} of rule ${number}`}
          onChange={(changed) => set({ ...http, Header: headers.with(at, changed) })}
          onRemove={() => set({ ...http, Header: headers.filter((_, i) => i !== at) })}
        />
      ))}
      <div>
        <button
          type="button"
          class="button plain add-header"
          onClick={() => set({ ...http, Header: [...headers, { Name: "", Present: true }] })}
        >
          <Icon name="plus" /> Add a header<span class="sr-only"> to rule {number}</span>
        </button>
      </div>
    </>
  );
}

function HeaderFields({
  header,
  label,
  onChange,
  onRemove,
}: {
  readonly header: HeaderRule;
  readonly label: string;
  readonly onChange: (header: HeaderRule) => void;
  readonly onRemove: () => void;
}) {
  const test = headerTest(header);
  return (
    <div class="row wrap">
      <span class="small muted">Header</span>
      <input
        class="input mono rule-header"
        aria-label={`Name ${label}`}
        value={header.Name}
        placeholder="x-name"
        spellcheck={false}
        onInput={(event) => onChange({ ...header, Name: event.currentTarget.value })}
      />
      <select
        class="input select"
        aria-label={`Negation ${label}`}
        value={header.Invert ? "not" : ""}
        onChange={(event) => {
          const { Invert: _invert, ...rest } = header;
          onChange(event.currentTarget.value === "not" ? { ...rest, Invert: true } : rest);
        }}
      >
        <option value="">if it</option>
        <option value="not">unless it</option>
      </select>
      <select
        class="input select"
        aria-label={`Test ${label}`}
        value={test}
        onChange={(event) => {
          const wanted = event.currentTarget.value as typeof test;
          onChange(withHeaderTest(header, wanted, test === "Present" ? "" : String(header[test] ?? "")));
        }}
      >
        {headerTests.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      {test !== "Present" && (
        <input
          class="input mono rule-header"
          aria-label={`Value ${label}`}
          value={String(header[test] ?? "")}
          spellcheck={false}
          onInput={(event) => onChange({ ...header, [test]: event.currentTarget.value })}
        />
      )}
      <Tool
        icon="close"
        label={`Take out header ${label.slice(10)}`}
        onClick={(button) => {
          // It goes with its header, and the keyboard would be nowhere.
          button.closest(".rule")?.querySelector<HTMLElement>(".add-header")?.focus();
          onRemove();
        }}
      />
    </div>
  );
}
