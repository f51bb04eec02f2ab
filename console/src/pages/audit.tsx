// The audit log, newest first, and whether it is whole.
import { Alert, Button, CodeBlock, CodeBlockCode, ExpandableSection, Label } from '@patternfly/react-core';
import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { api } from '../api';
import { Rows } from '../parts/facts';
import { PageFrame, To, jobPath } from '../parts/frame';
import { Asking, told } from '../parts/state';
import { words } from '../words';
import { instant } from '../words/format';

const PAGE = 100;

export default function Audit() {
  const found = useInfiniteQuery({
    queryKey: ['get', '/api/audit', 'list'],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam: cursor }) => (await api.GET('/api/audit', { params: { query: { limit: PAGE, cursor } } })).data!,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const { audit } = words;
  return (
    <PageFrame title={words.pages.audit}>
      <Verify />
      <Asking of={found}>
        {({ pages }) => <Rows name={words.pages.audit} rows={pages.flatMap((each) => each.items)} idOf={(row) => String(row.number)} columns={[
          { title: audit.number, cell: (row) => row.number },
          { title: audit.at, cell: (row) => <span className="figure">{instant(row.at)}</span> },
          { title: audit.who, cell: (row) => <>{row.who} <span className="small">{row.address}</span></> },
          { title: audit.verb, cell: (row) => <>{row.verb} <div className="small">{row.object}</div></> },
          { title: audit.outcome, cell: (row) => <Label isCompact variant="outline" status={row.outcome === 'refused' ? 'warning' : undefined}>{row.outcome}{row.code ? ` ${row.code}` : ''}</Label> },
          { title: audit.details, cell: (row) => <>{row.job_id && <To path={jobPath(row.job_id)}>{words.jobs.title}</To>}{row.details && row.details !== '{}' && <ExpandableSection toggleText={audit.show}><CodeBlock><CodeBlockCode>{row.details}</CodeBlockCode></CodeBlock></ExpandableSection>}</> },
        ]} />}
      </Asking>
      {found.hasNextPage && <Button variant="link" isLoading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{words.showMore}</Button>}
    </PageFrame>
  );
}

/** Reads the whole chain: only when somebody asks. */
function Verify() {
  const { audit } = words;
  const check = useMutation({ mutationFn: async () => (await api.GET('/api/audit/verify')).data! });
  return (
    <div className="verify">
      <Button variant="secondary" isLoading={check.isPending} isDisabled={check.isPending} onClick={() => check.mutate()}>{audit.verify}</Button>
      {check.error && <Alert isInline variant="danger" title={told(check.error).says} component="h2" />}
      {check.data && <Alert isInline variant={check.data.intact ? 'success' : 'danger'} title={check.data.intact ? audit.intact(check.data.entries, check.data.head_number) : audit.broken(check.data.broken_number ?? 0, check.data.what ?? '')} component="h2">{check.data.head_digest}</Alert>}
    </div>
  );
}
