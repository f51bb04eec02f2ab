// Drills: their schedules, and the evidence that was kept of drills and failovers.
import { Button } from '@patternfly/react-core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { api } from '../../api';
import { useSchedules } from '../../api/lists';
import { NamedActs, NewAct } from '../../edits/named-acts';
import * as edit from '../../edits/nouns';
import { Part, Rows } from '../../parts/facts';
import { PageFrame, To, jobPath } from '../../parts/frame';
import { StateLabel } from '../../parts/labels';
import { Asking } from '../../parts/state';
import type { JobState } from '../../live';
import { words } from '../../words';
import { instant, plain } from '../../words/format';

const PAGE = 50;

function useEvidence() {
  return useInfiniteQuery({
    queryKey: ['get', '/api/evidence', 'list'],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam: cursor }) => (await api.GET('/api/evidence', { params: { query: { limit: PAGE, cursor } } })).data!,
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export default function Drills() {
  const schedules = useSchedules();
  const evidence = useEvidence();
  const { drills } = words;
  return (
    <PageFrame title={words.pages.drills}>
      <div className="parts">
        <Part title={drills.schedules}>
          <NewAct label={words.edits.schedule.create} permission="protect" show={edit.NewSchedule} />
          <Asking of={schedules}>
            {({ items }) => <Rows name={drills.schedules} rows={items} idOf={(row) => row.name} none={drills.noSchedules} columns={[
              { title: drills.name, cell: (row) => row.name },
              { title: drills.what, cell: (row) => (row.plan ? <To path={`/plans/${encodeURIComponent(row.plan)}`}>{row.plan}</To> : row.machines.map((each) => each.name).join(', ')) },
              { title: drills.every, cell: (row) => drills.days(row.every_days, row.at) },
              { title: drills.network, cell: (row) => [row.network, row.subnet].filter(Boolean).join(', ') },
              { title: drills.next, cell: (row) => (row.paused ? drills.paused : instant(row.next_at)) },
              { title: drills.last, cell: (row) => (row.last ? <><To path={jobPath(row.last.job_id)}>{instant(row.last.started_at)}</To> {row.last.state && <StateLabel of={row.last.state} />}</> : words.machines.never) },
              { title: drills.said, cell: (row) => row.said || words.none },
              { title: words.edits.acts, cell: (row) => <NamedActs name={row.name} permission="protect" edit={edit.EditSchedule} remove={edit.RemoveSchedule} others={[{ label: words.edits.schedule.run, about: row.name, permission: 'operate', show: (close) => <edit.RunSchedule name={row.name} onClose={close} /> }]} /> },
            ]} />}
          </Asking>
        </Part>
        <Part title={drills.evidence}>
          <Asking of={evidence}>
            {({ pages }) => <Rows name={drills.evidence} rows={pages.flatMap((each) => each.items)} idOf={(row) => row.id} none={drills.noEvidence} columns={[
              { title: drills.ended, cell: (row) => <To path={`/drills/${encodeURIComponent(row.id)}`}>{instant(row.ended_at)}</To> },
              { title: words.jobs.verb, cell: (row) => plain(row.verb) },
              { title: words.jobs.of, cell: (row) => row.subject },
              { title: words.jobs.state, cell: (row) => <StateLabel of={row.state as JobState} /> },
              { title: words.jobs.by, cell: (row) => row.requested_by },
              { title: drills.entry, cell: (row) => row.number },
            ]} />}
          </Asking>
          {evidence.hasNextPage && <Button variant="link" isLoading={evidence.isFetchingNextPage} onClick={() => void evidence.fetchNextPage()}>{words.showMore}</Button>}
        </Part>
      </div>
    </PageFrame>
  );
}
