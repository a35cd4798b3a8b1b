import { useId, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

/** Several things of one sort, each of which can be taken out; another is written, or chosen from what is known. */
export function ChipField({
  label,
  hint,
  values,
  known = [],
  onAdd,
  onRemove,
}: {
  readonly label: string;
  readonly hint?: string;
  readonly values: readonly string[];
  readonly known?: readonly string[];
  /** False: it is not what can be added, and stays in the field. */
  readonly onAdd: (text: string) => boolean;
  readonly onRemove: (at: number) => void;
}) {
  const [text, setText] = useState("");
  const id = useId();
  const rest = known.filter((each) => !values.includes(each));
  const wrong = text !== "" && known.length > 0 && !known.some((each) => each.startsWith(text));
  const add = (value: string): void => {
    if (value.trim() !== "" && onAdd(value.trim())) setText("");
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {values.length > 0 && (
        <ul class="chips" aria-label={label}>
          {values.map((value, at) => (
            <li key={value} class="chip">
              {value}
              <button type="button" class="chip-out" aria-label={`Take out ${value}`} onClick={() => onRemove(at)}>
                <Icon name="close" size={12} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="row">
        <input
          id={id}
          class="input"
          list={`${id}-known`}
          autocomplete="off"
          placeholder={hint}
          value={text}
          aria-invalid={wrong}
          onInput={(event) => {
            const { value } = event.currentTarget;
            setText(value);
            // Chosen from the list, not typed.
            if (rest.includes(value) && (event as InputEvent).inputType === "insertReplacementText") add(value);
          }}
          onBlur={() => add(text)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || text === "") return;
            event.preventDefault();
            add(text);
          }}
        />
        <button type="button" class="button" disabled={text.trim() === ""} onClick={() => add(text)}>
          Add<span class="sr-only"> to {label.toLowerCase()}</span>
        </button>
      </div>
      <datalist id={`${id}-known`}>
        {rest.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </div>
  );
}
