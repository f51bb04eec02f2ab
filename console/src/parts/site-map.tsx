// Sites as boxes on a circle, and an arrow for what replicates from one to the other.
import { useMemo } from 'react';
import type { MachineRow } from '../live';
import { words } from '../words';
import { bytes } from '../words/format';

const [WIDTH, HEIGHT, BOX] = [560, 300, { width: 130, height: 44 }];
type Edge = { from: string; to: string; machines: number; stored: number; critical: number };

function edges(machines: readonly MachineRow[]): Edge[] {
  const found = new Map<string, Edge>();
  for (const { source_site: from, target_site: to, stored_bytes, health } of machines) {
    const edge = found.get(`${from}>${to}`) ?? { from, to, machines: 0, stored: 0, critical: 0 };
    edge.machines += 1;
    edge.stored += stored_bytes;
    edge.critical += Number(health === 'critical');
    found.set(`${from}>${to}`, edge);
  }
  return [...found.values()];
}

function places(sites: readonly string[]): Map<string, { x: number; y: number }> {
  const angle = (at: number) => Math.PI + (2 * Math.PI * at) / sites.length;
  return new Map(sites.map((site, at) => [site, { x: WIDTH / 2 + Math.cos(angle(at)) * 200, y: HEIGHT / 2 + Math.sin(angle(at)) * 110 }]));
}

export function SiteMap({ machines }: { machines: readonly MachineRow[] }) {
  const ways = useMemo(() => edges(machines), [machines]);
  const at = places([...new Set(ways.flatMap((each) => [each.from, each.to]))].sort());
  const says = (way: Edge) => words.overview.way(way.from, way.to, way.machines, bytes(way.stored));
  return (
    <>
      <svg className="site-map" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={ways.map(says).join('; ')}>
        <defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" /></marker></defs>
        {ways.map((way) => <Way key={way.from + way.to} of={way} from={at.get(way.from)!} to={at.get(way.to)!} />)}
        {[...at].map(([site, { x, y }]) => (
          <g key={site} transform={`translate(${x - BOX.width / 2} ${y - BOX.height / 2})`}>
            <rect {...BOX} rx={6} />
            <text x={BOX.width / 2} y={BOX.height / 2 + 5} textAnchor="middle">{site.length > 15 ? `${site.slice(0, 14)}…` : site}</text>
          </g>
        ))}
      </svg>
      <ul className="small">{ways.map((way) => <li key={way.from + way.to}>{says(way)}</li>)}</ul>
    </>
  );
}

/** A bow, so that both directions between two sites are seen; it ends before the boxes. */
function Way({ of, from, to }: { of: Edge; from: { x: number; y: number }; to: { x: number; y: number } }) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const long = Math.hypot(dx, dy) || 1;
  const off = Math.min(BOX.width / 2 / (Math.abs(dx / long) || 1e-6), BOX.height / 2 / (Math.abs(dy / long) || 1e-6)) + 6;
  const along = (by: number) => ({ x: from.x + (dx / long) * by, y: from.y + (dy / long) * by });
  const [begin, end] = [along(off), along(long - off)];
  const bow = { x: (from.x + to.x) / 2 - (dy / long) * 40, y: (from.y + to.y) / 2 + (dx / long) * 40 };
  return (
    <g className={of.critical ? 'bad' : undefined}>
      <path d={`M${begin.x} ${begin.y} Q${bow.x} ${bow.y} ${end.x} ${end.y}`} markerEnd="url(#arrow)" />
      <text x={bow.x} y={bow.y - 4} textAnchor="middle">{words.machines.count(of.machines)}</text>
    </g>
  );
}
