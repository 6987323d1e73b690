/** What the page knows, and what changes it. */

import { batch, computed, effect, signal } from "@preact/signals";
import { type Area, type News, type Options, type Other, type Progress, type Project, type Run, type Settings, type Spot, Refusal, Silence, api, follow } from "./api";
import { shownAt } from "./shapes";
import { clock } from "./words";

export type View = "original" | "hidden" | "result" | "split";
export const VIEWS: View[] = ["original", "hidden", "result", "split"];
export type Tool = "none" | "area" | "polygon" | "brush" | "keep" | "template" | "missed" | "false";
/** Tools with which one point is chosen. */
export const POINTING: Tool[] = ["keep", "template", "missed", "false"];
/** Tools with which a line is drawn from point to point. */
export const LINES: Tool[] = ["polygon", "brush"];
export type Page = "choose" | "review";

export const options = signal<Options | null>(null);
export const projects = signal<Project[]>([]);
export const others = signal<Other[]>([]);
export const listed = signal(false);
export const project = signal<Project | null>(null);
export const settings = signal<Settings | null>(null);
export const page = signal<Page>("choose");
export const reviewed = signal<string | null>(null);
export const time = signal(0);
export const view = signal<View>("result");
export const tool = signal<Tool>("none");
export const chosen = signal<number | null>(null);
/** Where the keyboard points, in pixels of the frame; null: nowhere. */
export const aim = signal<{ x: number; y: number } | null>(null);
/** The points of what is being drawn. */
export const line = signal<Spot[]>([]);
/** Half the width of the brush, as a share of the frame's width. */
export const brush = signal(0.02);
/** The template whose matches are shown on the frame. */
export const matching = signal<string | null>(null);
/** What the page waits for, in words, and what ends it. */
export const busy = signal<string | null>(null);
export const patience = signal<AbortController | null>(null);
export const progress = signal<Progress | null>(null);
export const online = signal(true);
export const notice = signal<{ text: string; bad: boolean } | null>(null);
export const spoken = signal("");
export const saved = signal(true);
/** Rises with every picture that has to be fetched anew. */
export const drawn = signal(0);
export const reviewer = signal(localStorage.getItem("reviewer") ?? "");
effect(() => localStorage.setItem("reviewer", reviewer.value));

export const current = computed<Run | null>(() => {
  const runs = project.value?.runs ?? [];
  return runs.find((run) => run.state === "waiting" || run.state === "running") ?? null;
});
export const done = computed<Run[]>(() => (project.value?.runs ?? []).filter((run) => run.state === "done").reverse());
export const underReview = computed<Run | null>(
  () => done.value.find((run) => run.id === reviewed.value) ?? done.value[0] ?? null,
);
export const step = computed(() => 1 / (project.value?.film.frame_rate || 25));
export const last = computed(() => {
  const film = project.value?.film;
  return film && !film.is_image ? Math.max(0, (film.seconds ?? 0) - 1 / film.frame_rate) : 0;
});
export const nothing = computed(
  () => !settings.value || (!settings.value.hide.length && !settings.value.areas.length && !settings.value.whole_frame),
);

let fading: ReturnType<typeof setTimeout> | undefined;

/** Show one sentence for a while, and have it read out. */
export function tell(text: string, bad = false): void {
  batch(() => {
    notice.value = { text, bad };
    spoken.value = text;
  });
  clearTimeout(fading);
  fading = setTimeout(() => (notice.value = null), bad ? 12000 : 5000);
}

/** Do something that may fail; says why where it does. Returns whether it went well. */
export async function attempt(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return false;
    if (error instanceof Silence) online.value = false;
    tell(error instanceof Error ? error.message : String(error), true);
    if (error instanceof Refusal && error.status === 404 && project.value) leave();
    return false;
  }
}

export async function list(): Promise<void> {
  const found = await api.projects();
  batch(() => {
    projects.value = found.projects;
    others.value = found.others;
    listed.value = true;
  });
}

export function go(id: string, to: Page = "choose"): void {
  location.hash = to === "choose" ? id : `${id}/${to}`;
}

export function leave(): void {
  location.hash = "";
}

// Settings: every change is kept here at once, and on the server soon after. What could not be sent is kept by the
// browser until it can be.

let before: Settings[] = [];
let after: Settings[] = [];
let sending: Promise<boolean> | null = null;
let waiting: ReturnType<typeof setTimeout> | undefined;
export const undoable = signal(0);
export const redoable = signal(0);
const draft = (id: string) => `draft ${id}`;

function counted(): void {
  undoable.value = before.length;
  redoable.value = after.length;
}

function put(next: Settings): void {
  settings.value = next;
  saved.value = false;
  const shown = project.value;
  if (shown) localStorage.setItem(draft(shown.id), JSON.stringify({ revision: shown.revision, settings: next }));
  clearTimeout(waiting);
  waiting = setTimeout(() => void store(), 120);
}

/** Change some settings. `quietly`: as a part of the change before, which is undone with it. */
export function change(part: Partial<Settings>, quietly = false): void {
  const old = settings.value;
  if (!old) return;
  if (!quietly) {
    before = [...before.slice(-99), old];
    after = [];
    counted();
  }
  put({ ...old, ...part });
}

