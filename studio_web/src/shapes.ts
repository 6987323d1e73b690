/** Areas: where they are at a time, and how they are changed. The server computes the same, see `MovingShape`. */

import type { Area, Rectangle, Spot, Step, Stroke } from "./api";

export type Corner = "nw" | "ne" | "sw" | "se";
export const LEAST = 4;

export const isRectangle = (area: Area): area is Rectangle => !("points" in area && area.points);
export const isStroke = (area: Area): area is Stroke => !isRectangle(area) && "radius" in area && area.radius !== undefined && area.radius !== null;
export const isThere = (area: Area, now: number) => (area.start ?? 0) <= now && (area.end === null || now < area.end);

export function nameOf(area: Area): string {
  return isRectangle(area) ? "Area" : isStroke(area) ? "Brush" : "Polygon";
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export function boxOf(area: Area): Box {
  if (isRectangle(area)) return { left: area.x, top: area.y, right: area.x + area.width, bottom: area.y + area.height };
  const radius = isStroke(area) ? area.radius : 0;
  const [xs, ys] = [area.points.map(([x]) => x), area.points.map(([, y]) => y)];
  return { left: Math.min(...xs) - radius, top: Math.min(...ys) - radius, right: Math.max(...xs) + radius, bottom: Math.max(...ys) + radius };
}

/** How far a moving area is from where it was drawn at a time, and its size. */
export function stepAt(area: Area, time: number): { x: number; y: number; scale: number } {
  const way = area.way;
  if (!way?.length) return { x: 0, y: 0, scale: 1 };
  let index = way.findIndex((step) => step[0] > time);
  if (index < 0) index = way.length;
  const before = way[Math.max(0, index - 1)] as Step;
  const after = way[Math.min(index, way.length - 1)] as Step;
  const share = after[0] > before[0] ? Math.min(1, Math.max(0, (time - before[0]) / (after[0] - before[0]))) : 0;
  const mixed = (at: 1 | 2 | 3) => before[at] + share * (after[at] - before[at]);
  return { x: mixed(1), y: mixed(2), scale: mixed(3) };
}

const round = (value: number) => Math.round(value * 10) / 10;

/** An area moved by (x, y) and scaled about its centre. */
export function moved<A extends Area>(area: A, x: number, y: number, scale = 1): A {
  const box = boxOf(area);
  const [middle, centre] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  const put = ([px, py]: Spot): Spot => [round(middle + x + scale * (px - middle)), round(centre + y + scale * (py - centre))];
  if (isRectangle(area)) {
    const [left, top] = put([area.x, area.y]);
    return { ...area, x: left, y: top, width: round(area.width * scale), height: round(area.height * scale) };
  }
  return { ...area, points: area.points.map(put), ...(isStroke(area) ? { radius: round(area.radius * scale) } : {}) };
}

/** An area where it is at a time. */
export function shownAt<A extends Area>(area: A, time: number): A {
  if (!area.way?.length) return area;
  const { x, y, scale } = stepAt(area, time);
  return moved(area, x, y, scale);
}

/** An area that was dragged by (dx, dy) pixels of the frame while it was shown at a time; what keeps it inside is asked. */
export function dragged(area: Area, grip: "move" | Corner, dx: number, dy: number, width: number, height: number, time: number): Area {
  const seen = boxOf(shownAt(area, time));
  if (grip === "move") {
    const x = Math.min(width - LEAST - seen.left, Math.max(LEAST - seen.right, dx));
    const y = Math.min(height - LEAST - seen.top, Math.max(LEAST - seen.bottom, dy));
    return moved(area, Math.round(x), Math.round(y));
  }
  const [west, north] = [grip.includes("w"), grip.includes("n")];
  const wide = Math.max(LEAST, seen.right - seen.left + (west ? -dx : dx));
  const high = Math.max(LEAST, seen.bottom - seen.top + (north ? -dy : dy));
  if (isRectangle(area)) {
    const { scale } = stepAt(area, time);
    const [fx, fy] = [wide / (seen.right - seen.left), high / (seen.bottom - seen.top)];
    const [newWidth, newHeight] = [area.width * fx, area.height * fy];
    // The opposite corner stays where it is seen: the centre moves by half of what was added.
    const [cx, cy] = [area.x + area.width / 2 + ((west ? -1 : 1) * (newWidth - area.width) * scale) / 2, area.y + area.height / 2 + ((north ? -1 : 1) * (newHeight - area.height) * scale) / 2];
    return { ...area, x: round(cx - newWidth / 2), y: round(cy - newHeight / 2), width: round(newWidth), height: round(newHeight) };
  }
  const factor = Math.max(wide / (seen.right - seen.left), high / (seen.bottom - seen.top));
  return moved(area, 0, 0, Math.max(0.05, factor));
}

/** Points of a line that was drawn by hand, without those that are not needed. */
export function thinned(points: Spot[], close: number): Spot[] {
  const kept: Spot[] = [];
  for (const point of points) {
    const last = kept[kept.length - 1];
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) >= close) kept.push([round(point[0]), round(point[1])]);
  }
  return kept;
}
