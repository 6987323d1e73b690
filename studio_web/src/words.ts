/** What things are called on the page. */

export const PARTS: Record<string, string> = {
  hair: "Hair",
  forehead: "Forehead",
  eyes: "Eyes",
  cheek: "Cheeks",
  lips: "Lips",
  hand: "Hands",
  arm: "Arms",
  torso: "Torso",
  leg: "Legs",
  other_person: "Neck, nose, hats",
};

export const GROUPS: Record<string, string> = { person: "Whole person", head: "Head", face: "Face" };

export const FILLS: Record<string, [string, string]> = {
  motion_noise: ["Noise that moves", "Hides who it is, keeps what they do. Recommended."],
  solid: ["One colour", "Hides who it is, and most of what they do."],
  static_noise: ["Noise that stands still", "Like one colour, with grain."],
  pixelate: ["Pixelation", "Can be undone in part. For comparison only."],
  blur: ["Blur", "Can be undone in part. For comparison only."],
};

export const PALETTES: Record<string, string> = { calm: "Calm", grey: "Grey", rainbow: "Rainbow" };

export const PRESETS: Record<string, [string, string]> = {
  secure: ["Secure", "Everything that is found is covered completely."],
  paper: ["As published", "For research, protects nobody; needs other networks."],
  paper_fast: ["As published, fast", "For research, protects nobody; needs other networks."],
};

/** 75.25 → 1:15.25 */
export function clock(seconds: number, digits = 2): string {
  const whole = Math.max(0, seconds);
  const minutes = Math.floor(whole / 60);
  const rest = (whole - 60 * minutes).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return `${minutes}:${rest}`;
}

/** 75 → 1 min 15 s */
export function span(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

export function bytes(count: number): string {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

export function day(text: string): string {
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
