import { useMemo, useState } from "preact/hooks";
import type { Member, NodeCoordinate } from "../data/types.ts";
import { formatMs, project, roundTripMs } from "../lib/coordinates.ts";
import { placeLabels } from "../lib/labels.ts";
import { roleOf, statusOf } from "../lib/members.ts";
import { Note } from "./states.tsx";

/** On a phone the drawing has fewer units, so that its letters stay letters. */
const width = innerWidth < 360 ? 300 : innerWidth < 704 ? 420 : 800;
const height = { 300: 220, 420: 260, 800: 340 }[width]!;
const margin = 40;
/** With more points their names would lie on each other. */
const namesMax = 40;

/** Members where their coordinates put them: near is near, and the scale says how near. Squares are servers. */
export function NetworkMap({
  coordinates,
  members,
}: {
  readonly coordinates: readonly NodeCoordinate[];
  readonly members: readonly Member[];
}) {
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const by = useMemo(() => new Map(members.map((member) => [member.Name, member])), [members]);
  const points = useMemo(() => place(coordinates), [coordinates]);
  if (coordinates.length < 2) {
    return (
      <Note small icon="members" title="Nothing to draw yet">
        <p class="small">A map needs the coordinates of two members or more. Agents send them every few seconds.</p>
      </Note>
    );
  }
  const from = coordinates.find(({ Node }) => Node === chosen);
  return (
    <figure class="map">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`Map of ${coordinates.length} members by round-trip time`}
      >
        {points.dots.map(({ x, y, label, Node, Coord }) => {
          const member = by.get(Node);
          const server = member !== undefined && roleOf(member) === "server";
          const bad = member !== undefined && statusOf(member) === "failed";
          return (
            // biome-ignore lint/a11y/noStaticElementInteractions: the list below says the same to the keyboard
            <g
              key={Node}
              class={`dot ${bad ? "bad" : ""} ${chosen === Node ? "chosen" : ""}`}
              onMouseEnter={() => setChosen(Node)}
              onMouseLeave={() => setChosen(undefined)}
            >
              {server ? <rect x={x - 5} y={y - 5} width="10" height="10" rx="2" /> : <circle cx={x} cy={y} r="5" />}
              {(points.dots.length <= namesMax || chosen === Node) && (
                <text x={label.x} y={label.y} text-anchor={label.anchor}>
                  {Node}
                  {from && from.Node !== Node && ` ${formatMs(roundTripMs(from.Coord, Coord))}`}
                </text>
              )}
            </g>
          );
        })}
        <path class="scale" d={`M${margin} ${height - 12}h${points.scalePx}m0 -4v8m${-points.scalePx} -8v8`} />
        <text class="scale-text" x={margin + points.scalePx + 8} y={height - 8}>
          {formatMs(points.scaleMs)}
        </text>
      </svg>
      <figcaption class="small muted">Squares are servers. Distances are estimated round-trip times.</figcaption>
    </figure>
  );
}

function place(coordinates: readonly NodeCoordinate[]) {
  const flat = project(coordinates.map(({ Coord }) => Coord.Vec));
  const xs = flat.map(({ x }) => x);
  const ys = flat.map(({ y }) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const perSecond = Math.min(
    (width - 2 * margin - 120) / Math.max(right - left, 1e-6),
    (height - 2 * margin) / Math.max(bottom - top, 1e-6),
  );
  const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
  const dots = flat.map(({ x, y }, i) => ({
    ...coordinates[i]!,
    x: width / 2 + (x - middle.x) * perSecond,
    y: height / 2 - 8 + (y - middle.y) * perSecond,
  }));
  const labels = placeLabels(
    dots.map(({ x, y, Node }) => ({ x, y, text: Node })),
    width,
  );
  // A round number of milliseconds that takes some 60 to 150 units.
  const wanted = (100 / perSecond) * 1000;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const scaleMs = [1, 2, 5, 10].map((n) => n * power).find((ms) => ms >= wanted * 0.6) ?? power;
  return {
    dots: dots.map((dot, i) => ({ ...dot, label: labels[i]! })),
    scaleMs,
    scalePx: (scaleMs / 1000) * perSecond,
  };
}
