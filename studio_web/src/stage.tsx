/** The frame: pictures of it, the line between two of them, and what is drawn on it. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Area, type Rectangle, type Spot, Refusal, api, follow } from "./api";
import { type Corner, LEAST, boxOf, dragged, isRectangle, isStroke, isThere, nameOf, shownAt, thinned } from "./shapes";
import {
  LINES, POINTING, aim, attempt, addArea, brush, busy, change, chosen, drawn, endLine, line, matching, patience, project, putArea, saved, seek,
  settings, step, store, tell, tellWay, templateName, time, tool, type Tool, type View, undo, view, wait,
} from "./state";

type Picture = "original" | "hidden" | "result" | "matches";

/** The picture of a view, fetched anew when anything changes; the former one stays until then. */
function usePicture(wanted: Picture | null, name = ""): { url: string | null; busy: boolean } {
  const url = useSignal<string | null>(null);
  const busy = useSignal(false);
  const old = useRef<string | null>(null);
  const want = useSignal(wanted);
  want.value = wanted;
  const called = useSignal(name);
  called.value = name;
  useSignalEffect(() => {
    const shown = project.value;
    const which = want.value;
    const of = called.value;
    const now = time.value;
    void drawn.value;
    if (!shown || which === null) {
      busy.value = false;
      return;
    }
    // What is hidden depends on settings that are on their way to the server.
    if (which !== "original" && !saved.value) {
      busy.value = true;
      return;
    }
    const stop = new AbortController();
    const start = performance.now();
    busy.value = true;
    void attempt(async () => {
      const blob = await api.frame(shown.id, which, now, stop.signal, of);
      if (stop.signal.aborted || !blob.size) return;
      const next = URL.createObjectURL(blob);
      const picture = new Image();
      picture.src = next;
      await picture.decode();
      if (old.current) URL.revokeObjectURL(old.current);
      old.current = next;
      url.value = next;
      performance.measure(`frame ${which}`, { start });
    }).finally(() => {
      if (!stop.signal.aborted) busy.value = false;
    });
    return () => stop.abort();
  });
  useEffect(() => () => {
    if (old.current) URL.revokeObjectURL(old.current);
  }, []);
  return { url: url.value, busy: busy.value };
}

function first(shown: View): Picture {
  return shown === "split" ? "original" : shown;
}

export function Stage() {
  const film = project.value?.film;
  const matches = matching.value;
  const split = view.value === "split" && matches === null;
  const base = usePicture(matches === null ? first(view.value) : "matches", matches ?? "");
  const other = usePicture(split ? "result" : null);
  const line = useSignal(50);
  const box = useRef<HTMLDivElement>(null);
  if (!film) return null;
  const waits = base.busy || other.busy || busy.value !== null;

  function drag(event: PointerEvent): void {
    const frame = box.current?.getBoundingClientRect();
    if (frame && event.buttons) line.value = Math.min(100, Math.max(0, (100 * (event.clientX - frame.left)) / frame.width));
  }

  const names: Record<View, string> = {
    original: "The original frame",
    hidden: "The frame with what is hidden painted over it",
    result: "The frame as it will be",
    split: "The original frame on the left, the frame as it will be on the right",
  };
  return (
    <div class="stage" ref={box} style={{ aspectRatio: `${film.width} / ${film.height}`, maxWidth: `calc(62vh * ${film.width / film.height})` }} data-busy={waits}>
      {base.url ? <img src={base.url} alt={matches === null ? names[view.value] : `What is like the template ${matches}, painted over the frame`} draggable={false} /> : <div class="blank" />}
      {split && other.url && (
        <img class="over" src={other.url} alt="" draggable={false} style={{ clipPath: `inset(0 0 0 ${line.value}%)` }} />
      )}
      <Drawing />
      {split && (
        <div
          class="line"
          style={{ left: `${line.value}%` }}
          role="slider"
          tabIndex={0}
          aria-label="Line between the original and the result"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(line.value)}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={drag}
          onKeyDown={(event) => {
            const by = event.key === "ArrowLeft" ? -2 : event.key === "ArrowRight" ? 2 : 0;
            if (!by) return;
            event.preventDefault();
            event.stopPropagation();
            line.value = Math.min(100, Math.max(0, line.value + by));
          }}
        >
          <span />
        </div>
      )}
      <div class={waits ? "working on" : "working"} aria-hidden="true" />
      {busy.value !== null && (
        <p class="waits">
          {busy.value} {patience.value && <button type="button" class="small" onClick={() => patience.value?.abort()}>Stop</button>}
        </p>
      )}
    </div>
  );
}

