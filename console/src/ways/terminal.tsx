// The serial console of a drill's machine. What it says reaches the grid of the terminal and nothing else: links, titles
// and bells that it tells are ignored.
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef } from 'react';
import { words } from '../words';
import './adopted-style';
import { leaves } from './leaving';
import type { Line } from './line';

const SCROLLBACK_LINES = 2000;
const bytesOf = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));

export default function SerialConsole({ line, onLeave }: { line: Line; onLeave: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const terminal = new Terminal({
      cols: 80, rows: 24, scrollback: SCROLLBACK_LINES, fontFamily: 'monospace', fontSize: 14, screenReaderMode: true,
      linkHandler: { activate: () => {}, allowNonHttpProtocols: true },
    });
    terminal.open(place.current!);
    terminal.textarea?.setAttribute('aria-label', words.ways.consoleOf);
    const encoder = new TextEncoder();
    terminal.onData((text) => line.say(encoder.encode(text)));
    terminal.onBinary((text) => line.say(bytesOf(text)));
    terminal.attachCustomKeyEventHandler((event) => !leaves(event));
    terminal.focus();
    void line.hear((part) => new Promise((shown) => terminal.write(part, shown)));
    return () => terminal.dispose();
  }, [line]);
  return <div ref={place} className="serial" onKeyDown={(event) => leaves(event.nativeEvent) && onLeave()} />;
}
