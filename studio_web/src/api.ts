/** What the server knows, and how it is asked. */

export type Spot = [number, number];
/** Time, how far from where it was drawn (x, y), and its size as a factor. */
export type Step = [number, number, number, number];

interface Anywhere {
  start: number | null;
  end: number | null;
  way?: Step[];
  /** Times at which whoever followed it lost it. */
  doubts?: number[];
}

export interface Rectangle extends Anywhere {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Polygon extends Anywhere {
  points: Spot[];
}

export interface Stroke extends Polygon {
  radius: number;
}

export type Area = Rectangle | Polygon | Stroke;

export interface Place {
  x: number;
  y: number;
  time: number;
}

export interface Pick extends Place {
  end: number | null;
}

export interface Template extends Place {
  name: string;
  vector: string;
  fingerprint: string;
  origin: string;
}

export interface Settings {
  hide: string[];
  templates: Template[];
  areas: Area[];
  keep: Pick[];
  leave_out: Pick[];
  whole_frame: boolean;
  preset: string;
  fill: string;
  palette: string;
  smallest_person: number | null;
  audio: "drop" | "keep";
  seed: number | null;
}

export interface Moment {
  time: number;
  box: [number, number, number, number];
}

/** A piece of what is hidden: places are time, left, top, width, height. */
export interface Row {
  start: number;
  end: number;
  places: [number, number, number, number, number][];
}

export interface Audit {
  state: "waiting" | "running" | "done" | "failed";
  level: string | null;
  headline: string | null;
  error: string | null;
}

export interface Run {
  id: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  created: string;
  finished: string | null;
  settings: Settings;
  with_preview: boolean;
  output: string | null;
  frames: number;
  seconds: number;
  notices: string[];
  moments: Moment[];
  rows: Row[];
  audit: Audit | null;
  error: string | null;
}

export interface Mark {
  run: string;
  moment: number;
  time: number;
  mark: "fine" | "fixed";
  who: string;
  when: string;
}

export interface Film {
  name: string;
  path: string | null;
  size: number;
  width: number;
  height: number;
  frame_rate: number;
  seconds: number | null;
  is_image: boolean;
  has_audio: boolean;
}

export interface Project {
  id: string;
  created: string;
  changed: string;
  revision: number;
  film: Film;
  settings: Settings;
  runs: Run[];
  marks: Mark[];
  stamp: string;
  bytes: number;
  weaknesses: string[];
}

export interface Options {
  version: string;
  parts: string[];
  groups: Record<string, string[]>;
  own: string[];
  /** Names that templates may not have. */
  taken: string[];
  presets: string[];
  fills: string[];
  palettes: string[];
  workspace: { folder: string; keepDays: number };
}

export interface Progress {
  project: string;
  run: string;
  done: number;
  total: number | null;
  left: number | null;
  fps: number;
  step: string;
}

export interface News {
  progress: Progress | null;
  stamps: Record<string, string>;
}

export interface Other {
  index: number;
  name: string;
}

/** The server has said no, in one sentence. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** The server did not answer at all. */
export class Silence extends Error {
  constructor() {
    super("The studio does not answer. Is it still running in the terminal?");
  }
}

async function refusal(response: Response): Promise<Refusal> {
  let text = "";
  try {
    text = ((await response.json()) as { error?: string }).error ?? "";
  } catch {
    // no sentence came with it
  }
  if (response.status === 403) text = "The studio was started anew. Open the address that it has printed.";
  return new Refusal(sentence(text || `The studio answered with ${response.status}.`), response.status);
}

/** One sentence of the server, with a capital letter (unless it begins with a file's name) and a full stop. */
export function sentence(text: string): string {
  const first = /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?)]$/.test(first) ? first : `${first}.`;
}

async function ask(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Silence();
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function json<T>(path: string, method = "GET", body?: unknown, signal: AbortSignal | null = null): Promise<T> {
  const init: RequestInit = { method, signal };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  return (await (await ask(path, init)).json()) as T;
}

const at = (id: string) => `/api/projects/${id}`;

export const api = {
  options: () => json<Options>("/api/options"),
  projects: () => json<{ projects: Project[]; others: Other[] }>("/api/projects"),
  project: (id: string) => json<Project>(at(id)),
  open: (index: number) => json<Project>(`/api/others/${index}`, "POST", {}),
  remove: async (id: string) => {
    await ask(at(id), { method: "DELETE" });
  },
  save: (id: string, revision: number, settings: Settings) =>
    json<Project>(`${at(id)}/settings`, "PUT", { revision, settings }),
  run: (id: string, preview: boolean) => json<Project>(`${at(id)}/runs`, "POST", { preview }),
  endRun: (id: string, run: string) => json<Project>(`${at(id)}/runs/${run}`, "DELETE"),
  audit: (id: string, run: string) => json<Project>(`${at(id)}/runs/${run}/audit`, "POST", {}),
  endAudit: (id: string, run: string) => json<Project>(`${at(id)}/runs/${run}/audit`, "DELETE"),
  mark: (id: string, run: string, moment: number, mark: string | null, who: string) =>
    json<Project>(`${at(id)}/runs/${run}/moments/${moment}`, "PUT", { mark, who }),
  /** view: or `matches` with the name of a template. */
  frame: async (id: string, view: string, time: number, signal: AbortSignal, name = ""): Promise<Blob> =>
    (await ask(`${at(id)}/frame?view=${view}&time=${time.toFixed(4)}&name=${encodeURIComponent(name)}`, { signal })).blob(),
  template: (id: string, name: string, pick: Place) =>
    json<{ template: Template; share: number; closest: string | null }>(`${at(id)}/templates`, "POST", { name, ...pick }),
};

export const follow = {
  /** An area that follows what is under it. */
  area: (id: string, time: number, area: Area, signal: AbortSignal) => json<Area>(`${at(id)}/areas`, "POST", { time, area }, signal),
  /** Somebody who was missed. */
  person: (id: string, place: Place, signal: AbortSignal) => json<Area>(`${at(id)}/areas`, "POST", place, signal),
  /** Something that was found and is nobody. */
  nobody: (id: string, place: Place, signal: AbortSignal) => json<Pick>(`${at(id)}/false`, "POST", place, signal),
};

export const address = {
  film: (id: string) => `${at(id)}/film`,
  file: (id: string) => `${at(id)}/file`,
  first: (id: string) => `${at(id)}/frame?view=original&time=0`,
  result: (id: string, run: string) => `${at(id)}/runs/${run}/result`,
  download: (id: string, run: string) => `${at(id)}/runs/${run}/result?download=1`,
  report: (id: string, run: string) => `${at(id)}/runs/${run}/audit`,
  also: (id: string, run: string, kind: string) => `${at(id)}/runs/${run}/files/${kind}`,
  moment: (id: string, run: string, moment: number) => `${at(id)}/runs/${run}/moments/${moment}`,
};

/** Send a film; `onShare` is told how much of it, from 0 to 1. Aborting leaves nothing behind. */
export function send(file: File, onShare: (share: number) => void, signal: AbortSignal): Promise<Project> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/projects?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = (event) => event.lengthComputable && onShare(event.loaded / event.total);
    request.onload = () => {
      let body: { error?: string } = {};
      try {
        body = JSON.parse(request.responseText) as { error?: string };
      } catch {
        // no sentence came with it
      }
      if (request.status === 201) resolve(body as unknown as Project);
      else reject(new Refusal(sentence(body.error ?? `The studio answered with ${request.status}.`), request.status));
    };
    request.onerror = () => reject(new Silence());
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
