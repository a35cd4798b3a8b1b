/** Line icons on a 16-unit square, drawn with the colour of their text. */
const shapes = {
  overview: "M2 8.5h3l2-5 2.5 9 2-6 1 2H14",
  services: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11M5 3v3M11 6.5v3M7 10v3",
  nodes: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  kv: "M2 4.5V13h12V5.5H8l-1.5-2H2z",
  lock: "M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  query: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.5 10.5L14 14",
  event: "M9 1.5L3.5 9H8l-1 5.5L12.5 7H8z",
  intention: "M2 8h9M8 4.5L11.5 8 8 11.5M14 3v10",
  config: "M3 2.5h7l3 3v8H3zM9.5 2.5V6H13M5.5 9h5M5.5 11.2h3",
  members:
    "M8 2.5v3M8 10.5v3M3 5l2.5 1.5M10.5 9.5L13 11M13 5l-2.5 1.5M5.5 9.5L3 11M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  key: "M10.5 9a3.5 3.5 0 1 0-3.3-2.3L2 12v2h2.5v-1.5H6V11l1.5-1.4A3.5 3.5 0 0 0 10.5 9zM11 5h.01",
  policy: "M8 1.5l5 2v4c0 3.2-2.2 5.6-5 7-2.8-1.4-5-3.8-5-7v-4zM5.7 7.8l1.7 1.7 3-3.2",
  role: "M8 7.5a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM2.5 14c.6-2.8 2.8-4.2 5.5-4.2s4.9 1.4 5.5 4.2",
  settings:
    "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 6.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4zM5.5 13.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4z",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.5 10.5L14 14",
  menu: "M2 4h12M2 8h12M2 12h12",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3z",
  folder: "M2 4v9h12V5.5H8L6.5 4z",
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  plus: "M8 3v10M3 8h10",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 9h5.8l.6-9",
  up: "M8 13V3M4.5 6.5L8 3l3.5 3.5",
  down: "M8 3v10M4.5 9.5L8 13l3.5-3.5",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5l3.5 3.5L13 4.5",
  move: "M2 8h11M9.5 4.5L13 8l-3.5 3.5",
  download: "M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11",
  upload: "M8 10.5v-8M4.5 5.5L8 2l3.5 3.5M2.5 13.5h11",
  chevron: "M6 3.5L10.5 8 6 12.5",
  back: "M10 3.5L5.5 8 10 12.5",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.5V8l2.5 1.5",
  away: "M2 2l12 12M4 6.5A7 7 0 0 0 2 8M6 4.3A7 7 0 0 1 14 8M5.8 10.2a3 3 0 0 1 1.7-.9M8 13h.01",
  refresh: "M13.5 8A5.5 5.5 0 1 1 11.8 4L13.5 5.5M13.5 2.5v3h-3",
  user: "M8 7.5a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM2.5 14c.6-2.8 2.8-4.2 5.5-4.2s4.9 1.4 5.5 4.2",
  crown: "M2.5 12.5h11M3 10.5l-.8-6L5.5 7 8 3l2.5 4 3.3-2.5-.8 6z",
  wrench: "M13.5 4.5l-2.2 2.2-2-2L11.5 2.5A3.5 3.5 0 0 0 7 7L2.5 11.5l2 2L9 9a3.5 3.5 0 0 0 4.5-4.5z",
  pencil: "M2.5 13.5l.6-3 7.4-7.4 2.4 2.4-7.4 7.4z",
} as const;

export type IconName = keyof typeof shapes;

/** As large as is told while letters have their usual size; it grows with them. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={`${size / 16}rem`}
      height={`${size / 16}rem`}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      aria-hidden="true"
    >
      <path d={shapes[name]} stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
