// The screen of a drill's machine, by VNC. What it tells beside the picture, as a bell or a clipboard, is ignored.
import RFB from '@novnc/novnc';
import { useEffect, useRef, useState } from 'react';
import { Alert } from '@patternfly/react-core';
import { words } from '../words';
import { leaves } from './leaving';
import type { Line } from './line';
import { Pace } from './pace';

/** By what number the messages begin that a person causes: a key, the pointer, and a key by its place. */
const BY_PERSON = new Set([4, 5, 255]);

/** A line as noVNC takes it: as a channel of a browser. */
class Channel {
  readonly protocol = '';
  binaryType = 'arraybuffer';
  readyState = 'open';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onerror: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(readonly line: Line) {
    const pace = new Pace();
    const take = (piece: Uint8Array<ArrayBuffer>) => this.onmessage?.({ data: piece.slice().buffer });
    void line.hear((part) => pace.give(part, take, () => line.isOpen)).finally(() => this.#ended());
  }

  send(data: ArrayBuffer | Uint8Array) {
    const said = data instanceof Uint8Array ? data : new Uint8Array(data);
    this.line.say(said, !BY_PERSON.has(said[0] ?? 0));
  }

  close() {
    this.line.close();
    this.#ended();
  }

  #ended() {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.onclose?.({ code: 1000, reason: '' });
  }
}

export default function Screen({ line, onLeave }: { line: Line; onLeave: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  const [isLocked, setLocked] = useState(false);
  useEffect(() => {
    let isOver = false;
    const screen = new RFB(place.current!, new Channel(line));
    screen.scaleViewport = true;
    screen.addEventListener('credentialsrequired', () => setLocked(true));
    screen.addEventListener('disconnect', () => (isOver = true));
    screen.focus();
    return () => {
      if (!isOver) screen.disconnect();
    };
  }, [line]);
  return (
    <>
      {isLocked && <Alert isInline variant="warning" component="h3" title={words.ways.locked}>{words.ways.lockedNext}</Alert>}
      <div ref={place} className="remote-screen" role="application" aria-label={words.ways.screenOf} onKeyDownCapture={(event) => leaves(event.nativeEvent) && (event.stopPropagation(), onLeave())} />
    </>
  );
}
