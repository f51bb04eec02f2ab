// Jobs, newest first: what is under way stands at the top by itself, since the newest begin there.
import { Button, FormSelect, FormSelectOption, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { useSearchParams } from 'wouter';
import { api } from '../../api';
import type { JobState } from '../../live';
import { Rows } from '../../parts/facts';
import { PageFrame, To, jobPath } from '../../parts/frame';
import { StateLabel } from '../../parts/labels';
import { Asking } from '../../parts/state';
import { words } from '../../words';
import { instant, plain } from '../../words/format';

const PAGE = 100;
const STATES: readonly JobState[] = ['queued', 'running', 'waiting', 'cancelling', 'held', 'succeeded', 'partially_succeeded', 'failed', 'cancelled'];

function useJobs(state: JobState | undefined, search: string) {
  return useInfiniteQuery({
    queryKey: ['get', '/api/jobs', 'list', state, search],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam: cursor }) => (await api.GET('/api/jobs', { params: { query: { limit: PAGE, cursor, ...(state && { state: [state] }), ...(search && { search }) } } })).data!,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export default function Jobs() {
  const [asked, ask] = useSearchParams();
  const state = STATES.find((each) => each === asked.get('state'));
  const [word, setWord] = useState('');
  const found = useJobs(state, useDeferredValue(word.trim()));
  return (
    <PageFrame title={words.pages.jobs}>
      <Toolbar isStatic className="filters">
        <ToolbarContent>
          <ToolbarItem><SearchInput aria-label={words.machines.search} placeholder={words.machines.search} value={word} onChange={(_, to) => setWord(to)} onClear={() => setWord('')} /></ToolbarItem>
          <ToolbarItem>
            <FormSelect aria-label={words.jobs.state} value={state ?? ''} onChange={(_, to) => ask(to ? { state: to } : {}, { replace: true })}>
              <FormSelectOption value="" label={words.machines.any(words.jobs.state)} />
              {STATES.map((each) => <FormSelectOption key={each} value={each} label={plain(each)} />)}
            </FormSelect>
          </ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      <Asking of={found}>
        {({ pages }) => <Rows name={words.pages.jobs} rows={pages.flatMap((each) => each.items)} idOf={(row) => row.id} none={words.jobs.none} columns={[
          { title: words.jobs.when, cell: (row) => <span className="figure">{instant(row.created_at)}</span> },
          { title: words.jobs.verb, cell: (row) => <To path={jobPath(row.id)}>{plain(row.verb)}</To> },
          { title: words.jobs.of, cell: (row) => row.subject_name ?? words.none },
          { title: words.jobs.state, cell: (row) => <StateLabel of={row.state} /> },
          { title: words.jobs.by, cell: (row) => row.requested_by },
          { title: words.jobs.sentence, cell: (row) => row.sentence },
        ]} />}
      </Asking>
      {found.hasNextPage && <Button variant="link" isLoading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{words.showMore}</Button>}
    </PageFrame>
  );
}