export function undo(): void {
  const old = before.pop();
  if (!old || !settings.value) return;
  after.push(settings.value);
  counted();
  chosen.value = null;
  put(old);
}

export function redo(): void {
  const next = after.pop();
  if (!next || !settings.value) return;
  before.push(settings.value);
  counted();
  chosen.value = null;
  put(next);
}

/** Send what has changed. Returns whether the server has it. */
export async function store(): Promise<boolean> {
  clearTimeout(waiting);
  while (!saved.value && project.value) {
    sending ??= sendOnce().finally(() => (sending = null));
    if (!(await sending)) return false;
  }
  return true;
}

async function sendOnce(): Promise<boolean> {
  const shown = project.value as Project;
  const sent = settings.value as Settings;
  try {
    const answer = await api.save(shown.id, shown.revision, sent);
    if (project.value?.id !== shown.id) return true;
    batch(() => {
      online.value = true;
      project.value = answer;
      if (settings.value === sent) {
        saved.value = true;
        localStorage.removeItem(draft(shown.id));
      }
      drawn.value += 1;
    });
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.status === 409) {
      localStorage.removeItem(draft(shown.id));
      await load(shown.id);
    } else if (error instanceof Refusal && before.length) {
      undo();
    }
    if (error instanceof Silence) online.value = false;
    tell(error instanceof Error ? error.message : String(error), true);
    return false;
  }
}

/** Show a project as the server has it, with what the browser has kept of it. */
export async function load(id: string): Promise<void> {
  const found = await api.project(id);
  const known = project.value?.id === id;
  batch(() => {
    project.value = found;
    settings.value = found.settings;
    saved.value = true;
    drawn.value += 1;
    if (!known) {
      time.value = 0;
      tool.value = "none";
      chosen.value = null;
      reviewed.value = null;
      matching.value = null;
    }
  });
  before = [];
  after = [];
  counted();
  try {
    const kept = JSON.parse(localStorage.getItem(draft(id)) ?? "null") as { revision: number; settings: Settings } | null;
    if (kept && kept.revision === found.revision) put(kept.settings);
    else localStorage.removeItem(draft(id));
  } catch {
    localStorage.removeItem(draft(id));
  }
}

/** Take over what has changed on the server while this page shows the project. */
async function refresh(): Promise<void> {
  const shown = project.value;
  if (!shown || !saved.value || sending) return;
  const found = await api.project(shown.id);
  if (project.value?.id !== shown.id || !saved.value || sending) return;
  const working = current.value?.id;
  const same = found.revision === project.value.revision;
  batch(() => {
    project.value = found;
    if (!same) {
      settings.value = found.settings;
      drawn.value += 1;
    }
  });
  const ended = working ? found.runs.find((run) => run.id === working) : undefined;
  if (ended?.state === "done") {
    reviewed.value = ended.id;
    tell(
      ended.moments.length
        ? `The video is made. ${ended.moments.length} moment${ended.moments.length > 1 ? "s" : ""} should be looked at.`
        : "The video is made.",
    );
  } else if (ended?.state === "failed") {
    tell(ended.error ?? "The video could not be made.", true);
  }
}

/** Listen to what is new on the server, for as long as the page is open. */
export function listen(): void {
  const source = new EventSource("/api/events");
  source.onopen = () => {
    online.value = true;
    if (!saved.value) void store();
  };
  source.onerror = () => (online.value = false);
  source.onmessage = (event: MessageEvent<string>) => {
    const news = JSON.parse(event.data) as News;
    batch(() => {
      online.value = true;
      progress.value = news.progress;
    });
    const shown = project.value;
    if (shown) {
      const stamp = news.stamps[shown.id];
      if (stamp === undefined) leave();
      else if (stamp !== shown.stamp) void refresh().catch(() => undefined);
    } else if (listed.value) {
      const known = new Map(projects.value.map((each) => [each.id, each.stamp]));
      const told = Object.entries(news.stamps);
      if (told.length !== known.size || told.some(([id, stamp]) => known.get(id) !== stamp)) void list().catch(() => undefined);
    }
  };
}

// Parts of people: a set on the page, as few names as possible in the settings.

export function partsOf(hide: string[]): Set<string> {
  const groups = options.value?.groups ?? {};
  return new Set(hide.flatMap((name) => groups[name] ?? [name]));
}

export function namesOf(parts: Set<string>): string[] {
  const rest = new Set(parts);
  const names: string[] = [];
  for (const [name, members] of Object.entries(options.value?.groups ?? {})) {
    if (members.every((part) => rest.has(part))) {
      names.push(name);
      members.forEach((part) => rest.delete(part));
    }
  }
  return [...names, ...rest];
}

/** Take up a tool, or lay it down. `byKeyboard`: a point is chosen with the arrow keys then. */
export function use(next: Tool, byKeyboard = false): void {
  const film = project.value?.film;
  batch(() => {
    tool.value = tool.value === next ? "none" : next;
    line.value = [];
    aim.value = byKeyboard && film && [...POINTING, ...LINES].includes(tool.value) ? { x: Math.round(film.width / 2), y: Math.round(film.height / 2) } : null;
  });
}

