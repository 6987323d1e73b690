/** The frame: pictures of it, the line between two of them, and what is drawn on it. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Area, Refusal, api } from "./api";
import { attempt, addArea, change, chosen, drawn, isThere, project, saved, seek, setArea, settings, step, store, tell, time, tool, type View, undo, view } from "./state";

type Picture = "original" | "hidden" | "result";

/** The picture of a view, fetched anew when anything changes; the former one stays until then. */
function usePicture(wanted: Picture | null): { url: string | null; busy: boolean } {
  const url = useSignal<string | null>(null);
  const busy = useSignal(false);
  const old = useRef<string | null>(null);
  const want = useSignal(wanted);
  want.value = wanted;
  useSignalEffect(() => {
    const shown = project.value;
    const which = want.value;
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
      const blob = await api.frame(shown.id, which, now, stop.signal);
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
  const base = usePicture(first(view.value));
  const other = usePicture(view.value === "split" ? "result" : null);
  const line = useSignal(50);
  const box = useRef<HTMLDivElement>(null);
  if (!film) return null;
  const busy = base.busy || other.busy;

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
    <div class="stage" ref={box} style={{ aspectRatio: `${film.width} / ${film.height}`, maxWidth: `calc(62vh * ${film.width / film.height})` }} data-busy={busy}>
      {base.url ? <img src={base.url} alt={names[view.value]} draggable={false} /> : <div class="blank" />}
      {view.value === "split" && other.url && (
        <img class="over" src={other.url} alt="" draggable={false} style={{ clipPath: `inset(0 0 0 ${line.value}%)` }} />
      )}
      <Drawing />
      {view.value === "split" && (
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
      <div class={busy ? "working on" : "working"} aria-hidden="true" />
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
    else if (tool.value === "keep") {
      const at = place(event);
      tool.value = "none";
      void keepVisible(at.x, at.y);
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
              tabIndex={0}
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
