// The text of a serial console, without what no cell of a terminal needs: a letter takes a few accents. A cell with
// some hundred thousand takes the page a minute each time it is drawn.

const MOST_ACCENTS = 8;
const CONTROL = /\p{Cc}/u;
const BEGINS_SEQUENCE = /[\x1b\x80-\x9f]/;
/** What takes no room of its own in the terminal: accents, marks, joiners, and what follows in a Korean syllable. */
const NO_ROOM = /[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}\u06de\u1160-\u11ff]/u;
/** A sequence that the terminal gives up is no letter: what looks like one there gets no accents. */
const SEQUENCE_LETTERS = 2;

export class GuestText {
  readonly #decoder = new TextDecoder();
  #accentsLeft = 0;
  #lettersBefore = 0;

  /** The text of these bytes. A letter that is not whole comes with the next ones. */
  of(bytes: Uint8Array<ArrayBuffer>) {
    let kept = '';
    for (const each of this.#decoder.decode(bytes, { stream: true })) if (this.#isNeeded(each)) kept += each;
    return kept;
  }

  #isNeeded(each: string) {
    if (CONTROL.test(each)) this.#control(each);
    else if (each > '~' && NO_ROOM.test(each)) return this.#accentsLeft-- > 0;
    else if (!this.#lettersBefore) this.#accentsLeft = MOST_ACCENTS;
    else if (each >= '@' && each <= '~') this.#lettersBefore -= 1;
    return true;
  }

  #control(each: string) {
    this.#accentsLeft = 0;
    if (BEGINS_SEQUENCE.test(each)) this.#lettersBefore = SEQUENCE_LETTERS;
  }
}