// Templates

/** A name as templates may have it, that no other one has. */
export function templateName(text: string, index: number | null = null): string {
  const now = settings.value;
  const others = new Set([
    ...(options.value?.parts ?? []), ...(options.value?.own ?? []), ...(options.value?.taken ?? []),
    ...(now?.templates ?? []).filter((_, at) => at !== index).map((each) => each.name),
  ]);
  const wanted = text.trim().normalize("NFKD").replace(/[^A-Za-z0-9_-]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 50) || "thing";
  let name = wanted;
  for (let number = 2; others.has(name.toLowerCase()) || others.has(name); number += 1) name = `${wanted}_${number}`;
  return name;
}

export function renameTemplate(index: number, text: string): void {
  const now = settings.value;
  const old = now?.templates[index]?.name;
  const name = templateName(text, index);
  if (!now || old === undefined || name === old) return;
  batch(() => {
    change({
      templates: now.templates.map((each, at) => (at === index ? { ...each, name } : each)),
      hide: now.hide.map((each) => (each === old ? name : each)),
    });
    if (matching.value === old) matching.value = name;
  });
}

export function removeTemplate(index: number): void {
  const now = settings.value;
  const old = now?.templates[index]?.name;
  if (!now || old === undefined) return;
  batch(() => {
    if (matching.value === old) matching.value = null;
    change({ templates: now.templates.filter((_, at) => at !== index), hide: now.hide.filter((each) => each !== old) });
  });
}

// Areas

export function setArea(index: number, part: { start?: number | null; end?: number | null }): void {
  change({ areas: settings.value?.areas.map((area, at) => (at === index ? { ...area, ...part } : area)) ?? [] });
}

/** Let the chosen area begin or end at this frame. */
export function cutHere(edge: "start" | "end"): void {
  const index = chosen.value;
  const area = index === null ? undefined : settings.value?.areas[index];
  if (index === null || !area) return;
  const now = Math.round((time.value + (edge === "end" ? step.value : 0)) * 1000) / 1000;
  if (edge === "start" ? area.end !== null && now >= area.end : now <= (area.start ?? 0)) tell("An area must end after its start.", true);
  else setArea(index, { [edge]: now });
}

export function addArea(area: Area): void {
  const areas = [...(settings.value?.areas ?? []), area];
  change({ areas });
  batch(() => {
    chosen.value = areas.length - 1;
    tool.value = "none";
    aim.value = null;
    line.value = [];
  });
}

/** Replace an area by one of the same or another kind. */
export function putArea(index: number, area: Area, quietly = false): void {
  change({ areas: settings.value?.areas.map((each, at) => (at === index ? area : each)) ?? [] }, quietly);
}

/** End the line that is drawn: it becomes an area. */
export function endLine(): void {
  const film = project.value?.film;
  const points = line.value;
  const what = tool.value;
  line.value = [];
  if (!film) return;
  if (what === "brush" && points.length) addArea({ points, radius: Math.max(2, Math.round(brush.value * film.width)), start: null, end: null });
  else if (what === "polygon" && points.length > 2) addArea({ points, start: null, end: null });
}

/** Do something that takes a while and can be given up. */
export async function wait(words: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  batch(() => {
    busy.value = words;
    patience.value = stop;
  });
  await attempt(() => work(stop.signal));
  batch(() => {
    busy.value = null;
    patience.value = null;
  });
}

/** Have an area follow what is under it from this frame on, both ways; or have it stay where it is seen now. */
export async function followArea(index: number, on: boolean): Promise<void> {
  const shown = project.value;
  const area = settings.value?.areas[index];
  if (!shown || !area) return;
  const { way: _way, doubts: _doubts, ...here } = shownAt(area, time.value);
  if (!on) return putArea(index, here);
  const now = time.value;
  await wait("Following …", async (signal) => {
    const found = await follow.area(shown.id, now, { ...here, start: null, end: null } as Area, signal);
    if (project.value?.id !== shown.id || settings.value?.areas[index] !== area) return;
    putArea(index, found);
    tellWay(found);
  });
}

/** Say how far something could be followed. */
export function tellWay(area: Area): void {
  const lost = area.doubts?.map((at) => clock(at, 1)).join(" and ");
  if (lost) tell(`It was lost at ${lost}, and stays covered where it was last. Look there, and move or cut it.`, true);
  else if (area.start !== null || area.end !== null) tell(`It is covered from ${clock(area.start ?? 0, 1)} to ${area.end === null ? "the end" : clock(area.end, 1)}.`);
  else tell("It is covered from the beginning to the end.");
}

export function removeArea(index: number): void {
  change({ areas: settings.value?.areas.filter((_, at) => at !== index) ?? [] });
  chosen.value = null;
}

export function seek(to: number): void {
  const frame = Math.round(to / step.value);
  time.value = Math.min(last.value, Math.max(0, frame * step.value));
}
