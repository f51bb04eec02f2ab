// What people write in fields, and back: spans as they are shown, sizes, lists. Nothing is rounded on the way.
const UNITS: Record<string, number> = { d: 86_400, h: 3_600, min: 60, s: 1 };
const PART = /^\s*(\d+(?:\.\d+)?)\s*(d|h|min|m|s)(?=$|\s|\d)/i;

/** "1 h 30 min" -> 5400; "90" -> 90; undefined for anything else. */
export function readSpan(text: string): number | undefined {
  if (/^\s*\d+(\.\d+)?\s*$/.test(text)) return Number(text);
  let [rest, seconds] = [text, 0];
  do {
    const found = PART.exec(rest);
    if (!found) return undefined;
    seconds += Number(found[1]) * UNITS[found[2]!.toLowerCase() === 'm' ? 'min' : found[2]!.toLowerCase()]!;
    rest = rest.slice(found[0].length);
  } while (rest.trim());
  return seconds;
}

/** 5400 -> "1 h 30 min"; 0 -> "0 s". */
export function writeSpan(seconds: number): string {
  let rest = seconds;
  const parts = Object.entries(UNITS).map(([unit, size]) => {
    const many = unit === 's' ? rest : Math.floor(rest / size);
    rest -= many * size;
    return many ? `${many} ${unit}` : '';
  });
  return parts.filter(Boolean).join(' ') || '0 s';
}

const SIZES: Record<string, number> = { TiB: 2 ** 40, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, TB: 1e12, GB: 1e9, MB: 1e6, kB: 1e3, B: 1 };
const BITS: Record<string, number> = { Gbit: 1.25e8, Mbit: 1.25e5, kbit: 125, bit: 0.125 };
const lower = (units: Record<string, number>) => Object.fromEntries(Object.entries(units).map(([unit, size]) => [unit.toLowerCase(), size]));
const [SIZE_UNITS, RATE_UNITS] = [lower(SIZES), lower({ ...SIZES, ...BITS })];

function amount(text: string, units: Record<string, number>): number | undefined {
  const [, many, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const size = units[unit.toLowerCase() || 'b'];
  return many === undefined || size === undefined ? undefined : Math.round(Number(many) * size);
}

/** "4 GiB" -> 4294967296; "500 MB" -> 500000000; undefined for anything else. */
export const readSize = (text: string) => amount(text, SIZE_UNITS);

/** Bytes a second of "100 MB/s" or "200 Mbit". */
export const readRate = (text: string) => amount(text.replace(/\/\s*s\s*$/, ''), RATE_UNITS);

/** With the largest unit that gives a whole number. */
export function writeSize(bytes: number): string {
  const [unit, size] = Object.entries(SIZES).find(([, each]) => bytes > 0 && bytes % each === 0) ?? ['B', 1];
  return `${bytes / size} ${unit}`;
}

/** Entries of a list, by lines or commas. */
export const readList = (text: string): string[] => text.split(/[\n,]/).map((each) => each.trim()).filter(Boolean);

/** A name that people give: of a plan, group, pool or target of notices. */
export const isName = (text: string) => /^[a-z0-9][a-z0-9-]{0,62}$/.test(text);
