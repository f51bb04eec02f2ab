// Figures as people read them. Instants are shown in UTC, as the command line and the logs have them.
import { vaultNow } from '../api/clock';
import { words } from '.';

const STEPS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** 5400 -> "1 h 30 min"; null -> a dash. */
export function span(seconds: number | null | undefined): string {
  if (seconds == null) return words.none;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const at = STEPS.findIndex(([size]) => seconds >= size);
  const [size, unit] = STEPS[at] ?? [1, 's'];
  const whole = Math.floor(seconds / size);
  const next = STEPS[at + 1];
  const rest = next && whole < 10 ? Math.floor((seconds % size) / next[0]) : 0;
  return rest && next ? `${whole} ${unit} ${rest} ${next[1]}` : `${whole} ${unit}`;
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** 1500000 -> "1.5 MB"; null -> a dash. */
export function bytes(count: number | null | undefined): string {
  if (count == null) return words.none;
  const power = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(count) / 3));
  const scaled = count / 1000 ** power;
  return `${power && scaled < 100 ? scaled.toFixed(1) : Math.round(scaled)} ${UNITS[power]}`;
}

/** "2026-11-30 08:09:10Z", as the command line writes it. */
export function instant(at: string | number | null | undefined): string {
  return at == null ? words.none : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** How long ago, by the vault's clock. */
export function ago(at: string | null | undefined, now = vaultNow()): string {
  return at == null ? words.none : words.ago(span(Math.max(0, Math.round((now - Date.parse(at)) / 1000))));
}

/** A word of the wire for people: "initial_replicating" -> "initial replicating". */
export function plain(word: string | null | undefined): string {
  return word == null ? words.none : word.replaceAll('_', ' ');
}

export function percent(fraction: number | null | undefined): string {
  return fraction == null ? words.none : `${Math.floor(100 * fraction)} %`;
}
