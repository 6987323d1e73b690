/** The page on which people look at what was made: both films in step, and the moments of doubt. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Moment, type Row, type Run, address, api } from "./api";
import { fixMoment } from "./editor";
import { Bar, Icon } from "./parts";
import { attempt, go, progress, project, reviewed, reviewer, done, spoken, tell, underReview } from "./state";
import { clock, day, span } from "./words";

type Video = HTMLVideoElement;
const BOTH = ["both", "original", "result"] as const;

export function Review() {
  const shown = project.value;
  const run = underReview.value;
  if (!shown) return null;
  if (!run) {
    return (
      <main class="start">
        <p>Nothing has been made of this video yet.</p>
        <p><button type="button" onClick={() => go(shown.id)}>Choose what to hide</button></p>
      </main>
    );
  }
  return <Looking key={run.id} run={run} />;
}

function Looking({ run }: { run: Run }) {
  const shown = project.value;
  const result = useRef<Video>(null);
  const original = useRef<Video>(null);
  const playing = useSignal(false);
  const now = useSignal(0);
  const slow = useSignal(1);
  const which = useSignal<(typeof BOTH)[number]>("both");
  const unplayable = useSignal(false);
  const at = useSignal<number | null>(null);
  const row = useSignal<number | null>(null);
  const list = useRef<HTMLOListElement>(null);

  const film = shown?.film;
  const length = film?.seconds ?? 0;
  const marks = (shown?.marks ?? []).filter((mark) => mark.run === run.id);
  const markOf = (moment: number) => marks.find((mark) => mark.moment === moment);

  function seek(to: number): void {
    const time = Math.min(Math.max(0, to), Math.max(0, length - 0.001));
    now.value = time;
    for (const video of [result.current, original.current]) if (video && video.readyState > 0) video.currentTime = time;
  }

  function toggle(): void {
    const video = result.current;
    if (!video) return;
    if (video.paused) {
      if (original.current && !unplayable.value) {
        original.current.currentTime = video.currentTime;
        void original.current.play().catch(() => undefined);
      }
      void video.play().catch(() => undefined);
    } else {
      video.pause();
      original.current?.pause();
      if (original.current) original.current.currentTime = video.currentTime;
    }
  }

  function jump(moment: number): void {
    const found = run.moments[moment];
    if (!found) return;
    at.value = moment;
    row.value = null;
    result.current?.pause();
    original.current?.pause();
    seek(found.time);
    spoken.value = `Moment ${moment + 1} of ${run.moments.length}, at ${clock(found.time)}`;
    list.current?.children[moment]?.scrollIntoView({ block: "nearest" });
  }

  function next(by: number): void {
    const count = run.moments.length;
    if (count) jump(at.value === null ? (by > 0 ? 0 : count - 1) : (at.value + by + count) % count);
  }

  function mark(moment: number, word: "fine" | "fixed" | null): void {
    if (!shown) return;
    void attempt(async () => {
      project.value = await api.mark(shown.id, run.id, moment, word, reviewer.value);
      spoken.value = word === null ? "The mark is taken back" : `Marked as ${word}`;
    });
  }

  function fix(moment: number): void {
    const found = run.moments[moment];
    if (!found) return;
    mark(moment, "fixed");
    fixMoment(found);
  }

  useEffect(() => {
    let frame = 0;
    const tick = () => {
      const [master, other] = [result.current, original.current];
      if (master) {
        if (!master.paused) now.value = master.currentTime;
        playing.value = !master.paused && !master.ended;
        if (other && !master.paused && !unplayable.value) {
          const apart = master.currentTime - other.currentTime;
          // Small differences are made up by speed, which nobody sees.
          if (Math.abs(apart) > 0.3) other.currentTime = master.currentTime;
          else other.playbackRate = slow.value * (Math.abs(apart) > 0.02 ? 1 + Math.max(-0.2, Math.min(0.2, apart)) : 1);
        }
      }
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, []);
  useEffect(() => {
    for (const video of [result.current, original.current]) if (video) video.playbackRate = slow.value;
  }, [slow.value]);
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (target.matches("input:not([type=range]), select")) return;
      if (event.key === " " && !target.matches("button, a, summary")) toggle();
      else if (event.key === "n") next(1);
      else if (event.key === "p") next(-1);
      else if (event.key === "f" && at.value !== null) mark(at.value, markOf(at.value)?.mark === "fine" ? null : "fine");
      else if (event.key === "x" && at.value !== null) fix(at.value);
      else if (event.key === "ArrowLeft" && !target.matches("input")) seek(now.value - (event.shiftKey ? 1 : 1 / (film?.frame_rate ?? 25)));
      else if (event.key === "ArrowRight" && !target.matches("input")) seek(now.value + (event.shiftKey ? 1 : 1 / (film?.frame_rate ?? 25)));
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });

  if (!shown || !film) return null;
  const place = row.value === null ? undefined : placeOf(run.rows[row.value], now.value);
  const chosenBox = at.value === null ? undefined : run.moments[at.value];
  const near = place ?? (chosenBox && Math.abs(chosenBox.time - now.value) < 1 ? chosenBox : undefined);
  const looked = new Set(marks.map((each) => each.moment)).size;
  const both = which.value === "both";
  const shape = { aspectRatio: `${film.width} / ${film.height}` };
  return (
    <main class="editor review">
      <div class="left">
        <div class="row wrap">
          <div class="views" role="radiogroup" aria-label="View">
            {BOTH.map((each) => (
              <button key={each} type="button" role="radio" aria-checked={which.value === each} onClick={() => (which.value = each)}>
                {each === "both" ? "Both" : each === "original" ? "Original" : "Result"}
              </button>
            ))}
          </div>
          <span class="grow" />
          {done.value.length > 1 && (
            <label class="field inline">
              Made
              <select value={run.id} onChange={(event) => (reviewed.value = event.currentTarget.value)}>
                {done.value.map((each) => (
                  <option key={each.id} value={each.id}>{day(each.finished ?? each.created)}</option>
                ))}
              </select>
            </label>
          )}
        </div>
        <div class={both ? "pair" : "pair one"}>
          <figure hidden={which.value === "result"} style={shape}>
            {film.is_image ? (
              <img src={address.first(shown.id)} alt="The original" />
            ) : (
              <video ref={original} src={address.film(shown.id)} muted playsInline preload="auto" aria-label="The original video" onError={() => (unplayable.value = true)} />
            )}
            {unplayable.value && <p class="cannot">This browser cannot play the original. Look at single frames under “Choose”.</p>}
            <Place film={film} moment={near} />
            <figcaption>Original</figcaption>
          </figure>
          <figure hidden={which.value === "original"} style={shape}>
            {film.is_image ? (
              <img src={address.result(shown.id, run.id)} alt="The result" />
            ) : (
              <video ref={result} src={address.result(shown.id, run.id)} muted={run.settings.audio === "drop"} playsInline preload="auto" aria-label="The result" onEnded={() => original.current?.pause()} />
            )}
            <Place film={film} moment={near} />
            <figcaption>Result</figcaption>
          </figure>
        </div>
        {!film.is_image && (
          <div class="timeline">
            <div class="row">
              <button type="button" aria-label={playing.value ? "Pause" : "Play"} title="Space" onClick={toggle}>
                <Icon name={playing.value ? "pause" : "play"} />
              </button>
              <div class="track">
                <input type="range" min={0} max={length} step={1 / film.frame_rate} value={now.value} aria-label="Time in the video" aria-valuetext={clock(now.value)}
                  onInput={(event) => seek(event.currentTarget.valueAsNumber)} />
                <div class="marks" aria-hidden="true">
                  {run.moments.map((moment, index) => (
                    <i key={index} class={markOf(index) ? "tick seen" : "tick"} style={{ left: `${(100 * moment.time) / (length || 1)}%` }} />
                  ))}
                </div>
              </div>
              <output class="clock">{clock(now.value)} <span class="soft">/ {clock(length)}</span></output>
              <select aria-label="Speed" value={slow.value} onChange={(event) => (slow.value = Number(event.currentTarget.value))}>
                {[0.25, 0.5, 1, 2].map((each) => <option key={each} value={each}>{each}×</option>)}
              </select>
            </div>
          </div>
        )}
        {run.rows.length > 0 && length > 0 && (
          <details class="rows" open>
            <summary>What is hidden, piece by piece ({run.rows.length})</summary>
            <ol>
              {run.rows.map((each, index) => {
                const share = (time: number) => `${(100 * Math.min(length, time)) / length}%`;
                return (
                  <li key={index} class={row.value === index ? "chosen" : ""}>
                    <button
                      type="button" class="piece" style={{ left: share(each.start), width: `max(8px, calc(${share(each.end)} - ${share(each.start)}))` }}
                      aria-label={`Piece ${index + 1}, from ${clock(each.start)} to ${clock(each.end)}`} aria-pressed={row.value === index}
                      title={`${clock(each.start, 1)} to ${clock(each.end, 1)}`}
                      onClick={() => {
                        row.value = index;
                        at.value = null;
                        seek(each.start);
                      }}
                    />
                    {run.moments.map((moment, number) =>
                      belongs(moment, each) ? (
                        <i key={number} class={markOf(number) ? "tick seen" : "tick"} style={{ left: share(moment.time) }} aria-hidden="true" />
                      ) : null,
                    )}
                  </li>
                );
              })}
            </ol>
            <p class="soft">One row for each piece, for as long as it touches no other. Click one to see where it begins.</p>
          </details>
        )}
        <p class="soft hint">Keys: Space plays, ← → steps, n and p go to the next and previous moment, f marks it as fine, x fixes it.</p>
      </div>
      <div class="panel">
        <div class="scroll">
          <section>
            <h2>Moments of doubt</h2>
            {run.moments.length === 0 ? (
              <p>Nobody who was found was missed later. People who were never found are not listed: watch the video once.</p>
            ) : (
              <>
                <p class="soft">Somebody who was found before was missed here, and covered where they were taken to be.</p>
                <p class="row">
                  <b class="grow">{looked} of {run.moments.length} looked at</b>
                  <button type="button" class="quiet" aria-label="Previous moment" title="Key p" onClick={() => next(-1)}><Icon name="left" /></button>
                  <button type="button" class="quiet" aria-label="Next moment" title="Key n" onClick={() => next(1)}><Icon name="right" /></button>
                </p>
                <label class="field">
                  Your name, for the record
                  <input type="text" autocomplete="name" maxLength={100} value={reviewer.value} onInput={(event) => (reviewer.value = event.currentTarget.value)} />
                </label>
                <ol class="moments" ref={list}>
                  {run.moments.map((moment, index) => {
                    const said = markOf(index);
                    return (
                      <li key={index} class={at.value === index ? "chosen" : ""}>
                        <button type="button" class="plain" aria-label={`Moment ${index + 1} at ${clock(moment.time)}`} aria-current={at.value === index} onClick={() => jump(index)}>
                          <img src={address.moment(shown.id, run.id, index)} alt="" loading="lazy" />
                        </button>
                        <div class="row">
                          <span class="grow">
                            {clock(moment.time)}
                            {said && <span class="said">{said.mark}{said.who ? `, ${said.who}` : ""}</span>}
                          </span>
                          <button type="button" class="small" aria-pressed={said?.mark === "fine"} onClick={() => mark(index, said?.mark === "fine" ? null : "fine")}>
                            <Icon name="check" /> Fine
                          </button>
                          <button type="button" class="small" onClick={() => fix(index)}><Icon name="pen" /> Fix</button>
                        </div>
                      </li>
                    );
                  })}
                </ol>
              </>
            )}
          </section>
          <AuditPart run={run} id={shown.id} />
          {run.notices.length > 0 && (
            <details>
              <summary>Notes of this run</summary>
              <ul class="notes">{run.notices.map((text) => <li key={text}>{text}</li>)}</ul>
            </details>
          )}
          <details>
            <summary>More files</summary>
            <ul class="files">
              <li><a href={address.also(shown.id, run.id, "record")} download>Record of this run</a> <span class="soft">settings and checksums</span></li>
              <li><a href={address.file(shown.id)} download>Project file</a> <span class="soft">settings and review, also for the command line</span></li>
              {run.with_preview && (
                <>
                  <li><a href={address.also(shown.id, run.id, "preview")} download>Check video</a> <span class="soft">shows the original</span></li>
                  <li><a href={address.also(shown.id, run.id, "sheet")} download>Contact sheet</a> <span class="soft">shows the original</span></li>
                </>
              )}
            </ul>
            <p class="soft">{run.frames} frames in {span(run.seconds)}.</p>
          </details>
        </div>
        <section class="make">
          {run.moments.length > looked && (
            <p class="soft">
              {run.moments.length - looked === 1 ? "One moment has" : `${run.moments.length - looked} moments have`} not been looked at.
            </p>
          )}
          <div class="row">
            <button type="button" onClick={() => go(shown.id)}>Change something</button>
            <a class="button primary grow" href={address.download(shown.id, run.id)} download onClick={() => tell("The result is being saved by your browser.")}>
              <Icon name="down" /> Download
            </a>
          </div>
        </section>
      </div>
    </main>
  );
}

/** Where a row's piece is at a time. */
function placeOf(row: Row | undefined, time: number): Moment | undefined {
  if (!row || time < row.start - 0.3 || time > row.end + 0.3) return undefined;
  const found = row.places.reduce<Row["places"][number] | undefined>(
    (best, each) => (!best || Math.abs(each[0] - time) < Math.abs(best[0] - time) ? each : best), undefined,
  );
  return found && { time: found[0], box: [found[1], found[2], found[3], found[4]] };
}

