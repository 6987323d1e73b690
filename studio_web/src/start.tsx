/** The first page: open a film, or go on with one. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Project, address, api, send } from "./api";
import { Bar, Dialog, Icon } from "./parts";
import { attempt, go, list, listed, options, others, progress, projects, spoken } from "./state";
import { bytes, clock, day } from "./words";

function Sending({ name, share, onStop }: { name: string; share: number; onStop: () => void }) {
  return (
    <div class="drop sending">
      <p>
        {share < 1 ? "Opening" : "Looking at"} <b>{name}</b> …
      </p>
      <Bar share={share < 1 ? share : null} label={`Opening ${name}`} />
      <button type="button" onClick={onStop}>Cancel</button>
    </div>
  );
}

function Opener() {
  const input = useRef<HTMLInputElement>(null);
  const over = useSignal(false);
  const sending = useSignal<{ name: string; share: number; stop: AbortController } | null>(null);

  async function open(files: FileList | null): Promise<void> {
    const all = [...(files ?? [])];
    let opened: Project | null = null;
    for (const file of all) {
      const stop = new AbortController();
      sending.value = { name: file.name, share: 0, stop };
      const well = await attempt(async () => {
        opened = await send(file, (share) => (sending.value = { name: file.name, share, stop }), stop.signal);
      });
      if (!well && stop.signal.aborted) break;
    }
    sending.value = null;
    if (input.current) input.current.value = "";
    if (opened && all.length === 1) go((opened as Project).id);
    else await attempt(list);
  }

  const state = sending.value;
  if (state) return <Sending name={state.name} share={state.share} onStop={() => state.stop.abort()} />;
  return (
    <label
      class={over.value ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        void open(event.dataTransfer?.files ?? null);
      }}
    >
      <Icon name="up" />
      <span class="big">Drop a video here</span>
      <span class="button primary">Choose a video</span>
      <input ref={input} class="unseen" type="file" multiple accept="video/*,image/*,.mkv,.avi,.mts,.ts" onChange={() => void open(input.current?.files ?? null)} />
      <span class="soft">It stays on this computer. Pictures work too.</span>
    </label>
  );
}

function stateOf(each: Project): string {
  const run = each.runs.at(-1);
  if (!run) return "not made yet";
  if (run.state === "running") {
    const now = progress.value;
    return now?.run === run.id && now.total ? `being made, ${Math.round((100 * now.done) / now.total)} %` : "being made";
  }
  if (run.state === "done") {
    const looked = each.marks.filter((mark) => mark.run === run.id).length;
    return run.moments.length ? `made, ${looked} of ${run.moments.length} moments looked at` : "made";
  }
  return run.state;
}

function Card({ each }: { each: Project }) {
  const asking = useSignal(false);
  const film = each.film;
  return (
    <li class="card">
      <a href={`#${each.id}`}>
        <img src={address.first(each.id)} alt="" loading="lazy" />
        <span class="name">{film.name}</span>
      </a>
      <span class="soft">
        {film.seconds !== null && !film.is_image ? `${clock(film.seconds, 0)} · ` : ""}
        {film.width}×{film.height} · {stateOf(each)}
      </span>
      <span class="row">
        <span class="soft grow">{day(each.changed)}</span>
        <button type="button" class="quiet" aria-label={`Delete ${film.name}`} title="Delete" onClick={() => (asking.value = true)}>
          <Icon name="bin" />
        </button>
      </span>
      {asking.value && (
        <Dialog
          title={`Delete ${film.name}?`}
          action="Delete"
          onNo={() => (asking.value = false)}
          onYes={() =>
            void attempt(async () => {
              asking.value = false;
              await api.remove(each.id);
              spoken.value = `${film.name} is deleted`;
              await list();
            })
          }
        >
          Its results and its review {film.path === null ? "and the copy of the video here" : ""} are deleted for good ({bytes(each.bytes)}).
          {film.path === null ? " The file that you opened stays where it is." : ` ${film.path} stays where it is.`}
        </Dialog>
      )}
    </li>
  );
}

export function Start() {
  const place = options.value?.workspace;
  return (
    <main class="start">
      <section class="hero">
        <h2>Hide who is in a video, and keep what they do</h2>
        <Opener />
      </section>
      {others.value.length > 0 && (
        <section>
          <h2>In the folder</h2>
          <ul class="others">
            {others.value.map((other) => (
              <li key={other.index}>
                <button type="button" onClick={() => void attempt(async () => go((await api.open(other.index)).id))}>
                  <Icon name="film" /> {other.name}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {listed.value && projects.value.length > 0 && (
        <section>
          <h2>Your videos</h2>
          <ul class="cards">
            {projects.value.map((each) => (
              <Card key={each.id} each={each} />
            ))}
          </ul>
        </section>
      )}
      {place && (
        <footer class="soft">
          Videos, results and reviews lie in <code>{place.folder}</code>
          {place.keepDays > 0 && ` and are deleted ${place.keepDays} days after their last change`}. Nothing is sent anywhere.
          Version {options.value?.version}.
        </footer>
      )}
    </main>
  );
}
