// The audit log, newest first, and whether it is whole.
import { Alert, Button, CodeBlock, CodeBlockCode, ExpandableSection, Label } from '@patternfly/react-core';
import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { api } from '../api';
import { EditActs } from '../edits/edit-acts';
import * as edit from '../edits/nouns';
import { Rows } from '../parts/facts';
import { PageFrame, To, jobPath } from '../parts/frame';
import { Asking, told } from '../parts/state';
import { words } from '../words';
import { instant } from '../words/format';

const PAGE = 100;
const EXPORTED = 500;

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
      <Download />
      <EditActs isQuiet acts={[{ label: words.edits.who.kept, permission: 'manage_access', show: (close) => <edit.EditAudit onClose={close} /> }]} />
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

/** All entries as one file, as the API gives them: its chain can be verified without a vault. */
function Download() {
  const { who } = words.edits;
  const save = useMutation({
    mutationFn: async () => {
      const entries = await everything();
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([JSON.stringify(entries, null, 1)], { type: 'application/json' }));
      link.download = `audit-${new Date().toISOString().slice(0, 10)}.json`;
      link.click();
      URL.revokeObjectURL(link.href);
      return entries.length;
    },
  });
  return (
    <div className="verify">
      <Button variant="secondary" isLoading={save.isPending} isDisabled={save.isPending} onClick={() => save.mutate()}>{who.download}</Button>
      {save.error && <Alert isInline variant="danger" title={told(save.error).says} component="h2" />}
      {save.data !== undefined && <p role="status">{who.downloaded(save.data)}</p>}
    </div>
  );
}

async function everything() {
  const entries = [];
  for (let cursor: string | undefined; ; ) {
    const { data } = await api.GET('/api/audit', { params: { query: { limit: EXPORTED, cursor } } });
    entries.push(...data!.items);
    if (!data!.next) return entries;
    cursor = data!.next;
  }
}
