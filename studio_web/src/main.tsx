import { effect } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { api } from "./api";
import { Editor } from "./editor";
import { Icon } from "./parts";
import { Review } from "./review";
import { Start } from "./start";
import {
  attempt, leave, list, listen, load, notice, online, options, page, project, redo, redoable, saved, settings, spoken, undo, undoable,
} from "./state";
import "./style.css";

const THEMES = ["auto", "light", "dark"];

function nextTheme(): void {
  const now = document.documentElement.dataset.theme ?? "auto";
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] as string;
  document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
  spoken.value = `Colours: ${next}`;
}

async function follow(): Promise<void> {
  const [id = "", to = ""] = location.hash.slice(1).split("/");
  page.value = to === "review" ? "review" : "choose";
  if (/^[0-9a-f]{16}$/.test(id)) {
    if (project.value?.id !== id && !(await attempt(() => load(id)))) leave();
  } else {
    project.value = null;
    settings.value = null;
    await attempt(list);
  }
}

function Header() {
  const shown = project.value;
  return (
    <header class="top">
      {shown ? (
        <a class="button quiet" href="#" aria-label="All videos" title="All videos">
          <Icon name="back" />
        </a>
      ) : (
        <img class="logo" src="/icon.svg" alt="" />
      )}
      <h1>{shown ? shown.film.name : "motionveil studio"}</h1>
      {shown && (
        <span class="saved" aria-live="off">
          {saved.value ? "Saved" : online.value ? "Saving …" : "Kept in this browser"}
        </span>
      )}
      <span class="grow" />
      {shown && page.value === "choose" && (
        <>
          <button type="button" class="quiet" disabled={!undoable.value} onClick={undo} aria-label="Undo" title="Undo (Ctrl+Z)">
            <Icon name="undo" />
          </button>
          <button type="button" class="quiet" disabled={!redoable.value} onClick={redo} aria-label="Redo" title="Redo (Ctrl+Shift+Z)">
            <Icon name="redo" />
          </button>
        </>
      )}
      <button type="button" class="quiet" onClick={nextTheme} aria-label="Light or dark colours" title="Light or dark colours">
        <Icon name="theme" />
      </button>
    </header>
  );
}

function App() {
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || page.value !== "choose") return;
      if (event.target instanceof HTMLInputElement && ["number", "text"].includes(event.target.type)) return;
      event.preventDefault();
      if (event.shiftKey) redo();
      else undo();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  const shown = project.value;
  return (
    <>
      <Header />
      {!online.value && (
        <p class="offline" role="alert">
          <Icon name="warn" /> The studio does not answer. Is it still running in the terminal? Nothing is lost: changes are kept here
          and saved when it is back.
        </p>
      )}
      {options.value && (shown ? page.value === "review" ? <Review key={shown.id} /> : <Editor key={shown.id} /> : <Start />)}
      {notice.value && (
        <div class={notice.value.bad ? "toast bad" : "toast"}>
          <span>{notice.value.text}</span>
          <button type="button" class="quiet" aria-label="Close this message" onClick={() => (notice.value = null)}>
            <Icon name="close" />
          </button>
        </div>
      )}
      <div class="unseen" role="status" aria-live="polite">{spoken.value}</div>
    </>
  );
}

document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "auto";
effect(() => {
  document.title = project.value ? `${project.value.film.name} – motionveil studio` : "motionveil studio";
});
addEventListener("hashchange", () => void follow());
addEventListener("beforeunload", (event) => {
  if (!saved.value && !online.value) event.preventDefault();
});
render(<App />, document.getElementById("app") as HTMLElement);
void attempt(async () => {
  options.value = await api.options();
  await follow();
  listen();
});
