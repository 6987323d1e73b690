/** The page on which people choose: the frame on the left, what is hidden and how on the right. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Moment, type Pick, api } from "./api";
import { Bar, Icon } from "./parts";
import { boxOf, isThere, nameOf } from "./shapes";
import { Stage, keysOfTime } from "./stage";
import {
  VIEWS, addArea, attempt, change, chosen, current, done, go, last, namesOf, nothing, options, partsOf, progress, project, removeArea,  seek,
  LINES, aim, brush, cutHere, endLine, followArea, line, matching, removeTemplate, renameTemplate, setArea, settings, step, store, tell, time, tool, underReview, use, view, type View,
} from "./state";
import { FILLS, GROUPS, PALETTES, PARTS, PRESETS, clock, span } from "./words";

const LABELS: Record<View, string> = { original: "Original", hidden: "What is hidden", result: "Result", split: "Split" };

function show(next: View): void {
  matching.value = null;
  view.value = next;
}

function Views() {
  return (
    <div class="views" role="radiogroup" aria-label="View">
      {VIEWS.map((each, index) => (
        <button
          key={each}
          type="button"
          role="radio"
          aria-checked={view.value === each && matching.value === null}
          tabIndex={view.value === each ? 0 : -1}
          title={`Key ${index + 1}`}
          onClick={() => show(each)}
          onKeyDown={(event) => {
            const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
            if (!by || event.shiftKey) return;
            event.preventDefault();
            event.stopPropagation();
            show(VIEWS[(index + by + VIEWS.length) % VIEWS.length] as View);
            (event.currentTarget.parentElement?.children[VIEWS.indexOf(view.value)] as HTMLElement).focus();
          }}
        >
          {LABELS[each]}
        </button>
      ))}
    </div>
  );
}

function Timeline() {
  const film = project.value?.film;
  if (!film || film.is_image) return null;
  const length = film.seconds ?? 0;
  const share = (at: number) => `${length ? (100 * at) / length : 0}%`;
  const moments = underReview.value?.moments ?? [];
  return (
    <div class="timeline">
      <div class="row">
        <button type="button" class="quiet" aria-label="Frame before" title="Frame before (←)" onClick={() => seek(time.value - step.value)}>
          <Icon name="left" />
        </button>
        <div class="track">
          <input
            type="range" min={0} max={last.value} step={step.value} value={time.value}
            aria-label="Time in the video" aria-valuetext={clock(time.value)}
            onInput={(event) => seek(event.currentTarget.valueAsNumber)}
          />
          <div class="marks" aria-hidden="true">
            {settings.value?.areas.map((area, index) => (
              <i key={`a${index}`} class={chosen.value === index ? "span chosen" : "span"} style={{ left: share(area.start ?? 0), right: `calc(100% - ${share(Math.min(length, area.end ?? length))})` }} />
            ))}
            {settings.value?.areas.flatMap((area, index) =>
              (area.doubts ?? []).map((at) => <i key={`d${index} ${at}`} class="tick" style={{ left: share(at) }} />),
            )}
            {moments.map((moment, index) => (
              <i key={`m${index}`} class="tick" style={{ left: share(moment.time) }} />
            ))}
          </div>
        </div>
        <button type="button" class="quiet" aria-label="Next frame" title="Next frame (→)" onClick={() => seek(time.value + step.value)}>
          <Icon name="right" />
        </button>
        <output class="clock">
          {clock(time.value)} <span class="soft">/ {clock(length)}</span>
        </output>
      </div>
    </div>
  );
}

function Chip(props: { label: string; on: boolean; onClick: () => void; strong?: boolean }) {
  return (
    <button type="button" class={props.strong ? "chip strong" : "chip"} aria-pressed={props.on} onClick={props.onClick}>
      {props.on && <Icon name="check" />}
      {props.label}
    </button>
  );
}

function What() {
  const known = options.value;
  const now = settings.value;
  if (!known || !now) return null;
  const parts = partsOf(now.hide);
  const toggle = (names: string[]) => {
    const next = new Set(parts);
    const on = names.every((name) => next.has(name));
    names.forEach((name) => (on ? next.delete(name) : next.add(name)));
    change({ hide: namesOf(next) });
  };
  return (
    <section>
      <h2>What to hide</h2>
      <div class="chips" role="group" aria-label="Groups of parts">
        {Object.entries(known.groups).map(([name, members]) => (
          <Chip key={name} strong label={GROUPS[name] ?? name} on={members.every((part) => parts.has(part))} onClick={() => toggle(members)} />
        ))}
        <Chip strong label="Whole frame" on={now.whole_frame} onClick={() => change({ whole_frame: !now.whole_frame })} />
      </div>
      <div class="chips" role="group" aria-label="Single parts">
        {[...known.parts, ...known.own.filter((name) => !now.templates.some((each) => each.name === name))].map((name) => (
          <Chip key={name} label={PARTS[name] ?? name} on={parts.has(name)} onClick={() => toggle([name])} />
        ))}
      </div>
      <Templates />
      <p class="soft">Number plates, screens and text are not found. Draw areas over them.</p>
    </section>
  );
}

function Templates() {
  const now = settings.value;
  if (!now) return null;
  const picking = tool.value === "template";
  return (
    <>
      {now.templates.length > 0 && (
        <ul class="list">
          {now.templates.map((template, index) => {
            const on = matching.value === template.name;
            const hidden = now.hide.includes(template.name);
            return (
              <li key={template.vector} class={on ? "chosen" : ""}>
                <label class="check">
                  <input
                    type="checkbox" checked={hidden} aria-label={`Hide what is like ${template.name}`}
                    onChange={() => change({ hide: hidden ? now.hide.filter((each) => each !== template.name) : [...now.hide, template.name] })}
                  />
                </label>
                <input
                  type="text" class="named" value={template.name} maxLength={50} aria-label={`Name of the template ${template.name}`}
                  onChange={(event) => {
                    renameTemplate(index, event.currentTarget.value);
                    event.currentTarget.value = settings.value?.templates[index]?.name ?? "";
                  }}
                />
                <button type="button" class="quiet" aria-pressed={on} aria-label={`Show what is like ${template.name}`} title="Show what is like it"
                  onClick={() => (matching.value = on ? null : template.name)}>
                  <Icon name="eye" />
                </button>
                <button type="button" class="quiet" aria-label={`Remove the template ${template.name}`} title="Remove" onClick={() => removeTemplate(index)}>
                  <Icon name="bin" />
                </button>
              </li>
            );
          })}
        </ul>
      )}
      <button type="button" aria-pressed={picking} title="Key T" onClick={(event) => use("template", event.detail === 0)}>
        <Icon name="target" /> {picking ? "Click what to hide …" : "Hide what looks like this"}
      </button>
      {picking && <p class="soft">For things that look alike wherever they are, such as a uniform or a logo.</p>}
    </>
  );
}

function seconds(text: string): number | null {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) && value >= 0 ? value : null;
}

function addInTheMiddle(): void {
  const film = project.value?.film;
  if (!film) return;
  const [width, height] = [Math.round(film.width / 4), Math.round(film.height / 4)];
  addArea({ x: Math.round((film.width - width) / 2), y: Math.round((film.height - height) / 2), width, height, start: null, end: null });
  requestAnimationFrame(() => document.querySelector<SVGElement>(".area.chosen .shape")?.focus());
}

function Areas() {
  const now = settings.value;
  const film = project.value?.film;
  if (!now || !film) return null;
  const drawing = tool.value === "area";
  return (
    <section>
      <h2>Areas</h2>
      {now.areas.length > 0 && (
        <ul class="list">
          {now.areas.map((area, index) => {
            const wrong = area.end !== null && area.end <= (area.start ?? 0);
            return (
              <li key={index} class={chosen.value === index ? "chosen" : ""}>
                <button
                  type="button" class="plain"
                  onClick={() => {
                    chosen.value = index;
                    if (time.value < (area.start ?? 0) || (area.end !== null && time.value >= area.end)) seek(area.start ?? 0);
                  }}
                >
                  {nameOf(area)} {index + 1} <span class="soft">{sizeOf(area)}</span>
                </button>
                <button type="button" class="quiet" aria-label={`Remove area ${index + 1}`} title="Remove" onClick={() => removeArea(index)}>
                  <Icon name="bin" />
                </button>
                {!film.is_image && (
                  <span class="times">
                    <label>
                      from
                      <input
                        type="number" min={0} step={0.1} placeholder="start" value={area.start ?? ""} aria-label={`Area ${index + 1}: from second`}
                        onChange={(event) => setArea(index, { start: seconds(event.currentTarget.value) })}
                      />
                    </label>
                    <label>
                      to
                      <input
                        type="number" min={0} step={0.1} placeholder="end" value={area.end ?? ""} aria-label={`Area ${index + 1}: to second`}
                        aria-invalid={wrong}
                        onChange={(event) => {
                          const end = seconds(event.currentTarget.value);
                          if (end !== null && end <= (area.start ?? 0)) {
                            tell("An area must end after its start.", true);
                            event.currentTarget.value = area.end === null ? "" : String(area.end);
                          } else setArea(index, { end });
                        }}
                      />
                    </label>
                    s
                  </span>
                )}
                {!film.is_image && (
                  <label class="check follows">
                    <input
                      type="checkbox" checked={Boolean(area.way)} aria-label={`${nameOf(area)} ${index + 1} follows what is under it`}
                      onChange={(event) => {
                        const on = event.currentTarget.checked;
                        event.currentTarget.checked = Boolean(area.way);
                        if (on && !isThere(area, time.value + step.value / 2)) seek(area.start ?? 0);
                        void followArea(index, on);
                      }}
                    />
                    Follows
                  </label>
                )}
                {area.doubts?.map((at) => (
                  <button key={at} type="button" class="small lost" onClick={() => { chosen.value = index; seek(at); }}>
                    <Icon name="warn" /> lost at {clock(at, 1)}
                  </button>
                ))}
              </li>
            );
          })}
        </ul>
      )}
      {chosen.value !== null && !film.is_image && now.areas[chosen.value] && (
        <p class="row">
          <button type="button" class="small" title="Key [" onClick={() => cutHere("start")}>Starts here</button>
          <button type="button" class="small" title="Key ]" onClick={() => cutHere("end")}>Ends here</button>
        </p>
      )}
      <div class="row wrap">
        <button
          type="button" aria-pressed={drawing} title="Key A"
          onClick={(event) => {
            if (event.detail === 0) addInTheMiddle();
            else use("area");
          }}
        >
          <Icon name="draw" /> {drawing ? "Drag over the frame …" : "Draw an area"}
        </button>
        <button type="button" aria-pressed={tool.value === "polygon"} title="Key O" onClick={(event) => use("polygon", event.detail === 0)}>
          <Icon name="polygon" /> Polygon
        </button>
        <button type="button" aria-pressed={tool.value === "brush"} title="Key B" onClick={(event) => use("brush", event.detail === 0)}>
          <Icon name="brush" /> Brush
        </button>
      </div>
      {tool.value === "polygon" && <p class="soft">Click its corners, and the first one again to close it.</p>}
      {tool.value === "brush" && (
        <label class="field">
          Width of the brush
          <input type="range" min={0.004} max={0.1} step={0.002} value={brush.value} onInput={(event) => (brush.value = event.currentTarget.valueAsNumber)} />
        </label>
      )}
      {LINES.includes(tool.value) && line.value.length > 1 && <button type="button" onClick={endLine}>Done</button>}
    </section>
  );
}

function sizeOf(area: Parameters<typeof boxOf>[0]): string {
  const { left, top, right, bottom } = boxOf(area);
  return `${Math.round(right - left)}×${Math.round(bottom - top)}`;
}

/** The times of what follows somebody or something that was picked. */
function PickTimes({ pick, name, put }: { pick: Pick; name: string; put: (pick: Pick) => void }) {
  return (
    <span class="times">
      <label>
        to
        <input
          type="number" min={0} step={0.1} placeholder="end" value={pick.end ?? ""} aria-label={`${name}: to second`}
          onChange={(event) => {
            const end = seconds(event.currentTarget.value);
            if (end !== null && end <= pick.time) {
              tell("It must end after its start.", true);
              event.currentTarget.value = pick.end === null ? "" : String(pick.end);
            } else put({ ...pick, end });
          }}
        />
      </label>
      s
    </span>
  );
}

