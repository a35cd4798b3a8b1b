import { hasTerm, toggleTerm } from "../lib/search.ts";
import { Icon } from "./icons.tsx";
import { place, setQuery } from "./router.ts";
import { Note } from "./states.tsx";
import { reachable } from "./virtual-list.tsx";

/** The search of the page in view lives in its address, so that it can be kept and sent to somebody. */
export const searchText = (): string => place.value.query.get("q") ?? "";

/** Below this width hints are cut down to what can be read. */
const narrowPx = 704;

export function SearchBox({ label, hint }: { readonly label: string; readonly hint: string }) {
  return (
    <search class="search">
      <Icon name="search" />
      <input
        id="search"
        class="input"
        type="search"
        aria-label={label}
        placeholder={innerWidth < narrowPx ? hint.split(", ").slice(0, 2).join(", ") : hint}
        autocomplete="off"
        spellcheck={false}
        value={searchText()}
        onInput={(event) => setQuery("q", event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            if (event.currentTarget.value === "") event.currentTarget.blur();
            else setQuery("q", "");
            event.preventDefault();
          } else if (event.key === "ArrowDown") {
            document.querySelector<HTMLElement>(`.list ${reachable}`)?.focus();
            event.preventDefault();
          }
        }}
      />
      <kbd>/</kbd>
    </search>
  );
}

/** Stands where a search finds nothing: what may be searched for, and the way back. */
export function NoMatch({ what, terms }: { readonly what: string; readonly terms?: string }) {
  return (
    <Note icon="search" title={`No ${what} fits the search`}>
      <p class="small">
        All words and terms must fit; a minus excludes, quotes keep blanks.{terms && ` Terms: ${terms}`}
      </p>
      <button type="button" class="button" onClick={() => setQuery("q", "")}>
        Clear the search
      </button>
    </Note>
  );
}

/** Buttons that put a term into the search and take it out. */
export function TermButtons({
  name,
  label,
  options,
}: {
  readonly name: string;
  readonly label: string;
  readonly options: readonly { readonly value: string; readonly text: string; readonly count?: number | undefined }[];
}) {
  const text = searchText();
  return (
    <fieldset class="button-group bare" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          class="button"
          aria-pressed={hasTerm(text, name, option.value)}
          onClick={() => setQuery("q", toggleTerm(text, name, option.value))}
        >
          {option.text}
          {"count" in option && <span class="muted">{option.count?.toLocaleString("en") ?? "–"}</span>}
        </button>
      ))}
    </fieldset>
  );
}

/** The same for terms whose values are too many or too long for buttons. */
export function TermSelect({
  name,
  label,
  values,
}: {
  readonly name: string;
  readonly label: string;
  readonly values: readonly string[];
}) {
  const text = searchText();
  return (
    <label class="row small end">
      <span class="muted">{label}</span>
      <select
        class="input select terms"
        value={values.find((value) => hasTerm(text, name, value)) ?? ""}
        onChange={(event) => {
          const { value } = event.currentTarget;
          const old = values.find((each) => hasTerm(text, name, each));
          setQuery("q", toggleTerm(text, name, value === "" ? (old ?? "") : value));
        }}
      >
        <option value="">all</option>
        {values.map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
    </label>
  );
}

export function SortSelect({ options }: { readonly options: readonly (readonly [value: string, text: string])[] }) {
  return (
    <label class="row small">
      <span class="muted">Sort</span>
      <select
        class="input select"
        value={place.value.query.get("sort") ?? options[0]![0]}
        onChange={(event) => {
          const { value } = event.currentTarget;
          setQuery("sort", value === options[0]![0] ? "" : value);
        }}
      >
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export const sortBy = (fallback: string): string => place.value.query.get("sort") ?? fallback;
