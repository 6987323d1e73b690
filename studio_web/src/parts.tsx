/** Small parts that several places use. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

const PATHS: Record<string, string> = {
  back: "M15 5l-7 7 7 7",
  undo: "M9 7H15a5 5 0 0 1 0 10H8M9 7l3.5-3.5M9 7l3.5 3.5",
  redo: "M15 7H9a5 5 0 0 0 0 10h7M15 7l-3.5-3.5M15 7l-3.5 3.5",
  draw: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 9h6v6H9z",
  person: "M12 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM5 20c.5-4 3-6 7-6s6.5 2 7 6",
  polygon: "M5 9l7-5 8 6-4 9H8z",
  brush: "M14 4l6 6-7 7c-2 2-5 3-9 3 1-1 1.500-2 1.500-4 0-3 2-5 4-6z",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  eye: "M2.5 12C5 7.5 8.3 5.5 12 5.5s7 2 9.5 6.5c-2.5 4.5-5.8 6.5-9.5 6.5S5 16.5 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  target: "M12 3v5M12 16v5M3 12h5M16 12h5M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  pen: "M4 20l1-4L16 5l3 3L8 19z",
  down: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.5h4M4 14.5h4M16 9.5h4M16 14.5h4",
  theme: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  warn: "M12 4l9 16H3zM12 10v4.5M12 17v.5",
  close: "M6 6l12 12M18 6L6 18",
  up: "M12 16V5M7 9.5l5-5 5 5M5 20h14",
};

export function Icon({ name }: { name: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name] ?? ""} />
    </svg>
  );
}

export function Dialog(props: { title: string; action: string; onYes: () => void; onNo: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} onCancel={props.onNo} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{props.title}</h2>
      <p>{props.children}</p>
      <div class="row end">
        <button type="button" onClick={props.onNo}>Cancel</button>
        <button type="button" class="danger" onClick={props.onYes}>{props.action}</button>
      </div>
    </dialog>
  );
}

export function Bar({ share, label }: { share: number | null; label: string }) {
  return (
    <div
      class={share === null ? "bar unknown" : "bar"}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share === null ? undefined : Math.round(share * 100)}
    >
      <span style={{ width: `${(share ?? 0.3) * 100}%` }} />
    </div>
  );
}