/** What was missed, and what was found and is nobody. */
function Correct() {
  const now = settings.value;
  const film = project.value?.film;
  if (!now || !film) return null;
  return (
    <section>
      <h2>Correct</h2>
      {now.leave_out.length > 0 && (
        <ul class="list">
          {now.leave_out.map((pick, index) => (
            <li key={index}>
              <button type="button" class="plain" onClick={() => seek(pick.time)}>
                Nobody, from {clock(pick.time)}
              </button>
              <PickTimes pick={pick} name={`Nobody at ${clock(pick.time)}`}
                put={(put) => change({ leave_out: now.leave_out.map((each, at) => (at === index ? put : each)) })} />
              <button type="button" class="quiet" aria-label={`Hide what is at ${clock(pick.time)} again`} title="Hide again"
                onClick={() => change({ leave_out: now.leave_out.filter((_, at) => at !== index) })}>
                <Icon name="bin" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="row wrap">
        <button type="button" aria-pressed={tool.value === "missed"} title="Key M" onClick={(event) => use("missed", event.detail === 0)}>
          <Icon name="plus" /> {tool.value === "missed" ? "Click them …" : "Add somebody missed"}
        </button>
        {!film.is_image && (
          <button type="button" aria-pressed={tool.value === "false"} title="Key R" onClick={(event) => use("false", event.detail === 0)}>
            <Icon name="minus" /> {tool.value === "false" ? "Click it …" : "Remove a false find"}
          </button>
        )}
      </div>
      {tool.value === "missed" && <p class="soft">They are followed through the video from this frame on, both ways, and listed as an area.</p>}
      {tool.value === "false" && <p class="soft">It stays visible for as long as it stands apart. Where anybody touches it, it is hidden again.</p>}
    </section>
  );
}

function Keep() {
  const now = settings.value;
  const film = project.value?.film;
  if (!now || !film || film.is_image) return null;
  const picking = tool.value === "keep";
  return (
    <section>
      <h2>People who stay visible</h2>
      {now.keep.length > 0 && (
        <ul class="list">
          {now.keep.map((pick, index) => (
            <li key={index}>
              <button type="button" class="plain" onClick={() => seek(pick.time)}>
                Person at {clock(pick.time)}
              </button>
              <PickTimes pick={pick} name={`Person at ${clock(pick.time)}`}
                put={(put) => change({ keep: now.keep.map((each, at) => (at === index ? put : each)) })} />
              <button type="button" class="quiet" aria-label={`Hide the person at ${clock(pick.time)} again`} title="Hide again"
                onClick={() => change({ keep: now.keep.filter((_, at) => at !== index) })}>
                <Icon name="bin" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <button type="button" aria-pressed={picking} onClick={(event) => use("keep", event.detail === 0)}>
        <Icon name="person" /> {picking ? "Click the person …" : "Keep somebody visible"}
      </button>
      {(picking || now.keep.length > 0) && (
        <p class="soft">From that moment on, and only while there is no doubt who they are. At the first doubt they are hidden.</p>
      )}
    </section>
  );
}

function How() {
  const known = options.value;
  const now = settings.value;
  const film = project.value?.film;
  if (!known || !now || !film) return null;
  return (
    <section>
      <h2>How</h2>
      <label class="field">
        Fill with
        <select value={now.fill} onChange={(event) => change({ fill: event.currentTarget.value })}>
          {[...new Set([...known.fills, now.fill])].map((name) => (
            <option key={name} value={name}>{FILLS[name]?.[0] ?? name}</option>
          ))}
        </select>
      </label>
      <p class="soft">{FILLS[now.fill]?.[1]}</p>
      {now.fill === "motion_noise" && (
        <fieldset class="palettes">
          <legend>Colours</legend>
          {known.palettes.map((name) => (
            <label key={name}>
              <input type="radio" name="palette" checked={now.palette === name} onChange={() => change({ palette: name })} />
              <span class={`swatch ${name}`} /> {PALETTES[name] ?? name}
            </label>
          ))}
        </fieldset>
      )}
      <details>
        <summary>More</summary>
        <label class="field">
          Smallest person
          <span class="unit">
            <input
              type="number" min={4} max={4320} placeholder="40" value={now.smallest_person ?? ""}
              onChange={(event) => {
                const value = seconds(event.currentTarget.value);
                change({ smallest_person: value === null ? null : Math.min(4320, Math.max(4, value)) });
              }}
            />
            pixels high
          </span>
        </label>
        <p class="soft">Less finds people farther away, and takes longer.</p>
        <label class="field">
          Method
          <select value={now.preset} onChange={(event) => change({ preset: event.currentTarget.value })}>
            {known.presets.map((name) => (
              <option key={name} value={name}>{PRESETS[name]?.[0] ?? name}</option>
            ))}
          </select>
        </label>
        <p class="soft">{PRESETS[now.preset]?.[1]}</p>
        {film.has_audio && (
          <label class="check">
            <input type="checkbox" checked={now.audio === "keep"} onChange={(event) => change({ audio: event.currentTarget.checked ? "keep" : "drop" })} />
            Keep the sound <span class="soft">(a voice tells who it is)</span>
          </label>
        )}
      </details>
      {project.value?.weaknesses.map((text) => (
        <p key={text} class="warning">
          <Icon name="warn" /> {text.charAt(0).toUpperCase() + text.slice(1)}.
        </p>
      ))}
    </section>
  );
}

function Make() {
  const shown = project.value;
  const run = current.value;
  const preview = useSignal(false);
  if (!shown) return null;
  if (run) {
    const now = progress.value?.run === run.id ? progress.value : null;
    const share = now?.total ? Math.min(1, now.done / now.total) : null;
    const left = now?.left;
    return (
      <section class="make">
        <p class="row">
          <b>{run.state === "waiting" ? "Waiting for the video before it" : share === null ? "Starting" : `${Math.round(share * 100)} %`}</b>
          <span class="soft grow">{now?.done && left !== null && left !== undefined ? `about ${span(left)} left` : ""}</span>
        </p>
        <Bar share={share} label="The video is being made" />
        <button type="button" onClick={() => void attempt(async () => void (await api.endRun(shown.id, run.id)))}>Cancel</button>
      </section>
    );
  }
  const made = done.value[0];
  const failed = shown.runs.at(-1)?.state === "failed" ? shown.runs.at(-1) : undefined;
  const fresh = made && JSON.stringify(made.settings) === JSON.stringify(settings.value);
  const start = () =>
    void attempt(async () => {
      if (await store()) project.value = await api.run(shown.id, preview.value);
    });
  return (
    <section class="make">
      {failed && (
        <p class="warning">
          <Icon name="warn" /> The last try failed: {failed.error}
        </p>
      )}
      <label class="check">
        <input type="checkbox" checked={preview.value} onChange={(event) => (preview.value = event.currentTarget.checked)} />
        <span>
          Also make a check video <span class="soft">(shows the original)</span>
        </span>
      </label>
      <div class="row">
        <button type="button" class={fresh ? "" : "primary grow"} disabled={nothing.value} onClick={start}>
          {made ? "Make it again" : shown.film.is_image ? "Make the picture" : "Make the video"}
        </button>
        {made && (
          <button type="button" class={fresh ? "primary grow" : ""} onClick={() => go(shown.id, "review")}>
            Review the result
          </button>
        )}
      </div>
      {nothing.value && <p class="soft">Choose something to hide first.</p>}
    </section>
  );
}

export function fixMoment(moment: Moment): void {
  const shown = project.value;
  if (!shown) return;
  const [left, top, width, height] = moment.box;
  const x = Math.min(Math.max(0, left), shown.film.width - 4);
  const y = Math.min(Math.max(0, top), shown.film.height - 4);
  const round = (value: number) => Math.round(value * 100) / 100;
  seek(moment.time);
  addArea({
    x, y,
    width: Math.max(4, Math.min(width, shown.film.width - x)),
    height: Math.max(4, Math.min(height, shown.film.height - y)),
    start: round(Math.max(0, moment.time - 0.5)),
    end: round(Math.min((shown.film.seconds ?? moment.time) + 0.1, moment.time + 2)),
  });
  view.value = "result";
  go(shown.id);
  tell("An area was added where they are taken to be. Move it until it fits, then make the video again.");
}

export function Editor() {
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const target = event.target as HTMLElement;
      if (target.matches("input[type=number], input[type=text], select, textarea, input[type=radio]")) return;
      const number = "1234".indexOf(event.key);
      if (event.key.length === 1 && number >= 0) show(VIEWS[number] as View);
      else if (event.key === "a") use("area");
      else if (event.key === "t") use("template");
      else if (event.key === "o") use("polygon");
      else if (event.key === "b") use("brush");
      else if (event.key === "m") use("missed");
      else if (event.key === "r") use("false");
      else if (event.key === "[") cutHere("start");
      else if (event.key === "]") cutHere("end");
      else if (event.key === "Escape") {
        tool.value = "none";
        aim.value = null;
        line.value = [];
        matching.value = null;
      }
      else if (event.key === "Delete" && chosen.value !== null) removeArea(chosen.value);
      else if (!target.matches("input[type=range]")) keysOfTime(event);
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  return (
    <main class="editor">
      <div class="left">
        <Views />
        <Stage />
        <Timeline />
        <p class="soft hint">
          A quick look at this frame alone. The finished video also follows people through moments in which they are missed.
        </p>
      </div>
      <div class="panel">
        <div class="scroll">
          <What />
          <Areas />
          <Correct />
          <Keep />
          <How />
        </div>
        <Make />
      </div>
    </main>
  );
}

