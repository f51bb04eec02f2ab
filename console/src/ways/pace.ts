// What a machine of a drill says is shown in small pieces with pauses, however much work it makes: the page's one thread
// has also to hear the person who leaves.

const LEAST_BYTES = 64;
const MOST_BYTES = 16 * 1024;
const QUICK_MS = 10;
const SLOW_MS = 40;
const LONGEST_PAUSE_MS = 500;

const pause = (ms: number) => new Promise<void>((over) => setTimeout(over, Math.min(ms, LONGEST_PAUSE_MS)));

/** Pieces that take some hundredths of a second each, with a pause after each that is as long as it took. */
export class Pace {
  #bytes = 1024;

  /** Gives the part to `take`, piece by piece, for as long as `isWanted`. */
  async give(part: Uint8Array<ArrayBuffer>, take: (piece: Uint8Array<ArrayBuffer>) => void | Promise<void>, isWanted: () => boolean) {
    for (let at = 0; at < part.length && isWanted();) {
      const piece = part.subarray(at, at + this.#bytes);
      at += piece.length;
      const began = performance.now();
      await take(piece);
      await this.#rest(performance.now() - began);
    }
  }

  async #rest(took: number) {
    if (took > SLOW_MS) this.#bytes = Math.max(LEAST_BYTES, this.#bytes >> 2);
    if (took < QUICK_MS) this.#bytes = Math.min(MOST_BYTES, this.#bytes << 1);
    if (!document.hidden) await pause(took); // of a hidden page a browser makes a second of each pause
  }
}
