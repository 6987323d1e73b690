/** The frame: pictures of it, the line between two of them, and what is drawn on it. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Area, Refusal, api } from "./api";
import {
  POINTING, aim, attempt, addArea, busy, change, chosen, drawn, isThere, matching, project, saved, seek, setArea, settings, step, store, tell,
  templateName, time, tool, type Tool, type View, undo, view,
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
      {busy.value !== null && <p class="waits" role="status">{busy.value}</p>}
    </div>
  );
}

type Corner = "nw" | "ne" | "sw" | "se";
type Grip = { kind: "new" } | { kind: "move" | Corner; index: number };

const LEAST = 4;

function dragged(area: Area, grip: "move" | Corner, dx: number, dy: number, width: number, height: number): Partial<Area> {
  if (grip === "move") {
    const x = Math.min(width - area.width, Math.max(0, area.x + dx));
    const y = Math.min(height - area.height, Math.max(0, area.y + dy));
    return { x: Math.round(x), y: Math.round(y) };
  }
  const [west, north] = [grip.includes("w"), grip.includes("n")];
  let [left, top, right, bottom] = [area.x, area.y, area.x + area.width, area.y + area.height];
  if (west) left = Math.min(right - LEAST, Math.max(0, left + dx));
  else right = Math.max(left + LEAST, Math.min(width, right + dx));
  if (north) top = Math.min(bottom - LEAST, Math.max(0, top + dy));
  else bottom = Math.max(top + LEAST, Math.min(height, bottom + dy));
  return { x: Math.round(left), y: Math.round(top), width: Math.round(right - left), height: Math.round(bottom - top) };
}

/** Let a person stay visible, and take that back where nobody was found at this place. */
async function keepVisible(x: number, y: number): Promise<void> {
  const shown = project.value;
  const at = time.value;
  change({ keep: [...(settings.value?.keep ?? []), { x: Math.round(x), y: Math.round(y), time: at }] });
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
  busy.value = "Looking for what is like this …";
  await attempt(async () => {
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
  busy.value = null;
}

function point(what: Tool, x: number, y: number): void {
  tool.value = "none";
  aim.value = null;
  if (what === "keep") void keepVisible(x, y);
  else if (what === "template") void addTemplate(x, y);
}

/** The point that the keyboard moves. */
function Aim({ width, height, size }: { width: number; height: number; size: number }) {
  const mark = useRef<SVGGElement>(null);
  useEffect(() => mark.current?.focus(), []);
  const at = aim.value;
  if (!at) return null;
  return (
    <g
      class="aim" tabindex={0} role="button" ref={mark}
      aria-label="Arrow keys move the point, with Shift faster, Enter chooses it, Escape ends"
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
  const fresh = useSignal<Area | null>(null);
  const film = project.value?.film;
  const now = settings.value;
  if (!film || !now) return null;
  const { width, height } = film;

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
    const area = what.kind === "new" ? null : (now?.areas[what.index] ?? null);
    if (what.kind !== "new") {
      chosen.value = what.index;
      change({}); // what is undone is the whole movement
    }
    grip.current = { grip: what, ...at, area };
  }

  function move(event: PointerEvent): void {
    const held = grip.current;
    if (!held) return;
    const at = place(event);
    if (held.grip.kind === "new") {
      fresh.value = {
        x: Math.floor(Math.min(at.x, held.x)),
        y: Math.floor(Math.min(at.y, held.y)),
        width: Math.ceil(Math.abs(at.x - held.x)),
        height: Math.ceil(Math.abs(at.y - held.y)),
        start: null,
        end: null,
      };
    } else if (held.area) {
      setArea(held.grip.index, dragged(held.area, held.grip.kind, at.x - held.x, at.y - held.y, width, height), true);
    }
  }

  function end(): void {
    grip.current = null;
    const area = fresh.value;
    fresh.value = null;
    if (area && area.width >= LEAST && area.height >= LEAST) addArea(area);
  }

  function press(event: PointerEvent): void {
    if (tool.value === "area") begin(event, { kind: "new" });
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
      setArea(index, dragged(area, event.shiftKey ? "se" : "move", by[0] as number, by[1] as number, width, height));
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
    >
      {now.areas.map((area, index) =>
        isThere(area, time.value + step.value / 2) ? (
          <g key={index} class={chosen.value === index ? "area chosen" : "area"}>
            <rect
              x={area.x} y={area.y} width={area.width} height={area.height}
              tabindex={0}
              role="button"
              aria-label={`Area ${index + 1}: arrow keys move it, with Shift they change its size, Delete removes it`}
              onFocus={() => (chosen.value = index)}
              onPointerDown={(event) => tool.value === "none" && begin(event, { kind: "move", index })}
              onKeyDown={(event) => keys(event, index)}
            />
            {chosen.value === index &&
              corners.map(([name, right, low]) => (
                <rect
                  key={name}
                  class={`corner ${name}`}
                  x={area.x + right * area.width - size / 2} y={area.y + low * area.height - size / 2} width={size} height={size}
                  onPointerDown={(event) => begin(event, { kind: name, index })}
                />
              ))}
          </g>
        ) : null,
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

export function keysOfTime(event: KeyboardEvent): boolean {
  const by = event.shiftKey ? 1 : step.value;
  if (event.key === "ArrowLeft") seek(time.value - by);
  else if (event.key === "ArrowRight") seek(time.value + by);
  else return false;
  event.preventDefault();
  return true;
}
