import { hasTerm, toggleTerm } from "../lib/search.ts";
import { Icon } from "./icons.tsx";
import { place, setQuery } from "./router.ts";

/** The search of the page in view lives in its address, so that it can be kept and sent to somebody. */
export const searchText = (): string => place.value.query.get("q") ?? "";

export function SearchBox({ label, hint }: { readonly label: string; readonly hint: string }) {
  return (
    <search class="search">
      <Icon name="search" />
      <input
        id="search"
        class="input"
        type="search"
        aria-label={label}
        placeholder={hint}
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
            document.querySelector<HTMLElement>(".list .item")?.focus();
            event.preventDefault();
          }
        }}
      />
      <kbd>/</kbd>
    </search>
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
  readonly options: readonly { readonly value: string; readonly text: string; readonly count?: number }[];
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
          {option.count !== undefined && <span class="muted">{option.count.toLocaleString("en")}</span>}
        </button>
      ))}
    </fieldset>
  );
}

export function SortSelect({ options }: { readonly options: readonly (readonly [value: string, text: string])[] }) {
  return (
    <label class="row small end">
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
