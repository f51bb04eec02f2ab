// Sites as boxes on a circle, and an arrow for what replicates from one to the other.
import type { Shapes } from '../api';
import { words } from '../words';
import { bytes } from '../words/format';

type Site = Shapes['SiteNode'];
type Edge = Shapes['SiteEdge'];
const [WIDTH, BOX] = [560, { width: 130, height: 44 }];
const heightOf = (sites: number) => (sites > 2 ? 300 : 120);

function places(sites: readonly string[]): Map<string, { x: number; y: number }> {
  const angle = (at: number) => Math.PI + (2 * Math.PI * at) / sites.length;
  return new Map(sites.map((site, at) => [site, { x: WIDTH / 2 + Math.cos(angle(at)) * 200, y: heightOf(sites.length) / 2 + Math.sin(angle(at)) * 110 }]));
}

export function SiteMap({ sites, edges: ways }: { sites: readonly Site[]; edges: readonly Edge[] }) {
  const named = ways.flatMap((way) => [way.source_site, way.target_site]); // also sites that one's role does not see
  const at = places([...new Set([...sites.map((each) => each.name), ...named])]);
  const away = new Set(sites.filter((each) => each.connected < each.appliances).map((each) => each.name));
  const says = (way: Edge) => words.overview.way(way.source_site, way.target_site, way.machines, bytes(way.stored_bytes));
  const idOf = (way: Edge) => `${way.source_site} ${way.target_site}`;
  if (!ways.length) return <p>{words.overview.noWays}</p>;
  return (
    <>
      <svg className="site-map" viewBox={`0 0 ${WIDTH} ${heightOf(at.size)}`} role="img" aria-label={ways.map(says).join('; ')}>
        <defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" /></marker></defs>
        {ways.map((way) => <Way key={idOf(way)} of={way} from={at.get(way.source_site)!} to={at.get(way.target_site)!} />)}
        {[...at].map(([site, { x, y }]) => (
          <g key={site} className={away.has(site) ? 'bad' : undefined} transform={`translate(${x - BOX.width / 2} ${y - BOX.height / 2})`}>
            <rect {...BOX} rx={6} />
            <text x={BOX.width / 2} y={BOX.height / 2 + 5} textAnchor="middle">{site.length > 15 ? `${site.slice(0, 14)}…` : site}</text>
          </g>
        ))}
      </svg>
      <ul className="small">{ways.map((way) => <li key={idOf(way)}>{says(way)}</li>)}</ul>
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
    <g className={of.by_health['critical'] ? 'bad' : undefined}>
      <path d={`M${begin.x} ${begin.y} Q${bow.x} ${bow.y} ${end.x} ${end.y}`} markerEnd="url(#arrow)" />
      <text x={bow.x} y={bow.y - 4} textAnchor="middle">{words.machines.count(of.machines)}</text>
    </g>
  );
}
