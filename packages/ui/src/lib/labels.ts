/** Where names stand beside the points of a drawing, so that they do not lie on each other. */
export interface Dot {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}
export interface Label {
  readonly x: number;
  readonly y: number;
  readonly anchor: "start" | "middle" | "end";
}

const charWidth = 6.6;
const lineHeight = 14;
const gap = 10;

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}
const apart = (a: Box, b: Box): boolean => a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;

/** The first free place of: right, left, above, below, and lines further below; within the width. */
export function placeLabels(dots: readonly Dot[], width: number): Label[] {
  const taken: Box[] = dots.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }));
  return dots.map(({ x, y, text }) => {
    const long = text.length * charWidth;
    const ways: readonly (readonly [Label, number])[] = [
      [{ x: x + gap, y: y + 4, anchor: "start" }, x + gap],
      [{ x: x - gap, y: y + 4, anchor: "end" }, x - gap - long],
      ...[-1, 1, -2, 2, -3, 3].map((line): readonly [Label, number] => {
        const left = Math.max(0, Math.min(width - long, x - long / 2));
        return [{ x: left + long / 2, y: y + 4 + line * (lineHeight + 2), anchor: "middle" }, left];
      }),
    ];
    const boxOf = ([label, left]: readonly [Label, number]): Box => ({
      left,
      right: left + long,
      top: label.y - 11,
      bottom: label.y + 3,
    });
    const free = ways.find((way) => {
      const box = boxOf(way);
      return box.left >= 0 && box.right <= width && taken.every((other) => apart(box, other));
    });
    const chosen = free ?? ways[0]!;
    taken.push(boxOf(chosen));
    return chosen[0];
  });
}