/** Whether a moment of doubt is about what a row shows. */
function belongs(moment: Moment, row: Row): boolean {
  const place = placeOf(row, moment.time)?.box;
  if (!place) return false;
  const [x, y, width, height] = moment.box;
  return x < place[0] + place[2] && place[0] < x + width && y < place[1] + place[3] && place[1] < y + height;
}

const SAID: Record<string, string> = { leak: "Somebody may be known", weak: "Not all is hidden well", good: "Hidden well", note: "Too little could be measured" };

function AuditPart({ run, id }: { run: Run; id: string }) {
  const audit = run.audit;
  const start = () => void attempt(async () => void (project.value = await api.audit(id, run.id)));
  const under = audit?.state === "waiting" || audit?.state === "running";
  const now = progress.value?.run === run.id ? progress.value : null;
  return (
    <section>
      <h2>Audit</h2>
      {under ? (
        <>
          <p>{audit?.state === "waiting" ? "Waiting for its turn" : now?.step ? `${now.step.charAt(0).toUpperCase()}${now.step.slice(1)} …` : "Starting …"}</p>
          <Bar share={now?.total ? Math.min(1, now.done / now.total) : null} label="The audit is being made" />
          <button type="button" onClick={() => void attempt(async () => void (project.value = await api.endAudit(id, run.id)))}>Cancel</button>
        </>
      ) : audit?.state === "done" ? (
        <>
          <p><b class={`level ${audit.level}`}>{SAID[audit.level ?? ""] ?? audit.level}</b> {audit.headline}</p>
          <p class="row wrap">
            <a class="button" href={address.report(id, run.id)} target="_blank" rel="noopener">Open the report</a>
            <span class="soft">It shows the original.</span>
          </p>
        </>
      ) : (
        <>
          {audit?.state === "failed" && <p class="warning"><Icon name="warn" /> {audit.error}</p>}
          <p class="soft">Attacks the result as somebody would who wants to know who it is. Takes longer than making it.</p>
          <button type="button" onClick={start}>Run the audit</button>
        </>
      )}
    </section>
  );
}

function Place({ film, moment }: { film: { width: number; height: number }; moment: { box: [number, number, number, number] } | undefined }) {
  if (!moment) return null;
  const [x, y, width, height] = moment.box;
  return (
    <svg class="drawing" viewBox={`0 0 ${film.width} ${film.height}`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="doubt" x={x} y={y} width={width} height={height} />
    </svg>
  );
}
