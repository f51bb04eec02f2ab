// Recovery points: on a line of time, and as a list.
import { Button, Label, LabelGroup } from '@patternfly/react-core';
import { PointActs } from '../../actions/point-acts';
import { api, type Shapes } from '../../api';
import { Part, Rows } from '../../parts/facts';
import { Asking } from '../../parts/state';
import { useInfiniteQuery } from '@tanstack/react-query';
import { words } from '../../words';
import { ago, bytes, instant, plain } from '../../words/format';
import type { Machine } from '.';

type Point = Shapes['PointShape'];
const PAGE = 200;

function usePoints(machine: string) {
  return useInfiniteQuery({
    queryKey: ['get', '/api/machines/{machine}/points', machine],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam: cursor }) => (await api.GET('/api/machines/{machine}/points', { params: { path: { machine }, query: { limit: PAGE, cursor } } })).data!,
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export function Points({ machine }: { machine: Machine }) {
  const found = usePoints(machine.id);
  return (
    <Asking of={found}>
      {({ pages }) => {
        const points = pages.flatMap((each) => each.items);
        return (
          <>
            <Part title={words.points.line}><TimeLine points={points} journal={machine.journal.stretches} /></Part>
            <Part title={words.points.list}>
              <List machine={machine} points={points} />
              {found.hasNextPage && <Button variant="link" isLoading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{words.showMore}</Button>}
            </Part>
          </>
        );
      }}
    </Asking>
  );
}

const WIDTH = 1000;
const HEIGHT = 70;

/** The journal as a band, each point as a stroke: app-consistent ones are tall, held ones have a dot, damaged ones are crossed. */
function TimeLine({ points, journal }: { points: readonly Point[]; journal: readonly Shapes['JournalStretch'][] }) {
  const times = [...points.map((each) => each.taken_at), ...journal.flatMap((each) => [each.begins_at, each.ends_at])].map((each) => Date.parse(each));
  if (!points.length) return <p>{words.points.none}</p>;
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const x = (at: string) => 10 + ((WIDTH - 20) * (Date.parse(at) - first)) / Math.max(1, last - first);
  return (
    <figure className="time-line">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words.points.says(points.length, instant(first), instant(last))}>
        {journal.map((each) => <rect key={each.begins_at} className="journal" x={x(each.begins_at)} width={Math.max(2, x(each.ends_at) - x(each.begins_at))} y={HEIGHT - 14} height={10} />)}
        {points.map((each) => <line key={each.id} className={each.damaged ? 'damaged' : each.consistency} x1={x(each.taken_at)} x2={x(each.taken_at)} y1={each.consistency === 'app' ? 8 : 24} y2={HEIGHT - 18} />)}
        {points.filter((each) => each.held != null).map((each) => <rect key={each.id} className="held" x={x(each.taken_at) - 4} y={0} width={8} height={6} />)}
      </svg>
      <figcaption><span>{instant(first)}</span><span>{words.points.legend}</span><span>{instant(last)}</span></figcaption>
    </figure>
  );
}

function List({ machine, points }: { machine: Machine; points: readonly Point[] }) {
  return (
    <Rows
      name={words.points.list}
      rows={points}
      idOf={(row) => row.id}
      none={words.points.none}
      columns={[
        { title: words.points.taken, cell: (row) => <>{instant(row.taken_at)} <span className="small">({ago(row.taken_at)})</span></> },
        { title: words.points.consistency, cell: (row) => <>{words.points.kinds[row.consistency]}{row.reason && <div className="small">{row.reason}</div>}</> },
        { title: words.points.grade, cell: (row) => <Grade of={row} /> },
        { title: words.points.marks, cell: (row) => <Marks of={row} /> },
        { title: words.points.added, cell: (row) => bytes(row.added_bytes) },
        { title: words.points.acts, cell: (row) => <PointActs machine={machine} point={row} /> },
      ]}
    />
  );
}

function Grade({ of: row }: { of: Point }) {
  if (row.damaged) return <Label isCompact status="danger" variant="outline">{words.points.damaged}</Label>;
  if (row.proof) return <>{plain(row.proof)}, {ago(row.proven_at)}</>;
  return <>{row.verified_at ? words.points.verified(ago(row.verified_at)) : words.points.unverified}</>;
}

function Marks({ of: row }: { of: Point }) {
  const marks = [row.held != null && words.points.held(row.held), row.set_id && words.points.common, row.committed && words.points.committed].filter((each) => each !== false && each !== null && each !== '' && each !== undefined) as string[];
  return marks.length ? <LabelGroup>{marks.map((each) => <Label key={each} isCompact>{each}</Label>)}</LabelGroup> : <>{words.none}</>;
}
