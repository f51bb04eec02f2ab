// What people write in fields, and back: spans as they are shown, sizes, lists. Nothing is rounded on the way.
const UNITS = { d: 86_400, h: 3_600, min: 60, s: 1 } as const;
const PART = /^\s*(\d+(?:\.\d+)?)\s*(d|h|min|s)(?=$|\s|\d)/;

/** "1 h 30 min" -> 5400; "90" -> 90; undefined for anything else. */
export function readSpan(text: string): number | undefined {
  if (/^\s*\d+(\.\d+)?\s*$/.test(text)) return Number(text);
  let [rest, seconds] = [text, 0];
  do {
    const found = PART.exec(rest);
    if (!found) return undefined;
    seconds += Number(found[1]) * UNITS[found[2] as keyof typeof UNITS];
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

const SIZES = { TiB: 2 ** 40, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, TB: 1e12, GB: 1e9, MB: 1e6, KB: 1e3, B: 1 } as const;

/** "4 GiB" -> 4294967296; "500 MB" -> 500000000; undefined for anything else. */
export function readSize(text: string): number | undefined {
  const [, many, unit = 'B'] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)?\s*$/.exec(text) ?? [];
  return many === undefined ? undefined : Math.round(Number(many) * SIZES[unit as keyof typeof SIZES]);
}

/** With the largest unit that gives a whole number. */
export function writeSize(bytes: number): string {
  const [unit, size] = Object.entries(SIZES).find(([, each]) => bytes > 0 && bytes % each === 0) ?? ['B', 1];
  return `${bytes / size} ${unit}`;
}

/** Entries of a list, by lines or commas. */
export const readList = (text: string): string[] => text.split(/[\n,]/).map((each) => each.trim()).filter(Boolean);

/** A name that people give: of a plan, group, pool or target of notices. */
export const isName = (text: string) => /^[a-z0-9][a-z0-9-]{0,62}$/.test(text);
