import { csv } from "../lib/csv.ts";
import { Icon } from "./icons.tsx";

/** Hands something to the browser as a file. */
export function download(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** The list that is shown, as it is searched and sorted, as a table for a spreadsheet. */
export function ExportButton({
  name,
  head,
  rows,
}: {
  readonly name: string;
  readonly head: readonly string[];
  readonly rows: () => readonly (readonly (string | number)[])[];
}) {
  return (
    <button
      type="button"
      class="button icon"
      aria-label="Export as CSV"
      title="Export what is shown as CSV"
      onClick={() => download(`${name}.csv`, "text/csv", csv([head, ...rows()]))}
    >
      <Icon name="download" />
    </button>
  );
}
