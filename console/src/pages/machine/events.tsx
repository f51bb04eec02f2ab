// What happened to the machine: its jobs, and its drills with their notes.
import { queries } from '../../api';
import { Part, Rows } from '../../parts/facts';
import { To, jobPath } from '../../parts/frame';
import { StateLabel } from '../../parts/labels';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { instant, plain } from '../../words/format';
import type { Machine } from '.';

const MOST = 50;

export function Events({ machine }: { machine: Machine }) {
  const jobs = queries.useQuery('get', '/api/jobs', { params: { query: { machine: machine.id, limit: MOST } } });
  const { events } = words.machine;
  return (
    <>
      <Part title={events.jobs}>
        <Asking of={jobs}>
          {(found) => <Rows name={events.jobs} rows={found.items} idOf={(row) => row.id} columns={[
            { title: words.jobs.when, cell: (row) => instant(row.created_at) },
            { title: words.jobs.verb, cell: (row) => <To path={jobPath(row.id)}>{plain(row.verb)}</To> },
            { title: words.jobs.state, cell: (row) => <StateLabel of={row.state} /> },
            { title: words.jobs.by, cell: (row) => row.requested_by },
            { title: words.jobs.sentence, cell: (row) => row.sentence },
          ]} />}
        </Asking>
      </Part>
      <Part title={events.drills}>
        <Rows name={events.drills} rows={[...machine.drill.notes].reverse()} idOf={(row) => row.started_at} none={events.noDrills} columns={[
          { title: words.jobs.when, cell: (row) => instant(row.started_at) },
          { title: events.point, cell: (row) => row.what },
          { title: events.verdict, cell: (row) => plain(row.verdict) },
          { title: events.notes, cell: (row) => row.notes || words.none },
          { title: words.jobs.by, cell: (row) => row.requested_by },
        ]} />
      </Part>
    </>
  );
}
