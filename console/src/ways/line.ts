// A line to the machine of a drill, through the vault: what the machine says is an answer that stays open; what is said
// to it goes by requests, one after the other.
import { api, refusal, Refused, UNATTENDED } from '../api';

export type Kind = 'console' | 'screen';
const PIECE_BYTES = 32 * 1024;
/** What may wait to be said: a long text that was pasted. */
const MOST_WAITING_BYTES = 1024 * 1024;
const NOT_TAKEN = 409;

export class Line {
  readonly #answer: Response;
  readonly #way: string;
  readonly #end: AbortController;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isSaying = false;
  #isByPerson = false;

  private constructor(answer: Response, end: AbortController) {
    this.#answer = answer;
    this.#way = answer.headers.get('drill-way') ?? '';
    this.#end = end;
  }

  /** Raises what the vault answers instead. */
  static async open(machine: string, kind: Kind): Promise<Line> {
    const end = new AbortController();
    const answer = await fetch(`/api/machines/${encodeURIComponent(machine)}/drill/way?kind=${kind}&typed_apart=true`, { method: 'POST', signal: end.signal });
    if (!answer.ok) throw await refusal(answer);
    return new Line(answer, end);
  }

  /** Calls it once the line has ended, by whomever. */
  ended(call: () => void) {
    this.#end.signal.addEventListener('abort', call, { once: true });
  }

  /** What was said and is not yet on its way. */
  get waitingBytes() {
    return this.#waitingBytes;
  }

  get isOpen() {
    return !this.#end.signal.aborted;
  }

  /** Gives what the machine says to `take`, and no more until that is done. Ends with the line. */
  async hear(take: (part: Uint8Array<ArrayBuffer>) => void | Promise<void>) {
    const said = this.#answer.body!.getReader();
    try {
      for (let part = await said.read(); !part.done; part = await said.read()) await take(part.value);
    } catch (problem) {
      if (this.isOpen && !(problem instanceof TypeError)) throw problem; // a connection that broke has ended
    } finally {
      this.close();
    }
  }

  /** Says it once what came before is said. What is too much ends the line: the machine does not take it. `isOwn`: a
   * terminal, or a viewer, says it by itself, which keeps no session from its idle end. */
  say(part: Uint8Array, isOwn = false) {
    if (!isOwn) this.#isByPerson = true;
    this.#waitingBytes += part.length;
    if (this.#waitingBytes > MOST_WAITING_BYTES) return this.close();
    this.#waiting.push(part.slice());
    if (!this.#isSaying) void this.#sayAll();
  }

  close() {
    this.#end.abort();
  }

  async #sayAll() {
    this.#isSaying = true;
    try {
      while (this.#waitingBytes && this.isOpen) await this.#sayPiece(this.#next());
    } catch {
      this.close(); // whether it arrived nobody knows: said twice it would be another word
    } finally {
      this.#isSaying = false;
    }
  }

  #next() {
    const all = new Uint8Array(this.#waitingBytes);
    this.#waiting.reduce((at, each) => (all.set(each, at), at + each.length), 0);
    const piece = all.slice(0, PIECE_BYTES);
    this.#waiting = all.length > piece.length ? [all.slice(piece.length)] : [];
    this.#waitingBytes -= piece.length;
    return piece;
  }

  async #sayPiece(piece: Uint8Array) {
    const typed = btoa(String.fromCharCode(...piece));
    const headers = this.#isByPerson ? {} : UNATTENDED;
    this.#isByPerson &&= this.#waitingBytes > 0;
    while (this.isOpen) {
      try {
        await api.POST('/api/drills/ways/{way}', { params: { path: { way: this.#way } }, body: { typed }, headers, signal: this.#end.signal });
        return;
      } catch (problem) {
        if (!(problem instanceof Refused && problem.status === NOT_TAKEN)) throw problem;
      }
    }
  }
}