type Grip = { kind: "new" | "brush" } | { kind: "move" | Corner; index: number };

/** Let a person stay visible, and take that back where nobody was found at this place. */
async function keepVisible(x: number, y: number): Promise<void> {
  const shown = project.value;
  const at = time.value;
  change({ keep: [...(settings.value?.keep ?? []), { x: Math.round(x), y: Math.round(y), time: at, end: null }] });
  if (!shown || !(await store())) return;
  try {
    await api.frame(shown.id, "result", at, new AbortController().signal);
    tell("This person stays visible, for as long as there is no doubt who they are.");
  } catch (error) {
    if (!(error instanceof Refusal)) return;
    undo();
    const touching = error.message.includes("touches");
    tell(touching ? "This person touches another one here. Pick them where they stand apart." : "Nobody was found there. Click in the middle of a person.", true);
  }
}

/** A template of what is at this place; shows what is like it. */
async function addTemplate(x: number, y: number): Promise<void> {
  const shown = project.value;
  const pick = { x: Math.round(x), y: Math.round(y), time: time.value };
  if (!shown || !(await store())) return;
  await wait("Looking for what is like this …", async () => {
    const { template, share } = await api.template(shown.id, templateName("thing"), pick);
    const now = settings.value;
    if (!now || project.value?.id !== shown.id) return;
    change({ templates: [...now.templates, template], hide: [...now.hide, template.name] });
    await store();
    matching.value = template.name;
    const percent = Math.round(100 * share);
    if (percent > 25) tell(`This is like ${percent} % of the frame, which would all be hidden. Remove it, and click something less common.`, true);
    else tell(`What is like this is painted over the frame, and will be hidden. Give it a name.`);
  });
}

/** Cover somebody who was missed, as far as they can be followed both ways. */
async function addMissed(x: number, y: number): Promise<void> {
  const shown = project.value;
  const place = { x: Math.round(x), y: Math.round(y), time: time.value };
  if (!shown || !(await store())) return;
  await wait("Following them through the video …", async (signal) => {
    const found = await follow.person(shown.id, place, signal);
    if (project.value?.id !== shown.id) return;
    addArea(found);
    tellWay(found);
  });
}

/** Leave out something that was found and is nobody. */
async function leaveOut(x: number, y: number): Promise<void> {
  const shown = project.value;
  const place = { x: Math.round(x), y: Math.round(y), time: time.value };
  if (!shown || !(await store())) return;
  await wait("Looking where it was found first …", async (signal) => {
    const found = await follow.nobody(shown.id, place, signal);
    const now = settings.value;
    if (!now || project.value?.id !== shown.id) return;
    change({ leave_out: [...now.leave_out, found] });
    tell("It stays visible, for as long as it cannot be mistaken for somebody. Check the result there.");
  });
}

function point(what: Tool, x: number, y: number): void {
  if (LINES.includes(what)) {
    const last = line.value.at(-1);
    if (last && last[0] === x && last[1] === y) endLine();
    else line.value = [...line.value, [x, y]];
    return;
  }
  tool.value = "none";
  aim.value = null;
  if (what === "keep") void keepVisible(x, y);
  else if (what === "template") void addTemplate(x, y);
  else if (what === "missed") void addMissed(x, y);
  else if (what === "false") void leaveOut(x, y);
}

