// The vault's time. Ages are counted by it, and not by the clock of whatever the browser runs on.
const OFF_MS = 2_000;
const HALF_A_SECOND = 500;

/** By how many milliseconds it is ahead of this browser's. */
let ahead = 0;

/** In milliseconds since 1970. */
export const vaultNow = () => vaultTime(Date.now());

/** Of an instant of this browser's clock. */
export const vaultTime = (at: number) => at + ahead;

/** The date of an answer, which has whole seconds and came a little later: so small differences are none. */
export function hearDate(date: string | null) {
  const off = Date.parse(date ?? '') + HALF_A_SECOND - vaultNow();
  if (Math.abs(off) > OFF_MS) ahead += off;
}
