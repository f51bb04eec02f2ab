// The serial console of a drill's machine. What it says reaches the grid of the terminal and nothing else: links, titles
// and bells that it tells are ignored.
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef } from 'react';
import { words } from '../words';
import './adopted-style';
import { GuestText } from './guest-text';
import { leaves } from './leaving';
import type { Line } from './line';
import { Pace } from './pace';

const SCROLLBACK_LINES = 2000;
const COLUMNS = 80;
const ROWS = 24;
/** Sequences that do something as often as they say, and so may say a number without sense: insert, repeat, scroll. */
const REPEATING = [...'@ILMPSTXZb'].map((final) => ({ final })).concat([...'@A'].map((final) => ({ intermediates: ' ', final })), [...'}~'].map((final) => ({ intermediates: "'", final })));
/** What may wait to be said, so that a machine is still answered: one that asks faster than it listens is not. */
const MOST_WAITING_BYTES = 4 * 1024;
const bytesOf = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));

export default function SerialConsole({ line, onLeave }: { line: Line; onLeave: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const terminal = new Terminal({
      cols: COLUMNS, rows: ROWS, scrollback: SCROLLBACK_LINES, fontFamily: 'monospace', fontSize: 14, screenReaderMode: true, logLevel: 'off',
      linkHandler: { activate: () => {}, allowNonHttpProtocols: true },
    });
    terminal.open(place.current!);
    terminal.textarea?.setAttribute('aria-label', words.ways.consoleOf);
    const [encoder, heard, pace] = [new TextEncoder(), new GuestText(), new Pace()];
    let isOver = false;
    let isTaking = false;
    // What comes while it takes what the machine says, and by no event of the page, is its own answer to a question.
    const isOwnAnswer = () => isTaking && window.event === undefined;
    terminal.onData((text) => {
      const isOwn = isOwnAnswer();
      if (!isOwn || line.waitingBytes < MOST_WAITING_BYTES) line.say(encoder.encode(text), isOwn);
    });
    terminal.onBinary((text) => line.say(bytesOf(text)));
    for (const each of REPEATING) terminal.parser.registerCsiHandler(each, (numbers) => Number(numbers[0] ?? 0) > COLUMNS * ROWS);
    terminal.attachCustomKeyEventHandler((event) => !leaves(event));
    terminal.focus();
    const take = async (piece: Uint8Array<ArrayBuffer>) => {
      isTaking = true;
      await new Promise<void>((shown) => terminal.write(heard.of(piece), shown));
      isTaking = false;
    };
    void line.hear((part) => pace.give(part, take, () => line.isOpen && !isOver));
    return () => {
      isOver = true;
      terminal.dispose();
    };
  }, [line]);
  return <div ref={place} className="serial" onKeyDown={(event) => leaves(event.nativeEvent) && onLeave()} />;
}