/** The point that the keyboard moves. */
function Aim({ width, height, size }: { width: number; height: number; size: number }) {
  const mark = useRef<SVGGElement>(null);
  useLayoutEffect(() => mark.current?.focus(), []);
  const at = aim.value;
  if (!at) return null;
  return (
    <g
      class="aim" tabindex={0} role="button" ref={mark}
      aria-label={
        LINES.includes(tool.value)
          ? "Arrow keys move the point, with Shift faster, Enter draws to it, Enter again ends, Escape gives up"
          : "Arrow keys move the point, with Shift faster, Enter chooses it, Escape ends"
      }
      onKeyDown={(event) => {
        const far = Math.max(1, Math.round(width / (event.shiftKey ? 20 : 100)));
        const by = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
        if (!by && event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        if (by) aim.value = { x: Math.min(width - 1, Math.max(0, at.x + (by[0] as number))), y: Math.min(height - 1, Math.max(0, at.y + (by[1] as number))) };
        else point(tool.value, at.x, at.y);
      }}
    >
      <path d={`M${at.x - 2 * size} ${at.y}h${4 * size}M${at.x} ${at.y - 2 * size}v${4 * size}`} />
      <circle cx={at.x} cy={at.y} r={size} />
    </g>
  );
}

/** Areas and people on the frame, in its own pixels. */
function Drawing() {
  const svg = useRef<SVGSVGElement>(null);
  const grip = useRef<{ grip: Grip; x: number; y: number; area: Area | null } | null>(null);
  const fresh = useSignal<Rectangle | null>(null);
  const film = project.value?.film;
  const now = settings.value;
  if (!film || !now) return null;
  const { width, height } = film;
  const close = width / 60;

  function place(event: PointerEvent): { x: number; y: number } {
    const frame = (svg.current as SVGSVGElement).getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * width;
    const y = ((event.clientY - frame.top) / frame.height) * height;
    return { x: Math.min(width, Math.max(0, x)), y: Math.min(height, Math.max(0, y)) };
  }

  function begin(event: PointerEvent, what: Grip): void {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    svg.current?.setPointerCapture(event.pointerId);
    const at = place(event);
    const area = "index" in what ? (now?.areas[what.index] ?? null) : null;
    if ("index" in what) {
      chosen.value = what.index;
      change({}); // what is undone is the whole movement
    }
    grip.current = { grip: what, ...at, area };
  }

  function move(event: PointerEvent): void {
    const held = grip.current;
    if (!held) return;
    const at = place(event);
    if (held.grip.kind === "brush") line.value = [...line.value, [at.x, at.y]];
    else if (held.grip.kind === "new") {
      fresh.value = {
        x: Math.floor(Math.min(at.x, held.x)),
        y: Math.floor(Math.min(at.y, held.y)),
        width: Math.ceil(Math.abs(at.x - held.x)),
        height: Math.ceil(Math.abs(at.y - held.y)),
        start: null,
        end: null,
      };
    } else if (held.area && "index" in held.grip) {
      putArea(held.grip.index, dragged(held.area, held.grip.kind, at.x - held.x, at.y - held.y, width, height, time.value), true);
    }
  }

  function end(): void {
    if (grip.current?.grip.kind === "brush") {
      line.value = thinned(line.value, width / 400);
      endLine();
    }
    grip.current = null;
    const area = fresh.value;
    fresh.value = null;
    if (area && area.width >= LEAST && area.height >= LEAST) addArea(area);
  }

  function press(event: PointerEvent): void {
    if (tool.value === "area") begin(event, { kind: "new" });
    else if (tool.value === "brush") {
      const at = place(event);
      line.value = [[at.x, at.y]];
      begin(event, { kind: "brush" });
    } else if (tool.value === "polygon") {
      const at = place(event);
      const [first] = line.value;
      if (first && line.value.length > 2 && Math.hypot(first[0] - at.x, first[1] - at.y) < close) endLine();
      else line.value = [...line.value, [Math.round(at.x), Math.round(at.y)]];
    }
    else if (POINTING.includes(tool.value)) {
      const at = place(event);
      point(tool.value, at.x, at.y);
    } else chosen.value = null;
  }

  function keys(event: KeyboardEvent, index: number): void {
    const area = now?.areas[index];
    if (!area) return;
    const far = Math.max(1, Math.round(width / 100));
    const by = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    if (by) {
      event.preventDefault();
      event.stopPropagation();
      putArea(index, dragged(area, event.shiftKey ? "se" : "move", by[0] as number, by[1] as number, width, height, time.value));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      change({ areas: now?.areas.filter((_, at) => at !== index) ?? [] });
      chosen.value = null;
    }
  }

  const size = width / 90;
  const corners: [Corner, number, number][] = [["nw", 0, 0], ["ne", 1, 0], ["sw", 0, 1], ["se", 1, 1]];
  return (
    <svg
      ref={svg}
      class={`drawing ${tool.value}`}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      onPointerDown={press}
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={end}
      onDblClick={() => tool.value === "polygon" && endLine()}
    >
      {now.areas.map((area, index) => {
        if (!isThere(area, time.value + step.value / 2)) return null;
        const seen = shownAt(area, time.value);
        const box = boxOf(seen);
        const common = {
          class: "shape",
          tabindex: 0,
          role: "button" as const,
          "aria-label": `${nameOf(area)} ${index + 1}: arrow keys move it, with Shift they change its size, Delete removes it`,
          onFocus: () => (chosen.value = index),
          onPointerDown: (event: PointerEvent) => tool.value === "none" && begin(event, { kind: "move", index }),
          onKeyDown: (event: KeyboardEvent) => keys(event, index),
        };
        return (
          <g key={index} class={chosen.value === index ? "area chosen" : "area"}>
            {isRectangle(seen) ? (
              <rect x={seen.x} y={seen.y} width={seen.width} height={seen.height} {...common} />
            ) : isStroke(seen) ? (
              <polyline points={lineOf(seen.points)} {...common} class="shape stroke" style={{ strokeWidth: `${2 * seen.radius}px` }} />
            ) : (
              <polygon points={lineOf(seen.points)} {...common} />
            )}
            {chosen.value === index &&
              corners.map(([name, right, low]) => (
                <rect
                  key={name}
                  class={`corner ${name}`}
                  x={(right ? box.right : box.left) - size / 2} y={(low ? box.bottom : box.top) - size / 2} width={size} height={size}
                  onPointerDown={(event) => begin(event, { kind: name, index })}
                />
              ))}
          </g>
        );
      })}
      {line.value.length > 0 &&
        (tool.value === "brush" ? (
          <polyline class="fresh stroke" points={lineOf(line.value)} style={{ strokeWidth: `${2 * brush.value * width}px` }} />
        ) : (
          <>
            <polyline class="fresh" points={lineOf(line.value)} />
            <circle class="pick" cx={line.value[0]?.[0]} cy={line.value[0]?.[1]} r={size} />
          </>
        ))}
      {now.leave_out.map((pick, index) =>
        Math.abs(pick.time - time.value) < step.value ? <circle key={index} class="pick" cx={pick.x} cy={pick.y} r={size} /> : null,
      )}
      {fresh.value && <rect class="fresh" x={fresh.value.x} y={fresh.value.y} width={fresh.value.width} height={fresh.value.height} />}
      {aim.value && <Aim width={width} height={height} size={size} />}
      {now.templates.map((each, index) =>
        matching.value === each.name && Math.abs(each.time - time.value) < step.value ? <circle key={index} class="pick" cx={each.x} cy={each.y} r={size} /> : null,
      )}
      {now.keep.map((pick, index) =>
        Math.abs(pick.time - time.value) < step.value ? <circle key={index} class="pick" cx={pick.x} cy={pick.y} r={size} /> : null,
      )}
    </svg>
  );
}

/** Points as SVG wants them; a single one as a line of no length, which has a round cap. */
function lineOf(points: Spot[]): string {
  const all = points.length === 1 ? [...points, ...points] : points;
  return all.map(([x, y]) => `${x},${y}`).join(" ");
}

export function keysOfTime(event: KeyboardEvent): boolean {
  const by = event.shiftKey ? 1 : step.value;
  if (event.key === "ArrowLeft") seek(time.value - by);
  else if (event.key === "ArrowRight") seek(time.value + by);
  else return false;
  event.preventDefault();
  return true;
}
